//! Downloads: a rung as one MP4 file.

use domain::object_key::RenditionName;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;
use crate::videos::VideoFailure;
use crate::{MaybeKnown, Sensitive, Timestamp};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DownloadRequest {
    /// The rung, or an audio rendition such as `audio-128k`. Default: the largest rung up to 1080p,
    /// or the best audio if the source has no video.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::RungName>))]
    pub rung: Option<RenditionName>,
}

/// An MP4 file of a rung and its audio, or an M4A file of audio.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Download {
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "720p"))]
    pub rung: RenditionName,
    #[cfg_attr(feature = "openapi", schema(value_type = DownloadStatus))]
    pub status: MaybeKnown<DownloadStatus>,
    /// Size in bytes; `null` before the file exists.
    pub size: Option<u64>,
    pub filename: String,
    /// Presigned URL for GET, with ranges, straight from the bucket; browsers save it as `filename`. No token is
    /// needed. `null` before the file exists.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub url: Option<Sensitive>,
    /// Expiry of the URL. A download that has started continues.
    pub expires_at: Option<Timestamp>,
    /// Why the file could not be written.
    pub failure: Option<VideoFailure>,
}

/// The status of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DownloadStatus {
    /// The file is being written.
    Pending,
    /// The file exists.
    Ready,
    /// The file could not be written. Another request tries again.
    Failed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadList {
    /// The files that were requested, of the current version of the video.
    pub downloads: Vec<Download>,
}
