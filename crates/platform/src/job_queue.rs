//! The job queue as the rest of the system sees it; no SDK type crosses this line.
//!
//! Implemented by `SqlQueue` (a table in SQLite or PostgreSQL) and `SqsQueue`; each must pass
//! `job_queue::conformance`. The words and rules are those of SQS: at least once, in no promised
//! order, and a message belongs to its receiver only as long as the lease is kept.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::job::{InvalidMessage, JobMessage};
use serde::{Deserialize, Serialize};

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod sql;
pub mod sqs;

pub use sql::SqlQueue;
pub use sqs::SqsQueue;

/// Deliveries of a job before it is given up, where the queue does not say so itself.
pub const MAX_RECEIVES: u32 = 5;

/// Which of the two queues of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueName {
    /// Somebody waits for it: uploads, retries, first views.
    Interactive,
    /// Nobody waits for it: migrations of whole buckets.
    Bulk,
}

impl QueueName {
    /// Both, the more urgent one first.
    pub const ALL: [Self; 2] = [Self::Interactive, Self::Bulk];

    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a queue: use interactive or bulk")]
pub struct UnknownQueue(String);

impl FromStr for QueueName {
    type Err = UnknownQueue;

    fn from_str(text: &str) -> Result<Self, UnknownQueue> {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| UnknownQueue(text.chars().take(64).collect()))
    }
}

/// Proof that a message is ours for the time of a lease. A later delivery makes it worthless. Use it with
/// the queue (or a clone of it) that gave it: others may not know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReceiptHandle(pub String);

/// Names a message in the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeadLetterId(pub String);

/// A message, leased to whoever received it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What it says. A body that cannot be read is delivered all the same, so that the consumer can
    /// [`bury`](JobQueue::bury) it with the reason.
    pub message: Result<JobMessage, InvalidMessage>,
    /// As it was sent.
    pub body: String,
    /// For `extend`, `ack`, `release` and `bury`.
    pub receipt: ReceiptHandle,
    /// How often it was delivered, this time included.
    pub receive_count: u32,
    /// Whether a failure now is final: the next thing that happens to it is the dead-letter queue.
    pub is_last: bool,
    /// When it was sent, Unix milliseconds.
    pub sent_ms: u64,
}

/// What became of a message that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It waits.
    Queued,
    /// A message of the same job waits already, no later than this one would have.
    Duplicate,
}

/// A message that nobody receives any more.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// For `redrive` and `purge`.
    pub id: DeadLetterId,
    /// What it says.
    pub message: Result<JobMessage, InvalidMessage>,
    /// As it was sent.
    pub body: String,
    /// How often it was delivered.
    pub receive_count: u32,
    /// When it was first sent, Unix milliseconds.
    pub sent_ms: u64,
    /// When it was given up, Unix milliseconds; when that was first noticed, where the queue does not know.
    pub died_ms: u64,
    /// The last reason given to `release` or `bury`, if any was.
    pub why: Option<String>,
}

/// How many messages there are. Approximate where others send and receive at the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Depth {
    /// Could be received now.
    pub ready: u64,
    /// Wait for the end of a delay.
    pub delayed: u64,
    /// Are leased.
    pub in_flight: u64,
    /// Are dead letters.
    pub dead: u64,
}

/// Why a queue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The message is no longer ours: the lease ended, or somebody settled it. Stop working on it.
    #[error("the lease of the message is lost")]
    LeaseLost,
    /// No such dead letter: it was redriven or removed.
    #[error("no dead letter `{}`", .0.0)]
    NoSuchDeadLetter(DeadLetterId),
    /// Asked for what the queue cannot keep, or not allowed: another attempt will not help.
    #[error("the queue `{queue}` refused: {detail}")]
    Refused {
        /// Its name.
        queue: String,
        /// In its words.
        detail: String,
    },
    /// The queue could not be reached: another attempt may succeed.
    #[error("the queue `{queue}` could not be reached")]
    Unavailable {
        /// Its name.
        queue: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// One queue with its dead-letter queue.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Stores a message that can be received after `delay`, or after the longest delay that the queue knows
    /// (SQS: 15 minutes).
    ///
    /// A queue may spare itself a message whose job waits already ([`Sent::Duplicate`]); it is then
    /// brought forward if this one would have come earlier. A message that somebody is working on
    /// never counts: that work may have begun before what this message tells of. Consumers must
    /// stand duplicates anyway.
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError>;

    /// Stores a body as it is, for relays and for tests. `Refused` where the queue cannot keep it: SQS no
    /// empty one, and neither SQS nor PostgreSQL one with NUL.
    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError>;

    /// Waits up to `wait` for one message and leases it. `Ok(None)`: nothing came. A queue may count in whole
    /// seconds, rounded up.
    ///
    /// Dropping the future may leave a message leased until the lease ends.
    async fn receive(&self, wait: Duration, lease: Duration) -> Result<Option<Delivery>, QueueError>;

    /// Keeps the message ours for another `lease` from now; call it before the last one ends.
    /// `LeaseLost` means that somebody else may have it: stop.
    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError>;

    /// The message is settled, well or badly: it is not delivered again. Works after the end of the
    /// lease too where the queue can tell that nobody else has received it; otherwise it changes
    /// nothing, and is `LeaseLost`.
    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError>;

    /// Gives the message back; it can be received again after `delay`, or is a dead letter if this
    /// was its last delivery. `why` is kept for the dead letter where the queue can.
    async fn release(&self, receipt: &ReceiptHandle, delay: Duration, why: &str) -> Result<(), QueueError>;

    /// Makes it a dead letter at once: nobody will ever be able to act on it.
    async fn bury(&self, receipt: &ReceiptHandle, why: &str) -> Result<(), QueueError>;

    /// The oldest dead letters, at most `limit`; just some of them where the queue has no order. They stay.
    /// Who looks may hide them from others for that moment.
    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError>;

    /// Puts one dead letter, or all, back as if just sent, and says how many there were.
    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError>;

    /// Removes one dead letter, or all, for good, and says how many there were.
    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError>;

    /// How many messages there are.
    async fn depth(&self) -> Result<Depth, QueueError>;
}

/// A queue that many parts of a program share.
pub type SharedQueue = Arc<dyn JobQueue>;
