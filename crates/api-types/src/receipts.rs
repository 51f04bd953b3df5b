//! Receipts.

use domain::job::Stage;
use domain::loudness::TrackLoudness;
use domain::receipt::{Cost, Extra};
use serde::{Deserialize, Serialize};

use crate::MaybeKnown;
use crate::per_title::PerTitle;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoReceipt {
    #[serde(flatten)]
    pub receipt: Receipt,
    /// Estimated from list prices.
    pub cost: Cost,
}

/// Wall time of one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageTime {
    /// The stage.
    #[cfg_attr(feature = "openapi", schema(value_type = Stage))]
    pub stage: MaybeKnown<Stage>,
    /// Wall time, milliseconds. Stages run in parallel, so these do not add up to the total.
    pub wall_ms: u64,
}

/// The resources that one generation of a video used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// CPU time of the worker for this video, all child processes included, milliseconds.
    pub cpu_ms: u64,
    /// From the claim to the end, milliseconds; time between attempts does not count.
    pub wall_ms: u64,
    /// Wall time per stage, in the order of the stages.
    pub stages: Vec<StageTime>,
    /// Duration of the source, milliseconds.
    pub source_ms: u64,
    /// Bytes read from the store.
    pub bytes_in: u64,
    /// Bytes written to the store.
    pub bytes_out: u64,
    /// Requests that write, copy or list (class A of R2).
    pub store_writes: u64,
    /// Requests that read (class B of R2).
    pub store_reads: u64,
    /// Bytes that remain in the store: the outputs, and the source if it is kept.
    pub stored_bytes: u64,
    /// Extras that could not be produced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Extra>))]
    pub missing: Vec<MaybeKnown<Extra>>,
    /// Loudness of the audio tracks, if the profile normalises it. Silent tracks have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loudness: Vec<TrackLoudness>,
    /// The measurements of per-title encoding, if the profile has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_title: Option<PerTitle>,
}

impl From<domain::receipt::Receipt> for Receipt {
    fn from(receipt: domain::receipt::Receipt) -> Self {
        Self {
            cpu_ms: receipt.cpu_ms,
            wall_ms: receipt.wall_ms,
            stages: receipt
                .stages
                .into_iter()
                .map(|it| StageTime {
                    stage: it.stage.into(),
                    wall_ms: it.wall_ms,
                })
                .collect(),
            source_ms: receipt.source_ms,
            bytes_in: receipt.bytes_in,
            bytes_out: receipt.bytes_out,
            store_writes: receipt.store_writes,
            store_reads: receipt.store_reads,
            stored_bytes: receipt.stored_bytes,
            missing: receipt.missing.into_iter().map(MaybeKnown::from).collect(),
            loudness: receipt.loudness,
            per_title: receipt.per_title.map(PerTitle::from),
        }
    }
}
