//! Share links.

use domain::ids::{ShareId, VideoId};
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{Sensitive, Timestamp};

/// Request for a share link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShareRequest {
    /// Seconds until it expires: one minute to one year. Default: one week.
    #[serde(default = "a_week")]
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 60, maximum = 31_536_000, default = 604_800)
    )]
    pub expires_in: u64,
    /// Limits playback to rungs of at most this height: pixels of the shorter side.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 65_535))]
    pub max_height: Option<u32>,
    /// A label of your choice.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub label: Option<String>,
}

fn a_week() -> u64 {
    7 * 24 * 3600
}

/// The only response that contains the link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedShare {
    #[serde(flatten)]
    pub share: Share,
    /// Browsers get a page with a player; programs get the response of `/stream`. With `/master.m3u8` appended, it is a
    /// URL for players.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub url: Sensitive,
}

/// A list entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Share {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::ShareId))]
    pub id: ShareId,
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub video: VideoId,
    pub label: Option<String>,
    pub max_height: Option<u32>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// Accurate to the minute.
    pub last_used_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShareList {
    pub shares: Vec<Share>,
}
