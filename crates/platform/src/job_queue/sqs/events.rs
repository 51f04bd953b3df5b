//! A queue in SQS with messages of others: the events of a bucket. They are received in batches.

use std::time::Duration;

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use domain::retry::RetryPolicy;

use super::errors::queue_error;
use super::{LONGEST_POLL, OpenSqsError, SqsQueue, SqsQueueConfig, number, seconds};
use crate::job_queue::QueueError;

/// Maximum of SQS.
const BATCH: i32 = 10;
/// Time to process a batch; afterwards, SQS delivers its messages again.
const LEASE: Duration = Duration::from_secs(120);

/// Pauses before a message that could not be processed is delivered again.
const RETRIES: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(5),
    factor: 3,
    longest: Duration::from_secs(15 * 60),
};

/// A queue of events in Amazon SQS, with a dead-letter queue.
#[derive(Debug, Clone)]
pub struct SqsEvents(SqsQueue);

/// A received event.
#[derive(Debug, Clone)]
pub struct EventMessage {
    /// The id of the message, for logs.
    pub id: String,
    /// The event.
    pub body: String,
    receipt: String,
    receive_count: u32,
}

impl SqsEvents {
    /// Opens the queue. It needs `sqs:ReceiveMessage`, `DeleteMessage`, `ChangeMessageVisibility`, `GetQueueUrl` and
    /// `GetQueueAttributes`.
    ///
    /// # Errors
    /// [`OpenSqsError`]
    pub async fn open(config: &SqsQueueConfig) -> Result<Self, OpenSqsError> {
        SqsQueue::open(config).await.map(Self)
    }

    /// Waits up to 20 seconds for events, and returns up to ten. An event that is not deleted is delivered again.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn receive(&self) -> Result<Vec<EventMessage>, QueueError> {
        let answer = self
            .0
            .client
            .receive_message()
            .queue_url(&self.0.url)
            .max_number_of_messages(BATCH)
            .visibility_timeout(seconds(LEASE, LEASE))
            .wait_time_seconds(seconds(LONGEST_POLL, LONGEST_POLL))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| queue_error(&self.0.name, error))?;
        let messages = answer.messages.unwrap_or_default();
        Ok(messages.into_iter().filter_map(event).collect())
    }

    /// Deletes events that were processed.
    ///
    /// # Errors
    /// [`QueueError`]; those that could not be deleted are delivered again.
    pub async fn delete(&self, events: &[EventMessage]) -> Result<(), QueueError> {
        if events.is_empty() {
            return Ok(());
        }
        let entry = |(number, event): (usize, &EventMessage)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(&event.receipt)
                .build()
                .ok()
        };
        let answer = self
            .0
            .client
            .delete_message_batch()
            .queue_url(&self.0.url)
            .set_entries(Some(events.iter().enumerate().filter_map(entry).collect()))
            .send()
            .await
            .map_err(|error| queue_error(&self.0.name, error))?;
        for failed in answer.failed() {
            tracing::warn!(code = failed.code(), "SQS did not delete an event");
        }
        Ok(())
    }

    /// Lets SQS deliver an event again: after a pause that grows with each delivery, until it becomes a dead letter.
    ///
    /// # Errors
    /// [`QueueError`]; the event is then delivered again after two minutes.
    pub async fn retry(&self, event: &EventMessage) -> Result<(), QueueError> {
        let pause = RETRIES.pause_after(event.receive_count);
        self.0.hide(&event.receipt, pause).await
    }
}

fn event(message: Message) -> Option<EventMessage> {
    let receive_count = number(
        &message,
        &MessageSystemAttributeName::ApproximateReceiveCount,
    );
    Some(EventMessage {
        id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        receipt: message.receipt_handle?,
        receive_count: receive_count
            .and_then(|it| u32::try_from(it).ok())
            .unwrap_or(1),
    })
}
