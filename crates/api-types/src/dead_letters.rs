//! Dead letters.

use domain::failure::{FailureClass, FailureCode};
use domain::ids::VideoId;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{MaybeKnown, Timestamp};

/// Parameters of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListDeadLetters {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    pub cursor: Option<String>,
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
    /// The failure code of the job: the last reason, or the failure of its video. Left out: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::VideoFailureCode>))]
    pub code: Option<MaybeKnown<FailureCode>>,
    /// The class of `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<FailureClass>))]
    pub class: Option<MaybeKnown<FailureClass>>,
    /// Whether the message can be parsed.
    pub readable: bool,
    pub sent_at: Timestamp,
    pub dead_lettered_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetterList {
    /// The oldest first.
    pub dead_letters: Vec<DeadLetter>,
    /// Cursor of the next page; `null` on the last page.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_cursor: Option<String>,
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
