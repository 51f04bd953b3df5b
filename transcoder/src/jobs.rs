//! The kinds of jobs. Each has a type whose `run` does the work and returns the fate of its
//! message, which the worker then carries out.

use std::time::Duration;

use platform::job_queue::Delivery;
use tokio_util::sync::CancellationToken;

use crate::worker::Worker;

pub(crate) mod captions;
pub(crate) mod chunk;
pub(crate) mod download;
mod failure;
mod holding;
pub(crate) mod import;
mod on_request;
pub(crate) mod poster;
pub(crate) mod preview;
pub(crate) mod thumbnail;
pub(crate) mod transcode;
pub(crate) mod transcription;

/// A delivery that a worker processes.
#[derive(Clone, Copy)]
pub(crate) struct JobContext<'a> {
    /// The worker, with its services.
    pub(crate) worker: &'a Worker,
    /// The delivery of the job's message.
    pub(crate) delivery: &'a Delivery,
    /// Cancelled when the worker stops.
    pub(crate) cancel: &'a CancellationToken,
}

/// The fate of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The job is done, or there is nothing to do.
    Acknowledge,
    /// The message is delivered again.
    Release {
        /// Time until then.
        pause: Duration,
        /// The reason, for the log of the queue.
        reason: String,
    },
    /// The message is kept for the operator, and not delivered again.
    DeadLetter {
        /// The reason, for the operator.
        reason: String,
    },
    /// A new message takes its place, with deliveries of its own.
    Replace {
        /// Time until the delivery of the new message.
        pause: Duration,
    },
}

impl Fate {
    /// The message is delivered again after a pause.
    pub(crate) fn release(pause: Duration, reason: impl Into<String>) -> Self {
        Self::Release {
            pause,
            reason: reason.into(),
        }
    }

    /// The message is kept for the operator.
    pub(crate) fn dead_letter(reason: impl Into<String>) -> Self {
        Self::DeadLetter {
            reason: reason.into(),
        }
    }
}
