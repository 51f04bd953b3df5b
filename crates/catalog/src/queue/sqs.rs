//! The queue in Amazon SQS, with its dead letters in the database.

use std::time::Duration;

use async_trait::async_trait;
use domain::job::JobMessage;
use platform::job_queue::sqs::LONGEST_HOLD;
use platform::job_queue::{
    DeadLetter, DeadLetterId, Delivery, Depth, JobQueue, QueueError, ReceiptHandle, Sent, SqsQueue,
};

use super::SqlQueue;
use crate::database::Database;

/// Letters per statement when all are redriven.
const BATCH: u32 = 100;

/// A queue in Amazon SQS. SQS can neither list dead letters nor find one, so a table keeps them.
#[derive(Debug, Clone)]
pub struct SqsJobQueue {
    sqs: SqsQueue,
    letters: SqlQueue,
}

impl SqsJobQueue {
    /// The queue, with its dead letters in this database.
    pub fn new(sqs: SqsQueue, database: &Database) -> Self {
        Self {
            sqs,
            letters: SqlQueue::letters(database),
        }
    }

    /// Sends a letter as a new message. SQS could move it by itself, but would keep its number of
    /// deliveries.
    async fn revive(&self, letter: &DeadLetter) -> Result<u64, QueueError> {
        self.sqs.send_body(&letter.body, Duration::ZERO).await?;
        // If this fails, the letter stays although its message was sent, which is better than losing
        // it.
        match self.letters.purge(Some(&letter.id)).await {
            Err(QueueError::NoSuchDeadLetter(_)) => Ok(0),
            purged => purged,
        }
    }
}

#[async_trait]
impl JobQueue for SqsJobQueue {
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        self.sqs.send(message, delay).await
    }

    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        self.sqs.send_body(body, delay).await
    }

    async fn receive(
        &self,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        self.sqs.receive(wait, lease).await
    }

    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError> {
        self.sqs.extend(receipt, lease).await
    }

    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        self.sqs.ack(receipt).await
    }

    async fn release(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.sqs.release(receipt, delay, reason).await
    }

    async fn dead_letter(&self, receipt: &ReceiptHandle, reason: &str) -> Result<(), QueueError> {
        self.sqs.dead_letter(receipt, reason).await
    }

    async fn collect_dead_letters(&self) -> Result<u64, QueueError> {
        let mut collected = 0;
        loop {
            let letters = self.sqs.receive_dead().await?;
            if letters.is_empty() {
                return Ok(collected);
            }
            for it in letters {
                self.letters.insert_dead(&it.letter).await?;
                // If this fails, the letter is received again, and the table has it already.
                self.sqs.remove_dead(&it).await?;
                collected += 1;
            }
        }
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.letters.dead_letters(limit).await
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
        let (own, letters) = (self.sqs.depth().await?, self.letters.depth().await?);
        Ok(Depth {
            dead: own.dead + letters.dead,
            ..own
        })
    }
}
