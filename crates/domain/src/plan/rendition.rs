//! The identity of a rendition: its name, and what its segments contain.

use serde::{Deserialize, Serialize};

use crate::object_key::{RenditionName, SegmentFormat};

/// One stream of the output, with a media playlist of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// Name of the rendition and of its folder. Nothing else follows from the name.
    pub name: RenditionName,
    /// Kind of media.
    pub kind: RenditionKind,
    /// Codec of its segments.
    pub codec: Codec,
    /// Container format of its segments.
    pub format: SegmentFormat,
}

/// The kind of media in a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of the playlist")]
pub enum RenditionKind {
    Video,
    Audio,
    IFrames,
}

/// The codec of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264 video.
    H264,
    /// HEVC (H.265) video.
    Hevc,
    /// AV1 video.
    Av1,
    /// AAC-LC audio.
    Aac,
    /// AC-3 audio.
    Ac3,
    /// Enhanced AC-3 audio.
    Eac3,
}

impl Rendition {
    /// Video.
    pub(super) fn video(name: RenditionName, codec: Codec, format: SegmentFormat) -> Self {
        Self {
            name,
            kind: RenditionKind::Video,
            codec,
            format,
        }
    }

    /// Audio.
    pub(super) fn audio(name: RenditionName, codec: Codec, format: SegmentFormat) -> Self {
        Self {
            name,
            kind: RenditionKind::Audio,
            codec,
            format,
        }
    }

    /// The trick-play rendition, H.264.
    pub(super) fn iframes(format: SegmentFormat) -> Self {
        let name = "iframes".parse().expect("a legal name");
        Self {
            name,
            kind: RenditionKind::IFrames,
            codec: Codec::H264,
            format,
        }
    }
}
