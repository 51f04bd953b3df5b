//! The settings of per-title encoding in a profile.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::plan::{Codec, Size};
use crate::profile::Profile;

/// Number of values of CRF at which each sample is encoded.
pub const TRIALS: usize = 3;

/// Lines of a frame for which the model of VMAF is made.
const MODEL_LINES: u32 = 1080;

/// By how much the VMAF of an encoding with the same CRF is lower with half of the lines: an estimate
/// from a film of 480 lines, which has 86 to 87 near CRF 25 (docs/per-title.md).
const POINTS_PER_OCTAVE: f64 = 5.5;

/// Per-title encoding, as a profile has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerTitleSettings {
    /// Whether videos are measured.
    pub enabled: bool,
    /// The VMAF that a rung of 1080 lines is to reach: see [`PerTitleSettings::target_of`].
    pub target_vmaf: f64,
    /// The VMAF by which a rung must exceed the next smaller one, both at the size of the largest.
    pub least_difference: f64,
    /// Lowest CRF, on the scale of H.264.
    pub min_crf: u8,
    /// Highest CRF, on the scale of H.264.
    pub max_crf: u8,
}

impl PerTitleSettings {
    /// The points that a rung is to reach at its own size. The model of VMAF is for 1080 lines: smaller
    /// rungs have a lower score with the same CRF.
    pub fn target_of(&self, size: Size) -> f64 {
        let octaves = (f64::from(MODEL_LINES) / f64::from(size.short_side().max(1))).log2();
        (self.target_vmaf - POINTS_PER_OCTAVE * octaves.max(0.0)).max(0.0)
    }

    /// Whether videos are encoded with the CRF of the profile.
    pub(crate) fn is_off(&self) -> bool {
        !self.enabled
    }
}

impl Profile {
    /// The CRF of rungs of a codec without per-title encoding.
    pub fn crf(&self, codec: Codec) -> u8 {
        match codec {
            Codec::Hevc => self.hevc.crf,
            Codec::Av1 => self.av1.crf,
            Codec::H264 | Codec::Aac | Codec::Ac3 | Codec::Eac3 => self.encoder.crf,
        }
    }

    /// The values of CRF from which per-title encoding chooses for a codec. Those of HEVC and AV1 are
    /// as far from the CRF of their codec as the settings are from that of H.264.
    pub fn crf_range(&self, codec: Codec) -> RangeInclusive<u8> {
        let largest = match codec {
            Codec::Av1 => 63,
            Codec::H264 | Codec::Hevc | Codec::Aac | Codec::Ac3 | Codec::Eac3 => 51,
        };
        let shifted = |crf: u8| {
            let crf = i16::from(crf) + i16::from(self.crf(codec)) - i16::from(self.encoder.crf);
            crf.clamp(0, largest) as u8
        };
        shifted(self.per_title.min_crf)..=shifted(self.per_title.max_crf)
    }

    /// The values of CRF at which samples are encoded, increasing: both ends of the range, and the
    /// middle.
    pub fn trial_crfs(&self, codec: Codec) -> [u8; TRIALS] {
        let (low, high) = self.crf_range(codec).into_inner();
        [low, low + (high - low) / 2, high]
    }
}
