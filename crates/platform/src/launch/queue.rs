//! A queue whose senders start transcoders.

use std::time::Duration;

use async_trait::async_trait;
use domain::job::JobMessage;

use super::Launcher;
use crate::job_queue::{
    DeadLetter, DeadLetterId, DeadLetterPosition, Delivery, Depth, JobQueue, QueueError,
    ReceiptHandle, Sent, SharedQueue, Unfinished, Wanted,
};

/// Another queue. After each send, and after dead letters were redriven, it starts the transcoders that
/// are missing.
pub struct LaunchingQueue {
    queue: SharedQueue,
    launcher: Launcher,
}

impl LaunchingQueue {
    /// Wraps a queue.
    pub fn new(queue: SharedQueue, launcher: Launcher) -> Self {
        Self { queue, launcher }
    }
}

#[async_trait]
impl JobQueue for LaunchingQueue {
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        let sent = self.queue.send(message, delay).await?;
        // When a delayed job is due, a scheduled look finds it.
        if delay.is_zero() {
            self.launcher.after_send(&self.queue, 1).await;
        }
        Ok(sent)
    }

    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        self.queue.send_body(body, delay).await?;
        if delay.is_zero() {
            self.launcher.after_send(&self.queue, 1).await;
        }
        Ok(())
    }

    async fn receive(
        &self,
        wanted: Wanted,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        self.queue.receive(wanted, wait, lease).await
    }

    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError> {
        self.queue.extend(receipt, lease).await
    }

    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        self.queue.ack(receipt).await
    }

    async fn release(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.queue.release(receipt, delay, reason).await
    }

    async fn dead_letter(&self, receipt: &ReceiptHandle, reason: &str) -> Result<(), QueueError> {
        self.queue.dead_letter(receipt, reason).await
    }

    async fn collect_dead_letters(&self) -> Result<u64, QueueError> {
        self.queue.collect_dead_letters().await
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.queue.dead_letters(limit).await
    }

    async fn dead_letters_after(
        &self,
        after: &DeadLetterPosition,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        self.queue.dead_letters_after(after, limit).await
    }

    async fn dead_letter_of(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>, QueueError> {
        self.queue.dead_letter_of(id).await
    }

    async fn unsettled_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.queue.unsettled_dead_letters(limit).await
    }

    async fn settle_dead_letter(&self, id: &DeadLetterId) -> Result<(), QueueError> {
        self.queue.settle_dead_letter(id).await
    }

    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        let redriven = self.queue.redrive(only).await?;
        if redriven > 0 {
            self.launcher.after_send(&self.queue, redriven).await;
        }
        Ok(redriven)
    }

    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        self.queue.purge(only).await
    }

    fn takes_chunks(&self) -> bool {
        self.queue.takes_chunks()
    }

    fn longest_hold(&self) -> Option<Duration> {
        self.queue.longest_hold()
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.queue.depth().await
    }

    async fn unfinished(&self) -> Result<Unfinished, QueueError> {
        self.queue.unfinished().await
    }

    async fn start_workers(&self) {
        self.launcher.look_again(&self.queue).await;
    }

    async fn finish_sends(&self) {
        self.launcher.after_sends(&self.queue).await;
    }
}
