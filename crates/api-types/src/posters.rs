//! Posters.

use serde::{Deserialize, Serialize};

use crate::MaybeKnown;
use crate::videos::VideoFailure;

/// A position in the video, instead of an image.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PosterPosition {
    /// Position in seconds from the start.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub at: f64,
}

/// A position in the query, instead of a body.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PosterParams {
    /// Position in seconds, instead of a body.
    #[serde(default)]
    pub at: Option<f64>,
}

/// The poster: the image shown before playback.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Poster {
    #[cfg_attr(feature = "openapi", schema(value_type = PosterStatus))]
    pub status: MaybeKnown<PosterStatus>,
    /// Why the last requested poster could not be created.
    pub failure: Option<VideoFailure>,
}

/// The status of the requested poster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PosterStatus {
    /// No poster was requested: it is taken from the video.
    Automatic,
    /// The requested poster is being rendered; until then, the previous one is shown.
    Pending,
    /// The requested poster is shown.
    Custom,
    /// The requested poster cannot be created; the previous one is shown.
    Failed,
}
