//! Why a request with an `Idempotency-Key` is not executed.

use catalog::idempotency::IdempotencyError;
use http::HeaderValue;
use http::header::RETRY_AFTER;

use crate::error::ApiError;
use crate::problem::Problem;

/// Why a request with an `Idempotency-Key` is neither executed nor replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum IdempotencyConflict {
    /// The key was used for a different request.
    #[error(
        "this `Idempotency-Key` was used for a different request: use a new key for each request"
    )]
    KeyReused,
    /// The first request with this key is still running.
    #[error("the request with this `Idempotency-Key` is still in progress: retry shortly")]
    InProgress,
    /// The first request was executed, and its response cannot be decrypted any more.
    #[error(
        "the request with this `Idempotency-Key` was executed, but its response is lost: check its effect"
    )]
    ResponseLost,
}

impl From<IdempotencyConflict> for ApiError {
    fn from(error: IdempotencyConflict) -> Self {
        let detail = error.to_string();
        match error {
            IdempotencyConflict::KeyReused => Self::new(Problem::IdempotencyKeyReused, detail),
            IdempotencyConflict::InProgress => Self::new(Problem::IdempotencyInProgress, detail)
                .with_header(RETRY_AFTER, HeaderValue::from_static("1")),
            IdempotencyConflict::ResponseLost => {
                Self::new(Problem::IdempotencyResponseLost, detail)
            }
        }
    }
}

impl From<IdempotencyError> for ApiError {
    fn from(error: IdempotencyError) -> Self {
        Self::unavailable(error)
    }
}
