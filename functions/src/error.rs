//! What went wrong, as an RFC 9457 problem document.
//!
//! The `type` of a problem is stable: programs compare it. What happened inside is logged, and the
//! caller learns only what helps him.

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::failure::Failure;
use domain::ids::{ApiKeyId, VideoId};
use domain::scope::Scope;
use domain::webhook::{DeliveryId, EndpointId};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use platform::accounts::AccountsError;
use platform::catalog::CatalogError;
use platform::idempotency::IdempotencyError;
use platform::job_queue::QueueError;
use platform::object_store::StoreError;
use platform::webhooks::WebhookError;
use serde_json::json;

use crate::limits::Standing;
use crate::uploads::plan::RefusedUpload;
use crate::videos::import::RefusedUrl;
use crate::videos::poster::RefusedPoster;
use crate::videos::rungs::RefusedRungs;
use crate::webhooks::RefusedWebhook;

/// Why a request was not done. `Display` is the `detail` of the problem document.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody calls.
    #[error(transparent)]
    Unauthorized(BadCredentials),
    /// Somebody calls who may not do this.
    #[error("this needs the scope `{0}`")]
    InsufficientScope(Scope),
    /// Somebody, or nobody, calls too often.
    #[error("too many requests: come again in {} s", .0.retry_after())]
    TooManyRequests(Standing),
    /// A body, path or query that cannot be read.
    #[error("{detail}")]
    Malformed {
        /// Of which part of the request, and what is wrong with it.
        detail: String,
        /// 400, or what the part calls for (413, 415, 422).
        status: StatusCode,
    },
    /// No such video: never made, deleted, or somebody else's.
    #[error("there is no video `{0}`")]
    NoSuchVideo(VideoId),
    /// No such API key: never made, or somebody else's.
    #[error("there is no API key `{0}`")]
    NoSuchApiKey(ApiKeyId),
    /// The key of a request came with another one before.
    #[error("this `Idempotency-Key` came with another request before: send each request with a key of its own")]
    IdempotencyKeyReused,
    /// The same request is being executed.
    #[error("the request with this `Idempotency-Key` is still being executed: ask again in a moment")]
    IdempotencyInProgress,
    /// The request was executed, and the answer can no longer be told.
    #[error("the request with this `Idempotency-Key` was executed, and its answer is lost: look what became of it")]
    IdempotencyAnswerLost,
    /// No such route.
    #[error("there is nothing at this address")]
    NoSuchRoute,
    /// The route has no such method.
    #[error("this address does not answer to this method")]
    MethodNotAllowed,
    /// What was announced is not accepted.
    #[error(transparent)]
    Refused(#[from] RefusedUpload),
    /// The video was not uploaded in parts, or not at all.
    #[error("{0}")]
    NotAMultipartUpload(&'static str),
    /// The upload is over: its source has arrived.
    #[error("the upload is complete: delete the video instead")]
    UploadComplete,
    /// The store gave the upload up.
    #[error("the upload expired or was given up: begin a new one")]
    UploadGone,
    /// Something is missing or differs from what the store has.
    #[error("{0}")]
    UploadIncomplete(String),
    /// The video failed; nothing plays.
    #[error("{}", .0.sentence)]
    VideoFailed(Failure),
    /// The video was cancelled; nothing plays.
    #[error("the video was cancelled before it could be watched: ask for another attempt")]
    VideoCancelled,
    /// There is nothing to encode from.
    #[error("{0}")]
    SourceGone(String),
    /// What is to be converted is not there, or not to be had.
    #[error("{0}")]
    NoSuchObject(String),
    /// Nothing is fetched from there.
    #[error(transparent)]
    RefusedUrl(#[from] RefusedUrl),
    /// This becomes no poster.
    #[error(transparent)]
    RefusedPoster(#[from] RefusedPoster),
    /// These rungs cannot be made anew.
    #[error(transparent)]
    RefusedRungs(#[from] RefusedRungs),
    /// No such webhook: never made, removed, or somebody else's.
    #[error("there is no webhook `{0}`")]
    NoSuchWebhook(EndpointId),
    /// No such delivery: never made, or pruned from the log.
    #[error("there is no delivery `{0}`: the log goes back 30 days")]
    NoSuchDelivery(DeliveryId),
    /// What was said of a webhook is not accepted.
    #[error(transparent)]
    RefusedWebhook(#[from] RefusedWebhook),
    /// It gets nothing until it is enabled.
    #[error("the webhook is disabled: set `active` to true first")]
    WebhookDisabled,
    /// One owner has only so many.
    #[error("there are {} webhooks already: remove one first", platform::webhooks::MAX_ENDPOINTS)]
    TooManyWebhooks,
    /// Its state does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// A service behind the API could not be reached.
    #[error("a service that this needs could not be reached: try again in a moment")]
    Unavailable(#[source] anyhow::Error),
    /// Our own failure.
    #[error("something failed on our side; it was logged")]
    Internal(#[source] anyhow::Error),
}

/// Why credentials open nothing. `Display` tells no more than a stranger may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    /// There are none.
    #[error("send the token as `Authorization: Bearer TOKEN`")]
    Missing,
    /// They are not ours.
    #[error("the token is not valid")]
    Invalid,
    /// They were good once.
    #[error("the token has expired: get a new one")]
    Expired,
}

impl ApiError {
    /// The last part of the problem's `type`. Never renamed.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized(_) => "unauthorized",
            Self::InsufficientScope(_) => "insufficient-scope",
            Self::TooManyRequests(_) => "too-many-requests",
            Self::Malformed { .. } => "malformed-request",
            Self::NoSuchVideo(_) => "no-such-video",
            Self::NoSuchApiKey(_) => "no-such-api-key",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::IdempotencyInProgress => "idempotency-in-progress",
            Self::IdempotencyAnswerLost => "idempotency-answer-lost",
            Self::NoSuchRoute => "no-such-route",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Refused(refused) => refused.code(),
            Self::NotAMultipartUpload(_) => "not-a-multipart-upload",
            Self::UploadComplete => "upload-complete",
            Self::UploadGone => "upload-gone",
            Self::UploadIncomplete(_) => "upload-incomplete",
            Self::VideoFailed(_) => "video-failed",
            Self::VideoCancelled => "video-cancelled",
            Self::SourceGone(_) => "source-gone",
            Self::NoSuchObject(_) => "no-such-object",
            Self::RefusedUrl(_) => "url-not-accepted",
            Self::RefusedPoster(_) => "poster-not-accepted",
            Self::RefusedRungs(refused) => refused.code(),
            Self::NoSuchWebhook(_) => "no-such-webhook",
            Self::NoSuchDelivery(_) => "no-such-delivery",
            Self::RefusedWebhook(refused) => refused.code(),
            Self::WebhookDisabled => "webhook-disabled",
            Self::TooManyWebhooks => "too-many-webhooks",
            Self::Conflict(_) => "conflict",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope(_) => StatusCode::FORBIDDEN,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Malformed { status, .. } => *status,
            Self::NoSuchVideo(_)
            | Self::NoSuchApiKey(_)
            | Self::NoSuchWebhook(_)
            | Self::NoSuchDelivery(_)
            | Self::NoSuchRoute => StatusCode::NOT_FOUND,
            Self::IdempotencyKeyReused | Self::RefusedWebhook(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(refused) => refused.status(),
            Self::NotAMultipartUpload(_)
            | Self::UploadComplete
            | Self::UploadIncomplete(_)
            | Self::VideoFailed(_)
            | Self::VideoCancelled
            | Self::SourceGone(_)
            | Self::IdempotencyInProgress
            | Self::IdempotencyAnswerLost
            | Self::WebhookDisabled
            | Self::TooManyWebhooks
            | Self::Conflict(_) => StatusCode::CONFLICT,
            Self::NoSuchObject(_) | Self::RefusedUrl(_) | Self::RefusedPoster(_) | Self::RefusedRungs(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::UploadGone => StatusCode::GONE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Unauthorized(_) => "Not authenticated",
            Self::InsufficientScope(_) => "Not allowed",
            Self::TooManyRequests(_) => "Too many requests",
            Self::Malformed { .. } => "The request cannot be read",
            Self::NoSuchVideo(_) => "No such video",
            Self::NoSuchApiKey(_) => "No such API key",
            Self::IdempotencyKeyReused => "The key belongs to another request",
            Self::IdempotencyInProgress => "The request is being executed",
            Self::IdempotencyAnswerLost => "The answer is lost",
            Self::NoSuchRoute => "No such address",
            Self::MethodNotAllowed => "No such method here",
            Self::Refused(_) => "The upload is not accepted",
            Self::NotAMultipartUpload(_) => "Not an upload in parts",
            Self::UploadComplete => "The upload is complete",
            Self::UploadGone => "The upload is gone",
            Self::UploadIncomplete(_) => "The upload is not complete",
            Self::VideoFailed(_) => "The video failed",
            Self::VideoCancelled => "The video was cancelled",
            Self::SourceGone(_) => "No source",
            Self::NoSuchObject(_) => "No such object",
            Self::RefusedUrl(_) => "The URL is not accepted",
            Self::RefusedPoster(_) => "The poster is not accepted",
            Self::RefusedRungs(_) => "These rungs cannot be made anew",
            Self::NoSuchWebhook(_) => "No such webhook",
            Self::NoSuchDelivery(_) => "No such delivery",
            Self::RefusedWebhook(_) => "The webhook is not accepted",
            Self::WebhookDisabled => "The webhook is disabled",
            Self::TooManyWebhooks => "Too many webhooks",
            Self::Conflict(_) => "Not possible now",
            Self::Unavailable(_) => "Not available now",
            Self::Internal(_) => "Internal error",
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match &self {
            Self::Internal(error) => tracing::error!("a request failed: {error:#}"),
            Self::Unavailable(error) => tracing::warn!("a request could not be done now: {error:#}"),
            _ => {}
        }
        let status = self.status();
        let mut body = json!({
            "type": format!("urn:edgereel:problem:{}", self.code()),
            "title": self.title(),
            "status": status.as_u16(),
            "detail": self.to_string(),
            "code": self.code(),
        });
        if let Self::VideoFailed(failure) = &self {
            body["failure"] = json!({
                "class": failure.class(), "code": failure.code, "message": failure.sentence,
            });
        }
        if let Self::InsufficientScope(scope) = &self {
            body["scope"] = json!(scope.as_str());
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self {
            // RFC 6750, 3: the error attribute only where a token was presented.
            Self::Unauthorized(BadCredentials::Missing) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="edgereel""#));
            }
            Self::Unauthorized(BadCredentials::Invalid | BadCredentials::Expired) => {
                let challenge = HeaderValue::from_static(r#"Bearer realm="edgereel", error="invalid_token""#);
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            Self::InsufficientScope(scope) => {
                let challenge = format!(r#"Bearer realm="edgereel", error="insufficient_scope", scope="{scope}""#);
                if let Ok(challenge) = HeaderValue::try_from(challenge) {
                    headers.insert(WWW_AUTHENTICATE, challenge);
                }
            }
            Self::TooManyRequests(standing) => {
                standing.write(headers);
                headers.insert(RETRY_AFTER, HeaderValue::from(standing.retry_after()));
            }
            Self::IdempotencyInProgress => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Unavailable(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}

impl From<AccountsError> for ApiError {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Unavailable { .. } => Self::Unavailable(error.into()),
            AccountsError::Corrupt { .. } => Self::Internal(error.into()),
        }
    }
}

impl From<IdempotencyError> for ApiError {
    fn from(error: IdempotencyError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NotFound { video } | CatalogError::Gone { video } => Self::NoSuchVideo(video),
            CatalogError::Conflict { .. } | CatalogError::Refused(_) => Self::Conflict(error.to_string()),
            CatalogError::Unavailable { .. } => Self::Unavailable(error.into()),
            CatalogError::LeaseLost { .. } | CatalogError::NeedsClaim | CatalogError::Corrupt { .. } => {
                Self::Internal(error.into())
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Unavailable(error.into()),
            StoreError::NotFound { .. }
            | StoreError::ConditionFailed { .. }
            | StoreError::RangeNotSatisfiable { .. }
            | StoreError::Refused { .. } => Self::Internal(error.into()),
        }
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Unavailable { .. } => Self::Unavailable(error.into()),
            QueueError::LeaseLost | QueueError::NoSuchDeadLetter(_) | QueueError::Refused { .. } => {
                Self::Internal(error.into())
            }
        }
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NoSuchEndpoint(id) => Self::NoSuchWebhook(id),
            WebhookError::NoSuchDelivery(id) => Self::NoSuchDelivery(id),
            WebhookError::TooMany => Self::TooManyWebhooks,
            WebhookError::Disabled(_) => Self::WebhookDisabled,
            WebhookError::Unavailable { .. } => Self::Unavailable(error.into()),
            WebhookError::LeaseLost(_) | WebhookError::Corrupt { .. } => Self::Internal(error.into()),
        }
    }
}
