//! Sources that arrive without an event of the queue: completed uploads, checks of the store, and events by
//! HTTP.

use std::time::Duration;

use api::services::arrivals::Arrivals;
use api::services::ingest::Ingested;
use domain::ids::VideoId;
use http::{Method, StatusCode};
use platform::clock;
use serde_json::{Value, json};

use crate::world::World;

/// Uploads a small file and leaves its event in the outbox.
async fn sent(world: &World) -> VideoId {
    let created = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
        .await;
    assert_eq!(
        world
            .put(&created.body["upload"]["request"], b"abc".to_vec())
            .await
            .status(),
        200
    );
    created.video()
}

#[tokio::test]
async fn completing_an_upload_starts_the_work() {
    let world = World::new().await;
    let id = sent(&world).await;
    for _ in 0..2 {
        let completed = world
            .post(&format!("/v1/uploads/{id}/complete"), json!({}))
            .await;
        assert_eq!(
            (completed.status, &completed.body["state"]),
            (StatusCode::OK, &json!("queued"))
        );
    }
    // The event arrives later and results in the same job.
    assert!(matches!(
        world.pump().await.as_slice(),
        [Ingested::Duplicate(_)]
    ));
    let jobs = world.jobs().await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!((jobs[0].video, jobs[0].source.size), (id, 3));
}

#[tokio::test]
async fn an_event_of_what_a_worker_has_in_hand_sends_nothing() {
    let world = World::new().await;
    let id = sent(&world).await;
    world
        .post(&format!("/v1/uploads/{id}/complete"), json!({}))
        .await;
    assert_eq!(world.jobs().await.len(), 1);
    world.claim(id).await;
    assert_eq!(world.pump().await, [Ingested::AlreadyDone(id)]);
    assert_eq!(world.jobs().await, []);
}

#[tokio::test]
async fn uppy_completes_an_upload_too() {
    let world = World::new().await;
    let begun = world
        .post(
            "/v1/s3/multipart",
            json!({ "filename": "a.mp4", "type": "video/mp4" }),
        )
        .await
        .body;
    let (key, upload) = (
        begun["key"].as_str().unwrap(),
        begun["uploadId"].as_str().unwrap(),
    );
    let signed = world
        .get(&format!("/v1/s3/multipart/{upload}/1?key={key}"))
        .await
        .body;
    let stored = world
        .http
        .put(signed["url"].as_str().unwrap())
        .body("abc")
        .send()
        .await
        .unwrap();
    let etag = stored.headers()["etag"].to_str().unwrap().to_owned();
    let parts = json!({ "parts": [{ "PartNumber": 1, "ETag": etag }] });
    let completed = world
        .post(
            &format!("/v1/s3/multipart/{upload}/complete?key={key}"),
            parts,
        )
        .await;
    assert_eq!(completed.status, StatusCode::OK, "{}", completed.body);
    assert_eq!(world.jobs().await.len(), 1);
}

#[tokio::test]
async fn a_source_without_an_event_is_found() {
    let world = World::new().await;
    let (arrived, id) = (
        sent(&world).await,
        world
            .post("/v1/uploads", json!({ "filename": "b.mp4", "size": 3 }))
            .await,
    );
    let mut arrivals = Arrivals::new(world.ingest.clone());
    let now = clock::now();
    assert_eq!(
        arrivals.check(now).await.unwrap(),
        0,
        "an event may still come"
    );
    assert_eq!(
        arrivals.check(now + Duration::from_secs(6)).await.unwrap(),
        1
    );
    assert_eq!(
        (world.state(arrived).await, world.state(id.video()).await),
        ("queued", "uploading")
    );
    assert_eq!(world.jobs().await.len(), 1);
    // The other one arrives between two checks.
    assert_eq!(
        world
            .put(&id.body["upload"]["request"], b"abc".to_vec())
            .await
            .status(),
        200
    );
    assert_eq!(
        arrivals.check(now + Duration::from_secs(7)).await.unwrap(),
        0,
        "it was looked at a second ago"
    );
    assert_eq!(
        arrivals.check(now + Duration::from_secs(12)).await.unwrap(),
        1
    );
    assert_eq!(world.state(id.video()).await, "queued");
}

fn of_minio(key: &str, etag: &str) -> Value {
    json!({
        "EventName": "s3:ObjectCreated:Put",
        "Key": format!("private/{key}"),
        "Records": [{
            "eventName": "s3:ObjectCreated:Put",
            "s3": {
                "bucket": { "name": "private" },
                "object": { "key": key.replace('/', "%2F"), "size": 3, "eTag": etag },
            },
        }],
    })
}

#[tokio::test]
async fn events_come_over_http() {
    let world = World::new().await;
    let id = sent(&world).await;
    let key = world
        .catalog
        .get_video(id)
        .await
        .unwrap()
        .source
        .key
        .unwrap();
    let event = of_minio(&key, "900150983cd24fb0d6963f7d28e17f72");
    let (_, token) = world.key(None, &["events"]).await;
    let call = async |body: Value| {
        world
            .call_as(&token, Method::POST, "/v1/events", Some(body))
            .await
    };
    assert_eq!(
        call(event.clone()).await.body,
        json!({ "queued": 1, "known": 0, "ignored": [] })
    );
    assert_eq!(
        call(event).await.body,
        json!({ "queued": 0, "known": 1, "ignored": [] })
    );
    let other = call(of_minio("films/a.mp4", "abc")).await.body;
    assert_eq!(other["ignored"].as_array().unwrap().len(), 1, "{other}");
    assert_eq!(
        call(json!({ "hello": 1 })).await.problem(),
        (422, "invalid-field")
    );
    assert_eq!(world.jobs().await.len(), 1);

    // The scope allows nothing else, and owners cannot have it.
    assert_eq!(
        world
            .call_as(&token, Method::GET, "/v1/videos", None)
            .await
            .problem(),
        (403, "insufficient-scope")
    );
    let key = json!({ "name": "a key", "owner": "ann", "scopes": ["events"] });
    assert_eq!(
        world.post("/v1/api-keys", key).await.problem(),
        (422, "invalid-field")
    );
    let user = crate::world::jwt(json!({ "scope": "events" }));
    let refused = world
        .call_as(
            &user,
            Method::POST,
            "/v1/events",
            Some(json!({ "hello": 1 })),
        )
        .await;
    assert_eq!(refused.problem(), (403, "insufficient-scope"));
}

/// The body that the edge worker sends to `EDGEREEL_JOBS_URL`.
#[tokio::test]
async fn jobs_of_the_edge_worker_come_over_http() {
    let world = World::new().await;
    let id = sent(&world).await;
    world
        .post(&format!("/v1/uploads/{id}/complete"), json!({}))
        .await;
    let [job] = world.jobs().await.try_into().unwrap();
    let body = domain::job::JobMessage::from(job).to_body();
    let other = World::new().await;
    let taken = other
        .post("/v1/events", serde_json::from_str(&body).unwrap())
        .await;
    assert_eq!(taken.body["queued"], 1, "{}", taken.body);
    assert_eq!(other.jobs().await[0].video, id);
}
