//! The dead-letter queue. SQS can neither list a queue nor look up a message in it, so dead letters
//! are moved to a table.

use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use domain::job::JobMessage;
use domain::time::UnixMillis;

use super::errors::{lost_or, queue_error};
use super::leases::Lease;
use super::{DeadLetter, DeadLetterId, QueueError, SqsQueue, number};
use crate::clock;

/// Lease that is taken to move a message to the dead-letter queue.
pub(super) const BURIAL: Duration = Duration::from_secs(60);
/// How long a letter stays in the dead-letter queue if it is not removed after it was received,
/// seconds.
const MOVE_SECONDS: i32 = 30;
/// Maximum number of messages per request.
const BATCH: i32 = 10;

/// Message attributes that describe a dead letter.
const REASON: &str = "edgereel-reason";
const SENT: &str = "edgereel-sent";
const RECEIVES: &str = "edgereel-receives";
/// Maximum length of a reason, characters: it counts towards the size of the message.
const MAX_REASON_CHARS: usize = 1_000;

/// A letter in the dead-letter queue, leased to its receiver for a short time.
#[derive(Debug)]
pub struct SqsDeadLetter {
    /// The letter.
    pub letter: DeadLetter,
    handle: String,
}

impl SqsQueue {
    /// Sends the message to the dead-letter queue.
    pub(super) async fn send_dead(&self, lease: &Lease, reason: &str) -> Result<(), QueueError> {
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.redrive().await?.dead_url)
            .message_body(&lease.body);
        let facts = [
            (REASON, "String", clean(reason)),
            (SENT, "Number", lease.sent_ms.get().to_string()),
            (RECEIVES, "Number", lease.receive_count.to_string()),
        ];
        for (name, kind, value) in facts {
            // SQS accepts no empty attribute values.
            if !value.is_empty() {
                let value = MessageAttributeValue::builder()
                    .data_type(kind)
                    .string_value(value)
                    .build();
                request =
                    request.message_attributes(name, value.map_err(|error| self.broken(&error))?);
            }
        }
        request
            .send()
            .await
            .map(|_| ())
            .map_err(|error| queue_error(&self.name, error))
    }

    /// Receives up to ten letters. Those that are not removed within half a minute come again.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn receive_dead(&self) -> Result<Vec<SqsDeadLetter>, QueueError> {
        let redrive = self.redrive().await?;
        let answer = self
            .client
            .receive_message()
            .queue_url(&redrive.dead_url)
            .max_number_of_messages(BATCH)
            .visibility_timeout(MOVE_SECONDS)
            // Without a wait, SQS queries only a subset of its servers.
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| queue_error(&self.name, error))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages
            .filter_map(|it| dead_letter(it, redrive.max_receives))
            .collect())
    }

    /// Removes a letter from the dead-letter queue.
    ///
    /// # Errors
    /// [`QueueError`]; none if another receiver has removed it.
    pub async fn remove_dead(&self, letter: &SqsDeadLetter) -> Result<(), QueueError> {
        let removed = self
            .client
            .delete_message()
            .queue_url(&self.redrive().await?.dead_url)
            .receipt_handle(&letter.handle)
            .send()
            .await;
        match removed.map_err(|error| lost_or(queue_error(&self.name, error))) {
            Ok(_) | Err(QueueError::LeaseLost) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// An error that no caller can handle.
    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> QueueError {
        QueueError::Refused {
            queue: self.name.clone(),
            detail: error.to_string(),
        }
    }
}

fn dead_letter(message: Message, max_receives: u32) -> Option<SqsDeadLetter> {
    let sent_here_ms = number(&message, &MessageSystemAttributeName::SentTimestamp);
    let sent_here_ms = UnixMillis::new(sent_here_ms.unwrap_or(0));
    let fact = |name: &str| {
        let attributes = message.message_attributes.as_ref()?;
        attributes.get(name)?.string_value.clone()
    };
    let count = |name: &str| fact(name)?.parse::<u64>().ok();
    // Only letters that this module sent have attributes. SQS keeps the send time of those that it
    // moves by itself, and does not record when it moved them.
    let sent_ms = count(SENT).map(UnixMillis::new);
    let dead_lettered_ms = match sent_ms {
        Some(_) => sent_here_ms,
        None => clock::now(),
    };
    let (reason, receives) = (fact(REASON), count(RECEIVES));
    let body = message.body.unwrap_or_default();
    let letter = DeadLetter {
        id: DeadLetterId(message.message_id?),
        message: JobMessage::parse(&body),
        body,
        receive_count: receives
            .and_then(|it| u32::try_from(it).ok())
            .unwrap_or(max_receives),
        sent_ms: sent_ms.unwrap_or(sent_here_ms),
        dead_lettered_ms,
        died_after_ms: sent_here_ms,
        reason: reason.or_else(|| {
            let unknown = || "the last worker did not report a result".to_owned();
            sent_ms.is_none().then(unknown)
        }),
        is_settled: false,
    };
    Some(SqsDeadLetter {
        letter,
        handle: message.receipt_handle?,
    })
}

/// Replaces characters that SQS does not accept: control characters other than line breaks and
/// tabs.
fn clean(reason: &str) -> String {
    let known = |it: char| {
        if it.is_control() && !matches!(it, '\t' | '\n' | '\r') {
            '\u{FFFD}'
        } else {
            it
        }
    };
    reason.chars().take(MAX_REASON_CHARS).map(known).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_reason_is_made_fit_for_sqs() {
        assert_eq!(
            super::clean("no\0thing\nat all\u{1b}[0m"),
            "no\u{FFFD}thing\nat all\u{FFFD}[0m"
        );
        assert_eq!(super::clean(&"é".repeat(2_000)).chars().count(), 1_000);
    }
}
