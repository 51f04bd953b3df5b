use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ids::VideoId;

const CONTEXT: EventContext<'_> = EventContext {
    bucket: "private",
    profile: "default",
    mode: Mode::Abr,
};

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
fn only(body: &Value) -> Result<Job, SkipReason> {
    let mut jobs = jobs_of(&body.to_string(), CONTEXT);
    assert_eq!(jobs.len(), 1);
    jobs.remove(0)
}

#[test]
fn every_way_to_create_an_object_is_one_job() {
    let key = format!("uploads/{}/film.mp4", video());
    let job = only(&r2("PutObject", &key)).unwrap();
    assert_eq!(
        (job.video, job.source.size, job.reason),
        (video(), 65_536, JobReason::Upload)
    );
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
    let relayed = |job: Job| relayed_job(&JobMessage::from(job).to_body(), CONTEXT).unwrap();
    assert_eq!(relayed(job.clone()).as_ref(), Ok(&job));
    let of = |bucket: &str, key: &str, reason| {
        let source = Source {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            ..job.source.clone()
        };
        relayed(Job::new(job.video, source, "default", Mode::Abr, reason))
    };
    let theirs = format!("uploads/{}/film.mp4", VideoId::new(1, [1; 10]));
    assert!(matches!(
        of("other", &job.source.key, JobReason::Upload),
        Err(SkipReason::OtherBucket { .. })
    ));
    assert!(matches!(
        of("private", &theirs, JobReason::Upload),
        Err(SkipReason::NotAnUpload { .. })
    ));
    assert!(matches!(
        of("private", &job.source.key, JobReason::Retry),
        Err(SkipReason::NotAnUpload { .. })
    ));
    assert!(matches!(
        relayed_job("{\"type\":\"transcode-v9\"}", CONTEXT),
        Some(Err(SkipReason::UnreadableJob { .. }))
    ));
    for none in [event.to_string().as_str(), "", "7", "{}"] {
        assert_eq!(relayed_job(none, CONTEXT), None, "{none}");
    }
}

#[test]
fn keys_of_s3_are_form_encoded_and_those_of_r2_are_not() {
    let key = format!("uploads/{}/été_(1).mp4", video());
    let encoded = format!("uploads/{}/%C3%A9t%C3%A9_%281%29.mp4", video());
    assert_eq!(
        only(&r2("PutObject", &key)).unwrap(),
        only(&s3("ObjectCreated:Put", &encoded)).unwrap()
    );
    assert!(matches!(
        only(&r2("PutObject", &encoded)),
        Err(SkipReason::NotAnUpload { .. })
    ));
    assert!(matches!(
        only(&s3("ObjectCreated:Put", "uploads/%FF")),
        Err(SkipReason::Malformed { .. })
    ));
    // A plus sign is a space, and no upload has a space in its name.
    let plus = s3("ObjectCreated:Put", &format!("uploads/{}/a+b.mp4", video()));
    assert_eq!(
        only(&plus),
        Err(SkipReason::NotAnUpload {
            key: format!("uploads/{}/a b.mp4", video())
        })
    );
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
        r2(
            "PutObject",
            &format!("keys/{}/0123456789abcdef/1080p.json", video()),
        ),
        without("eTag"),
        without("size"),
        json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "private" }),
        json!({ "Records": [] }),
        json!({ "Records": 7 }),
        json!({ "Records": [7] }),
        json!({}),
        json!("PutObject"),
    ];
    let table: String = bodies
        .iter()
        .map(|it| format!("{}\n", only(it).unwrap_err()))
        .collect();
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
    assert!(matches!(
        jobs_of("", CONTEXT).as_slice(),
        [Err(SkipReason::Malformed { .. })]
    ));
}

#[test]
fn a_deletion_without_size_and_tag_is_still_a_deletion() {
    let body =
        json!({ "action": "DeleteObject", "bucket": "private", "object": { "key": "uploads/x" } });
    assert_eq!(
        only(&body),
        Err(SkipReason::Deleted {
            key: "uploads/x".to_owned()
        })
    );
}

#[test]
fn each_record_stands_alone() {
    let key = format!("uploads/{}/film.mp4", video());
    let mut body = s3("ObjectCreated:Put", &key);
    let removed = s3("ObjectRemoved:Delete", &key)["Records"][0].clone();
    body["Records"]
        .as_array_mut()
        .unwrap()
        .extend([removed, json!("rubbish")]);
    let jobs = jobs_of(&body.to_string(), CONTEXT);
    assert!(matches!(
        jobs.as_slice(),
        [
            Ok(_),
            Err(SkipReason::Deleted { .. }),
            Err(SkipReason::Malformed { .. })
        ]
    ));
}

proptest! {
    #[test]
    fn any_body_has_an_answer(body in "\\PC{0,200}") {
        prop_assert!(!jobs_of(&body, CONTEXT).is_empty());
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
