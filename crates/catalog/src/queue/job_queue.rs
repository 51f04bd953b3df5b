//! The queue of jobs over the table.

use std::time::Duration;

use async_trait::async_trait;
use domain::job::JobMessage;
use platform::clock;
use platform::job_queue::{
    DeadLetter, DeadLetterId, DeadLetterPosition, Delivery, Depth, JobQueue, QueueError, QueueName,
    ReceiptHandle, Sent, Unfinished, Wanted,
};
use tokio::time::Instant;

use super::SqlQueue;
use super::values::{check_any, check_one, parts};
use crate::database::{retried, sql, text};

/// How often a waiting receiver polls for messages that other processes send.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Poll interval while another receiver is about to claim the next message.
const TAKEN_INTERVAL: Duration = Duration::from_millis(5);

/// The result of one look at a queue.
pub(super) enum Look {
    /// A message, leased to this receiver.
    Received(Box<Delivery>),
    /// No message can be received.
    Nothing {
        /// Time until the next look, unless a send of this process comes first.
        until_next: Duration,
    },
}

impl SqlQueue {
    /// Receives a message that can be received now.
    pub(super) async fn look(&self, lease: Duration) -> Result<Look, QueueError> {
        let next = self.next_visible().await.map_err(|it| self.failed(it))?;
        let until_next = next.map_or(LOOK_INTERVAL, |it| it.since(clock::now()));
        if until_next.is_zero()
            && let Some(delivery) = self.claim(lease).await.map_err(|it| self.failed(it))?
        {
            return Ok(Look::Received(Box::new(delivery)));
        }
        Ok(Look::Nothing {
            until_next: until_next.clamp(TAKEN_INTERVAL, LOOK_INTERVAL),
        })
    }
}

#[async_trait]
impl JobQueue for SqlQueue {
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        let sent = retried(|| self.send_or_join(message, delay))
            .await
            .map_err(|it| self.failed(it))?;
        self.wake.notify_waiters();
        Ok(sent)
    }

    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        let visible_ms = clock::now() + delay;
        let sent = async {
            let mut tx = self.database.write().await?;
            self.insert(&mut tx, body, None, visible_ms).await?;
            tx.commit().await
        };
        sent.await.map_err(|it| self.failed(it))?;
        self.wake.notify_waiters();
        Ok(())
    }

    async fn receive(
        &self,
        _wanted: Wanted,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let deadline = Instant::now() + wait;
        loop {
            // Subscribes before it polls; otherwise a message sent in between would wake no
            // receiver.
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();

            let until_next = match self.look(lease).await? {
                Look::Received(delivery) => return Ok(Some(*delivery)),
                Look::Nothing { until_next } => until_next,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let pause = until_next.min(left);
            // A timeout is handled like a wake-up: the queue is polled in either case.
            let _ = tokio::time::timeout(pause, woken).await;
        }
    }

    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let now = clock::now();
        let extended = self
            .change(
                "UPDATE messages SET visible_ms = $1
                 WHERE id = $2 AND receipt = $3 AND visible_ms > $4 AND dead_lettered_ms IS NULL",
                |query| {
                    query
                        .bind(sql(now + lease))
                        .bind(id)
                        .bind(token)
                        .bind(sql(now))
                },
            )
            .await?;
        check_one(extended)
    }

    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        // Without checking the expiry: the work is done, and no other receiver has the message.
        let removed = self
            .change(
                "DELETE FROM messages WHERE id = $1 AND receipt = $2 AND dead_lettered_ms IS NULL",
                |query| query.bind(id).bind(token),
            )
            .await?;
        check_one(removed)
    }

    async fn release(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
        reason: &str,
    ) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let now = clock::now();
        let released = self
            .change(
                "UPDATE messages SET visible_ms = $1, receipt = NULL, holder = NULL, reason = $2,
                 dead_lettered_ms = CASE WHEN receives >= $3 THEN $4 ELSE dead_lettered_ms END
                 WHERE id = $5 AND receipt = $6 AND dead_lettered_ms IS NULL",
                |query| {
                    query
                        .bind(sql(now + delay))
                        .bind(text(reason))
                        .bind(i64::from(self.max_receives))
                        .bind(sql(now))
                        .bind(id)
                        .bind(token)
                },
            )
            .await?;
        self.wake.notify_waiters();
        check_one(released)
    }

    async fn dead_letter(&self, receipt: &ReceiptHandle, reason: &str) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let buried = self
            .change(
                "UPDATE messages SET dead_lettered_ms = $1, reason = $2, receipt = NULL, holder = NULL
                 WHERE id = $3 AND receipt = $4 AND dead_lettered_ms IS NULL",
                |query| query.bind(sql(clock::now())).bind(text(reason)).bind(id).bind(token),
            )
            .await?;
        check_one(buried)
    }

    async fn collect_dead_letters(&self) -> Result<u64, QueueError> {
        self.dead_letter_now().await
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.oldest_dead(limit).await
    }

    async fn dead_letters_after(
        &self,
        after: &DeadLetterPosition,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        self.oldest_dead_after(after, limit).await
    }

    async fn dead_letter_of(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>, QueueError> {
        self.dead_by_id(id).await
    }

    async fn unsettled_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.oldest_unsettled(limit).await
    }

    async fn settle_dead_letter(&self, id: &DeadLetterId) -> Result<(), QueueError> {
        self.settle(id).await?;
        Ok(())
    }

    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        let redriven = self.redrive_dead(only).await?;
        self.wake.notify_waiters();
        check_any(redriven, only)
    }

    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        check_any(self.purge_dead(only).await?, only)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.count_all().await.map_err(|it| self.failed(it))
    }

    async fn unfinished(&self) -> Result<Unfinished, QueueError> {
        let depth = self.depth().await?;
        let name = QueueName::ALL
            .into_iter()
            .find(|it| it.as_str() == self.queue);
        Ok(Unfinished::sum([(
            name.unwrap_or(QueueName::Interactive),
            depth,
        )]))
    }
}
