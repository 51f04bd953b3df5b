//! Event notifications in R2's format, written to an outbox in the transaction that causes them.
//!
//! Delivery is at least once: the consumer acknowledges events after it has passed them on.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};
use s3s::S3Error;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Notify;

use super::OpenError;
use super::index::{Change, Index};
use super::objects::Address;

/// How long a consumer waits for the notification of a commit before it looks again.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Selects the objects that cause events: those of a bucket whose keys have a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRule {
    /// Name of the bucket.
    pub bucket: String,
    /// Prefix of the keys; empty for all.
    pub prefix: String,
    /// Whether to send `object-create` events: put, copy, completed multipart upload.
    pub on_create: bool,
    /// Whether to send `object-delete` events.
    pub on_delete: bool,
}

/// The action on an object, in R2's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Stored by one request.
    PutObject,
    /// Copied inside the store.
    CopyObject,
    /// Stored by a multipart upload.
    CompleteMultipartUpload,
    /// Deleted by a request.
    DeleteObject,
}

/// The body of an event, exactly as R2 puts it into a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct R2Event {
    /// Id of the account.
    pub account: String,
    /// The action.
    pub action: Action,
    /// Name of the bucket.
    pub bucket: String,
    /// The object.
    pub object: R2EventObject,
    /// Time: RFC 3339, UTC, milliseconds.
    pub event_time: String,
    /// Source of a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_source: Option<R2CopySource>,
}

/// The object of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct R2EventObject {
    /// Object key in the bucket.
    pub key: String,
    /// Size in bytes; absent after a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// ETag without quotes; absent after a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
}

/// The source of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct R2CopySource {
    /// Name of the bucket.
    pub bucket: String,
    /// Object key in that bucket.
    pub object: String,
}

/// An event that waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedEvent {
    /// Sequence number, increasing; the argument of [`EventOutbox::ack`].
    pub sequence: i64,
    /// JSON of an [`R2Event`].
    pub body: String,
}

/// The unacknowledged events, oldest first. For a single consumer.
#[derive(Clone)]
pub struct EventOutbox {
    pub(super) index: Arc<Index>,
    pub(super) committed: Arc<Notify>,
}

/// The outbox could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the event outbox failed")]
pub struct OutboxError(#[source] S3Error);

impl EventOutbox {
    /// Waits until there are events, and returns at most `max` of them, oldest first. The same
    /// events are returned again until they are acknowledged.
    pub async fn next_batch(&self, max: u32) -> Result<Vec<QueuedEvent>, OutboxError> {
        loop {
            let events = self.waiting(max).await?;
            if !events.is_empty() {
                return Ok(events);
            }
            // Looks again in any case: an event must not depend on one notification.
            let _ = tokio::time::timeout(LOOK_INTERVAL, self.committed.notified()).await;
        }
    }

    /// Returns at most `max` waiting events, oldest first, possibly none.
    pub async fn waiting(&self, max: u32) -> Result<Vec<QueuedEvent>, OutboxError> {
        let look = move |connection: &Connection| {
            let run = || {
                connection
                    .prepare_cached("SELECT sequence, body FROM event ORDER BY sequence LIMIT ?1")?
                    .query_map([max], |row| {
                        Ok(QueuedEvent {
                            sequence: row.get(0)?,
                            body: row.get(1)?,
                        })
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()
            };
            run().map_err(S3Error::internal_error)
        };
        Ok(self.index.read(look).await.map_err(OutboxError)?.0)
    }

    /// Removes all events up to and including `sequence`, because the consumer has stored them.
    pub async fn ack(&self, sequence: i64) -> Result<(), OutboxError> {
        let work = move |connection: &Connection| {
            connection
                .prepare_cached("DELETE FROM event WHERE sequence <= ?1")
                .and_then(|mut it| it.execute([sequence]))
                .map_err(S3Error::internal_error)?;
            Ok(Change::from(()))
        };
        self.index.write(work).await.map_err(OutboxError)
    }
}

/// The validated rules of a server.
pub(super) struct EventRules {
    account: String,
    rules: Vec<EventRule>,
}

impl EventRules {
    /// # Errors
    /// Rejects, as R2 does, two rules that would send the same event twice.
    pub(super) fn new(account: String, rules: Vec<EventRule>) -> Result<Self, OpenError> {
        for (i, a) in rules.iter().enumerate() {
            for b in &rules[i + 1..] {
                let same_events = (a.on_create && b.on_create) || (a.on_delete && b.on_delete);
                let same_keys = a.prefix.starts_with(&b.prefix) || b.prefix.starts_with(&a.prefix);
                if a.bucket == b.bucket && same_events && same_keys {
                    return Err(OpenError::OverlappingRules {
                        bucket: a.bucket.clone(),
                        first: a.prefix.clone(),
                        second: b.prefix.clone(),
                    });
                }
            }
        }
        Ok(Self { account, rules })
    }

    fn wants(&self, action: Action, at: &Address) -> bool {
        self.rules.iter().any(|rule| {
            let wanted = match action {
                Action::PutObject | Action::CopyObject | Action::CompleteMultipartUpload => {
                    rule.on_create
                }
                Action::DeleteObject => rule.on_delete,
            };
            wanted && rule.bucket == at.bucket && at.key.starts_with(&rule.prefix)
        })
    }
}

/// The kind of request that stores an object, for its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    Put,
    Copy(Address),
    Multipart,
}

/// Writes the event of a stored object to the outbox, if a rule matches.
pub(super) fn created(
    connection: &Connection,
    rules: &EventRules,
    at: &Address,
    cause: &Cause,
    (size, etag, at_ms): (u64, &str, u64),
) -> rusqlite::Result<()> {
    let action = match cause {
        Cause::Put => Action::PutObject,
        Cause::Copy(_) => Action::CopyObject,
        Cause::Multipart => Action::CompleteMultipartUpload,
    };
    let copy_source = match cause {
        Cause::Copy(from) => Some(R2CopySource {
            bucket: from.bucket.clone(),
            object: from.key.clone(),
        }),
        Cause::Put | Cause::Multipart => None,
    };
    let object = R2EventObject {
        key: at.key.clone(),
        size: Some(size),
        e_tag: Some(etag.to_owned()),
    };
    record(connection, rules, at, action, object, copy_source, at_ms)
}

/// Writes the event of a deleted object to the outbox, if a rule matches.
pub(super) fn deleted(
    connection: &Connection,
    rules: &EventRules,
    at: &Address,
    at_ms: u64,
) -> rusqlite::Result<()> {
    let object = R2EventObject {
        key: at.key.clone(),
        size: None,
        e_tag: None,
    };
    record(
        connection,
        rules,
        at,
        Action::DeleteObject,
        object,
        None,
        at_ms,
    )
}

fn record(
    connection: &Connection,
    rules: &EventRules,
    at: &Address,
    action: Action,
    object: R2EventObject,
    copy_source: Option<R2CopySource>,
    at_ms: u64,
) -> rusqlite::Result<()> {
    if !rules.wants(action, at) {
        return Ok(());
    }
    let event = R2Event {
        account: rules.account.clone(),
        action,
        bucket: at.bucket.clone(),
        object,
        event_time: rfc3339(at_ms),
        copy_source,
    };
    let body = super::objects::to_json(&event)?;
    connection
        .prepare_cached("INSERT INTO event (body) VALUES (?1)")?
        .execute(params![body])?;
    Ok(())
}

/// RFC 3339 with milliseconds, as R2 writes it.
fn rfc3339(unix_ms: u64) -> String {
    let nanos = i128::from(unix_ms) * 1_000_000;
    let text = OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|it| it.format(&Rfc3339).ok());
    // `time` omits trailing zeros of the fraction; R2 always writes three digits.
    let text = text.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned());
    let whole = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{whole}.{:03}Z", unix_ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, on_create: bool, on_delete: bool) -> EventRule {
        EventRule {
            bucket: "private".to_owned(),
            prefix: prefix.to_owned(),
            on_create,
            on_delete,
        }
    }

    #[test]
    fn overlapping_rules_are_refused() {
        let new = |rules| EventRules::new("acc".to_owned(), rules);
        assert!(
            new(vec![
                rule("uploads/", true, false),
                rule("uploads/a", true, true)
            ])
            .is_err()
        );
        assert!(new(vec![rule("", true, false), rule("uploads/", true, false)]).is_err());
        assert!(
            new(vec![
                rule("uploads/", true, false),
                rule("uploads/", false, true)
            ])
            .is_ok()
        );
        assert!(
            new(vec![
                rule("uploads/", true, true),
                rule("archive/", true, true)
            ])
            .is_ok()
        );
    }

    #[test]
    fn times_have_three_digits_of_milliseconds() {
        assert_eq!(rfc3339(1_716_579_584_379), "2024-05-24T19:39:44.379Z");
        assert_eq!(rfc3339(1_716_579_584_000), "2024-05-24T19:39:44.000Z");
    }

    #[test]
    fn a_body_is_what_r2_sends() {
        let event = R2Event {
            account: "3f4b7e3dcab231cbfdaa90a6a28bd548".to_owned(),
            action: Action::CopyObject,
            bucket: "my-bucket".to_owned(),
            object: R2EventObject {
                key: "my-new-object".to_owned(),
                size: Some(65536),
                e_tag: Some("c846ff7a".to_owned()),
            },
            event_time: rfc3339(1_716_579_584_379),
            copy_source: Some(R2CopySource {
                bucket: "my-bucket".to_owned(),
                object: "my-original-object".to_owned(),
            }),
        };
        insta::assert_snapshot!(serde_json::to_string_pretty(&event).unwrap(), @r#"
        {
          "account": "3f4b7e3dcab231cbfdaa90a6a28bd548",
          "action": "CopyObject",
          "bucket": "my-bucket",
          "object": {
            "key": "my-new-object",
            "size": 65536,
            "eTag": "c846ff7a"
          },
          "eventTime": "2024-05-24T19:39:44.379Z",
          "copySource": {
            "bucket": "my-bucket",
            "object": "my-original-object"
          }
        }
        "#);
    }
}
