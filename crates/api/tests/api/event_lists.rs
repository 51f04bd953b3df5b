//! Lists of events by HTTP: each item has its own result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::router;
use axum::body::Body;
use catalog::SqlQueue;
use catalog::database::open_sqlite;
use domain::ids::VideoId;
use domain::job::{Job, JobMessage, JobReason, Mode, Source};
use http::{Method, Request};
use platform::clock;
use platform::job_queue::QueueName;
use platform::object_store::s3::S3Store;
use platform::testing::{PRIVATE, store_config};
use serde_json::{Value, json};

use crate::world::{Answer, TOKEN, World, jwt};

/// A video that the catalog does not know yet: its event may arrive before its row.
fn video(number: u8) -> VideoId {
    VideoId::new(clock::now().get(), [number; 10])
}

fn key(video: VideoId) -> String {
    format!("uploads/{video}/film.mp4")
}

fn of_r2(action: &str, bucket: &str, key: &str) -> Value {
    json!({
        "account": "a", "action": action, "bucket": bucket, "eventTime": "2024-05-24T19:36:44.379Z",
        "object": { "key": key, "size": 3, "eTag": "abc" },
    })
}

fn uploaded(video: VideoId) -> Value {
    of_r2("PutObject", PRIVATE, &key(video))
}

fn of_s3(records: &[(&str, &str)]) -> Value {
    let record = |(name, key): &(&str, &str)| {
        json!({
            "eventName": name,
            "s3": {
                "bucket": { "name": PRIVATE },
                "object": { "key": key.replace('/', "%2F"), "size": 3, "eTag": "abc" },
            },
        })
    };
    json!({ "Records": records.iter().map(record).collect::<Vec<_>>() })
}

fn of_minio(key: &str) -> Value {
    let name = "s3:ObjectCreated:Put";
    let mut event = of_s3(&[(name, key)]);
    event["EventName"] = json!(name);
    event["Key"] = json!(format!("{PRIVATE}/{key}"));
    event
}

fn relayed(video: VideoId) -> Value {
    let source = Source {
        bucket: PRIVATE.to_owned(),
        key: key(video),
        etag: "abc".to_owned(),
        size: 3,
    };
    let job = Job::new(video, source, "default", Mode::Abr, JobReason::Upload);
    serde_json::from_str(&JobMessage::from(job).to_body()).unwrap()
}

fn processed(queued: u32, known: u32, ignored: &[&str]) -> Value {
    json!({ "queued": queued, "known": known, "ignored": ignored })
}

fn failed(code: &str, detail: &str, retry: bool) -> Value {
    json!({ "error": { "code": code, "detail": detail, "retry": retry } })
}

fn unavailable() -> Value {
    let detail = "a required service is unavailable: try again shortly";
    failed("unavailable", detail, true)
}

/// Sends a list, and compares its results with those expected.
#[track_caller]
fn check(answer: &Answer, expected: &[Value]) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let results = answer.body["results"].as_array().unwrap();
    for (at, (result, expected)) in results.iter().zip(expected).enumerate() {
        assert_eq!(result, expected, "item {at}");
    }
    assert_eq!(results.len(), expected.len());
}

async fn send(world: &World, items: &[Value]) -> Answer {
    world.post("/v1/events", json!(items)).await
}

/// A video whose object arrives again after the video was deleted, so that the store has to remove it.
async fn deleted(world: &World) -> VideoId {
    let id = world.upload_small().await;
    world.delete(&format!("/v1/videos/{id}")).await;
    world.jobs().await;
    id
}

/// The event of a source that a worker is processing.
async fn in_hand(world: &World) -> Value {
    let id = world.upload_small().await;
    let source = world.catalog.get_video(id).await.unwrap().source;
    world.jobs().await;
    world.claim(id).await;
    let mut event = of_r2("PutObject", PRIVATE, &source.key.unwrap());
    event["object"]["eTag"] = json!(source.etag.unwrap());
    event
}

#[tokio::test]
async fn every_kind_of_item_has_its_own_result() {
    let world = World::new().await;
    let gone = deleted(&world).await;
    let known = in_hand(&world).await;
    let (third, created) = (key(video(3)), "ObjectCreated:CompleteMultipartUpload");
    let several = [
        (created, third.as_str()),
        (created, "films/a.mp4"),
        ("ObjectRemoved:Delete", &third),
    ];
    let mut newer = relayed(video(6));
    newer["type"] = json!("transcode-v9");
    let mut incomplete = uploaded(video(7));
    incomplete["object"]["eTag"].take();
    let invalid = |detail: &str| failed("invalid-field", &format!("the item: {detail}"), false);
    let table = [
        (uploaded(video(1)), processed(1, 0, &[])),
        (
            of_s3(&several),
            processed(
                1,
                0,
                &[
                    "`films/a.mp4` is not the path of an upload",
                    &format!("`{third}` was deleted"),
                ],
            ),
        ),
        (of_minio(&key(video(4))), processed(1, 0, &[])),
        (relayed(video(5)), processed(1, 0, &[])),
        (known, processed(0, 1, &[])),
        (uploaded(gone), processed(0, 1, &[])),
        (
            json!({ "Service": "Amazon S3", "Event": "s3:TestEvent" }),
            processed(0, 0, &["a test event"]),
        ),
        (
            of_r2("DeleteObject", PRIVATE, "uploads/x"),
            processed(0, 0, &["`uploads/x` was deleted"]),
        ),
        (
            of_r2("PutObject", "other", &key(video(1))),
            processed(0, 0, &["the bucket `other` is not the private bucket"]),
        ),
        (
            json!({ "hello": 1 }),
            invalid("not a bucket notification: missing field `action`"),
        ),
        (
            json!({ "Records": [] }),
            invalid("not a bucket notification: `Records` is empty"),
        ),
        (
            incomplete,
            invalid("not a bucket notification: a created object without `eTag`"),
        ),
        (
            newer,
            failed(
                "invalid-field",
                "the item: this version cannot parse the job: messages of type `transcode-v9` are unknown to this version",
                true,
            ),
        ),
        (
            json!(7),
            failed("malformed-request", "the item: not a JSON object", false),
        ),
        (uploaded(video(8)), processed(1, 0, &[])),
    ];
    let (items, expected): (Vec<_>, Vec<_>) = table.into_iter().unzip();
    check(&send(&world, &items).await, &expected);
    assert_eq!(world.jobs().await.len(), 5);
    // Alone, each item has the same result; an error is a problem.
    for (item, expected) in items.into_iter().zip(expected).skip(6).take(7) {
        let alone = world.post("/v1/events", item).await;
        if expected["error"].is_null() {
            assert_eq!((alone.status.as_u16(), &alone.body), (200, &expected));
        } else {
            assert_eq!(alone.problem(), (422, "invalid-field"));
            let detail = expected["error"]["detail"].as_str().unwrap();
            let detail = detail.replacen("the item", "the body", 1);
            assert_eq!(alone.body["detail"], detail);
        }
    }
}

#[tokio::test]
async fn a_hundred_repeats_are_one_job() {
    let world = World::new().await;
    let answer = send(&world, &vec![uploaded(video(1)); 100]).await;
    let results = answer.body["results"].as_array().unwrap();
    let sum = |name: &str| -> u64 { results.iter().map(|it| it[name].as_u64().unwrap()).sum() };
    assert_eq!((results.len(), sum("queued"), sum("known")), (100, 1, 99));
    assert_eq!(world.jobs().await.len(), 1);
}

#[tokio::test]
async fn lists_have_limits_and_need_the_scope() {
    let world = World::new().await;
    let too_many = send(&world, &vec![json!({}); 101]).await;
    assert_eq!(too_many.problem(), (422, "invalid-field"));
    assert_eq!(send(&world, &[]).await.problem(), (422, "invalid-field"));
    let post = |body: String| {
        let request =
            Request::post("/v1/events").header("authorization", format!("Bearer {TOKEN}"));
        world.send(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(
        post("[{}".to_owned()).await.problem(),
        (400, "malformed-request")
    );
    let padded = |bytes: usize| json!({ "a": "x".repeat(bytes) });
    let one = world.post("/v1/events", padded(64 << 10)).await;
    assert_eq!(one.problem(), (413, "body-too-large"));
    let large = send(&world, &vec![padded(60 << 10); 20]).await;
    assert_eq!(large.problem(), (413, "body-too-large"));
    let list = send(&world, &[padded(64 << 10), uploaded(video(1))]).await;
    let detail = "the item: an event has at most 65536 bytes";
    check(
        &list,
        &[
            failed("body-too-large", detail, false),
            processed(1, 0, &[]),
        ],
    );
    // The callers whose single events are accepted or rejected.
    let body = json!([uploaded(video(2))]);
    let (_, token) = world.key(None, &["events"]).await;
    for (token, expected) in [(token, 200), (jwt(json!({ "scope": "events" })), 403)] {
        let answer = world
            .call_as(&token, Method::POST, "/v1/events", Some(body.clone()))
            .await;
        assert_eq!(answer.status, expected, "{}", answer.body);
    }
}

#[tokio::test]
async fn without_the_queue_only_the_items_that_need_it_fail() {
    let mut world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = open_sqlite(&folder.path().join("queue.db")).await.unwrap();
    let working = world.state.ingest.queue.clone();
    let queue = SqlQueue::new(&elsewhere, QueueName::Interactive, 3, "test");
    world.state.ingest.queue = Arc::new(queue);
    elsewhere.close().await;
    world.router = router(world.state.clone());
    let items = [
        uploaded(video(1)),
        in_hand(&world).await,
        json!({ "hello": 1 }),
        of_r2("DeleteObject", PRIVATE, "uploads/x"),
        relayed(video(2)),
    ];
    let detail = "the item: not a bucket notification: missing field `action`";
    let rest = [
        processed(0, 1, &[]),
        failed("invalid-field", detail, false),
        processed(0, 0, &["`uploads/x` was deleted"]),
    ];
    let post = async |world: &World| {
        let request = Request::post("/v1/events")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("idempotency-key", "one");
        let body = Body::from(json!(items).to_string());
        world.send(request.body(body).unwrap()).await
    };
    let of_all = |other: Value| {
        let mut all = vec![other.clone()];
        all.extend(rest.clone());
        all.push(other);
        all
    };
    check(&post(&world).await, &of_all(unavailable()));

    // The queue is back. The first response was not the last word for this key, and the second one is.
    world.state.ingest.queue = working;
    world.router = router(world.state.clone());
    check(&post(&world).await, &of_all(processed(1, 0, &[])));
    let repeated = post(&world).await;
    check(&repeated, &of_all(processed(1, 0, &[])));
    assert_eq!(repeated.headers["idempotency-replayed"], "true");
    assert_eq!(world.jobs().await.len(), 2);
}

/// Only the sources of deleted videos need the store: it has to remove them.
#[tokio::test]
async fn without_the_store_only_the_items_that_need_it_fail() {
    let mut world = World::new().await;
    let gone = deleted(&world).await;
    let items = [uploaded(gone), uploaded(video(1)), uploaded(gone)];
    let expected = [unavailable(), processed(1, 0, &[]), unavailable()];
    // No server listens.
    world.state.ingest.store = Arc::new(S3Store::new(&store_config("http://127.0.0.1:9")));
    world.router = router(world.state.clone());
    check(&send(&world, &items).await, &expected);

    // A server that accepts connections and does not answer: the edge worker, which waits for 10 s, gets a response.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    world.state.ingest.store = Arc::new(S3Store::new(&store_config(&endpoint)));
    world.router = router(world.state.clone());
    let items = [uploaded(gone), uploaded(video(2)), uploaded(gone)];
    let started = Instant::now();
    check(&send(&world, &items).await, &expected);
    let taken = started.elapsed();
    assert!(
        (Duration::from_secs(7)..Duration::from_millis(9_500)).contains(&taken),
        "{taken:?}"
    );
    assert_eq!(world.jobs().await.len(), 2);
}
