//! Bucket notifications of R2 and S3, converted to jobs.
//!
//! The notifications carry neither an id nor the metadata of the object, and are delivered at least
//! once: the identity of the job is derived from the object, and the key identifies the video.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::job::{InvalidMessage, Job, JobMessage, JobReason, Mode, Source};
use crate::object_key::{Bucket, ObjectKey};

/// The settings with which notifications are interpreted.
#[derive(Debug, Clone, Copy)]
pub struct EventContext<'a> {
    /// Name of the private bucket; events of other buckets are ignored.
    pub bucket: &'a str,
    /// Default profile of videos that were uploaded without one.
    pub profile: &'a str,
    /// Default mode of these videos.
    pub mode: Mode,
}

/// The reason why a notification starts no work. The receiver acknowledges such messages, except for
/// [`Self::UnreadableJob`], and does not report an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// S3 sends it once when notifications are configured.
    #[error("a test event")]
    Test,
    /// An object was removed.
    #[error("`{key}` was deleted")]
    Deleted {
        /// Object key in its bucket.
        key: String,
    },
    /// An action that is not relevant here.
    #[error("the action `{action}` starts no work")]
    OtherAction {
        /// The name of the action, at most 64 characters.
        action: String,
    },
    /// The event is from another bucket.
    #[error("the bucket `{bucket}` is not the private bucket")]
    OtherBucket {
        /// Name of the bucket, at most 64 characters.
        bucket: String,
    },
    /// The key is not `uploads/{video}/{name}`.
    #[error("`{key}` is not the path of an upload")]
    NotAnUpload {
        /// Object key in its bucket, at most 256 characters.
        key: String,
    },
    /// A job that this version cannot read. A newer version can, so the message must not be
    /// discarded.
    #[error("a job that this version cannot read: {detail}")]
    UnreadableJob {
        /// The parser's error.
        detail: String,
    },
    /// Not a bucket notification.
    #[error("not a bucket notification: {detail}")]
    Malformed {
        /// The parser's error.
        detail: String,
    },
}

/// Converts the body of a notification to jobs, or to the reasons why its records are not jobs.
/// Never empty.
///
/// Accepts the body that R2 sends to a Cloudflare Queue (one object each), and that of S3
/// (`Records`, with form-encoded keys; its test event).
pub fn jobs_of(body: &str, context: EventContext<'_>) -> Vec<Result<Job, SkipReason>> {
    let malformed = |detail: String| vec![Err(SkipReason::Malformed { detail })];
    let value: serde_json::Value = match serde_json::from_str(body) {
        Ok(value) => value,
        Err(error) => return malformed(error.to_string()),
    };
    if value.get("Event").and_then(|it| it.as_str()) == Some("s3:TestEvent") {
        return vec![Err(SkipReason::Test)];
    }
    if let Some(records) = value.get("Records") {
        return match records.as_array() {
            None => malformed("`Records` is not a list".to_owned()),
            Some(records) if records.is_empty() => malformed("`Records` is empty".to_owned()),
            Some(records) => records
                .iter()
                .map(|it| ObjectEvent::from_s3(it).and_then(|it| it.into_job(context)))
                .collect(),
        };
    }
    vec![ObjectEvent::from_r2(&value).and_then(|it| it.into_job(context))]
}

/// Reads a job that the edge worker derived from an upload's event: the same job, or the reason why
/// it is rejected. `None`: the body is not a job, but may be an event.
pub fn relayed_job(body: &str, context: EventContext<'_>) -> Option<Result<Job, SkipReason>> {
    let job = match JobMessage::parse(body) {
        Ok(JobMessage::TranscodeV1(job)) => job,
        Ok(
            JobMessage::ImportV1(_)
            | JobMessage::PosterV1(_)
            | JobMessage::CaptionsV1(_)
            | JobMessage::ThumbnailV1(_)
            | JobMessage::DownloadV1(_)
            | JobMessage::PreviewV1(_)
            | JobMessage::TranscriptionV1(_)
            | JobMessage::ChunkV1(_),
        ) => {
            return Some(Err(SkipReason::Malformed {
                detail: "no event makes a job of this kind".to_owned(),
            }));
        }
        Err(InvalidMessage::NotAMessage { .. }) => return None,
        Err(error) => {
            return Some(Err(SkipReason::UnreadableJob {
                detail: error.to_string(),
            }));
        }
    };
    if job.source.bucket != context.bucket {
        return Some(Err(SkipReason::OtherBucket {
            bucket: shorten(&job.source.bucket, 64),
        }));
    }
    Some(match job.source_key() {
        Some(ObjectKey::Source { .. }) if job.reason == JobReason::Upload => Ok(job),
        _ => Err(SkipReason::NotAnUpload {
            key: shorten(&job.source.key, 256),
        }),
    })
}

/// The fields that both kinds of notification have.
struct ObjectEvent {
    action: Action,
    bucket: String,
    key: String,
    /// Absent if an object was removed.
    etag: Option<String>,
    size: Option<u64>,
}

enum Action {
    Created,
    Removed,
    Other(String),
}

impl ObjectEvent {
    fn from_r2(value: &serde_json::Value) -> Result<Self, SkipReason> {
        #[derive(Deserialize)]
        struct Event {
            action: String,
            bucket: String,
            object: Object,
        }
        let event: Event = read(value)?;
        let action = match event.action.as_str() {
            "PutObject" | "CopyObject" | "CompleteMultipartUpload" => Action::Created,
            "DeleteObject" | "LifecycleDeletion" => Action::Removed,
            _ => Action::Other(event.action),
        };
        let Object { key, size, etag } = event.object;
        Ok(Self {
            action,
            bucket: event.bucket,
            key,
            etag,
            size,
        })
    }

    fn from_s3(value: &serde_json::Value) -> Result<Self, SkipReason> {
        #[derive(Deserialize)]
        struct Record {
            #[serde(rename = "eventName")]
            event_name: String,
            s3: S3,
        }
        #[derive(Deserialize)]
        struct S3 {
            bucket: BucketName,
            object: Object,
        }
        #[derive(Deserialize)]
        struct BucketName {
            name: String,
        }
        let record: Record = read(value)?;
        // Documented without `s3:`, but the names in subscriptions have the prefix, and some
        // servers send it.
        let name = record
            .event_name
            .strip_prefix("s3:")
            .unwrap_or(&record.event_name);
        let action = match name.split(':').next() {
            Some("ObjectCreated") => Action::Created,
            Some("ObjectRemoved" | "LifecycleExpiration") => Action::Removed,
            _ => Action::Other(record.event_name.clone()),
        };
        let Object { key, size, etag } = record.s3.object;
        let key = form_decode(&key)?;
        Ok(Self {
            action,
            bucket: record.s3.bucket.name,
            key,
            etag,
            size,
        })
    }

    fn into_job(self, context: EventContext<'_>) -> Result<Job, SkipReason> {
        if self.bucket != context.bucket {
            return Err(SkipReason::OtherBucket {
                bucket: shorten(&self.bucket, 64),
            });
        }
        match self.action {
            Action::Created => {}
            Action::Removed => {
                return Err(SkipReason::Deleted {
                    key: shorten(&self.key, 256),
                });
            }
            Action::Other(action) => {
                return Err(SkipReason::OtherAction {
                    action: shorten(&action, 64),
                });
            }
        }
        let Some(ObjectKey::Source { video, .. }) = ObjectKey::parse(Bucket::Private, &self.key)
        else {
            return Err(SkipReason::NotAnUpload {
                key: shorten(&self.key, 256),
            });
        };
        let missing = |field| SkipReason::Malformed {
            detail: format!("a created object without `{field}`"),
        };
        // Some servers quote it; the identity must not depend on the sender.
        let etag = self
            .etag
            .as_deref()
            .map(|it| it.trim_matches('"'))
            .filter(|it| !it.is_empty());
        let etag = etag.ok_or_else(|| missing("eTag"))?.to_owned();
        let size = self.size.ok_or_else(|| missing("size"))?;
        let source = Source {
            bucket: self.bucket,
            key: self.key,
            etag,
            size,
        };
        Ok(Job::new(
            video,
            source,
            context.profile,
            context.mode,
            JobReason::Upload,
        ))
    }
}

#[derive(Deserialize)]
struct Object {
    key: String,
    size: Option<u64>,
    #[serde(rename = "eTag")]
    etag: Option<String>,
}

fn read<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Result<T, SkipReason> {
    T::deserialize(value).map_err(|it| SkipReason::Malformed {
        detail: it.to_string(),
    })
}

/// S3 encodes keys as forms do: `+` is a space, everything else percent-encoded UTF-8.
fn form_decode(key: &str) -> Result<String, SkipReason> {
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => Err(SkipReason::Malformed {
            detail: "the key is not UTF-8".to_owned(),
        }),
    }
}

fn shorten(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests;
