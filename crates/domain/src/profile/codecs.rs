//! Codecs and containers in a profile. Settings from before them have the same fingerprint with the
//! defaults.

use serde::{Deserialize, Serialize};

use super::{Av1Encoder, HevcEncoder, Preset};
use crate::object_key::SegmentFormat;
use crate::plan::Codec;

/// The formats of media segments, by their names in profiles.
#[derive(Serialize, Deserialize)]
#[serde(remote = "SegmentFormat", rename_all = "kebab-case")]
pub(super) enum MediaFormat {
    MpegTs,
    Fmp4,
    #[serde(skip)]
    WebVtt,
}

impl MediaFormat {
    /// Whether it is the default.
    pub(super) fn is_default(format: &SegmentFormat) -> bool {
        *format == SegmentFormat::MpegTs
    }
}

/// The codec of a rung.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    /// H.264, encoded by x264 or hardware.
    #[default]
    H264,
    /// HEVC, encoded by x265 or hardware.
    Hevc,
    /// AV1, encoded by SVT-AV1 (libaom where FFmpeg is older than 7) or hardware.
    Av1,
}

impl VideoCodec {
    /// Whether it is the default.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<VideoCodec> for Codec {
    fn from(codec: VideoCodec) -> Self {
        match codec {
            VideoCodec::H264 => Self::H264,
            VideoCodec::Hevc => Self::Hevc,
            VideoCodec::Av1 => Self::Av1,
        }
    }
}

/// The dynamic range of a rung if the source is HDR (PQ or HLG).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HdrOutput {
    /// That of the source, in 10 bits.
    Keep,
    /// SDR.
    ToneMap,
}

impl HdrOutput {
    /// Whether a rung of HEVC or AV1 without the setting has the same output.
    pub(super) fn is_default(setting: &Option<Self>) -> bool {
        *setting != Some(Self::ToneMap)
    }
}

/// Settings of the HEVC encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HevcSettings {
    /// Name of the encoder.
    #[serde(default, skip_serializing_if = "HevcEncoder::is_default")]
    pub name: HevcEncoder,
    /// Preset of x265.
    pub preset: Preset,
    /// Quality of capped CRF, 0 (best) to 51.
    pub crf: u8,
}

impl Default for HevcSettings {
    fn default() -> Self {
        Self {
            name: HevcEncoder::Auto,
            preset: Preset::Fast,
            crf: 26,
        }
    }
}

impl HevcSettings {
    /// Whether they are the defaults.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Settings of the AV1 encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Av1Settings {
    /// Name of the encoder.
    #[serde(default, skip_serializing_if = "Av1Encoder::is_default")]
    pub name: Av1Encoder,
    /// Preset of SVT-AV1, 1 (slow) to 13 (fast).
    pub preset: u8,
    /// Quality of capped CRF, 0 (best) to 63.
    pub crf: u8,
}

impl Default for Av1Settings {
    fn default() -> Self {
        Self {
            name: Av1Encoder::Auto,
            preset: 8,
            crf: 35,
        }
    }
}

impl Av1Settings {
    /// Whether they are the defaults.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
