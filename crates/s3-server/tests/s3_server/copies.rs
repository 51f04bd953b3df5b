//! Copies of objects and of parts.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;

use crate::multipart::{PART, complete, create, named};
use crate::support::{BUCKET, World, code};

#[tokio::test]
async fn parts_can_be_copied() {
    let world = World::new().await;
    world
        .client
        .put_object()
        .bucket(BUCKET)
        .key("source")
        .body(vec![9; PART + 10].into())
        .send()
        .await
        .unwrap();
    let id = create(&world, "a").await;
    let mut parts = Vec::new();
    for (number, range) in [
        (1, format!("bytes=0-{}", PART - 1)),
        (2, format!("bytes={PART}-{}", PART + 9)),
    ] {
        let copy = world
            .client
            .upload_part_copy()
            .bucket(BUCKET)
            .key("a")
            .upload_id(&id)
            .part_number(number);
        let answer = copy
            .copy_source("media/source")
            .copy_source_range(range)
            .send()
            .await
            .unwrap();
        parts.push(named(
            number,
            answer.copy_part_result.unwrap().e_tag().unwrap(),
        ));
    }
    complete(&world, "a", &id, parts).await.unwrap();
    assert!(world.get("a").await == vec![9; PART + 10]);
}

#[tokio::test]
async fn copies_keep_or_replace_what_is_stored_with_them() {
    let world = World::new().await;
    let client = &world.client;
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("a é.mp4")
        .content_type("video/mp4")
        .metadata("owner", "u1");
    put.body(ByteStream::from_static(b"content"))
        .send()
        .await
        .unwrap();
    let copy = || {
        client
            .copy_object()
            .bucket(BUCKET)
            .copy_source("media/a%20%C3%A9.mp4")
    };
    copy().key("kept").send().await.unwrap();
    let kept = client
        .head_object()
        .bucket(BUCKET)
        .key("kept")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (kept.content_type(), kept.metadata().unwrap().len()),
        (Some("video/mp4"), 1)
    );
    let replaced = copy()
        .key("replaced")
        .metadata_directive(MetadataDirective::Replace)
        .content_type("text/plain");
    replaced.send().await.unwrap();
    let replaced = client
        .head_object()
        .bucket(BUCKET)
        .key("replaced")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (replaced.content_type(), replaced.metadata().unwrap().len()),
        (Some("text/plain"), 0)
    );
    world.has_files(1).await;

    assert_eq!(code(copy().key("a é.mp4").send().await), "InvalidRequest");
    copy()
        .key("a é.mp4")
        .metadata_directive(MetadataDirective::Replace)
        .content_type("a/b")
        .send()
        .await
        .unwrap();
    assert_eq!(
        world.get("a é.mp4").await,
        b"content",
        "a copy onto itself keeps its content"
    );
    assert_eq!(
        code(copy().key("b").copy_source_if_match("\"x\"").send().await),
        "PreconditionFailed"
    );

    for key in ["a é.mp4", "kept"] {
        client
            .delete_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
    }
    assert_eq!(world.get("replaced").await, b"content");
    client
        .delete_object()
        .bucket(BUCKET)
        .key("replaced")
        .send()
        .await
        .unwrap();
    world.has_files(0).await;
}
