//! What the transcoder did when.

use domain::job::Stage;
use serde::{Deserialize, Serialize};

use crate::{MaybeKnown, Timestamp};

/// The times of all attempts at a video.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timeline {
    /// Oldest first.
    pub attempts: Vec<TimelineAttempt>,
    /// The last lines of FFmpeg's log, without URLs, if the last attempt failed.
    pub ffmpeg_log: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineAttempt {
    /// As in the video.
    pub number: u64,
    pub stages: Vec<TimelineStage>,
    /// Chunks that the attempt finished.
    pub chunks: Vec<TimelineChunk>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineStage {
    #[cfg_attr(feature = "openapi", schema(value_type = Stage))]
    pub stage: MaybeKnown<Stage>,
    pub started_at: Timestamp,
    /// `null` while it runs.
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineChunk {
    /// The rungs that are made together: `copy`, the remuxed one; `encode`, all encoded ones; `audio`.
    pub rung: String,
    /// Position, from 0.
    pub number: u32,
    pub started_at: Timestamp,
    /// `null` while it runs.
    pub ended_at: Option<Timestamp>,
}
