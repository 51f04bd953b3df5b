//! Playback URLs.

use domain::ids::VideoId;
use domain::job::Stage;
use domain::state::StateName;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{MaybeKnown, Sensitive, Timestamp};

/// The viewer, and the limits of the grant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct StreamParams {
    /// The viewer's id in the customer's system.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(min_length = 1, max_length = 200))]
    pub viewer: Option<String>,
    /// Seconds until the grant expires. Default: the length of the video plus four hours; four hours while its length
    /// is not known yet. A page that requests less renews the grant during playback.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 60, maximum = 604_800))]
    pub expires_in: Option<u64>,
    /// Limits playback to rungs of at most this height.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 65_535))]
    pub max_height: Option<u32>,
}

/// The playback state of a video.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stream {
    /// The video is playable: status 200.
    Playable(PlaybackInfo),
    /// The video is not playable yet: status 202.
    Processing(ProcessingInfo),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlaybackInfo {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub video: VideoId,
    pub title: Option<String>,
    pub status: StateName,
    // It contains a grant.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hls_url: Sensitive,
    /// Image to show before playback; `null` until the video is ready.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub poster_url: Option<Sensitive>,
    /// Preview images for the seek bar (WebVTT that refers to a sprite sheet); `null` until the video is ready.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub storyboard_url: Option<Sensitive>,
    /// The same with images twice as wide, for dense and large screens; `null` until the video is ready. A video that an
    /// earlier version encoded has none: the edge responds with 404.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub large_storyboard_url: Option<Sensitive>,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProcessingInfo {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub video: VideoId,
    pub title: Option<String>,
    pub status: StateName,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Stage>))]
    pub stage: Option<MaybeKnown<Stage>>,
    pub percent: Option<u8>,
}
