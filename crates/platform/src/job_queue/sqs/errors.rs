//! Conversion of the SDK's errors.

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::job_queue::QueueError;

/// Classifies an error of the SDK for users of the queue.
pub(super) fn queue_error<E>(queue: &str, error: SdkError<E, HttpResponse>) -> QueueError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let queue = queue.to_owned();
    match refusal(&error) {
        Some(detail) => QueueError::Refused { queue, detail },
        None => QueueError::Unavailable {
            queue,
            source: Box::new(error),
        },
    }
}

/// The reason why SQS rejected a request, if a retry will not help.
fn refusal<E>(error: &SdkError<E, HttpResponse>) -> Option<String>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error {
        // The request is invalid; it was not sent.
        SdkError::ConstructionFailure(_) => Some(DisplayErrorContext(error).to_string()),
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            let is_passing =
                !(400..500).contains(&answer.raw().status().as_u16()) || is_passing(code);
            (!is_passing).then(|| format!("{code}: {}", answer.err().message().unwrap_or_default()))
        }
        _ => None,
    }
}

/// Whether a 4xx code is transient.
fn is_passing(code: &str) -> bool {
    ["Throttl", "OverLimit", "Expired", "RequestTimeout"]
        .iter()
        .any(|it| code.contains(it))
}

/// For requests with a receipt: whatever the reason for the rejection (emulators differ in the
/// wording), the receiver no longer holds the message.
pub(super) fn lost_or(error: QueueError) -> QueueError {
    match error {
        QueueError::Refused { detail, .. } => {
            tracing::debug!(detail, "SQS rejected the receipt");
            QueueError::LeaseLost
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn transient_errors_are_recognised() {
        for code in [
            "RequestThrottled",
            "ThrottlingException",
            "OverLimit",
            "ExpiredTokenException",
        ] {
            assert!(super::is_passing(code), "{code}");
        }
        for code in [
            "ReceiptHandleIsInvalid",
            "InvalidParameterValue",
            "AccessDenied",
            "QueueDoesNotExist",
            "",
        ] {
            assert!(!super::is_passing(code), "{code}");
        }
    }
}
