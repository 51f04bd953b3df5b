//! Settings of the surround renditions. Without them, settings have the same fingerprint as before.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::plan::Codec;

/// Numbers of channels from which 5.1 is made: 5.1 itself, 6.1 and 7.1. The channels of a recorder
/// with more inputs have no positions.
const CHANNELS: RangeInclusive<u32> = 6..=8;

/// Bit rates of 5.1 in AC-3, kbit/s (ETSI TS 102 366, table F.4.1).
const AC3_KBPS: [u32; 9] = [192, 224, 256, 320, 384, 448, 512, 576, 640];

/// Surround renditions, as a profile has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurroundSettings {
    /// Whether tracks with 5.1 channels or more get a surround rendition beside the stereo one.
    pub enabled: bool,
    /// Codec of the surround renditions.
    pub codec: SurroundCodec,
    /// Bit rate of a surround rendition, kbit/s.
    pub kbps: u32,
}

/// The codec of surround renditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SurroundCodec {
    /// AAC-LC.
    #[serde(rename = "aac")]
    Aac,
    /// AC-3 (Dolby Digital).
    #[serde(rename = "ac-3")]
    Ac3,
    /// Enhanced AC-3 (Dolby Digital Plus).
    #[serde(rename = "ec-3")]
    Eac3,
}

impl From<SurroundCodec> for Codec {
    fn from(codec: SurroundCodec) -> Self {
        match codec {
            SurroundCodec::Aac => Self::Aac,
            SurroundCodec::Ac3 => Self::Ac3,
            SurroundCodec::Eac3 => Self::Eac3,
        }
    }
}

impl SurroundSettings {
    /// Whether all audio is mixed down.
    pub(super) fn is_off(&self) -> bool {
        !self.enabled
    }

    /// Whether a track with so many channels gets a surround rendition.
    pub fn includes(&self, channels: u32) -> bool {
        self.enabled && CHANNELS.contains(&channels)
    }

    /// Checks the bit rate.
    ///
    /// # Errors
    /// The problem of the bit rate.
    pub(super) fn validate(&self) -> Result<(), &'static str> {
        let is_free = (160..=640).contains(&self.kbps);
        match self.codec {
            SurroundCodec::Aac | SurroundCodec::Eac3 if is_free => Ok(()),
            SurroundCodec::Aac | SurroundCodec::Eac3 => Err("must be 160 to 640"),
            SurroundCodec::Ac3 if AC3_KBPS.contains(&self.kbps) => Ok(()),
            SurroundCodec::Ac3 => {
                Err("must be a rate of AC-3: 192, 224, 256, 320, 384, 448, 512, 576 or 640")
            }
        }
    }
}
