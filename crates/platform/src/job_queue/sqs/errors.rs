//! From the SDK's errors to ours.

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::job_queue::QueueError;

/// Says what an error of the SDK means for whoever uses the queue.
pub(super) fn queue_error<E>(queue: &str, error: SdkError<E, HttpResponse>) -> QueueError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let queue = queue.to_owned();
    match refusal(&error) {
        Some(detail) => QueueError::Refused { queue, detail },
        None => QueueError::Unavailable { queue, source: Box::new(error) },
    }
}

/// What SQS has against a request, if trying again will not help.
fn refusal<E>(error: &SdkError<E, HttpResponse>) -> Option<String>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error {
        // Nothing was sent: the request itself is wrong.
        SdkError::ConstructionFailure(_) => Some(DisplayErrorContext(error).to_string()),
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            let is_passing = !(400..500).contains(&answer.raw().status().as_u16()) || is_passing(code);
            (!is_passing).then(|| format!("{code}: {}", answer.err().message().unwrap_or_default()))
        }
        _ => None,
    }
}

/// Codes of answers 4xx that tell of the moment, not of the request.
fn is_passing(code: &str) -> bool {
    ["Throttl", "OverLimit", "Expired", "RequestTimeout"].iter().any(|it| code.contains(it))
}

/// For requests with a receipt: whatever SQS has against one, and emulators differ in their words, the message
/// is not ours any more.
pub(super) fn lost_or(error: QueueError) -> QueueError {
    match error {
        QueueError::Refused { detail, .. } => {
            tracing::debug!(detail, "SQS does not take the receipt");
            QueueError::LeaseLost
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for code in ["RequestThrottled", "ThrottlingException", "OverLimit", "ExpiredTokenException"] {
            assert!(super::is_passing(code), "{code}");
        }
        for code in ["ReceiptHandleIsInvalid", "InvalidParameterValue", "AccessDenied", "QueueDoesNotExist", ""] {
            assert!(!super::is_passing(code), "{code}");
        }
    }
}
