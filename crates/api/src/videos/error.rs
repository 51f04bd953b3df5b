//! Why a request about a video is rejected.

use api_types::videos::VideoFailure;
use catalog::CatalogError;
use domain::failure::Failure;
use domain::ids::VideoId;

use crate::error::ApiError;
use crate::problem::Problem;
use crate::uploads::error::UploadError;

/// Why a request about a video is rejected. `Display` says what to do instead, where that helps.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum VideoError {
    /// It never existed, was deleted, or belongs to another owner.
    #[error("there is no video `{0}`")]
    NotFound(VideoId),
    /// Encoding failed, so nothing can be played.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// It was cancelled before anything could be played.
    #[error("the video was cancelled before it became playable: retry it")]
    Cancelled,
    /// There is no source to encode.
    #[error("{0}")]
    SourceGone(String),
    /// The object to convert does not exist, or may not be read.
    #[error("{0}")]
    NoSuchObject(String),
}

impl From<VideoError> for ApiError {
    fn from(error: VideoError) -> Self {
        let detail = error.to_string();
        match error {
            VideoError::NotFound(_) => Self::new(Problem::NoSuchVideo, detail),
            VideoError::Failed(failure) => {
                Self::new(Problem::VideoFailed, detail).with_failure(VideoFailure::from(&failure))
            }
            VideoError::Cancelled => Self::new(Problem::VideoCancelled, detail),
            VideoError::SourceGone(_) => Self::new(Problem::SourceGone, detail),
            VideoError::NoSuchObject(_) => Self::new(Problem::NoSuchObject, detail),
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NotFound { video } | CatalogError::Gone { video } => {
                VideoError::NotFound(video).into()
            }
            CatalogError::Conflict { .. } | CatalogError::Refused(_) => {
                Self::conflict(error.to_string())
            }
            CatalogError::TooManyOpen { limit } => UploadError::TooMany(limit).into(),
            CatalogError::OverQuota { what, limit } => {
                UploadError::OverQuota { what, limit }.into()
            }
            CatalogError::Unavailable { .. } => Self::unavailable(error),
            CatalogError::LeaseLost { .. }
            | CatalogError::NeedsClaim
            | CatalogError::Corrupt { .. } => Self::internal(error),
        }
    }
}
