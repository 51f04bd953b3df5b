//! Starts transcoders when jobs are sent, for installations whose transcoders end when they are idle.
//!
//! [`LaunchingQueue`] wraps the queue of every program that sends jobs. After a send, the [`Launcher`]
//! counts jobs and tasks, and starts the tasks that are missing ([`domain::launch`]). A launch that
//! fails fails no send: the job is in the queue, and a later look starts a transcoder for it.
//!
//! A transcoder may end at the moment when a job is sent, and the counts are those of a moment ago.
//! Therefore scheduled programs also look ([`JobQueue::start_workers`]).
//!
//! Processes that look at the same time ask for the same places with the same tokens, of which ECS
//! executes the first. So a burst of jobs starts no more than the limit, except that the tokens
//! change every half minute: two looks around that moment may start a transcoder too many, which
//! ends when it is idle.
//!
//! [`JobQueue::start_workers`]: crate::job_queue::JobQueue::start_workers

pub mod ecs;
mod launcher;
mod queue;

use std::fmt;
use std::num::NonZeroU32;

pub use self::launcher::Launcher;
pub use self::queue::LaunchingQueue;

/// Where and how transcoders are started.
#[derive(Debug, Clone)]
pub struct LaunchSettings {
    /// The tasks.
    pub tasks: ecs::TaskSettings,
    /// The most tasks at the same time.
    pub limit: NonZeroU32,
    /// Gets the outcome of each look.
    pub report: Report,
}

/// The outcome of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchOutcome {
    /// Tasks that were started.
    pub started: u32,
    /// Whether counting or starting failed.
    pub has_failed: bool,
}

/// Receives outcomes, for metrics; by default it does nothing.
#[derive(Clone, Copy)]
pub struct Report(pub fn(LaunchOutcome));

impl Default for Report {
    fn default() -> Self {
        Self(|_| {})
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Report")
    }
}
