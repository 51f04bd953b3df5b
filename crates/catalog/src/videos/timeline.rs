//! The times of an attempt: stages and chunks.

use domain::job::Stage;
use domain::segment::Lane;
use domain::time::UnixMillis;

/// A stage of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSpan {
    /// Number of the attempt.
    pub fence: u64,
    /// The stage that the worker reported.
    pub stage: Stage,
    /// When the worker first reported it.
    pub started_ms: UnixMillis,
    /// When the worker reported another stage, or the attempt ended; `None` while it runs.
    pub ended_ms: Option<UnixMillis>,
}

/// A finished chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSpan {
    /// Number of the attempt that made it.
    pub fence: u64,
    /// Its lane.
    pub lane: Lane,
    /// Position in its lane, from 0.
    pub index: u32,
    /// Start of FFmpeg.
    pub started_ms: UnixMillis,
    /// When it was recorded.
    pub ended_ms: UnixMillis,
}
