//! Why an upload cannot go on.

use crate::error::ApiError;
use crate::problem::Problem;

/// Why a request about an upload is rejected. `Display` says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UploadError {
    /// Uppy would send a form upload, which R2 does not support.
    #[error(
        "set `shouldUseMultipart: true` in the options of Uppy's AwsS3; an empty file cannot be uploaded at all"
    )]
    MultipartRequired,
    /// The request is about parts, and this upload has none that the API plans.
    #[error("{0}")]
    NotMultipart(&'static str),
    /// The source has arrived.
    #[error("the upload is complete: delete the video instead")]
    Complete,
    /// The owner has reached the limit of concurrent uploads.
    #[error("there are already {0} uploads in progress: complete or abort one first")]
    TooMany(u32),
    /// The owner has reached a quota.
    #[error("this would exceed the owner's quota of {limit} {what}: delete something first")]
    OverQuota {
        /// The unit of the quota.
        what: &'static str,
        /// The quota.
        limit: u64,
    },
    /// The upload expired, was aborted, or never existed.
    #[error("the upload has expired or was aborted: start a new one")]
    Gone,
    /// Bytes are missing, or differ from what the client says it sent.
    #[error("{0}")]
    Incomplete(String),
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let problem = match &error {
            UploadError::MultipartRequired => Problem::MultipartRequired,
            UploadError::NotMultipart(_) => Problem::NotAMultipartUpload,
            UploadError::Complete => Problem::UploadComplete,
            UploadError::TooMany(_) => Problem::TooManyUploads,
            UploadError::OverQuota { .. } => Problem::OverQuota,
            UploadError::Gone => Problem::UploadGone,
            UploadError::Incomplete(_) => Problem::UploadIncomplete,
        };
        let error_document = Self::new(problem, error.to_string());
        match error {
            // Uppy shows its user the reason phrase of the status line, and nothing else.
            UploadError::MultipartRequired => error_document
                .with_reason_phrase("Set shouldUseMultipart: true (or the file is empty)"),
            _ => error_document,
        }
    }
}
