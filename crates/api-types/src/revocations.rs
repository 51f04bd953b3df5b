//! Revocations of grants.

use domain::ids::VideoId;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
#[cfg(feature = "openapi")]
use crate::schemas;

/// The grants to revoke: those for a video, of a viewer, or of a session. At least one of the three is required; each
/// one that is given is revoked separately.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RevocationRequest {
    /// All grants for this video.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::VideoId>))]
    pub video: Option<VideoId>,
    /// All grants of this viewer: `sub` of the grants.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub viewer: Option<String>,
    /// One session: `jti` of its grants; for a grant without `jti`, the grant up to its second dot.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 8_192))]
    pub session: Option<String>,
    /// Seconds until the revocation ends: one minute to one year. Choose it longer than the lifetime of the grants.
    /// Default: eight days, longer than any grant that the API issues.
    #[serde(default = "eight_days")]
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 60, maximum = 31_536_000, default = 691_200)
    )]
    pub expires_in: u64,
}

fn eight_days() -> u64 {
    8 * 24 * 3600
}

/// A revocation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Revocation {
    /// The names on the list of the edge. A viewer and a session have a fingerprint there.
    pub names: Vec<String>,
    pub expires_at: Timestamp,
}
