//! Events: selected by rules, in R2's format, at least once, in one transaction with the object.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use platform::testing::{PRIVATE, RunningServer};
use s3_server::{Action, R2CopySource, R2Event};

use crate::support::{BUCKET, World};

async fn put(world: &World, bucket: &str, key: &str) {
    let put = world
        .client
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(ByteStream::from_static(b"hello"));
    put.send().await.unwrap();
}

/// All waiting events.
async fn waiting(server: &RunningServer) -> Vec<R2Event> {
    let events = server.server.events().waiting(1000).await.unwrap();
    events
        .iter()
        .map(|it| serde_json::from_str(&it.body).unwrap())
        .collect()
}

#[tokio::test]
async fn each_way_to_make_or_remove_an_object_sends_its_event() {
    let world = World::new().await;
    put(&world, PRIVATE, "uploads/a b é.mp4").await;
    let copy = world
        .client
        .copy_object()
        .bucket(PRIVATE)
        .key("uploads/copy")
        .copy_source("private/uploads/a%20b%20%C3%A9.mp4");
    copy.send().await.unwrap();
    let upload = world
        .client
        .create_multipart_upload()
        .bucket(PRIVATE)
        .key("uploads/parts")
        .send()
        .await
        .unwrap();
    let id = upload.upload_id().unwrap();
    let part = world
        .client
        .upload_part()
        .bucket(PRIVATE)
        .key("uploads/parts")
        .upload_id(id)
        .part_number(1);
    let etag = part
        .body(ByteStream::from_static(b"hello"))
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    let parts = CompletedMultipartUpload::builder()
        .parts(CompletedPart::builder().part_number(1).e_tag(etag).build());
    let complete = world
        .client
        .complete_multipart_upload()
        .bucket(PRIVATE)
        .key("uploads/parts")
        .upload_id(id);
    let done = complete
        .multipart_upload(parts.build())
        .send()
        .await
        .unwrap();
    world
        .client
        .delete_object()
        .bucket(PRIVATE)
        .key("uploads/copy")
        .send()
        .await
        .unwrap();

    let events = waiting(&world.server).await;
    let shape: Vec<_> = events
        .iter()
        .map(|it| (it.action, it.object.key.as_str(), it.object.size))
        .collect();
    assert_eq!(
        shape,
        [
            (Action::PutObject, "uploads/a b é.mp4", Some(5)),
            (Action::CopyObject, "uploads/copy", Some(5)),
            (Action::CompleteMultipartUpload, "uploads/parts", Some(5)),
            (Action::DeleteObject, "uploads/copy", None),
        ]
    );
    assert_eq!(
        events[0].object.e_tag.as_deref(),
        Some("5d41402abc4b2a76b9719d911017c592")
    );
    assert_eq!(
        events[2].object.e_tag.as_deref(),
        Some(done.e_tag().unwrap().trim_matches('"'))
    );
    let source = R2CopySource {
        bucket: PRIVATE.to_owned(),
        object: "uploads/a b é.mp4".to_owned(),
    };
    assert_eq!(events[1].copy_source, Some(source));
    assert!(
        events
            .iter()
            .all(|it| it.account == "account" && it.bucket == PRIVATE)
    );
}

#[tokio::test]
async fn only_what_a_rule_names_sends_events() {
    let world = World::new().await;
    put(&world, PRIVATE, "keys/uploads/a").await;
    put(&world, PRIVATE, "upload").await;
    put(&world, BUCKET, "uploads/a").await;
    world
        .client
        .delete_object()
        .bucket(PRIVATE)
        .key("uploads/never-existed")
        .send()
        .await
        .unwrap();
    let refused = world
        .client
        .put_object()
        .bucket(PRIVATE)
        .key("uploads/a")
        .if_match("\"x\"")
        .send()
        .await;
    assert!(refused.is_err());
    assert_eq!(waiting(&world.server).await, []);
}

#[tokio::test]
async fn events_come_again_until_they_are_acknowledged() {
    let world = World::new().await;
    for key in ["uploads/1", "uploads/2", "uploads/3"] {
        put(&world, PRIVATE, key).await;
    }
    let outbox = world.server.server.events();
    let first = outbox.next_batch(2).await.unwrap();
    assert_eq!(first.len(), 2);
    assert_eq!(outbox.next_batch(2).await.unwrap(), first);
    outbox.ack(first[1].sequence).await.unwrap();
    outbox.ack(first[1].sequence).await.unwrap();
    let rest = outbox.next_batch(2).await.unwrap();
    assert_eq!(rest.len(), 1);
    outbox.ack(rest[0].sequence).await.unwrap();
    put(&world, PRIVATE, "uploads/4").await;
    let later = outbox.next_batch(2).await.unwrap();
    assert!(
        later[0].sequence > rest[0].sequence,
        "a number is never given twice"
    );
}

#[tokio::test]
async fn a_waiting_consumer_hears_at_once() {
    let world = World::new().await;
    let outbox = world.server.server.events();
    let waiting = tokio::spawn(async move { outbox.next_batch(10).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    put(&world, PRIVATE, "uploads/1").await;
    let events = tokio::time::timeout(Duration::from_secs(2), waiting)
        .await
        .expect("it was notified")
        .unwrap();
    assert_eq!(events.len(), 1);
}

#[tokio::test]
async fn events_outlive_the_server() {
    let world = World::new().await;
    put(&world, PRIVATE, "uploads/1").await;
    let before = waiting(&world.server).await;
    let World { server, folder, .. } = world;
    server.stop().await;
    let server = RunningServer::start(folder.path()).await;
    assert_eq!(waiting(&server).await, before);
    server.stop().await;
}
