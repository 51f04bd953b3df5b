//! Per-title encoding: the CRF of each rung, and the rungs that viewers can tell apart, chosen from
//! samples of the video.
//!
//! The transcoder encodes a few samples at three values of CRF and compares them with the source.
//! These rules select the samples ([`samples`]) and draw the conclusions ([`choose`]). The result is
//! part of the plan, of the receipt, and of the API.

use serde::{Deserialize, Serialize};

use crate::object_key::RenditionName;

mod choice;
mod curve;
mod samples;
mod score;
mod settings;

pub use choice::{MeasuredRung, choose};
pub use samples::{Sample, samples, time_limit};
pub use score::{Measure, Score};
pub use settings::{PerTitleSettings, TRIALS};

/// The result of per-title encoding for one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerTitle {
    /// The measure of the scores; `None`: nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// The reason why the rungs have the CRF of the profile; `None`: they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// Number of samples.
    pub samples: u32,
    /// CPU time of the measurement, milliseconds.
    pub cpu_ms: u64,
    /// Wall time of the measurement, milliseconds: viewers wait this much longer.
    pub wall_ms: u64,
    /// The measured rungs, largest first, those that are left out among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<RungChoice>,
}

/// The choice for one rung, with the measurements that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RungChoice {
    /// Name of the rung in the profile.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: RenditionName,
    /// CRF, on the scale of its codec.
    pub crf: u8,
    /// Expected score at the size of the rung.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub score: Score,
    /// Expected score at the size of the largest rung, as a viewer sees it there in full screen.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub full_size_score: Score,
    /// Expected video bit rate, kbit/s.
    pub kbps: u32,
    /// Expected video bit rate with the CRF of the profile, kbit/s.
    pub profile_kbps: u32,
    /// The smaller rung that viewers cannot tell from this one, which is therefore left out; missing:
    /// the rung is encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub same_as: Option<RenditionName>,
    /// The measurements, lowest CRF first.
    pub trials: Vec<Trial>,
}

/// A rung at one CRF: the mean of all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trial {
    /// CRF, on the scale of the codec.
    pub crf: u8,
    /// Score at the size of the rung.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub score: Score,
    /// Video bit rate, kbit/s.
    pub kbps: u32,
}

/// A reason why nothing was measured. The rungs have the CRF of the profile then, and none is left
/// out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Skipped {
    /// The video is shorter than the samples.
    TooShort,
    /// The source can only be read from its beginning.
    Unseekable,
    /// The source is HDR or has a wide gamut, for which the measures are not made.
    Hdr,
    /// FFmpeg has neither libvmaf nor SSIM.
    NoMeasure,
    /// The measurement took longer than its time limit.
    TooSlow,
    /// The measurement failed.
    Failed,
}

impl Skipped {
    /// The reason, as a clause.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooShort => "the video is too short for samples",
            Self::Unseekable => "the source can only be read from its beginning",
            Self::Hdr => "the source is HDR or has a wide gamut",
            Self::NoMeasure => "FFmpeg has neither of the filters libvmaf and ssim",
            Self::TooSlow => "the measurement took too long",
            Self::Failed => "the measurement failed",
        }
    }
}

impl PerTitle {
    /// The result of a measurement that did not happen.
    pub fn skipped(reason: Skipped) -> Self {
        Self {
            measure: None,
            skipped: Some(reason),
            samples: 0,
            cpu_ms: 0,
            wall_ms: 0,
            rungs: vec![],
        }
    }

    /// Keeps every rung: those of a re-encode were requested.
    pub fn keep_all(&mut self) {
        self.rungs.iter_mut().for_each(|it| it.same_as = None);
    }

    /// The choice for a rung.
    pub fn of(&self, name: &RenditionName) -> Option<&RungChoice> {
        self.rungs.iter().find(|it| it.name == *name)
    }

    /// Whether a rung is left out.
    pub fn leaves_out(&self, name: &RenditionName) -> bool {
        self.of(name).is_some_and(|it| it.same_as.is_some())
    }

    /// The choices of a generation in which only these rungs are re-encoded: `fresh` has theirs, and
    /// `base` those of the others. The costs are those of `fresh`.
    pub(crate) fn renewed(
        base: Option<&Self>,
        fresh: Option<&Self>,
        names: &[RenditionName],
    ) -> Option<Self> {
        let Some(base) = base else {
            return fresh.cloned();
        };
        let mut merged = base.clone();
        merged.rungs.retain(|it| !names.contains(&it.name));
        (merged.cpu_ms, merged.wall_ms) = fresh.map_or((0, 0), |it| (it.cpu_ms, it.wall_ms));
        if let Some(fresh) = fresh.filter(|it| it.measure.is_some()) {
            // Scores of different measures do not compare. The newer ones say which they are.
            if merged.measure != fresh.measure {
                merged.rungs.clear();
                (merged.measure, merged.skipped) = (fresh.measure, None);
            }
            merged.samples = fresh.samples;
            // A second attempt reads those of the others as well.
            let own = fresh.rungs.iter().filter(|it| names.contains(&it.name));
            merged.rungs.extend(own.cloned());
        }
        Some(merged)
    }
}

#[cfg(test)]
mod tests;
