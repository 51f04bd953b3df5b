//! Three queues as one: jobs that users wait for come first.

use std::time::Duration;

use async_trait::async_trait;
use domain::job::JobMessage;
use platform::job_queue::{
    DeadLetter, DeadLetterId, DeadLetterPosition, Delivery, Depth, JobQueue, QueueError, QueueName,
    ReceiptHandle, Sent, Unfinished, Wanted,
};
use tokio::time::Instant;

use super::SqlQueue;
use super::job_queue::{LOOK_INTERVAL, Look};
use super::turns::Turns;
use crate::database::Database;

/// The queues of a database. Chunks are received while no interactive job waits, and bulk jobs while
/// neither waits. One bulk job comes after seven others: a busy installation converts its old videos
/// too.
#[derive(Debug, Clone)]
pub struct PriorityQueue {
    interactive: SqlQueue,
    chunks: SqlQueue,
    bulk: SqlQueue,
    turns: Turns,
}

impl PriorityQueue {
    /// All queues, with the settings of [`SqlQueue::new`].
    pub fn new(database: &Database, max_receives: u32, holder: &str) -> Self {
        let queue = |name| SqlQueue::new(database, name, max_receives, holder);
        Self {
            interactive: queue(QueueName::Interactive),
            chunks: queue(QueueName::Chunks),
            bulk: queue(QueueName::Bulk),
            turns: Turns::default(),
        }
    }

    /// As [`SqlQueue::release_held`].
    pub async fn release_held(&self) -> Result<u64, QueueError> {
        let mut released = 0;
        for queue in self.queues() {
            released += queue.release_held().await?;
        }
        Ok(released)
    }

    fn queue(&self, name: QueueName) -> &SqlQueue {
        match name {
            QueueName::Interactive => &self.interactive,
            QueueName::Chunks => &self.chunks,
            QueueName::Bulk => &self.bulk,
        }
    }

    fn queues(&self) -> [&SqlQueue; 3] {
        QueueName::ALL.map(|it| self.queue(it))
    }

    /// Looks at one queue, and counts what it delivers.
    async fn look(&self, name: QueueName, lease: Duration) -> Result<Look, QueueError> {
        let look = self.queue(name).look(lease).await?;
        if let Look::Received(_) = &look {
            match name {
                QueueName::Interactive | QueueName::Chunks => self.turns.other(),
                QueueName::Bulk => self.turns.bulk(),
            }
        }
        Ok(look)
    }

    /// Looks at the wanted queues in their order, up to the first message.
    async fn look_at_all(&self, wanted: Wanted, lease: Duration) -> Result<Look, QueueError> {
        let mut soonest = LOOK_INTERVAL;
        for name in QueueName::ALL.into_iter().filter(|it| wanted.includes(*it)) {
            match self.look(name, lease).await? {
                Look::Received(delivery) => return Ok(Look::Received(delivery)),
                Look::Nothing { until_next } => soonest = soonest.min(until_next),
            }
        }
        Ok(Look::Nothing {
            until_next: soonest,
        })
    }
}

/// The results of all queues: one dead letter is in one of them.
fn sum(results: Vec<Result<u64, QueueError>>) -> Result<u64, QueueError> {
    let (mut changed, mut missing) = (None, None);
    for result in results {
        match result {
            Ok(of_queue) => *changed.get_or_insert(0) += of_queue,
            Err(error @ QueueError::NoSuchDeadLetter(_)) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match (changed, missing) {
        (None, Some(error)) => Err(error),
        (changed, _) => Ok(changed.unwrap_or(0)),
    }
}

/// The oldest of several lists.
fn oldest(mut letters: Vec<DeadLetter>, limit: u32) -> Vec<DeadLetter> {
    letters.sort_by(|a, b| (a.dead_lettered_ms, &a.id.0).cmp(&(b.dead_lettered_ms, &b.id.0)));
    letters.truncate(limit as usize);
    letters
}

#[async_trait]
impl JobQueue for PriorityQueue {
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        self.queue(QueueName::of(message))
            .send(message, delay)
            .await
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
        if wanted.bulk
            && self.turns.is_turn_of_bulk()
            && let Look::Received(delivery) = self.look(QueueName::Bulk, lease).await?
        {
            return Ok(Some(*delivery));
        }
        loop {
            // Subscribes before it looks; otherwise a message sent in between would wake no receiver.
            let [interactive, chunks, bulk] = self.queues().map(|it| it.wake.notified());
            tokio::pin!(interactive, chunks, bulk);
            interactive.as_mut().enable();
            chunks.as_mut().enable();
            bulk.as_mut().enable();

            let until_next = match self.look_at_all(wanted, lease).await? {
                Look::Received(delivery) => return Ok(Some(*delivery)),
                Look::Nothing { until_next } => until_next,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // One wait for all queues: waits of their own would repeat the statements of each look.
            tokio::select! {
                () = interactive => {}
                () = chunks, if wanted.chunks => {}
                () = bulk, if wanted.bulk => {}
                () = tokio::time::sleep(until_next.min(left)) => {}
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
        let mut collected = 0;
        for queue in self.queues() {
            collected += queue.collect_dead_letters().await?;
        }
        Ok(collected)
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        let mut letters = vec![];
        for queue in self.queues() {
            letters.extend(queue.dead_letters(limit).await?);
        }
        Ok(oldest(letters, limit))
    }

    async fn dead_letters_after(
        &self,
        after: &DeadLetterPosition,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let mut letters = vec![];
        for queue in self.queues() {
            letters.extend(queue.dead_letters_after(after, limit).await?);
        }
        Ok(oldest(letters, limit))
    }

    async fn dead_letter_of(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>, QueueError> {
        for queue in self.queues() {
            if let Some(letter) = queue.dead_letter_of(id).await? {
                return Ok(Some(letter));
            }
        }
        Ok(None)
    }

    async fn unsettled_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        let mut letters = vec![];
        for queue in self.queues() {
            letters.extend(queue.unsettled_dead_letters(limit).await?);
        }
        Ok(oldest(letters, limit))
    }

    async fn settle_dead_letter(&self, id: &DeadLetterId) -> Result<(), QueueError> {
        for queue in self.queues() {
            queue.settle_dead_letter(id).await?;
        }
        Ok(())
    }

    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        let mut results = vec![];
        for queue in self.queues() {
            results.push(queue.redrive(only).await);
        }
        sum(results)
    }

    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        let mut results = vec![];
        for queue in self.queues() {
            results.push(queue.purge(only).await);
        }
        sum(results)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let mut depth = Depth::default();
        for queue in self.queues() {
            depth = depth + queue.depth().await?;
        }
        Ok(depth)
    }

    async fn unfinished(&self) -> Result<Unfinished, QueueError> {
        let mut depths = vec![];
        for name in QueueName::ALL {
            depths.push((name, self.queue(name).depth().await?));
        }
        Ok(Unfinished::sum(depths))
    }
}
