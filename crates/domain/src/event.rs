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

/// The reason why a notification starts no work. It is not shown as an error: such messages are
/// acknowledged, except for [`Self::UnreadableJob`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
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
    Rubbish {
        /// The parser's error.
        detail: String,
    },
}

/// Converts the body of a notification to jobs, or to the reasons why its records are not jobs.
/// Never empty.
///
/// Accepts the body that R2 sends to a Cloudflare Queue (one object each), and that of S3
/// (`Records`, with form-encoded keys; its test event).
pub fn jobs_of(body: &str, context: EventContext<'_>) -> Vec<Result<Job, Ignored>> {
    let rubbish = |detail: String| vec![Err(Ignored::Rubbish { detail })];
    let value: serde_json::Value = match serde_json::from_str(body) {
        Ok(value) => value,
        Err(error) => return rubbish(error.to_string()),
    };
    if value.get("Event").and_then(|it| it.as_str()) == Some("s3:TestEvent") {
        return vec![Err(Ignored::Test)];
    }
    if let Some(records) = value.get("Records") {
        return match records.as_array() {
            None => rubbish("`Records` is not a list".to_owned()),
            Some(records) if records.is_empty() => rubbish("`Records` is empty".to_owned()),
            Some(records) => {
                records.iter().map(|it| ObjectEvent::of_s3(it).and_then(|it| it.into_job(context))).collect()
            }
        };
    }
    vec![ObjectEvent::of_r2(&value).and_then(|it| it.into_job(context))]
}

/// Reads a job that the edge worker derived from an upload's event: the same job, or the reason why
/// it is rejected. `None`: the body is not a job, but may be an event.
pub fn relayed_job(body: &str, context: EventContext<'_>) -> Option<Result<Job, Ignored>> {
    let job = match JobMessage::parse(body) {
        Ok(JobMessage::TranscodeV1(job)) => job,
        Ok(JobMessage::ImportV1(_) | JobMessage::PosterV1(_)) => {
            return Some(Err(Ignored::Rubbish { detail: "no event makes a job of this kind".to_owned() }));
        }
        Err(InvalidMessage::NotAMessage { .. }) => return None,
        Err(error) => return Some(Err(Ignored::UnreadableJob { detail: error.to_string() })),
    };
    if job.source.bucket != context.bucket {
        return Some(Err(Ignored::OtherBucket { bucket: shorten(&job.source.bucket, 64) }));
    }
    Some(match job.source_key() {
        Some(ObjectKey::Source { .. }) if job.reason == JobReason::Upload => Ok(job),
        _ => Err(Ignored::NotAnUpload { key: shorten(&job.source.key, 256) }),
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
    fn of_r2(value: &serde_json::Value) -> Result<Self, Ignored> {
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
        Ok(Self { action, bucket: event.bucket, key, etag, size })
    }

    fn of_s3(value: &serde_json::Value) -> Result<Self, Ignored> {
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
        let name = record.event_name.strip_prefix("s3:").unwrap_or(&record.event_name);
        let action = match name.split(':').next() {
            Some("ObjectCreated") => Action::Created,
            Some("ObjectRemoved" | "LifecycleExpiration") => Action::Removed,
            _ => Action::Other(record.event_name.clone()),
        };
        let Object { key, size, etag } = record.s3.object;
        let key = form_decode(&key)?;
        Ok(Self { action, bucket: record.s3.bucket.name, key, etag, size })
    }

    fn into_job(self, context: EventContext<'_>) -> Result<Job, Ignored> {
        if self.bucket != context.bucket {
            return Err(Ignored::OtherBucket { bucket: shorten(&self.bucket, 64) });
        }
        match self.action {
            Action::Created => {}
            Action::Removed => return Err(Ignored::Deleted { key: shorten(&self.key, 256) }),
            Action::Other(action) => return Err(Ignored::OtherAction { action: shorten(&action, 64) }),
        }
        let Some(ObjectKey::Source { video, .. }) = ObjectKey::parse(Bucket::Private, &self.key) else {
            return Err(Ignored::NotAnUpload { key: shorten(&self.key, 256) });
        };
        let missing = |field| Ignored::Rubbish { detail: format!("a created object without `{field}`") };
        // Some servers quote it; the identity must not depend on the sender.
        let etag = self.etag.as_deref().map(|it| it.trim_matches('"')).filter(|it| !it.is_empty());
        let etag = etag.ok_or_else(|| missing("eTag"))?.to_owned();
        let size = self.size.ok_or_else(|| missing("size"))?;
        let source = Source { bucket: self.bucket, key: self.key, etag, size };
        Ok(Job::new(video, source, context.profile, context.mode, JobReason::Upload))
    }
}

#[derive(Deserialize)]
struct Object {
    key: String,
    size: Option<u64>,
    #[serde(rename = "eTag")]
    etag: Option<String>,
}

fn read<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Result<T, Ignored> {
    T::deserialize(value).map_err(|it| Ignored::Rubbish { detail: it.to_string() })
}

/// S3 encodes keys as forms do: `+` is a space, everything else percent-encoded UTF-8.
fn form_decode(key: &str) -> Result<String, Ignored> {
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => Err(Ignored::Rubbish { detail: "the key is not UTF-8".to_owned() }),
    }
}

fn shorten(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::ids::VideoId;

    const INTAKE: EventContext<'_> = EventContext { bucket: "private", profile: "default", mode: Mode::Abr };

    fn video() -> VideoId {
        VideoId::new(1_700_000_000_000, [7; 10])
    }

    fn r2(action: &str, key: &str) -> Value {
        json!({
            "account": "3f4b7e3dcab231cbfdaa90a6a28bd548",
            "action": action,
            "bucket": "private",
            "object": { "key": key, "size": 65_536, "eTag": "c846ff7a18f28c2e262116d6e8719ef0" },
            "eventTime": "2024-05-24T19:36:44.379Z",
        })
    }

    fn s3(name: &str, key: &str) -> Value {
        json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventTime": "2024-05-24T19:36:44.379Z",
            "eventName": name,
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": { "name": "private", "arn": "arn:aws:s3:::private" },
                "object": { "key": key, "size": 65_536, "eTag": "c846ff7a18f28c2e262116d6e8719ef0", "sequencer": "00" },
            },
        }]})
    }

    #[track_caller]
    fn only(body: &Value) -> Result<Job, Ignored> {
        let mut jobs = jobs_of(&body.to_string(), INTAKE);
        assert_eq!(jobs.len(), 1);
        jobs.remove(0)
    }

    #[test]
    fn every_way_to_create_an_object_is_one_job() {
        let key = format!("uploads/{}/film.mp4", video());
        let job = only(&r2("PutObject", &key)).unwrap();
        assert_eq!((job.video, job.source.size, job.reason), (video(), 65_536, JobReason::Upload));
        for body in [
            r2("PutObject", &key),
            r2("CopyObject", &key),
            r2("CompleteMultipartUpload", &key),
            s3("ObjectCreated:Put", &key),
            s3("ObjectCreated:CompleteMultipartUpload", &key),
            s3("s3:ObjectCreated:Copy", &key),
        ] {
            assert_eq!(only(&body).as_ref(), Ok(&job), "{body}");
        }
        let mut quoted = r2("PutObject", &key);
        quoted["object"]["eTag"] = "\"c846ff7a18f28c2e262116d6e8719ef0\"".into();
        assert_eq!(only(&quoted), Ok(job));
    }

    #[test]
    fn a_job_made_elsewhere_is_the_same_job() {
        let event = r2("PutObject", &format!("uploads/{}/film.mp4", video()));
        let job = only(&event).unwrap();
        let relayed = |job: Job| relayed_job(&JobMessage::from(job).to_body(), INTAKE).unwrap();
        assert_eq!(relayed(job.clone()).as_ref(), Ok(&job));
        let of = |bucket: &str, key: &str, reason| {
            let source = Source { bucket: bucket.to_owned(), key: key.to_owned(), ..job.source.clone() };
            relayed(Job::new(job.video, source, "default", Mode::Abr, reason))
        };
        let theirs = format!("uploads/{}/film.mp4", VideoId::new(1, [1; 10]));
        assert!(matches!(of("other", &job.source.key, JobReason::Upload), Err(Ignored::OtherBucket { .. })));
        assert!(matches!(of("private", &theirs, JobReason::Upload), Err(Ignored::NotAnUpload { .. })));
        assert!(matches!(of("private", &job.source.key, JobReason::Retry), Err(Ignored::NotAnUpload { .. })));
        assert!(matches!(relayed_job("{\"type\":\"transcode-v9\"}", INTAKE), Some(Err(Ignored::UnreadableJob { .. }))));
        for none in [event.to_string().as_str(), "", "7", "{}"] {
            assert_eq!(relayed_job(none, INTAKE), None, "{none}");
        }
    }

    #[test]
    fn keys_of_s3_are_form_encoded_and_those_of_r2_are_not() {
        let key = format!("uploads/{}/été_(1).mp4", video());
        let encoded = format!("uploads/{}/%C3%A9t%C3%A9_%281%29.mp4", video());
        assert_eq!(only(&r2("PutObject", &key)).unwrap(), only(&s3("ObjectCreated:Put", &encoded)).unwrap());
        assert!(matches!(only(&r2("PutObject", &encoded)), Err(Ignored::NotAnUpload { .. })));
        assert!(matches!(only(&s3("ObjectCreated:Put", "uploads/%FF")), Err(Ignored::Rubbish { .. })));
        // A plus sign is a space, and no upload has a space in its name.
        let plus = s3("ObjectCreated:Put", &format!("uploads/{}/a+b.mp4", video()));
        assert_eq!(only(&plus), Err(Ignored::NotAnUpload { key: format!("uploads/{}/a b.mp4", video()) }));
    }

    #[test]
    fn events_without_work_have_a_reason() {
        let key = format!("uploads/{}/film.mp4", video());
        let without = |field: &str| {
            let mut body = r2("PutObject", &key);
            body["object"].as_object_mut().unwrap().remove(field);
            body
        };
        let mut foreign = r2("PutObject", &key);
        foreign["bucket"] = "media".into();
        let bodies = [
            r2("DeleteObject", &key),
            r2("LifecycleDeletion", &key),
            s3("ObjectRemoved:Delete", &key),
            s3("ObjectRestore:Completed", &key),
            r2("AbortMultipartUpload", &key),
            foreign,
            r2("PutObject", "uploads/film.mp4"),
            r2("PutObject", &format!("uploads/{}/../x.mp4", video())),
            r2("PutObject", &format!("uploads/{}/a/b.mp4", video())),
            r2("PutObject", &format!("archive/{}/film.mp4", video())),
            r2("PutObject", &format!("keys/{}/0123456789abcdef/1080p.json", video())),
            without("eTag"),
            without("size"),
            json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "private" }),
            json!({ "Records": [] }),
            json!({ "Records": 7 }),
            json!({ "Records": [7] }),
            json!({}),
            json!("PutObject"),
        ];
        let table: String = bodies.iter().map(|it| format!("{}\n", only(it).unwrap_err())).collect();
        insta::assert_snapshot!(table, @r#"
        `uploads/vid_018bcfe5680077078707070707070707/film.mp4` was deleted
        `uploads/vid_018bcfe5680077078707070707070707/film.mp4` was deleted
        `uploads/vid_018bcfe5680077078707070707070707/film.mp4` was deleted
        the action `ObjectRestore:Completed` starts no work
        the action `AbortMultipartUpload` starts no work
        the bucket `media` is not the private bucket
        `uploads/film.mp4` is not the path of an upload
        `uploads/vid_018bcfe5680077078707070707070707/../x.mp4` is not the path of an upload
        `uploads/vid_018bcfe5680077078707070707070707/a/b.mp4` is not the path of an upload
        `archive/vid_018bcfe5680077078707070707070707/film.mp4` is not the path of an upload
        `keys/vid_018bcfe5680077078707070707070707/0123456789abcdef/1080p.json` is not the path of an upload
        not a bucket notification: a created object without `eTag`
        not a bucket notification: a created object without `size`
        a test event
        not a bucket notification: `Records` is empty
        not a bucket notification: `Records` is not a list
        not a bucket notification: invalid type: integer `7`, expected struct Record
        not a bucket notification: missing field `action`
        not a bucket notification: invalid type: string "PutObject", expected struct Event
        "#);
        assert!(matches!(jobs_of("", INTAKE).as_slice(), [Err(Ignored::Rubbish { .. })]));
    }

    #[test]
    fn a_deletion_without_size_and_tag_is_still_a_deletion() {
        let body = json!({ "action": "DeleteObject", "bucket": "private", "object": { "key": "uploads/x" } });
        assert_eq!(only(&body), Err(Ignored::Deleted { key: "uploads/x".to_owned() }));
    }

    #[test]
    fn each_record_stands_alone() {
        let key = format!("uploads/{}/film.mp4", video());
        let mut body = s3("ObjectCreated:Put", &key);
        let removed = s3("ObjectRemoved:Delete", &key)["Records"][0].clone();
        body["Records"].as_array_mut().unwrap().extend([removed, json!("rubbish")]);
        let jobs = jobs_of(&body.to_string(), INTAKE);
        assert!(matches!(jobs.as_slice(), [Ok(_), Err(Ignored::Deleted { .. }), Err(Ignored::Rubbish { .. })]));
    }

    proptest! {
        #[test]
        fn any_body_has_an_answer(body in "\\PC{0,200}") {
            prop_assert!(!jobs_of(&body, INTAKE).is_empty());
        }

        #[test]
        fn a_job_is_always_of_its_own_upload(key in "(uploads/)?(vid_[0-9a-f]{32}/)?[a-z./%+]{0,20}", name in "[A-Za-z:]{0,30}") {
            for body in [r2("PutObject", &key), s3("ObjectCreated:Put", &key), r2(&name, &key)] {
                if let Ok(job) = only(&body) {
                    let path = format!("uploads/{}/", job.video);
                    prop_assert!(job.source.key.starts_with(&path));
                }
            }
        }
    }
}
