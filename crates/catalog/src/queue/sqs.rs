//! The queues in Amazon SQS, with their dead letters in the database.

use std::time::Duration;

use async_trait::async_trait;
use domain::job::{JobMessage, Priority};
use platform::job_queue::sqs::LONGEST_HOLD;
use platform::job_queue::{
    DeadLetter, DeadLetterId, DeadLetterPosition, Delivery, Depth, JobQueue, QueueError,
    ReceiptHandle, Sent, SqsQueue,
};
use tokio::time::Instant;

use super::SqlQueue;
use super::turns::Turns;
use crate::database::Database;

/// Letters per statement when all are redriven.
const BATCH: u32 = 100;
/// Beginning of a receipt of the bulk queue. Receipts of SQS have no colon.
const BULK: &str = "bulk:";
/// How long the first look at each queue waits. Without a wait, SQS asks only some of its servers, and may not find the
/// message that waits. It is also the longest time for which a look at the bulk queue delays an interactive job.
const LOOK: Duration = Duration::from_secs(1);
/// How long the interactive queue is polled between the looks at the bulk queue.
const LONG_POLL: Duration = Duration::from_secs(10);

/// One or two queues in Amazon SQS. SQS can neither list dead letters nor find one, so a table keeps them.
///
/// Without a queue for bulk jobs, they are with the others, in the order in which SQS delivers them. With one,
/// interactive jobs come first, and bulk jobs are received as by [`PriorityQueue`](super::PriorityQueue).
#[derive(Debug, Clone)]
pub struct SqsJobQueue {
    sqs: SqsQueue,
    bulk: Option<SqsQueue>,
    turns: Turns,
    letters: SqlQueue,
}

impl SqsJobQueue {
    /// The queue, with its dead letters in this database.
    pub fn new(sqs: SqsQueue, database: &Database) -> Self {
        Self {
            sqs,
            bulk: None,
            turns: Turns::default(),
            letters: SqlQueue::letters(database),
        }
    }

    /// With a queue of its own for bulk jobs.
    #[must_use]
    pub fn with_bulk(mut self, bulk: Option<SqsQueue>) -> Self {
        self.bulk = bulk;
        self
    }

    /// The queue of the jobs with this priority.
    fn queue_for(&self, priority: Priority) -> &SqsQueue {
        match (priority, &self.bulk) {
            (Priority::Bulk, Some(bulk)) => bulk,
            (Priority::Bulk, None) | (Priority::Interactive, _) => &self.sqs,
        }
    }

    /// The queue that delivered a message, and the receipt as that queue knows it.
    fn delivered(&self, receipt: &ReceiptHandle) -> Result<(&SqsQueue, ReceiptHandle), QueueError> {
        match receipt.0.strip_prefix(BULK) {
            None => Ok((&self.sqs, receipt.clone())),
            Some(handle) => {
                let bulk = self.bulk.as_ref().ok_or(QueueError::LeaseLost)?;
                Ok((bulk, ReceiptHandle(handle.to_owned())))
            }
        }
    }

    async fn receive_interactive(
        &self,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let delivery = self.sqs.receive(wait, lease).await?;
        if delivery.is_some() {
            self.turns.interactive();
        }
        Ok(delivery)
    }

    async fn receive_bulk(
        &self,
        bulk: &SqsQueue,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        // Also if it fails: then the other queue goes on.
        self.turns.bulk();
        let delivery = bulk.receive(wait, lease).await?;
        Ok(delivery.map(|it| Delivery {
            receipt: ReceiptHandle(format!("{BULK}{}", it.receipt.0)),
            ..it
        }))
    }

    async fn receive_either(
        &self,
        bulk: &SqsQueue,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let deadline = Instant::now() + wait;
        let left = || deadline.saturating_duration_since(Instant::now());
        if self.turns.is_turn_of_bulk()
            && let Some(delivery) = self.receive_bulk(bulk, LOOK.min(wait), lease).await?
        {
            return Ok(Some(delivery));
        }
        let mut poll = LOOK;
        loop {
            let delivery = self.receive_interactive(poll.min(left()), lease).await?;
            if delivery.is_some() {
                return Ok(delivery);
            }
            let delivery = self.receive_bulk(bulk, LOOK.min(left()), lease).await?;
            if delivery.is_some() || left().is_zero() {
                return Ok(delivery);
            }
            poll = LONG_POLL;
        }
    }

    /// Sends a letter as a new message. SQS could move it by itself, but would keep its number of
    /// deliveries.
    async fn revive(&self, letter: &DeadLetter) -> Result<u64, QueueError> {
        let message = letter.message.as_ref();
        let priority = message.map_or(Priority::Interactive, JobMessage::priority);
        self.queue_for(priority)
            .send_body(&letter.body, Duration::ZERO)
            .await?;
        // If this fails, the letter stays although its message was sent, which is better than losing
        // it.
        match self.letters.purge(Some(&letter.id)).await {
            Err(QueueError::NoSuchDeadLetter(_)) => Ok(0),
            purged => purged,
        }
    }

    async fn collect(&self, sqs: &SqsQueue) -> Result<u64, QueueError> {
        let mut collected = 0;
        loop {
            let letters = sqs.receive_dead().await?;
            if letters.is_empty() {
                return Ok(collected);
            }
            for it in letters {
                self.letters.insert_dead(&it.letter).await?;
                // If this fails, the letter is received again, and the table has it already.
                sqs.remove_dead(&it).await?;
                collected += 1;
            }
        }
    }
}

#[async_trait]
impl JobQueue for SqsJobQueue {
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        self.queue_for(message.priority())
            .send(message, delay)
            .await
    }

    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        self.sqs.send_body(body, delay).await
    }

    async fn receive(
        &self,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        match &self.bulk {
            Some(bulk) => self.receive_either(bulk, wait, lease).await,
            None => self.sqs.receive(wait, lease).await,
        }
    }

    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError> {
        let (sqs, receipt) = self.delivered(receipt)?;
        sqs.extend(&receipt, lease).await
    }

    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        let (sqs, receipt) = self.delivered(receipt)?;
        sqs.ack(&receipt).await
    }

    async fn release(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
        reason: &str,
    ) -> Result<(), QueueError> {
        let (sqs, receipt) = self.delivered(receipt)?;
        sqs.release(&receipt, delay, reason).await
    }

    async fn dead_letter(&self, receipt: &ReceiptHandle, reason: &str) -> Result<(), QueueError> {
        let (sqs, receipt) = self.delivered(receipt)?;
        sqs.dead_letter(&receipt, reason).await
    }

    async fn collect_dead_letters(&self) -> Result<u64, QueueError> {
        let interactive = self.collect(&self.sqs).await;
        let bulk = match &self.bulk {
            Some(bulk) => self.collect(bulk).await,
            None => Ok(0),
        };
        Ok(interactive? + bulk?)
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.letters.dead_letters(limit).await
    }

    async fn dead_letters_after(
        &self,
        after: &DeadLetterPosition,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        self.letters.dead_letters_after(after, limit).await
    }

    async fn dead_letter_of(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>, QueueError> {
        self.letters.dead_letter_of(id).await
    }

    async fn unsettled_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.letters.unsettled_dead_letters(limit).await
    }

    async fn settle_dead_letter(&self, id: &DeadLetterId) -> Result<(), QueueError> {
        self.letters.settle_dead_letter(id).await
    }

    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        if let Some(id) = only {
            let letter = self.letters.dead_letter_of(id).await?;
            let letter = letter.ok_or_else(|| QueueError::NoSuchDeadLetter(id.clone()))?;
            return self.revive(&letter).await;
        }
        let mut redriven = 0;
        loop {
            let letters = self.letters.dead_letters(BATCH).await?;
            if letters.is_empty() {
                return Ok(redriven);
            }
            for letter in &letters {
                redriven += self.revive(letter).await?;
            }
        }
    }

    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        self.letters.purge(only).await
    }

    fn longest_hold(&self) -> Option<Duration> {
        Some(LONGEST_HOLD)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let letters = self.letters.depth().await?;
        let own = match &self.bulk {
            None => self.sqs.depth().await?,
            Some(bulk) => {
                let (interactive, bulk) = tokio::try_join!(self.sqs.depth(), bulk.depth())?;
                interactive + bulk
            }
        };
        Ok(Depth {
            dead: own.dead + letters.dead,
            ..own
        })
    }

    async fn unfinished(&self) -> Result<Depth, QueueError> {
        match &self.bulk {
            None => self.sqs.unfinished().await,
            Some(bulk) => {
                let (interactive, bulk) =
                    tokio::try_join!(self.sqs.unfinished(), bulk.unfinished())?;
                Ok(interactive + bulk)
            }
        }
    }
}
