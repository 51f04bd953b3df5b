//! Renditions.

use domain::object_key::RenditionName;
use domain::plan::RenditionKind;
use domain::probe::HighDynamicRange;
use serde::{Deserialize, Serialize};

use crate::MaybeKnown;

/// A rendition of a generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RenditionRecord))]
pub struct Rendition {
    /// Name of the rendition and of its directory.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "1080p"))]
    pub name: RenditionName,
    /// Kind of media.
    #[cfg_attr(feature = "openapi", schema(value_type = RenditionKind))]
    pub kind: MaybeKnown<RenditionKind>,
    /// Width in pixels; `None` for audio.
    pub width: Option<u32>,
    /// Height in pixels; `None` for audio.
    pub height: Option<u32>,
    /// Whether it was remuxed instead of encoded.
    pub copied: bool,
    /// Frames per second; `None` for audio.
    pub frame_rate: Option<f64>,
    /// `CODECS` as in the playlist (RFC 6381); `None` before it is known.
    pub codecs: Option<String>,
    /// The HDR transfer function of its video, `pq` (HDR10) or `hlg`; `None`: it is SDR, or audio.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<HighDynamicRange>))]
    #[serde(default)]
    pub hdr: Option<MaybeKnown<HighDynamicRange>>,
    /// Measured peak, bits per second; `None` before it is known.
    pub bandwidth: Option<u64>,
    /// Measured average, bits per second; `None` before it is known.
    pub average_bandwidth: Option<u64>,
    /// State of publishing.
    #[cfg_attr(feature = "openapi", schema(value_type = RenditionState))]
    pub state: MaybeKnown<RenditionState>,
}

/// State of publishing of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RenditionState {
    /// Nothing is published yet.
    Planned,
    /// It can be watched while it grows.
    Playable,
    /// It is published completely.
    Complete,
}
