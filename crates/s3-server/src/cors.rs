//! CORS rules of the buckets, so that a page can upload directly to them.
//!
//! The rule is selected as in S3: the first that matches origin, method and, in a preflight, every
//! requested header. This middleware is outside the S3 protocol, because a preflight is not signed,
//! and because a page must be able to read an error response too.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use s3s::dto::CORSRule;
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

/// The rules of all buckets.
#[derive(Debug, Default)]
pub(super) struct Cors(RwLock<HashMap<String, Vec<Rule>>>);

/// Requests that pages of an origin may send, and headers of the response that they may read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    id: Option<String>,
    /// At most one `*` in each.
    origins: Vec<String>,
    methods: Vec<String>,
    /// At most one `*` in each.
    headers: Vec<String>,
    exposed: Vec<String>,
    max_age_seconds: Option<i32>,
}

const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];
/// Without `ETag`, a page cannot complete a multipart upload.
const EXPOSED: [&str; 6] = [
    "ETag",
    "Content-Length",
    "Content-Range",
    "Accept-Ranges",
    "Last-Modified",
    "x-amz-request-id",
];
/// Maximum number of rules per bucket, as on S3.
const MOST_RULES: usize = 100;
const VARIES: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);

/// The middleware.
pub(super) async fn cors(rules: &Cors, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let Some(origin) = headers.get(ORIGIN).cloned() else {
        return next.run(request).await;
    };
    let bucket = request
        .uri()
        .path()
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    let asked_method = headers
        .get(ACCESS_CONTROL_REQUEST_METHOD)
        .filter(|_| *request.method() == Method::OPTIONS);
    if let Some(method) = asked_method {
        let rule = rules.matching(bucket, &origin, method.as_bytes(), &asked_headers(headers));
        return answer_preflight(rule, origin, headers);
    }
    let rule = rules.matching(bucket, &origin, request.method().as_str().as_bytes(), &[]);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(VARY, VARIES);
    if let Some(rule) = rule {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &rule.exposed);
    }
    response
}

/// The headers that a preflight requests.
fn asked_headers(headers: &HeaderMap) -> Vec<String> {
    let lists = headers
        .get_all(ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .filter_map(|it| it.to_str().ok());
    let names = lists
        .flat_map(|it| it.split(','))
        .map(|it| it.trim().to_ascii_lowercase());
    names.filter(|it| !it.is_empty()).collect()
}

fn answer_preflight(rule: Option<Rule>, origin: HeaderValue, asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(VARY, VARIES);
    if let Some(rule) = rule {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(headers, ACCESS_CONTROL_ALLOW_METHODS, &rule.methods);
        if let Some(seconds) = rule.max_age_seconds {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
        }
        // The rule allows each of them.
        if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        *response.status_mut() = StatusCode::NO_CONTENT;
    } else {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, words: &[String]) {
    if let Some(value) = HeaderValue::try_from(words.join(", "))
        .ok()
        .filter(|it| !it.is_empty())
    {
        headers.insert(name, value);
    }
}

impl Cors {
    /// Replaces the rules of a bucket.
    pub(super) fn set(&self, bucket: &str, rules: Vec<Rule>) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(bucket.to_owned(), rules);
    }

    /// The rules of a bucket.
    pub(super) fn of_bucket(&self, bucket: &str) -> Vec<Rule> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(bucket)
            .cloned()
            .unwrap_or_default()
    }

    fn matching(
        &self,
        bucket: &str,
        origin: &HeaderValue,
        method: &[u8],
        headers: &[String],
    ) -> Option<Rule> {
        let origin = origin.to_str().ok()?;
        let rules = self.0.read().unwrap_or_else(PoisonError::into_inner);
        rules
            .get(bucket)?
            .iter()
            .find(|it| it.allows(origin, method, headers))
            .cloned()
    }
}

impl Rule {
    /// A rule that allows every method and header for pages of these origins; `*` allows any
    /// origin.
    pub(super) fn open_to(origins: &[String]) -> Self {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        Self {
            origins: origins.to_vec(),
            methods: words(&METHODS),
            headers: words(&["*"]),
            exposed: words(&EXPOSED),
            max_age_seconds: Some(3600),
            ..Self::default()
        }
    }

    /// Parses the rules of a request.
    pub(super) fn read_all(rules: Vec<CORSRule>) -> S3Result<Vec<Self>> {
        if !(1..=MOST_RULES).contains(&rules.len()) {
            return Err(s3_error!(
                InvalidRequest,
                "a bucket must have 1 to 100 CORS rules"
            ));
        }
        rules.into_iter().map(Self::read).collect()
    }

    fn read(rule: CORSRule) -> S3Result<Self> {
        let rule = Self {
            id: rule.id,
            origins: rule.allowed_origins,
            methods: rule.allowed_methods,
            headers: rule.allowed_headers.unwrap_or_default(),
            exposed: rule.expose_headers.unwrap_or_default(),
            max_age_seconds: rule.max_age_seconds,
        };
        if let Some(method) = rule
            .methods
            .iter()
            .find(|it| !METHODS.contains(&it.as_str()))
        {
            return Err(s3_error!(
                InvalidRequest,
                "CORS rules do not support the method `{method}`"
            ));
        }
        let wildcards = |text: &String| text.matches('*').count();
        if let Some(text) = rule
            .origins
            .iter()
            .chain(&rule.headers)
            .find(|it| wildcards(it) > 1)
        {
            return Err(s3_error!(
                InvalidRequest,
                "`{text}` has more than one wildcard"
            ));
        }
        if let Some(text) = rule.exposed.iter().find(|it| wildcards(it) > 0) {
            return Err(s3_error!(
                InvalidRequest,
                "`{text}`: exposed headers cannot have a wildcard"
            ));
        }
        if rule.origins.is_empty() || rule.methods.is_empty() {
            return Err(s3_error!(
                MalformedXML,
                "a CORS rule needs origins and methods"
            ));
        }
        Ok(rule)
    }

    /// The rule in S3's XML types.
    pub(super) fn into_s3(self) -> CORSRule {
        let some = |words: Vec<String>| Some(words).filter(|it| !it.is_empty());
        CORSRule {
            allowed_headers: some(self.headers),
            allowed_methods: self.methods,
            allowed_origins: self.origins,
            expose_headers: some(self.exposed),
            id: self.id,
            max_age_seconds: self.max_age_seconds,
        }
    }

    fn allows(&self, origin: &str, method: &[u8], headers: &[String]) -> bool {
        self.origins.iter().any(|it| matches(it, origin))
            && self.methods.iter().any(|it| it.as_bytes() == method)
            && headers.iter().all(|name| {
                self.headers
                    .iter()
                    .any(|it| matches(&it.to_ascii_lowercase(), name))
            })
    }
}

/// Whether a text matches a pattern, in which one `*` matches any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            text.len() >= before.len() + after.len()
                && text.starts_with(before)
                && text.ends_with(after)
        }
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(rules: &[Rule], origin: &'static str, method: &str, headers: &[&str]) -> bool {
        let cors = Cors::default();
        cors.set("private", rules.to_vec());
        let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
        cors.matching(
            "private",
            &HeaderValue::from_static(origin),
            method.as_bytes(),
            &headers,
        )
        .is_some()
    }

    #[test]
    fn an_open_rule_names_origins_alone() {
        let rules = [Rule::open_to(&["http://localhost:5173".to_owned()])];
        assert!(allow(
            &rules,
            "http://localhost:5173",
            "PUT",
            &["content-type", "x-anything"]
        ));
        assert!(!allow(&rules, "http://evil.example", "PUT", &[]));
        assert!(!allow(
            &rules,
            "http://localhost:5173.evil.example",
            "PUT",
            &[]
        ));
        assert!(allow(
            &[Rule::open_to(&["*".to_owned()])],
            "http://evil.example",
            "GET",
            &[]
        ));
        assert!(!allow(&[], "http://localhost:5173", "GET", &[]));
        let cors = Cors::default();
        cors.set("private", rules.to_vec());
        assert!(
            cors.matching(
                "other",
                &HeaderValue::from_static("http://localhost:5173"),
                b"PUT",
                &[]
            )
            .is_none()
        );
    }

    #[test]
    fn a_rule_allows_what_it_names() {
        let rule = Rule {
            origins: vec!["https://*.example".to_owned()],
            methods: vec!["PUT".to_owned()],
            headers: vec!["Content-Type".to_owned(), "x-amz-*".to_owned()],
            ..Rule::default()
        };
        let rules = [rule];
        assert!(allow(
            &rules,
            "https://app.example",
            "PUT",
            &["content-type", "x-amz-date"]
        ));
        assert!(!allow(
            &rules,
            "https://app.example",
            "PUT",
            &["content-type", "if-none-match"]
        ));
        assert!(!allow(&rules, "https://app.example", "POST", &[]));
        assert!(!allow(&rules, "http://app.example", "PUT", &[]));
        assert!(!allow(&rules, "https://app.example.org", "PUT", &[]));
    }
}
