//! Bucket events: repeated, early, late and malformed.

use std::time::Duration;

use api::services::dead_letter;
use api::services::ingest::Ingested;
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey};
use domain::receipt::Receipt;
use domain::retry::MAX_ATTEMPTS;
use http::StatusCode;
use platform::clock;
use platform::job_queue::Wanted;
use platform::object_store::ObjectStore as _;
use serde_json::json;

use crate::world::World;

fn event(video: VideoId, etag: &str) -> String {
    json!({
        "account": "a", "action": "PutObject", "bucket": "private", "eventTime": "2024-05-24T19:36:44.379Z",
        "object": { "key": format!("uploads/{video}/film.mp4"), "size": 3, "eTag": etag },
    })
    .to_string()
}

#[tokio::test]
async fn the_same_event_three_times_is_one_message() {
    let world = World::new().await;
    let video = VideoId::new(clock::now().get(), [1; 10]);
    let body = event(video, "abc");
    let mut kinds = Vec::new();
    for _ in 0..3 {
        kinds.extend(world.ingest.process(&body, clock::now()).await.unwrap());
    }
    assert!(
        matches!(kinds.as_slice(), [Ingested::Queued(a), Ingested::Duplicate(b), Ingested::Duplicate(c)] if a == b && b == c)
    );
    assert_eq!(world.queue.depth().await.unwrap().ready, 1);
    // The event arrived before the row.
    assert_eq!(world.state(video).await, "queued");
}

#[tokio::test]
async fn an_upload_becomes_one_job_with_the_settings_of_its_row() {
    let world = World::new().await;
    let created = world
        .post(
            "/v1/uploads",
            json!({ "filename": "a.mp4", "size": 3, "mode": "copy" }),
        )
        .await;
    assert!(
        world
            .put(&created.body["upload"]["request"], b"abc".to_vec())
            .await
            .status()
            .is_success()
    );
    assert!(matches!(
        world.pump().await.as_slice(),
        [Ingested::Queued(_)]
    ));
    let delivery = world
        .queue
        .receive(Wanted::ALL, Duration::ZERO, Duration::from_secs(9))
        .await
        .unwrap()
        .unwrap();
    let message = delivery.message.unwrap();
    assert_eq!(
        (message.video(), message.job().unwrap().mode.as_str()),
        (created.video(), "copy")
    );
    assert_eq!(
        message.job().unwrap().source.etag,
        "900150983cd24fb0d6963f7d28e17f72",
        "MD5 of abc"
    );
}

/// A presigned request outlives the source, which was removed after the video was ready.
#[tokio::test]
async fn a_repeated_upload_replaces_nothing() {
    let world = World::new().await;
    let created = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
        .await;
    let (id, request) = (created.video(), &created.body["upload"]["request"]);
    assert!(
        world
            .put(request, b"abc".to_vec())
            .await
            .status()
            .is_success()
    );
    world.pump().await;
    world.jobs().await;
    let claim = world.claim(id).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    let before = world.catalog.get_video(id).await.unwrap();
    let key = ObjectKey::parse(Bucket::Private, before.source.key.as_deref().unwrap()).unwrap();
    world.store.delete(&key).await.unwrap();

    for other in [b"xyz", b"uvw"] {
        assert!(
            world
                .put(request, other.to_vec())
                .await
                .status()
                .is_success(),
            "the store knows nothing of videos"
        );
        assert!(world.pump().await.contains(&Ingested::SourceAfterReady(id)));
        assert!(
            world.store.head(&key).await.is_err(),
            "what nobody asked for is not kept"
        );
    }
    let after = world.catalog.get_video(id).await.unwrap();
    assert_eq!(
        (after.state, after.source.etag),
        (before.state, before.source.etag)
    );
    assert!(world.jobs().await.is_empty());
}

#[tokio::test]
async fn events_of_deleted_videos_and_nonsense_start_nothing() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let body = event(id, "another");
    assert_eq!(
        world.delete(&format!("/v1/videos/{id}")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        world.ingest.process(&body, clock::now()).await.unwrap(),
        [Ingested::VideoGone(id)]
    );
    for nonsense in ["", "7", "{}", r#"{"Event":"s3:TestEvent"}"#] {
        let taken = world.ingest.process(nonsense, clock::now()).await.unwrap();
        assert!(
            matches!(taken.as_slice(), [Ingested::Ignored(_)]),
            "{nonsense}"
        );
    }
}

#[tokio::test]
async fn a_dead_letter_fails_its_video_once() {
    let world = World::new().await;
    let id = world.upload_small().await;
    // Five workers crash after the queue has dead-lettered the job: it has fewer deliveries than attempts.
    for _ in 0..MAX_ATTEMPTS {
        world.claim(id).await;
        world
            .catalog
            .release_all_of_worker("worker", clock::now())
            .await
            .unwrap();
    }
    while let Some(delivery) = world
        .queue
        .receive(Wanted::ALL, Duration::ZERO, Duration::from_secs(60))
        .await
        .unwrap()
    {
        world
            .queue
            .release(&delivery.receipt, Duration::ZERO, "")
            .await
            .unwrap();
    }
    let settle = async || {
        dead_letter::fail_videos(&*world.queue, &world.catalog, clock::now())
            .await
            .unwrap()
    };
    assert_eq!((settle().await, settle().await), (1, 0));
    let video = world.get(&format!("/v1/videos/{id}")).await.body;
    assert_eq!(
        (&video["state"], &video["failure"]["code"]),
        (&json!("failed"), &json!("worker-lost"))
    );
}
