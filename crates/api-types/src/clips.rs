//! Clips: parts of a video.

use domain::clip::ClipAlign;
use domain::ids::VideoId;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;

/// A part of a video that is ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClipRequest {
    /// The video.
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub video: VideoId,
    /// Start, seconds.
    pub start: f64,
    /// End, seconds. Default: the end of the video.
    #[serde(default)]
    pub end: Option<f64>,
    /// `exact`: from `start` to `end`, to the frame, which usually needs an encoding of all rungs.
    /// `keyframe`: from the last keyframe before `start`; the best rung is remuxed.
    #[serde(default)]
    pub align: ClipAlign,
}
