//! Encoding profiles: the ladder and the settings of an encode. A profile is a TOML file; omitted
//! settings have the values of `default_profile.toml`, which is the documentation, the sample and
//! the built-in default in one.

use serde::{Deserialize, Serialize};

use crate::ids::digest_hex;
use crate::job::Mode;
use crate::loudness::LoudnessSettings;
use crate::object_key::{RenditionName, SegmentFormat};
use crate::per_title::PerTitleSettings;

mod codecs;
mod encoders;
mod fan_out;
mod surround;
mod validity;
mod watermark;

use codecs::MediaFormat;
pub use codecs::{Av1Settings, HdrOutput, HevcSettings, VideoCodec};
pub use encoders::{Av1Encoder, EncoderName, Hardware, HevcEncoder};
pub use fan_out::FanOutSettings;
pub use surround::{SurroundCodec, SurroundSettings};
pub use watermark::{InvalidWatermark, LARGEST_WATERMARK, WatermarkImage, WatermarkSettings};

/// The default profile, with an explanation of every setting.
pub const DEFAULT_PROFILE: &str = include_str!("default_profile.toml");

/// The profiles that every installation has, by their names. A file of the same name wins.
pub const BUILT_IN: [(&str, &str); 2] = [
    ("default", DEFAULT_PROFILE),
    ("auto", include_str!("auto_profile.toml")),
];

/// Increased when the same profile would produce other bytes, because generations must not mix.
const OUTPUT_VERSION: &str = "8";

/// As [`OUTPUT_VERSION`], for profiles with other codecs than H.264, whose rungs keep HDR.
const OUTPUT_VERSION_OF_NEWER_CODECS: &str = "9";

/// The ladder and the settings of an encode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Name, by which jobs and the catalog refer to it.
    pub name: RenditionName,
    /// Target duration of a segment, seconds.
    pub segment_seconds: f64,
    /// Maximum interval between keyframes, seconds.
    pub keyframe_seconds: f64,
    /// Container of the segments of video and audio.
    #[serde(with = "MediaFormat", skip_serializing_if = "MediaFormat::is_default")]
    pub segment_format: SegmentFormat,
    /// Whether every segment is encrypted with AES-128.
    pub encrypt: bool,
    /// Number of segments after which each rendition gets another content key; 0: it has one.
    #[serde(skip_serializing_if = "is_zero")]
    pub segments_per_key: u32,
    /// Maximum frame rate: the rate of faster sources is halved until it fits.
    pub max_frame_rate: f64,
    /// The fate of the source once the video is ready.
    pub source_policy: SourcePolicy,
    /// Number of thumbnails, spread evenly over the video.
    pub thumbnails: u32,
    /// Settings of the H.264 encoder, and the rate control of H.264 and HEVC.
    pub encoder: EncoderSettings,
    /// Settings of the HEVC encoder.
    #[serde(skip_serializing_if = "HevcSettings::is_default")]
    pub hevc: HevcSettings,
    /// Settings of the AV1 encoder.
    #[serde(skip_serializing_if = "Av1Settings::is_default")]
    pub av1: Av1Settings,
    /// Per-title encoding.
    #[serde(skip_serializing_if = "PerTitleSettings::is_off")]
    pub per_title: PerTitleSettings,
    /// Normalisation of the loudness.
    #[serde(skip_serializing_if = "LoudnessSettings::is_off")]
    pub loudness: LoudnessSettings,
    /// Settings of the surround renditions.
    #[serde(skip_serializing_if = "SurroundSettings::is_off")]
    pub surround: SurroundSettings,
    /// The image over the video, and the name of the viewer.
    #[serde(skip_serializing_if = "WatermarkSettings::is_off")]
    pub watermark: WatermarkSettings,
    /// What happens to the remuxed top rung. The first conversion does not depend on it.
    #[serde(skip_serializing_if = "CopyTop::is_default")]
    pub copy_top: CopyTop,
    /// Scale-out.
    #[serde(skip_serializing_if = "FanOutSettings::is_default")]
    pub fan_out: FanOutSettings,
    /// Settings of the remuxed top rung.
    pub source_rung: SourceRung,
    /// Limits for sources.
    pub limits: Limits,
    /// The rungs of the ladder.
    #[serde(rename = "rung")]
    pub rungs: Vec<Rung>,
}

/// The fate of a source once its video is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourcePolicy {
    /// The source stays where it is.
    Keep,
    /// The source moves to `archive/`, outside the prefix that causes events.
    Archive,
    /// The source is deleted.
    Delete,
}

/// What happens to the remuxed top rung once the video is ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyTop {
    /// It stays.
    #[default]
    Keep,
    /// A bulk job encodes a rung in its place, if that is cheaper.
    UntilEncoded,
}

impl CopyTop {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Settings of the video encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderSettings {
    /// Name of the encoder of H.264.
    pub name: EncoderName,
    /// Preset of x264. Encoders in hardware get the nearest one that they have.
    pub preset: Preset,
    /// Rate control method.
    pub rate_control: RateControl,
    /// Quality of capped CRF, 0 (best) to 51.
    pub crf: u8,
}

/// A preset of x264, which trades speed for bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are x264's own names")]
pub enum Preset {
    Ultrafast,
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
    Slower,
    Veryslow,
}

impl Preset {
    /// Name of the preset in x264.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Slower => "slower",
            Self::Veryslow => "veryslow",
        }
    }
}

/// A rate control method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateControl {
    /// Constant quality, never above the rung's rate.
    CappedCrf,
    /// Constant bit rate.
    Cbr,
}

/// Settings of the remuxed top rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRung {
    /// Whether to remux at all.
    pub enabled: bool,
    /// Maximum bit rate, kbit/s: a source above it is encoded instead.
    pub max_kbps: u32,
    /// Maximum distance between keyframes, seconds: above it, the source is encoded instead.
    pub max_keyframe_gap_seconds: f64,
    /// Bit rate of its audio, kbit/s.
    pub audio_kbps: u32,
}

/// Limits for sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Maximum duration of the presentation, seconds.
    pub max_duration_seconds: u64,
    /// Maximum size of the source, bytes.
    pub max_bytes: u64,
    /// Maximum of width times height of the source.
    pub max_pixels: u64,
}

/// A rung of the ladder, as the profile defines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Name of its rendition.
    pub name: RenditionName,
    /// Codec of its video.
    #[serde(default, skip_serializing_if = "VideoCodec::is_default")]
    pub codec: VideoCodec,
    /// Its dynamic range if the source is HDR; `None`: that of the source, and SDR with H.264.
    #[serde(default, skip_serializing_if = "HdrOutput::is_default")]
    pub hdr: Option<HdrOutput>,
    /// Width in pixels, for landscape video.
    pub width: u32,
    /// Height in pixels, for landscape video.
    pub height: u32,
    /// Maximum video bit rate, kbit/s.
    pub video_kbps: u32,
    /// Bit rate of its audio, kbit/s.
    pub audio_kbps: u32,
    /// Whether the rung is encoded.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Rung {
    /// Whether it has the dynamic range of an HDR source. H.264 never has: decoders of its profile
    /// for 10 bits are rare.
    pub fn keeps_hdr(&self) -> bool {
        self.codec != VideoCodec::H264 && self.hdr != Some(HdrOutput::ToneMap)
    }
}

fn yes() -> bool {
    true
}

/// An invalid profile. `Display` names the setting and the problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// Not TOML, or with an unknown setting or one of the wrong type.
    #[error("the profile cannot be read: {0}")]
    Syntax(String),
    /// A value is out of range.
    #[error("`{setting}` {problem}")]
    Value {
        /// Name of the setting.
        setting: String,
        /// Problem of the value.
        problem: &'static str,
    },
    /// The image of the watermark cannot be used.
    #[error("`watermark.image`: `{file}` cannot be used: {problem}")]
    Watermark {
        /// Name of the file.
        file: String,
        /// Why.
        problem: String,
    },
}

impl Profile {
    /// Parses a profile that names no file; omitted settings have the values of [`DEFAULT_PROFILE`].
    pub fn parse(text: &str) -> Result<Self, InvalidProfile> {
        let no_files = |_: &str| Err("a profile that is not in a file has no image".to_owned());
        Self::parse_with_image(text, no_files)
    }

    /// As [`Profile::parse`]. `read` returns the file that the watermark names, or why it cannot be
    /// read.
    pub fn parse_with_image(
        text: &str,
        read: impl FnOnce(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, InvalidProfile> {
        let syntax = |error: &dyn std::fmt::Display| {
            // TOML errors contain a drawing of several lines; this one has to fit into a message.
            InvalidProfile::Syntax(
                error
                    .to_string()
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        let given: toml::Table = text.parse().map_err(|error| syntax(&error))?;
        let mut whole: toml::Table = DEFAULT_PROFILE.parse().map_err(|error| syntax(&error))?;
        overlay(&mut whole, given);
        let mut profile: Self = whole.try_into().map_err(|error| syntax(&error))?;
        profile.validate()?;
        profile.read_watermark(read)?;
        Ok(profile)
    }

    /// The built-in profile with this name, if there is one.
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|it| it.0 == name)?;
        Some(Self::parse(text).expect("the built-in profiles are valid: a test parses them"))
    }

    /// A hash input for the generation: every setting, the image of the watermark, and the version of
    /// the output.
    pub fn fingerprint(&self, mode: Mode) -> String {
        let settings = serde_json::to_string(self).expect("numbers and strings always serialise");
        let is_h264 = self.enabled_rungs().all(|it| it.codec == VideoCodec::H264);
        let version = match is_h264 {
            true => OUTPUT_VERSION,
            false => OUTPUT_VERSION_OF_NEWER_CODECS,
        };
        digest_hex(&[version, mode.as_str(), &settings], 32)
    }

    /// The rungs that are encoded.
    pub fn enabled_rungs(&self) -> impl Iterator<Item = &Rung> {
        self.rungs.iter().filter(|it| it.enabled)
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::parse("").expect("the built-in profile is valid: a test parses it")
    }
}

fn overlay(base: &mut toml::Table, given: toml::Table) {
    for (key, value) in given {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests;
