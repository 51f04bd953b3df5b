//! The interface of the job queue; no SDK type crosses it.
//!
//! Implemented by `catalog::SqlQueue` (a table in SQLite or PostgreSQL) and `catalog::SqsJobQueue` (an
//! [`SqsQueue`] whose dead letters are in that table); each must pass `job_queue::conformance`. Terms and rules are those of SQS: at-least-once delivery, no
//! guaranteed order, and a message belongs to its receiver only while the lease is kept.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::job::{InvalidMessage, JobMessage, Priority};
use domain::time::UnixMillis;
use serde::{Deserialize, Serialize};

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod sqs;

pub use sqs::SqsQueue;

/// Deliveries before a message becomes a dead letter, for queues that do not define it themselves.
pub const MAX_RECEIVES: u32 = 5;

/// One of the queues of an installation, in the order in which workers ask them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueName {
    /// Jobs that users wait for.
    Interactive,
    /// Chunks of long videos, which several transcoders encode together.
    Chunks,
    /// Jobs that may wait until the other queues are empty.
    Bulk,
}

impl QueueName {
    /// Every queue.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Chunks, Self::Bulk];

    /// The queue of a message.
    pub fn of(message: &JobMessage) -> Self {
        match (message, message.priority()) {
            (JobMessage::ChunkV1(_), _) => Self::Chunks,
            (_, Priority::Interactive) => Self::Interactive,
            (_, Priority::Bulk) => Self::Bulk,
        }
    }

    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Chunks => "chunks",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The messages that a receiver can work on. Interactive jobs are always among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Messages of [`QueueName::Chunks`].
    pub chunks: bool,
    /// Messages of [`QueueName::Bulk`].
    pub bulk: bool,
}

impl Wanted {
    /// All messages.
    pub const ALL: Self = Self {
        chunks: true,
        bulk: true,
    };
    /// All messages except chunks.
    pub const JOBS: Self = Self {
        chunks: false,
        bulk: true,
    };

    /// Whether messages of this queue are wanted.
    pub fn includes(self, queue: QueueName) -> bool {
        match queue {
            QueueName::Interactive => true,
            QueueName::Chunks => self.chunks,
            QueueName::Bulk => self.bulk,
        }
    }
}

/// Proof that the receiver holds a message during a lease. A later delivery invalidates it. Use it
/// with the queue that returned it (or a clone): other queue objects may not know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReceiptHandle(pub String);

/// Id of a message in the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeadLetterId(pub String);

/// A message, leased to its receiver.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The parsed message. A malformed body is delivered as well, so that the consumer can
    /// [`dead_letter`](JobQueue::dead_letter) it with a reason.
    pub message: Result<JobMessage, InvalidMessage>,
    /// The body as it was sent.
    pub body: String,
    /// Handle for `extend`, `ack`, `release` and `dead_letter`.
    pub receipt: ReceiptHandle,
    /// Number of deliveries, this one included.
    pub receive_count: u32,
    /// Whether this is the last delivery: after a failure the message goes to the dead-letter
    /// queue.
    pub is_last: bool,
    /// Send time.
    pub sent_ms: UnixMillis,
}

/// The result of sending a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The message was queued.
    Queued,
    /// A message of the same job is already waiting, due no later than this one.
    Duplicate,
}

/// A message that is no longer delivered.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Id for `redrive` and `purge`.
    pub id: DeadLetterId,
    /// The parsed message.
    pub message: Result<JobMessage, InvalidMessage>,
    /// The body as it was sent.
    pub body: String,
    /// Number of deliveries.
    pub receive_count: u32,
    /// Time of the first send.
    pub sent_ms: UnixMillis,
    /// When it became a dead letter; when that was noticed, if the queue does not record it.
    pub dead_lettered_ms: UnixMillis,
    /// It became a dead letter at this time or later. Work that was requested after this time has a
    /// message of its own.
    pub died_after_ms: UnixMillis,
    /// The last reason passed to `release` or `dead_letter`, if there is one.
    pub reason: Option<String>,
    /// Whether everything that follows from it was done: see [`JobQueue::settle_dead_letter`].
    pub is_settled: bool,
}

impl DeadLetter {
    /// Its position in the list.
    pub fn position(&self) -> DeadLetterPosition {
        DeadLetterPosition {
            dead_lettered_ms: self.dead_lettered_ms,
            id: self.id.clone(),
        }
    }
}

/// A position in the list of dead letters, whose text form is a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterPosition {
    /// When the message became a dead letter.
    pub dead_lettered_ms: UnixMillis,
    /// Dead letters of the same time are sorted by their ids.
    pub id: DeadLetterId,
}

impl fmt::Display for DeadLetterPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.dead_lettered_ms.get(), self.id.0)
    }
}

/// A text that is not the position of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the position of a dead letter")]
pub struct InvalidPosition;

impl FromStr for DeadLetterPosition {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (time, id) = text.split_once('.').ok_or(InvalidPosition)?;
        let time = time.parse().map_err(|_| InvalidPosition)?;
        // The largest integer of the databases; no id has control characters.
        if time > i64::MAX.unsigned_abs() || id.contains(char::is_control) {
            return Err(InvalidPosition);
        }
        Ok(Self {
            dead_lettered_ms: UnixMillis::new(time),
            id: DeadLetterId(id.to_owned()),
        })
    }
}

/// Message counts. Approximate while others send and receive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Depth {
    /// Messages that can be received now.
    pub ready: u64,
    /// Messages that wait for the end of a delay.
    pub delayed: u64,
    /// Messages that are leased.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
}

impl Add for Depth {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            ready: self.ready + other.ready,
            delayed: self.delayed + other.delayed,
            in_flight: self.in_flight + other.in_flight,
            dead: self.dead + other.dead,
        }
    }
}

/// Messages that are not dead letters. Approximate, as [`Depth`]; `dead` is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Jobs, interactive and bulk.
    pub jobs: Depth,
    /// Chunks of videos that another transcoder leads.
    pub chunks: Depth,
}

impl Unfinished {
    /// The sums over queues.
    pub fn sum(queues: impl IntoIterator<Item = (QueueName, Depth)>) -> Self {
        queues
            .into_iter()
            .fold(Self::default(), |mut sum, (name, depth)| {
                let kind = match name {
                    QueueName::Interactive | QueueName::Bulk => &mut sum.jobs,
                    QueueName::Chunks => &mut sum.chunks,
                };
                *kind = *kind + Depth { dead: 0, ..depth };
                sum
            })
    }
}

/// An error of the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The receiver no longer holds the message: the lease expired, or another receiver settled it.
    /// Stop working on it.
    #[error("the lease of the message is lost")]
    LeaseLost,
    /// The dead letter does not exist: it was redriven or removed.
    #[error("no dead letter `{}`", .0.0)]
    NoSuchDeadLetter(DeadLetterId),
    /// Without a dead-letter queue, a job that always fails would be delivered forever.
    #[error("the queue `{queue}` has no dead-letter queue: give it a redrive policy")]
    NoDeadLetterQueue {
        /// Name of the queue.
        queue: String,
    },
    /// The queue cannot store the message, or denies access. A retry does not help.
    #[error("the queue `{queue}` refused: {detail}")]
    Refused {
        /// Name of the queue.
        queue: String,
        /// The queue's own message.
        detail: String,
    },
    /// The queue could not be reached. A retry may succeed.
    #[error("the queue `{queue}` could not be reached")]
    Unavailable {
        /// Name of the queue.
        queue: String,
        /// The client's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A queue with its dead-letter queue.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Stores a message that can be received after `delay`, or after the queue's longest delay
    /// (SQS: 15 minutes).
    ///
    /// A queue may drop a message whose job is already waiting ([`Sent::Duplicate`]); the waiting
    /// one is moved forward if this one would have been due earlier. A message in progress is never
    /// a reason to drop one: that work may have begun before the change that this message reports.
    /// Consumers must tolerate duplicates in any case.
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError>;

    /// Stores a raw body, for relays and tests. `Refused` where the queue cannot store it: SQS
    /// stores no empty body, and neither SQS nor PostgreSQL one with NUL.
    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError>;

    /// Waits up to `wait` for one of the `wanted` messages and leases it. `Ok(None)`: no message
    /// came. A queue may count in whole seconds, rounded up. A single queue holds only messages
    /// that its receivers want, so it does not use `wanted`.
    ///
    /// Dropping the future may leave a message leased until the lease expires.
    async fn receive(
        &self,
        wanted: Wanted,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError>;

    /// Extends the lease to `lease` from now; call it before the current one expires. `LeaseLost`
    /// means that another receiver may have the message: stop.
    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError>;

    /// Settles the message, whether the job succeeded or failed: it is not delivered again. It also
    /// works after the lease has expired, if the queue can tell that no other receiver has the
    /// message; otherwise it changes nothing and returns `LeaseLost`.
    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError>;

    /// Returns the message. It can be received again after `delay`, or becomes a dead letter if
    /// this was its last delivery. `reason` is stored for the dead letter if the queue supports it.
    async fn release(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
        reason: &str,
    ) -> Result<(), QueueError>;

    /// Makes the message a dead letter at once, because no consumer will ever be able to process
    /// it.
    async fn dead_letter(&self, receipt: &ReceiptHandle, reason: &str) -> Result<(), QueueError>;

    /// Moves messages that have become dead letters to where the following methods find them, and
    /// returns their number. Call it regularly, in one program or several.
    async fn collect_dead_letters(&self) -> Result<u64, QueueError>;

    /// The oldest collected dead letters, at most `limit`.
    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError>;

    /// The oldest collected dead letters after a position, at most `limit`.
    async fn dead_letters_after(
        &self,
        after: &DeadLetterPosition,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, QueueError>;

    /// The dead letter with this id, if it was collected.
    async fn dead_letter_of(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>, QueueError>;

    /// The oldest collected dead letters that were not settled, at most `limit`.
    async fn unsettled_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError>;

    /// Records that everything that follows from a dead letter was done. It stays, for the operator.
    async fn settle_dead_letter(&self, id: &DeadLetterId) -> Result<(), QueueError>;

    /// Redrives one dead letter, or all, as if just sent, and returns their number.
    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError>;

    /// Removes one dead letter, or all, permanently, and returns their number.
    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError>;

    /// Whether [`send`](Self::send) accepts chunks. If not, a transcoder encodes its videos alone.
    fn takes_chunks(&self) -> bool {
        true
    }

    /// How long a receiver can hold a message, if the queue limits that. Before, the receiver sends
    /// the message again, and acknowledges this one.
    fn longest_hold(&self) -> Option<Duration> {
        None
    }

    /// Counts the messages.
    async fn depth(&self) -> Result<Depth, QueueError>;

    /// Counts the messages that are not dead letters, with fewer rights.
    async fn unfinished(&self) -> Result<Unfinished, QueueError>;

    /// Starts transcoders for the jobs that wait, where they are started on demand; a failure is
    /// logged. Call it regularly.
    async fn start_workers(&self) {}

    /// As [`start_workers`](Self::start_workers), if a send was not followed by a look. Call it after
    /// the last one of several sends.
    async fn finish_sends(&self) {}
}

/// A queue that several parts of a program share.
pub type SharedQueue = Arc<dyn JobQueue>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_text() {
        let position = DeadLetterPosition {
            dead_lettered_ms: UnixMillis::new(1_700_000_000_000),
            id: DeadLetterId("a.b-7".to_owned()),
        };
        assert_eq!(position.to_string(), "1700000000000.a.b-7");
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "17", "x.1", "-1.a", "9223372036854775808.a", "1.a\0"] {
            assert_eq!(
                bad.parse::<DeadLetterPosition>(),
                Err(InvalidPosition),
                "{bad}"
            );
        }
    }
}
