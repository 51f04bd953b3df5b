//! The audio tracks of a source.

use serde::{Deserialize, Serialize};

use super::Extent;
use crate::loudness::Loudness;

/// An audio track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioStream {
    /// Stream index in the container.
    pub index: u32,
    /// FFmpeg's codec name, such as `aac` or `pcm_s16le`.
    pub codec: String,
    /// FFmpeg's profile name, such as `LC`.
    pub profile: Option<String>,
    /// Number of channels.
    pub channels: u32,
    /// Sample rate, Hz.
    pub sample_rate: u32,
    /// Bit rate in bit/s, if the container declares it.
    pub bit_rate: Option<u64>,
    /// First presentation time, seconds on the container's clock.
    pub start_seconds: f64,
    /// Duration in seconds, if the container declares it.
    pub duration_seconds: Option<f64>,
    /// Language as the container declares it (a code of ISO 639-2 or a tag of BCP 47), if it does.
    pub language: Option<String>,
    /// Title, if the container declares one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Purpose, as the container declares it.
    #[serde(default, skip_serializing_if = "AudioPurpose::is_main")]
    pub purpose: AudioPurpose,
    /// Its loudness, if it was measured and it is not silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness: Option<Loudness>,
    /// Its loudness in 5.1, if it gets a surround rendition and was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surround_loudness: Option<Loudness>,
}

impl AudioStream {
    /// Its extent, if its duration is declared.
    pub fn extent(&self) -> Option<Extent> {
        Some(Extent {
            start: self.start_seconds,
            end: self.start_seconds + self.duration_seconds?,
        })
    }
}

/// The purpose of an audio track.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudioPurpose {
    /// The audio of the presentation, in some language.
    #[default]
    Main,
    /// Comments on the presentation.
    Commentary,
    /// Describes the video to viewers who cannot see it.
    Descriptions,
    /// Speech that is easier to understand for viewers with impaired hearing.
    HearingImpaired,
}

impl AudioPurpose {
    /// Whether it is [`Self::Main`].
    pub fn is_main(&self) -> bool {
        *self == Self::Main
    }
}
