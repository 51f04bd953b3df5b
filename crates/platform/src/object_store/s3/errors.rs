//! Conversion of the SDK's errors.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::object_store::StoreError;

/// Classifies an error of the SDK for the object at `path`.
pub(super) fn store_error<E>(path: &str, error: SdkError<E, HttpResponse>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let path = path.to_owned();
    let SdkError::ServiceError(answer) = &error else {
        return match error {
            // The request is invalid; it was not sent.
            SdkError::ConstructionFailure(_) => {
                tracing::debug!(error = %DisplayErrorContext(&error), "could not build an S3 request");
                StoreError::Refused {
                    path,
                    code: "InvalidRequest".to_owned(),
                }
            }
            _ => StoreError::Unavailable {
                path,
                source: Box::new(error),
            },
        };
    };
    let status = answer.raw().status().as_u16();
    let code = answer.err().code().unwrap_or_default().to_owned();
    match (status, code.as_str()) {
        // The response to a HEAD request has no body and therefore no code.
        (404, "" | "NotFound" | "NoSuchKey" | "NoSuchUpload") => StoreError::NotFound { path },
        (412, _) => StoreError::ConditionFailed { path },
        (416, _) => StoreError::RangeNotSatisfiable { path },
        // 409 ConditionalRequestConflict: S3's code for two concurrent conditional writes, to be
        // retried.
        (408 | 429 | 500.., _)
        | (409, "ConditionalRequestConflict" | "OperationAborted")
        | (_, "RequestTimeout") => StoreError::Unavailable {
            path,
            source: Box::new(error),
        },
        // The body did not arrive completely: a retry may succeed.
        (400, "IncompleteBody" | "BadDigest") => StoreError::Unavailable {
            path,
            source: Box::new(error),
        },
        (_, "") => StoreError::Refused {
            path,
            code: format!("HTTP {status}"),
        },
        _ => StoreError::Refused { path, code },
    }
}

pub(super) fn unavailable(
    path: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable {
        path: path.to_owned(),
        source: source.into(),
    }
}

pub(super) fn refused(path: &str, code: &str) -> StoreError {
    StoreError::Refused {
        path: path.to_owned(),
        code: code.to_owned(),
    }
}
