//! Animated previews of a span.

use serde::{Deserialize, Serialize};

/// The span, and the size of its preview.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PreviewParams {
    /// Start in seconds from the start of the video, rounded to a tenth. A span that reaches beyond the end of the video
    /// begins earlier. Default: a tenth of the video.
    #[serde(default)]
    pub start: Option<f64>,
    /// Length in seconds, rounded to a tenth. The preview of a shorter video has its length. Default: 3.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 10))]
    pub duration: Option<f64>,
    /// Width in pixels: 160, 320, 480 or 640. Other widths mean the next larger one. The preview is not wider than the
    /// largest rung. Default: 320.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 65_535))]
    pub width: Option<u32>,
}
