//! Per-title encoding, in receipts.

use domain::per_title::{Measure, RungChoice, Skipped};
use serde::{Deserialize, Serialize};

use crate::MaybeKnown;

/// The result of per-title encoding for one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PerTitle {
    /// The measure of the scores; missing: nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Measure>))]
    pub measure: Option<MaybeKnown<Measure>>,
    /// The reason why the rungs have the CRF of the profile; missing: they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Skipped>))]
    pub skipped: Option<MaybeKnown<Skipped>>,
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

impl From<domain::per_title::PerTitle> for PerTitle {
    fn from(it: domain::per_title::PerTitle) -> Self {
        Self {
            measure: it.measure.map(MaybeKnown::from),
            skipped: it.skipped.map(MaybeKnown::from),
            samples: it.samples,
            cpu_ms: it.cpu_ms,
            wall_ms: it.wall_ms,
            rungs: it.rungs,
        }
    }
}
