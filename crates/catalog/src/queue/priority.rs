//! Two queues as one: jobs that users wait for come first.

use std::time::Duration;

use async_trait::async_trait;
use domain::job::{JobMessage, Priority};
use platform::job_queue::{
    DeadLetter, DeadLetterId, DeadLetterPosition, Delivery, Depth, JobQueue, QueueError, QueueName,
    ReceiptHandle, Sent,
};
use tokio::time::Instant;

use super::SqlQueue;
use super::job_queue::LOOK_INTERVAL;
use super::turns::Turns;
use crate::database::Database;

/// The queues of a database. Bulk jobs are received while no interactive one waits, and one after
/// seven interactive ones: a busy installation converts its old videos too.
#[derive(Debug, Clone)]
pub struct PriorityQueue {
    interactive: SqlQueue,
    bulk: SqlQueue,
    turns: Turns,
}

impl PriorityQueue {
    /// Both queues, with the settings of [`SqlQueue::new`].
    pub fn new(database: &Database, max_receives: u32, holder: &str) -> Self {
        let queue = |name| SqlQueue::new(database, name, max_receives, holder);
        Self {
            interactive: queue(QueueName::Interactive),
            bulk: queue(QueueName::Bulk),
            turns: Turns::default(),
        }
    }

    /// As [`SqlQueue::release_held`].
    pub async fn release_held(&self) -> Result<u64, QueueError> {
        Ok(self.interactive.release_held().await? + self.bulk.release_held().await?)
    }

    async fn receive_interactive(
        &self,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let delivery = self.interactive.receive(wait, lease).await?;
        if delivery.is_some() {
            self.turns.interactive();
        }
        Ok(delivery)
    }

    async fn receive_bulk(&self, lease: Duration) -> Result<Option<Delivery>, QueueError> {
        let delivery = self.bulk.receive(Duration::ZERO, lease).await?;
        if delivery.is_some() {
            self.turns.bulk();
        }
        Ok(delivery)
    }

    fn queue_of(&self, message: &JobMessage) -> &SqlQueue {
        match message.priority() {
            Priority::Interactive => &self.interactive,
            Priority::Bulk => &self.bulk,
        }
    }
}

/// The oldest of two lists.
fn oldest(mut letters: Vec<DeadLetter>, others: Vec<DeadLetter>, limit: u32) -> Vec<DeadLetter> {
    letters.extend(others);
    letters.sort_by(|a, b| (a.dead_lettered_ms, &a.id.0).cmp(&(b.dead_lettered_ms, &b.id.0)));
    letters.truncate(limit as usize);
    letters
}

/// The results of both queues: one dead letter is in one of them.
fn sum(first: Result<u64, QueueError>, second: Result<u64, QueueError>) -> Result<u64, QueueError> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok(first + second),
        (Ok(changed), Err(QueueError::NoSuchDeadLetter(_)))
        | (Err(QueueError::NoSuchDeadLetter(_)), Ok(changed)) => Ok(changed),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

#[async_trait]
impl JobQueue for PriorityQueue {
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        self.queue_of(message).send(message, delay).await
    }

    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        self.interactive.send_body(body, delay).await
    }

    async fn receive(
        &self,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let deadline = Instant::now() + wait;
        if self.turns.is_turn_of_bulk()
            && let Some(delivery) = self.receive_bulk(lease).await?
        {
            return Ok(Some(delivery));
        }
        loop {
            if let Some(delivery) = self.receive_interactive(Duration::ZERO, lease).await? {
                return Ok(Some(delivery));
            }
            if let Some(delivery) = self.receive_bulk(lease).await? {
                return Ok(Some(delivery));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // A send of this process ends the wait at once, also while bulk jobs wait for a delay.
            if let Some(delivery) = self
                .receive_interactive(LOOK_INTERVAL.min(left), lease)
                .await?
            {
                return Ok(Some(delivery));
            }
        }
    }

    // Receipts are valid in all queues of a database.

    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError> {
        self.interactive.extend(receipt, lease).await
    }

    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        self.interactive.ack(receipt).await
    }

    async fn release(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.interactive.release(receipt, delay, reason).await
    }

    async fn dead_letter(&self, receipt: &ReceiptHandle, reason: &str) -> Result<(), QueueError> {
        self.interactive.dead_letter(receipt, reason).await
    }

    async fn collect_dead_letters(&self) -> Result<u64, QueueError> {
        Ok(self.interactive.collect_dead_letters().await?
            + self.bulk.collect_dead_letters().await?)
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        let letters = self.interactive.dead_letters(limit).await?;
        Ok(oldest(letters, self.bulk.dead_letters(limit).await?, limit))
    }

    async fn dead_letters_after(
        &self,
        after: &DeadLetterPosition,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let letters = self.interactive.dead_letters_after(after, limit).await?;
        let others = self.bulk.dead_letters_after(after, limit).await?;
        Ok(oldest(letters, others, limit))
    }

    async fn dead_letter_of(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>, QueueError> {
        match self.interactive.dead_letter_of(id).await? {
            Some(letter) => Ok(Some(letter)),
            None => self.bulk.dead_letter_of(id).await,
        }
    }

    async fn unsettled_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        let letters = self.interactive.unsettled_dead_letters(limit).await?;
        Ok(oldest(
            letters,
            self.bulk.unsettled_dead_letters(limit).await?,
            limit,
        ))
    }

    async fn settle_dead_letter(&self, id: &DeadLetterId) -> Result<(), QueueError> {
        self.interactive.settle_dead_letter(id).await?;
        self.bulk.settle_dead_letter(id).await
    }

    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        sum(
            self.interactive.redrive(only).await,
            self.bulk.redrive(only).await,
        )
    }

    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        sum(
            self.interactive.purge(only).await,
            self.bulk.purge(only).await,
        )
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        Ok(self.interactive.depth().await? + self.bulk.depth().await?)
    }
}
