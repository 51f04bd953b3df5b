//! What went wrong, as an RFC 9457 problem document.
//!
//! The `type` of a problem is stable: programs compare it. What happened inside is logged, and the
//! caller learns only what helps him.

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::failure::Failure;
use domain::ids::{ApiKeyId, InvalidId, VideoId};
use domain::scope::Scope;
use domain::webhook::{DeliveryId, EndpointId};
use http::HeaderValue;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::ext::ReasonPhrase;
use platform::accounts::AccountsError;
use platform::catalog::CatalogError;
use platform::idempotency::IdempotencyError;
use platform::job_queue::QueueError;
use platform::object_store::StoreError;
use platform::shares::SharesError;
use platform::webhooks::WebhookError;
use serde_json::json;

use crate::limits::Standing;
use crate::problem::Problem;
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
    /// A body, query or header that cannot be read; says which, and what is wrong with it.
    #[error("{0}")]
    Malformed(String),
    /// It can be read, and says what is not accepted; says which field.
    #[error("{0}")]
    Invalid(String),
    /// More than the address takes.
    #[error("{0}")]
    BodyTooLarge(String),
    /// The body did not come in time.
    #[error("the body did not come in time")]
    BodyTooSlow,
    /// What stands where an id belongs cannot be one: the address of nothing.
    #[error("{0}")]
    NotAnId(#[from] InvalidId),
    /// No such video: never made, deleted, or somebody else's.
    #[error("there is no video `{0}`")]
    NoSuchVideo(VideoId),
    /// No such API key: never made, or somebody else's.
    #[error("there is no API key `{0}`")]
    NoSuchApiKey(ApiKeyId),
    /// No such link: never made, ended or revoked.
    #[error("there is no such link: it may have ended, or been revoked")]
    NoSuchShare,
    /// One video has only so many.
    #[error("there are {} links to this video already: revoke one first", platform::shares::MAX_SHARES)]
    TooManyShares,
    /// No such dead letter: it was redriven or removed.
    #[error("there is no such dead letter: it may have been redriven")]
    NoSuchDeadLetter,
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
    /// The uploader would send a form, which no bucket of R2 takes.
    #[error("set `shouldUseMultipart: true` in the options of Uppy's AwsS3; an empty file cannot be uploaded at all")]
    OnlyInParts,
    /// The video was not uploaded in parts, or not at all.
    #[error("{0}")]
    NotAMultipartUpload(&'static str),
    /// The upload is over: its source has arrived.
    #[error("the upload is complete: delete the video instead")]
    UploadComplete,
    /// One owner has only so many under way.
    #[error("{0} uploads are under way already: complete or abort one first")]
    TooManyUploads(u32),
    /// One owner may have only so much.
    #[error("the quota of this owner is {limit} {what}, and this would be more: delete something first")]
    OverQuota {
        /// Of what.
        what: &'static str,
        /// So many may be.
        limit: u64,
    },
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
    /// Of what kind it is.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Unauthorized(_) => Problem::Unauthorized,
            Self::InsufficientScope(_) => Problem::InsufficientScope,
            Self::TooManyRequests(_) => Problem::TooManyRequests,
            Self::Malformed(_) => Problem::MalformedRequest,
            Self::Invalid(_) => Problem::InvalidField,
            Self::BodyTooLarge(_) => Problem::BodyTooLarge,
            Self::NoSuchVideo(_) => Problem::NoSuchVideo,
            Self::NoSuchApiKey(_) => Problem::NoSuchApiKey,
            Self::NoSuchShare => Problem::NoSuchShare,
            Self::TooManyShares => Problem::TooManyShares,
            Self::NoSuchDeadLetter => Problem::NoSuchDeadLetter,
            Self::IdempotencyKeyReused => Problem::IdempotencyKeyReused,
            Self::IdempotencyInProgress => Problem::IdempotencyInProgress,
            Self::IdempotencyAnswerLost => Problem::IdempotencyAnswerLost,
            Self::NoSuchRoute | Self::NotAnId(_) => Problem::NoSuchRoute,
            Self::MethodNotAllowed => Problem::MethodNotAllowed,
            Self::Refused(refused) => refused.problem(),
            Self::OnlyInParts => Problem::OnlyInParts,
            Self::NotAMultipartUpload(_) => Problem::NotAMultipartUpload,
            Self::UploadComplete => Problem::UploadComplete,
            Self::BodyTooSlow => Problem::RequestTimeout,
            Self::TooManyUploads(_) => Problem::TooManyUploads,
            Self::OverQuota { .. } => Problem::OverQuota,
            Self::UploadGone => Problem::UploadGone,
            Self::UploadIncomplete(_) => Problem::UploadIncomplete,
            Self::VideoFailed(_) => Problem::VideoFailed,
            Self::VideoCancelled => Problem::VideoCancelled,
            Self::SourceGone(_) => Problem::SourceGone,
            Self::NoSuchObject(_) => Problem::NoSuchObject,
            Self::RefusedUrl(_) => Problem::UrlNotAccepted,
            Self::RefusedPoster(_) => Problem::PosterNotAccepted,
            Self::RefusedRungs(refused) => refused.problem(),
            Self::NoSuchWebhook(_) => Problem::NoSuchWebhook,
            Self::NoSuchDelivery(_) => Problem::NoSuchDelivery,
            Self::RefusedWebhook(refused) => refused.problem(),
            Self::WebhookDisabled => Problem::WebhookDisabled,
            Self::TooManyWebhooks => Problem::TooManyWebhooks,
            Self::Conflict(_) => Problem::Conflict,
            Self::Unavailable(_) => Problem::Unavailable,
            Self::Internal(_) => Problem::Internal,
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
        let problem = self.problem();
        let mut body = json!({
            "type": problem.uri(),
            "title": problem.title(),
            "status": problem.status().as_u16(),
            "detail": self.to_string(),
            "code": problem.code(),
        });
        if let Self::VideoFailed(failure) = &self {
            body["failure"] = json!({
                "class": failure.class(), "code": failure.code, "message": failure.sentence,
            });
        }
        if let Self::InsufficientScope(scope) = &self {
            body["scope"] = json!(scope.as_str());
        }
        let mut response = (problem.status(), Json(body)).into_response();
        if let Self::OnlyInParts = &self {
            // Uppy shows its user the text of the status line, and nothing else.
            response
                .extensions_mut()
                .insert(ReasonPhrase::from_static(b"Set shouldUseMultipart: true (or the file is empty)"));
        }
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

impl From<SharesError> for ApiError {
    fn from(error: SharesError) -> Self {
        match error {
            SharesError::TooMany => Self::TooManyShares,
            SharesError::Unavailable { .. } => Self::Unavailable(error.into()),
            SharesError::Corrupt { .. } => Self::Internal(error.into()),
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
            CatalogError::TooManyOpen { limit } => Self::TooManyUploads(limit),
            CatalogError::OverQuota { what, limit } => Self::OverQuota { what, limit },
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
            QueueError::NoSuchDeadLetter(_) => Self::NoSuchDeadLetter,
            QueueError::LeaseLost | QueueError::Refused { .. } => Self::Internal(error.into()),
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
