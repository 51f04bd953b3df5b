//! The queues in Amazon SQS, with their dead letters in the database.

use std::ops::Add as _;
use std::time::Duration;

use async_trait::async_trait;
use domain::job::JobMessage;
use futures::future::try_join_all;
use platform::job_queue::sqs::LONGEST_HOLD;
use platform::job_queue::{
    DeadLetter, DeadLetterId, DeadLetterPosition, Delivery, Depth, JobQueue, QueueError, QueueName,
    ReceiptHandle, Sent, SqsQueue, Unfinished, Wanted,
};
use tokio::time::Instant;

use super::SqlQueue;
use super::looks::{Look, Looks};
use super::turns::Turns;
use crate::database::Database;

/// Letters per statement when all are redriven.
const BATCH: u32 = 100;

/// One to three queues in Amazon SQS. SQS can neither list dead letters nor find one, so a table keeps them.
///
/// With queues of their own for chunks and bulk jobs, messages are received in the order of
/// [`PriorityQueue`](super::PriorityQueue). Without a queue for bulk jobs, they are with the interactive ones, in the
/// order in which SQS delivers them, and each receiver gets them. Without a queue for chunks, chunks are refused.
#[derive(Debug, Clone)]
pub struct SqsJobQueue {
    interactive: SqsQueue,
    chunks: Option<SqsQueue>,
    bulk: Option<SqsQueue>,
    turns: Turns,
    letters: SqlQueue,
}

impl SqsJobQueue {
    /// The queue, with its dead letters in this database.
    pub fn new(interactive: SqsQueue, database: &Database) -> Self {
        Self {
            interactive,
            chunks: None,
            bulk: None,
            turns: Turns::default(),
            letters: SqlQueue::letters(database),
        }
    }

    /// With a queue of its own for chunks.
    #[must_use]
    pub fn with_chunks(mut self, chunks: Option<SqsQueue>) -> Self {
        self.chunks = chunks;
        self
    }

    /// With a queue of its own for bulk jobs.
    #[must_use]
    pub fn with_bulk(mut self, bulk: Option<SqsQueue>) -> Self {
        self.bulk = bulk;
        self
    }

    /// The queue of this name; `None`: this installation does not have it.
    fn queue(&self, name: QueueName) -> Option<&SqsQueue> {
        match name {
            QueueName::Interactive => Some(&self.interactive),
            QueueName::Chunks => self.chunks.as_ref(),
            QueueName::Bulk => self.bulk.as_ref(),
        }
    }

    fn queues(&self) -> impl Iterator<Item = &SqsQueue> {
        QueueName::ALL.into_iter().filter_map(|it| self.queue(it))
    }

    /// The queue to which messages of this name are sent; `None`: they are refused.
    fn target(&self, name: QueueName) -> Option<&SqsQueue> {
        match name {
            QueueName::Interactive | QueueName::Chunks => self.queue(name),
            QueueName::Bulk => Some(self.queue(name).unwrap_or(&self.interactive)),
        }
    }

    /// The queue that delivered a message, and the receipt as that queue knows it.
    fn delivered(&self, receipt: &ReceiptHandle) -> Result<(&SqsQueue, ReceiptHandle), QueueError> {
        // Receipts of SQS have no colon.
        let Some((prefix, handle)) = receipt.0.split_once(':') else {
            return Ok((&self.interactive, receipt.clone()));
        };
        let name = QueueName::ALL.into_iter().find(|it| it.as_str() == prefix);
        let queue = name.and_then(|it| self.queue(it));
        let queue = queue.ok_or(QueueError::LeaseLost)?;
        Ok((queue, ReceiptHandle(handle.to_owned())))
    }

    async fn look(
        &self,
        look: Look,
        left: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let Some(queue) = self.queue(look.queue) else {
            return Ok(None);
        };
        if look.queue == QueueName::Bulk {
            // Also if it fails: then the other queues go on.
            self.turns.bulk();
        }
        let delivery = queue.receive(look.longest.min(left), lease).await?;
        Ok(delivery.map(|it| match look.queue {
            QueueName::Interactive => {
                self.turns.other();
                it
            }
            QueueName::Chunks => {
                self.turns.other();
                with_prefix(it, look.queue)
            }
            QueueName::Bulk => with_prefix(it, look.queue),
        }))
    }

    /// Sends a letter as a new message. SQS could move it by itself, but would keep its number of
    /// deliveries.
    async fn revive(&self, letter: &DeadLetter) -> Result<u64, QueueError> {
        let name = letter
            .message
            .as_ref()
            .map_or(QueueName::Interactive, QueueName::of);
        let queue = self.target(name);
        // Without a queue for chunks, no transcoder waits for one: the letter is only removed.
        if let Some(queue) = queue {
            queue.send_body(&letter.body, Duration::ZERO).await?;
        }
        // If this fails, the letter stays although its message was sent, which is better than losing
        // it.
        match self.letters.purge(Some(&letter.id)).await {
            Err(QueueError::NoSuchDeadLetter(_)) => Ok(0),
            Ok(_) if queue.is_none() => Ok(0),
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
        let name = QueueName::of(message);
        let queue = self.target(name).ok_or_else(|| QueueError::Refused {
            queue: name.as_str().to_owned(),
            detail: "set EDGEREEL_CHUNK_QUEUE to the address of a queue for chunks".to_owned(),
        })?;
        queue.send(message, delay).await
    }

    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        self.interactive.send_body(body, delay).await
    }

    async fn receive(
        &self,
        wanted: Wanted,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let deadline = Instant::now() + wait;
        let left = || deadline.saturating_duration_since(Instant::now());
        let present = Wanted {
            chunks: wanted.chunks && self.chunks.is_some(),
            bulk: wanted.bulk && self.bulk.is_some(),
        };
        let looks = Looks::new(present, self.turns.is_turn_of_bulk());
        for look in looks.first {
            let delivery = self.look(look, left(), lease).await?;
            if delivery.is_some() {
                return Ok(delivery);
            }
        }
        for look in looks.then.into_iter().cycle() {
            if left().is_zero() {
                break;
            }
            let delivery = self.look(look, left(), lease).await?;
            if delivery.is_some() {
                return Ok(delivery);
            }
        }
        Ok(None)
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
        let (mut collected, mut problem) = (0, None);
        for queue in self.queues() {
            match self.collect(queue).await {
                Ok(of_queue) => collected += of_queue,
                // The letters of the other queues do not wait for this one.
                Err(error) => problem = Some(error),
            }
        }
        problem.map_or(Ok(collected), Err)
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

    fn takes_chunks(&self) -> bool {
        self.chunks.is_some()
    }

    fn longest_hold(&self) -> Option<Duration> {
        Some(LONGEST_HOLD)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let letters = self.letters.depth().await?;
        let depths = try_join_all(self.queues().map(SqsQueue::depth)).await?;
        let own = depths.into_iter().fold(Depth::default(), Depth::add);
        Ok(Depth {
            dead: own.dead + letters.dead,
            ..own
        })
    }

    async fn unfinished(&self) -> Result<Unfinished, QueueError> {
        let names = QueueName::ALL.into_iter();
        let queues = names.filter_map(|name| Some((name, self.queue(name)?)));
        let depths = queues.map(async |(name, queue)| {
            let depth = queue.unfinished().await;
            depth.map(|it| (name, it))
        });
        try_join_all(depths).await.map(Unfinished::sum)
    }
}

/// A delivery whose receipt names its queue.
fn with_prefix(delivery: Delivery, queue: QueueName) -> Delivery {
    Delivery {
        receipt: ReceiptHandle(format!("{queue}:{}", delivery.receipt.0)),
        ..delivery
    }
}
