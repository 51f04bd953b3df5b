//! The chunks of a generation that several transcoders encode, as the catalog records them.

use domain::ids::{Generation, PlanId, VideoId};
use domain::job::Job;
use domain::time::UnixMillis;

/// A generation whose lane `encode` several transcoders share. The holder of the video's claim
/// begins and ends it; it outlives that claim if the job has another attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanOut {
    /// The video.
    pub video: VideoId,
    /// The generation.
    pub generation: Generation,
    /// The plan that all transcoders follow.
    pub plan: PlanId,
    /// The job, with its source and its profile.
    pub job: Job,
}

/// A chunk that is not recorded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChunk {
    /// Position in the lane `encode`, from 0.
    pub index: u32,
    /// Number of claims so far.
    pub claims: u32,
    /// The worker of the last claim, unless it released the chunk.
    pub worker: Option<String>,
    /// When it was claimed last.
    pub claimed_ms: UnixMillis,
    /// When the lease of the last claim expires.
    pub lease_until_ms: UnixMillis,
    /// Number of transcoders that failed.
    pub failures: u32,
    /// No other transcoder claims it before this time.
    pub waits_until_ms: UnixMillis,
    /// When its message was sent last; `None`: none is on its way.
    pub sent_ms: Option<UnixMillis>,
}

impl OpenChunk {
    /// Whether a worker holds it.
    pub fn is_held(&self, now: UnixMillis) -> bool {
        self.worker.is_some() && self.lease_until_ms > now
    }
}

/// The right to encode a chunk. Several transcoders may have one for the same chunk, after a lease
/// expired or because the first is slow: the first record counts, and all names differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkClaim {
    /// The video.
    pub video: VideoId,
    /// The generation.
    pub generation: Generation,
    /// The plan.
    pub plan: PlanId,
    /// Position in the lane `encode`, from 0.
    pub index: u32,
    /// Number of the claim of this chunk, from 1.
    pub number: u32,
    /// The fence under which the chunk was shared. If it is withdrawn and shared again, this claim ends,
    /// and numbers begin at 1.
    pub fence: u64,
    /// Number of transcoders that failed before.
    pub failures: u32,
}

/// Which chunks may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eligible {
    /// Those that nobody holds and that do not wait after a failure.
    Free,
    /// Also those that wait.
    Waiting,
    /// Also those that another worker holds.
    All,
}

/// The result of an attempt to claim a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChunkOutcome {
    /// The caller may encode it.
    Claimed(ChunkClaim),
    /// Another worker holds it, or it waits after a failure.
    Busy,
    /// It is recorded, or its plan is not followed any more.
    Done,
}
