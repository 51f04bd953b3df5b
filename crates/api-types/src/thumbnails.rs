//! Thumbnails of a frame.

use serde::{Deserialize, Serialize};

/// The frame, and the size of its thumbnail.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ThumbnailParams {
    /// Time in seconds from the start, rounded to a tenth. Times outside the video mean its first or last frame.
    pub time: f64,
    /// Width in pixels: 160, 320, 480, 640, 960, 1280 or 1920. Other widths mean the next larger one. The thumbnail is
    /// not wider than the largest rung. Default: 640.
    #[serde(default)]
    pub width: Option<u32>,
}
