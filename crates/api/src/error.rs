//! The error of every handler: an RFC 9457 problem document.
//!
//! [`ApiError`] knows how to become a response and nothing about features. Each feature defines its own error type and
//! converts it with `impl From<...> for ApiError` beside it. Clients compare the `type` of a problem, so it is stable.
//! Causes are logged, never sent.

use std::borrow::Cow;
use std::fmt;

use api_types::problem::ProblemDocument;
use api_types::sessions::SignInMethod;
use api_types::videos::VideoFailure;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::ext::ReasonPhrase;
use platform::object_store::StoreError;

use crate::auth::Scope;
use crate::problem::Problem;

/// The media type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed. `Display` is the `detail` of the problem document.
#[derive(Debug)]
pub struct ApiError {
    problem: Problem,
    detail: Cow<'static, str>,
    scope: Option<Scope>,
    // In a box, since most errors have none.
    failure: Option<Box<VideoFailure>>,
    methods: Option<Box<[SignInMethod]>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    reason_phrase: Option<&'static str>,
    source: Option<anyhow::Error>,
}

impl ApiError {
    /// An error of a kind; `detail` describes this occurrence to the client.
    pub fn new(problem: Problem, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            problem,
            detail: detail.into(),
            scope: None,
            failure: None,
            methods: None,
            headers: vec![],
            reason_phrase: None,
            source: None,
        }
    }

    /// The body, query or a header cannot be parsed; `detail` names which.
    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Problem::MalformedRequest, detail)
    }

    /// A value is not accepted; `detail` names the field.
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Problem::InvalidField, detail)
    }

    /// The state of the resource does not allow the request.
    pub(crate) fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Problem::Conflict, detail)
    }

    /// No route matches, or the path holds an id that cannot exist.
    pub(crate) fn no_such_route() -> Self {
        Self::new(Problem::NoSuchRoute, "no route matches this path")
    }

    /// A service behind the API cannot be reached. The cause is logged.
    pub(crate) fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(
            Problem::Unavailable,
            "a required service is unavailable: try again shortly",
        )
        .with_header(RETRY_AFTER, HeaderValue::from_static("2"))
        .with_source(cause)
    }

    /// An internal failure. The cause is logged.
    pub(crate) fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(
            Problem::Internal,
            "an internal error occurred and was logged",
        )
        .with_source(cause)
    }

    /// Names the scope that the caller lacks.
    pub(crate) fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Adds the reason why a video failed.
    pub(crate) fn with_failure(mut self, failure: VideoFailure) -> Self {
        self.failure = Some(Box::new(failure));
        self
    }

    /// Names the ways to sign in.
    pub(crate) fn with_methods(mut self, methods: Vec<SignInMethod>) -> Self {
        self.methods = Some(methods.into());
        self
    }

    /// Adds a response header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds response headers.
    pub(crate) fn with_headers(
        mut self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Replaces the reason phrase of the HTTP/1.1 status line, for clients that display it.
    pub(crate) fn with_reason_phrase(mut self, phrase: &'static str) -> Self {
        self.reason_phrase = Some(phrase);
        self
    }

    fn with_source(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// The kind of problem.
    pub fn problem(&self) -> Problem {
        self.problem
    }

    /// Logs the cause, which is never sent.
    pub(crate) fn log_cause(&self) {
        match &self.source {
            Some(cause) if self.problem == Problem::Internal => {
                tracing::error!("request failed: {cause:#}")
            }
            Some(cause) => tracing::warn!("request failed: {cause:#}"),
            None => {}
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|cause| cause.as_ref() as _)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log_cause();
        let Self {
            problem,
            detail,
            scope,
            failure,
            methods,
            headers,
            reason_phrase,
            source: _,
        } = self;
        let body = ProblemDocument {
            kind: problem.uri(),
            title: problem.title().to_owned(),
            status: problem.status().as_u16(),
            detail: detail.into_owned(),
            code: problem.code().to_owned(),
            scope: scope.map(|it| it.as_str().to_owned()),
            failure: failure.map(|it| *it),
            methods: methods.map(Vec::from),
            // The request log adds it.
            request_id: None,
        };
        let mut response = (problem.status(), Json(body)).into_response();
        if let Some(phrase) = reason_phrase {
            response
                .extensions_mut()
                .insert(ReasonPhrase::from_static(phrase.as_bytes()));
        }
        let map: &mut HeaderMap = response.headers_mut();
        map.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        map.extend(headers);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::unavailable(error),
            StoreError::NotFound { .. }
            | StoreError::ConditionFailed { .. }
            | StoreError::RangeNotSatisfiable { .. }
            | StoreError::Refused { .. } => Self::internal(error),
        }
    }
}
