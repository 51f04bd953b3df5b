//! Scores of a measure, and a common scale for all measures.

use serde::{Deserialize, Serialize};

/// A measure of the quality of video, compared with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// VMAF, 0 to 100 (model `vmaf_v0.6.1`).
    Vmaf,
    /// SSIM of the luma, 0 to 1, where FFmpeg is built without libvmaf.
    Ssim,
}

impl Measure {
    /// Its usual name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vmaf => "VMAF",
            Self::Ssim => "SSIM",
        }
    }

    /// Decimals that are more than noise.
    pub fn decimals(self) -> usize {
        match self {
            Self::Vmaf => 1,
            Self::Ssim => 3,
        }
    }
}

/// A score in the unit of its measure, to four decimals. Documents have numbers such as `93.4`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Score {
    ten_thousandths: u32,
}

impl Score {
    /// The score in its unit.
    pub fn as_f64(self) -> f64 {
        f64::from(self.ten_thousandths) / 10_000.0
    }

    /// The score on the scale of VMAF, on which the rules compare: points.
    pub(super) fn points(self, measure: Measure) -> f64 {
        match measure {
            Measure::Vmaf => self.as_f64().min(100.0),
            Measure::Ssim => interpolate(&SSIM_POINTS, decibels(self.as_f64())),
        }
    }

    /// The score of a measure that corresponds to points.
    pub(super) fn of_points(points: f64, measure: Measure) -> Self {
        match measure {
            Measure::Vmaf => points.into(),
            Measure::Ssim => {
                let swapped = SSIM_POINTS.map(|(decibels, points)| (points, decibels));
                (1.0 - 10_f64.powf(interpolate(&swapped, points) / -10.0)).into()
            }
        }
    }
}

impl From<f64> for Score {
    /// Rounds; a value that is not a number, or negative, becomes 0.
    fn from(value: f64) -> Self {
        let ten_thousandths = (value * 10_000.0).round() as u32;
        Self { ten_thousandths }
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        score.as_f64()
    }
}

/// SSIM in decibels, and the VMAF that the same encodings have on average, increasing. An estimate
/// from a few videos (docs/per-title.md); for one video, the two differ by ten points and more.
const SSIM_POINTS: [(f64, f64); 6] = [
    (0.0, 0.0),
    (5.0, 28.0),
    (10.0, 57.0),
    (15.0, 84.0),
    (20.0, 94.0),
    (30.0, 100.0),
];

/// Structural similarity as a ratio, decibels.
fn decibels(ssim: f64) -> f64 {
    -10.0 * (1.0 - ssim).max(1e-6).log10()
}

/// Linear interpolation between points of increasing `x`, constant outside of them.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|it| it.0 <= x);
    match (points.get(after.wrapping_sub(1)), points.get(after)) {
        (Some(before), Some(next)) => {
            before.1 + (next.1 - before.1) * (x - before.0) / (next.0 - before.0)
        }
        (Some(end), None) | (None, Some(end)) => end.1,
        (None, None) => 0.0,
    }
}
