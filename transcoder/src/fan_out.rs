//! Scale-out: several transcoders encode the chunks of one video.
//!
//! The transcoder that holds the video's claim *leads*: it plans, stores the plan as an object, adds
//! a row for each chunk of the lane `encode` to the catalog, and sends messages that wake others. It
//! encodes chunks too, does all other lanes, and is the only one that writes playlists
//! ([`Lead`]). Idle transcoders *help*: for each message, they encode one chunk by that plan
//! (`jobs::chunk`).
//!
//! The rows are the truth: the leader also finishes the video if no message arrives, or no other
//! transcoder runs. A chunk may be encoded twice, because a lease expired or the first transcoder is
//! slow. The first record counts. Segments of different transcoders have different names.

mod choice;
mod helping;
mod lead;
mod shared_plan;

use std::time::Duration;

use catalog::{Catalog, Claim};
use domain::job::Job;
use platform::job_queue::SharedQueue;

pub use helping::Helping;
pub(crate) use lead::Lead;
pub(crate) use shared_plan::{LARGEST_PLAN, SharedPlan};

/// Duration of the lease of a chunk. A transcoder that is killed delays its chunk by at most this
/// long; the last chunks of a video wait for it.
pub(crate) const CHUNK_LEASE: Duration = Duration::from_secs(15);

/// How often a transcoder that helps looks whether its chunk is still wanted.
pub(crate) const CHUNK_PULSE: Duration = Duration::from_secs(4);

/// Number of failures of a chunk after which only the leader tries it: its own failure decides
/// about the video.
pub(crate) const MOST_FAILURES: u32 = 3;

/// What a leader needs. Without it, one transcoder encodes the whole video.
pub(crate) struct FanOutServices {
    /// The catalog.
    pub catalog: Catalog,
    /// The queue of the messages.
    pub queue: SharedQueue,
    /// The claim on the video.
    pub claim: Claim,
    /// The job, which helpers read too.
    pub job: Job,
    /// Name of this worker.
    pub worker: String,
}
