//! The queue in Amazon SQS: a standard queue with a redrive policy, and the dead-letter queue that
//! the policy names.
//!
//! Differences between SQS and a table:
//! - Times are whole seconds: delays, leases and waits are rounded up. The maximum delay is 15
//!   minutes for `send` and 12 hours for `release`; longer ones are cut to that.
//! - Messages cannot be found by their job, so `send` never returns `Duplicate`.
//! - SQS accepts receipts of earlier deliveries, and with them deletes messages that another
//!   receiver holds. This module therefore tracks leases: a receipt is valid only until its lease
//!   expires, and only for the object (or its clones) that received it. A message that is
//!   acknowledged too late is delivered once more.
//! - SQS does not record why a message became a dead letter. This module therefore sends a message
//!   that is released for the last time to the dead-letter queue itself, with the reason; SQS moves
//!   those whose workers stopped responding.
//! - Dead letters can be read only by receiving them, in any order. [`receive_dead`] hands them to
//!   the owner of a table, who removes them here.
//!
//! [`receive_dead`]: SqsQueue::receive_dead
//!
//! A worker needs `sqs:GetQueueAttributes`, `GetQueueUrl`, `ReceiveMessage`,
//! `ChangeMessageVisibility`, `DeleteMessage` and, on the dead-letter queue, `SendMessage`; a
//! sender of jobs needs `SendMessage`; an operator of dead letters needs all of these on both
//! queues.

mod dead;
mod errors;
mod events;
mod leases;
mod open;
mod rights;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use domain::job::JobMessage;
use domain::time::UnixMillis;
use tokio::sync::OnceCell;
use tokio::time::Instant;

pub use self::dead::SqsDeadLetter;
use self::errors::{lost_or, queue_error};
pub use self::events::{EventMessage, SqsEvents};
use self::leases::{Lease, Leases};
pub use self::open::{OpenSqsError, SqsQueueConfig};
pub use self::rights::QueueRights;
use super::{DeadLetter, DeadLetterId, Delivery, Depth, QueueError, ReceiptHandle, Sent};

/// Maximum wait of one receive request.
const LONGEST_POLL: Duration = Duration::from_secs(20);
/// Maximum delay of a sent message.
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);
/// Maximum visibility timeout.
const LONGEST_LEASE: Duration = Duration::from_secs(12 * 60 * 60);
/// A message can be hidden for 12 hours after it was received, however often that is extended.
pub const LONGEST_HOLD: Duration = Duration::from_secs(11 * 60 * 60);

/// An SQS queue with its dead-letter queue; clones share their leases.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    /// Display name, for logs and errors.
    name: String,
    url: String,
    /// Read at the first use.
    redrive: Arc<OnceCell<Redrive>>,
    leases: Arc<Leases>,
}

/// The redrive policy of a queue.
#[derive(Debug, Clone)]
struct Redrive {
    /// URL of the dead-letter queue.
    dead_url: String,
    /// Maximum number of deliveries: after so many a message becomes a dead letter.
    max_receives: u32,
}

impl SqsQueue {
    fn held(&self, receipt: &ReceiptHandle) -> Result<Lease, QueueError> {
        self.leases
            .held(&receipt.0, Instant::now())
            .ok_or(QueueError::LeaseLost)
    }

    /// Makes the message visible again after `delay`. Returns `LeaseLost` if SQS rejects the
    /// receipt.
    async fn hide(&self, handle: &str, delay: Duration) -> Result<(), QueueError> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(handle)
            .visibility_timeout(seconds(delay, LONGEST_LEASE))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| lost_or(queue_error(&self.name, error)))
    }

    async fn delete(&self, handle: &str) -> Result<(), QueueError> {
        self.client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(handle)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| lost_or(queue_error(&self.name, error)))
    }

    /// Converts a received message into a delivery, and records its lease.
    fn delivery(&self, message: Message, until: Instant, max_receives: u32) -> Option<Delivery> {
        let receive_count = number(
            &message,
            &MessageSystemAttributeName::ApproximateReceiveCount,
        )
        .unwrap_or(1);
        let receive_count = u32::try_from(receive_count).unwrap_or(u32::MAX);
        let sent_ms = number(&message, &MessageSystemAttributeName::SentTimestamp);
        let sent_ms = UnixMillis::new(sent_ms.unwrap_or(0));
        let (body, handle) = (message.body.unwrap_or_default(), message.receipt_handle?);
        self.leases.note(
            &handle,
            Lease {
                message_id: message.message_id,
                body: body.clone(),
                receive_count,
                sent_ms,
                until,
            },
            Instant::now(),
        );
        Some(Delivery {
            message: JobMessage::parse(&body),
            body,
            receipt: ReceiptHandle(handle),
            receive_count,
            is_last: receive_count >= max_receives,
            sent_ms,
        })
    }
}

/// As in [`JobQueue`](super::JobQueue).
impl SqsQueue {
    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        self.send_body(&message.to_body(), delay).await?;
        Ok(Sent::Queued)
    }

    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        if body.is_empty() {
            // SQS rejects empty bodies; emulators accept them.
            return Err(QueueError::Refused {
                queue: self.name.clone(),
                detail: "a body cannot be empty".to_owned(),
            });
        }
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(seconds(delay, LONGEST_DELAY))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| queue_error(&self.name, error))
    }

    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn receive(
        &self,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let deadline = Instant::now() + wait;
        let lease = seconds(lease, LONGEST_LEASE);
        let max_receives = self.redrive().await?.max_receives;
        loop {
            let answer = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(1)
                .visibility_timeout(lease)
                .wait_time_seconds(seconds(
                    deadline.saturating_duration_since(Instant::now()),
                    LONGEST_POLL,
                ))
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
                .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
                .send()
                .await
                .map_err(|error| queue_error(&self.name, error))?;
            let until = Instant::now() + from_seconds(lease);
            if let Some(message) = answer.messages.unwrap_or_default().pop() {
                return Ok(self.delivery(message, until, max_receives));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
        }
    }

    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError> {
        self.held(receipt)?;
        // Measured before the request, because SQS starts counting later.
        let until = Instant::now() + from_seconds(seconds(lease, LONGEST_LEASE));
        self.hide(&receipt.0, lease)
            .await
            .inspect_err(|error| self.leases.end_if_lost(&receipt.0, error))?;
        self.leases.prolong(&receipt.0, until);
        Ok(())
    }

    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        self.held(receipt)?;
        self.delete(&receipt.0).await?;
        self.leases.end(&receipt.0);
        Ok(())
    }

    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn release(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
        reason: &str,
    ) -> Result<(), QueueError> {
        let lease = self.held(receipt)?;
        if lease.receive_count >= self.redrive().await?.max_receives {
            return self.dead_letter(receipt, reason).await;
        }
        self.hide(&receipt.0, delay).await?;
        self.leases.end(&receipt.0);
        Ok(())
    }

    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn dead_letter(
        &self,
        receipt: &ReceiptHandle,
        reason: &str,
    ) -> Result<(), QueueError> {
        let lease = self.held(receipt)?;
        // Proves that the lease is still held, and extends it for the following requests.
        self.hide(&receipt.0, dead::BURIAL).await?;
        self.send_dead(&lease, reason).await?;
        // If this fails, the message is delivered once more, which is better than losing it.
        self.delete(&receipt.0).await?;
        self.leases.end(&receipt.0);
        Ok(())
    }

    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn unfinished(&self) -> Result<Depth, QueueError> {
        self.counts(&self.url).await
    }

    /// As the method of the trait.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        let dead_url = &self.redrive().await?.dead_url;
        let (own, dead) = tokio::try_join!(self.unfinished(), self.counts(dead_url))?;
        Ok(Depth {
            ready: own.ready,
            delayed: own.delayed,
            in_flight: own.in_flight,
            dead: dead.ready + dead.delayed + dead.in_flight,
        })
    }
}

impl SqsQueue {
    async fn counts(&self, url: &str) -> Result<Depth, QueueError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| queue_error(&self.name, error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let [ready, delayed, in_flight] = names.map(|it| {
            attributes
                .get(&it)
                .and_then(|it| it.parse().ok())
                .unwrap_or(0)
        });
        Ok(Depth {
            ready,
            delayed,
            in_flight,
            dead: 0,
        })
    }
}

/// Rounds to whole seconds: a lease that ends slightly late is safe, one that ends early is not.
fn seconds(duration: Duration, longest: Duration) -> i32 {
    let whole = duration.min(longest).as_millis().div_ceil(1_000);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

fn from_seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn number(message: &Message, name: &MessageSystemAttributeName) -> Option<u64> {
    message.attributes.as_ref()?.get(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_and_bounded() {
        for (millis, expected) in [
            (0, 0),
            (1, 1),
            (1_000, 1),
            (1_001, 2),
            (899_001, 900),
            (7_200_000, 900),
        ] {
            assert_eq!(
                seconds(Duration::from_millis(millis), LONGEST_DELAY),
                expected,
                "{millis} ms"
            );
        }
        assert_eq!(seconds(Duration::MAX, LONGEST_LEASE), 43_200);
    }
}
