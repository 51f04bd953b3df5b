//! Dead letters.

use domain::ids::VideoId;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
#[cfg(feature = "openapi")]
use crate::schemas;

/// Parameters of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListDeadLetters {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
}

/// A job that failed too often.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetter {
    /// The id for `redrive`.
    pub id: String,
    /// `null` if the message cannot be parsed.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::VideoId>))]
    pub video: Option<VideoId>,
    /// Number of deliveries.
    pub attempts: u32,
    /// The last reason, if known; for a failed video, its failure code.
    pub reason: Option<String>,
    /// Whether the message can be parsed.
    pub readable: bool,
    pub sent_at: Timestamp,
    pub dead_lettered_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetterList {
    /// The oldest ones; a queue without an order returns any.
    pub dead_letters: Vec<DeadLetter>,
}

/// The result of a redrive.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RedriveResult {
    /// Number of jobs that were queued again.
    pub redriven: u64,
    /// Number of dead letters that were removed: their videos were deleted, cancelled, are ready, or have a newer job.
    pub dropped: u64,
}
