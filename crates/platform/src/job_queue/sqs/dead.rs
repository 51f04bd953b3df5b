//! The dead-letter queue. SQS can neither list a queue nor look up a message in it. A reader
//! receives messages and returns those that it does not want.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageAttributeValue, MessageSystemAttributeName,
};
use domain::job::JobMessage;
use domain::time::UnixMillis;

use super::errors::{lost_or, queue_error};
use super::leases::Lease;
use super::{DeadLetter, DeadLetterId, QueueError, SqsQueue, number};
use crate::clock;

/// Lease that is taken to move a message to the dead-letter queue.
pub(super) const BURIAL: Duration = Duration::from_secs(60);
/// How long a read hides letters if it is interrupted before it returns them, seconds.
const LOOK_SECONDS: i32 = 30;
/// Maximum number of messages per request.
const BATCH: u32 = 10;
/// Assumed maximum lead of the clock of SQS over ours, milliseconds.
const CLOCK_SKEW: Duration = Duration::from_millis(1_000);

/// Maximum number of letters whose first sighting is remembered.
const MOST_SEEN: usize = 10_000;

/// Message attributes that describe a dead letter.
const REASON: &str = "edgereel-reason";
const SENT: &str = "edgereel-sent";
const RECEIVES: &str = "edgereel-receives";
/// Maximum length of a reason, characters: it counts towards the size of the message.
const MAX_REASON_CHARS: usize = 1_000;

/// When letters that SQS moved were first seen: SQS does not record when they became dead letters.
#[derive(Debug, Default)]
pub(super) struct FirstSeen(Mutex<HashMap<String, UnixMillis>>);

impl FirstSeen {
    fn of(&self, id: &str) -> UnixMillis {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_SEEN {
            // Letters that others have removed would stay in the map forever.
            seen.clear();
        }
        *seen.entry(id.to_owned()).or_insert_with(clock::now)
    }

    fn forget(&self, id: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
    }
}

/// A received letter.
struct Found {
    handle: String,
    /// Send time by the clock of SQS; for a letter that SQS moved, the original send time.
    sent_here_ms: UnixMillis,
    letter: DeadLetter,
}

impl SqsQueue {
    /// Sends the message to the dead-letter queue.
    pub(super) async fn send_dead(&self, lease: &Lease, reason: &str) -> Result<(), QueueError> {
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.dead_url)
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

    pub(super) async fn look_at_dead(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        let found = self.take(limit, |_| false).await?;
        self.put_back(&found).await;
        let mut letters: Vec<DeadLetter> = found.into_iter().map(|it| it.letter).collect();
        letters.sort_by(|a, b| (a.dead_lettered_ms, &a.id.0).cmp(&(b.dead_lettered_ms, &b.id.0)));
        Ok(letters)
    }

    pub(super) async fn redrive_one(&self, id: &DeadLetterId) -> Result<u64, QueueError> {
        let found = self.find(id).await?;
        self.revive(&found).await?;
        Ok(1)
    }

    pub(super) async fn purge_one(&self, id: &DeadLetterId) -> Result<u64, QueueError> {
        let found = self.find(id).await?;
        self.bin(&found).await?;
        Ok(1)
    }

    /// Redrives letters as new messages. SQS could move them by itself, but would keep the delivery
    /// counts, which every read increases, so they would soon be dead letters again.
    pub(super) async fn redrive_all(&self) -> Result<u64, QueueError> {
        let began_ms = clock::now();
        let mut redriven = 0;
        loop {
            let batch = self.take_batch(BATCH).await?;
            // Letters that became dead again in the meantime must not be redriven repeatedly.
            let (again, dead): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .partition(|it| it.sent_here_ms > began_ms + CLOCK_SKEW);
            self.put_back(&again).await;
            if dead.is_empty() {
                return Ok(redriven);
            }
            futures::future::try_join_all(dead.iter().map(|it| self.revive(it))).await?;
            redriven += dead.len() as u64;
        }
    }

    /// Purges one by one: SQS purges a queue at most once a minute, and does not return the number
    /// of messages.
    pub(super) async fn purge_all(&self) -> Result<u64, QueueError> {
        let mut purged = 0;
        loop {
            let batch = self.take_batch(BATCH).await?;
            if batch.is_empty() {
                return Ok(purged);
            }
            let entries = batch.iter().enumerate().map(|(index, it)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(&it.handle)
                    .build()
            });
            let entries = entries
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| self.broken(&error))?;
            let answer = self
                .client
                .delete_message_batch()
                .queue_url(&self.dead_url)
                .set_entries(Some(entries))
                .send()
                .await
                .map_err(|error| queue_error(&self.name, error))?;
            if let Some(failed) = answer.failed.first() {
                return Err(self.broken(&std::io::Error::other(failed.code.clone())));
            }
            batch
                .iter()
                .for_each(|it| self.first_seen.forget(&it.letter.id.0));
            purged += batch.len() as u64;
        }
    }

    /// Receives the letter with this id, and returns all others.
    async fn find(&self, id: &DeadLetterId) -> Result<Found, QueueError> {
        let mut found = self.take(u32::MAX, |it| it.letter.id == *id).await?;
        let wanted = found
            .iter()
            .position(|it| it.letter.id == *id)
            .map(|it| found.swap_remove(it));
        self.put_back(&found).await;
        wanted.ok_or_else(|| QueueError::NoSuchDeadLetter(id.clone()))
    }

    /// Receives letters until there are `limit`, none is left, or `is_enough` returns true for one.
    async fn take(
        &self,
        limit: u32,
        is_enough: impl Fn(&Found) -> bool,
    ) -> Result<Vec<Found>, QueueError> {
        let mut found: HashMap<String, Found> = HashMap::new();
        loop {
            let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            if left == 0 {
                break;
            }
            let batch = match self.take_batch(left.min(BATCH)).await {
                Ok(batch) => batch,
                Err(error) => {
                    self.put_back(&found.into_values().collect::<Vec<_>>())
                        .await;
                    return Err(error);
                }
            };
            let (before, seen, done) = (found.len(), batch.len(), batch.iter().any(&is_enough));
            // During a long read the first letters are received again: their newer receipts count.
            found.extend(batch.into_iter().map(|it| (it.letter.id.0.clone(), it)));
            if done || seen == 0 || found.len() == before {
                break;
            }
        }
        Ok(found.into_values().collect())
    }

    async fn take_batch(&self, at_most: u32) -> Result<Vec<Found>, QueueError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.dead_url)
            .max_number_of_messages(i32::try_from(at_most).unwrap_or(1))
            .visibility_timeout(LOOK_SECONDS)
            // Without a wait, SQS queries only a subset of its servers.
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| queue_error(&self.name, error))?;
        Ok(answer
            .messages
            .unwrap_or_default()
            .into_iter()
            .filter_map(|it| self.found(it))
            .collect())
    }

    fn found(&self, message: Message) -> Option<Found> {
        let sent_here_ms = number(&message, &MessageSystemAttributeName::SentTimestamp);
        let sent_here_ms = UnixMillis::new(sent_here_ms.unwrap_or(0));
        let fact = |name: &str| {
            message
                .message_attributes
                .as_ref()?
                .get(name)?
                .string_value
                .clone()
        };
        let count = |name: &str| fact(name)?.parse::<u64>().ok();
        let (sent_ms, receives, reason) = (
            count(SENT).map(UnixMillis::new),
            count(RECEIVES),
            fact(REASON),
        );
        let (id, handle) = (message.message_id?, message.receipt_handle?);
        // SQS keeps the original send time in letters that it moves itself.
        let dead_lettered_ms = if sent_ms.is_some() {
            sent_here_ms
        } else {
            self.first_seen.of(&id)
        };
        let body = message.body.unwrap_or_default();
        let letter = DeadLetter {
            id: DeadLetterId(id),
            message: JobMessage::parse(&body),
            body,
            receive_count: receives
                .and_then(|it| u32::try_from(it).ok())
                .unwrap_or(self.max_receives),
            sent_ms: sent_ms.unwrap_or(sent_here_ms),
            dead_lettered_ms,
            reason: reason.or_else(|| {
                sent_ms
                    .is_none()
                    .then(|| "the last worker did not report a result".to_owned())
            }),
        };
        Some(Found {
            handle,
            sent_here_ms,
            letter,
        })
    }

    /// Returns letters at once; if that fails, they reappear by themselves a little later.
    async fn put_back(&self, found: &[Found]) {
        for batch in found.chunks(BATCH as usize) {
            let entries = batch.iter().enumerate().filter_map(|(index, it)| {
                let entry =
                    ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
                entry
                    .receipt_handle(&it.handle)
                    .visibility_timeout(0)
                    .build()
                    .ok()
            });
            let request = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.dead_url);
            if let Err(error) = request.set_entries(Some(entries.collect())).send().await {
                tracing::debug!(error = %queue_error(&self.name, error), "dead letters stay hidden for a while");
            }
        }
    }

    async fn revive(&self, found: &Found) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(&found.letter.body)
            .send()
            .await
            .map_err(|error| queue_error(&self.name, error))?;
        // If this fails, the letter stays although its job was sent, which is better than losing
        // it.
        match self.bin(found).await {
            Err(QueueError::NoSuchDeadLetter(_)) => Ok(()),
            result => result,
        }
    }

    async fn bin(&self, found: &Found) -> Result<(), QueueError> {
        let id = &found.letter.id;
        let deleted = self
            .client
            .delete_message()
            .queue_url(&self.dead_url)
            .receipt_handle(&found.handle)
            .send()
            .await;
        match deleted.map_err(|error| lost_or(queue_error(&self.name, error))) {
            Ok(_) => {
                self.first_seen.forget(&id.0);
                Ok(())
            }
            // Another reader was faster.
            Err(QueueError::LeaseLost) => Err(QueueError::NoSuchDeadLetter(id.clone())),
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
