//! Single objects: stored headers, ranges, conditions, copies, errors.

use aws_sdk_s3::primitives::{ByteStream, DateTime};

use crate::support::{BUCKET, World, code};

#[tokio::test]
async fn headers_and_metadata_are_kept() {
    let world = World::new().await;
    let put = world
        .client
        .put_object()
        .bucket(BUCKET)
        .key("hls/v1/master.m3u8");
    put.body(ByteStream::from_static(b"#EXTM3U\n"))
        .content_type("application/vnd.apple.mpegurl")
        .cache_control("public, max-age=31536000, immutable")
        .content_disposition("inline")
        .content_language("en")
        .content_encoding("gzip")
        .metadata("owner", "u1")
        .metadata("Title-X", "hello")
        .send()
        .await
        .unwrap();
    let head = world
        .client
        .head_object()
        .bucket(BUCKET)
        .key("hls/v1/master.m3u8")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_type(), Some("application/vnd.apple.mpegurl"));
    assert_eq!(
        head.cache_control(),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(head.content_disposition(), Some("inline"));
    assert_eq!(head.content_language(), Some("en"));
    assert_eq!(head.content_encoding(), Some("gzip"));
    assert_eq!(head.metadata().unwrap()["owner"], "u1");
    assert_eq!(head.metadata().unwrap()["title-x"], "hello");
    assert_eq!(head.content_length(), Some(8));
    assert_eq!(head.accept_ranges(), Some("bytes"));
    assert!(head.last_modified().is_some());
    let get = world
        .client
        .get_object()
        .bucket(BUCKET)
        .key("hls/v1/master.m3u8");
    let overridden = get
        .response_content_disposition("attachment; filename=x")
        .send()
        .await
        .unwrap();
    assert_eq!(
        overridden.content_disposition(),
        Some("attachment; filename=x")
    );
}

#[tokio::test]
async fn the_etag_of_a_put_is_the_md5() {
    let world = World::new().await;
    assert_eq!(
        world.put("a", b"hello").await,
        "\"5d41402abc4b2a76b9719d911017c592\""
    );
    assert_eq!(
        world.put("empty", b"").await,
        "\"d41d8cd98f00b204e9800998ecf8427e\""
    );
}

#[tokio::test]
async fn too_much_metadata_is_refused() {
    let world = World::new().await;
    let put = world
        .client
        .put_object()
        .bucket(BUCKET)
        .key("a")
        .metadata("big", "x".repeat(9000));
    assert_eq!(code(put.send().await), "MetadataTooLarge");
}

#[tokio::test]
async fn ranges() {
    let world = World::new().await;
    world.put("a", b"0123456789").await;
    let get = |range: &str| {
        world
            .client
            .get_object()
            .bucket(BUCKET)
            .key("a")
            .range(range)
            .send()
    };
    for (range, expected, content_range) in [
        ("bytes=3-5", "345", "bytes 3-5/10"),
        ("bytes=-4", "6789", "bytes 6-9/10"),
        ("bytes=-40", "0123456789", "bytes 0-9/10"),
        ("bytes=6-", "6789", "bytes 6-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let part = get(range).await.unwrap();
        assert_eq!(part.content_range(), Some(content_range), "{range}");
        assert_eq!(
            part.body.collect().await.unwrap().to_vec(),
            expected.as_bytes(),
            "{range}"
        );
    }
    for range in ["bytes=10-", "bytes=-0"] {
        assert_eq!(code(get(range).await), "InvalidRange", "{range}");
    }
    world.put("empty", b"").await;
    assert_eq!(
        code(
            world
                .client
                .get_object()
                .bucket(BUCKET)
                .key("empty")
                .range("bytes=-5")
                .send()
                .await
        ),
        "InvalidRange"
    );
    let head = world
        .client
        .head_object()
        .bucket(BUCKET)
        .key("a")
        .range("bytes=3-5")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(3));
}

#[tokio::test]
async fn what_is_missing_has_a_name() {
    let world = World::new().await;
    let client = &world.client;
    assert_eq!(
        code(client.get_object().bucket(BUCKET).key("no").send().await),
        "NoSuchKey"
    );
    assert!(
        client
            .head_object()
            .bucket(BUCKET)
            .key("no")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    assert_eq!(
        code(
            client
                .get_object()
                .bucket("no-bucket")
                .key("no")
                .send()
                .await
        ),
        "NoSuchBucket"
    );
    let put = client
        .put_object()
        .bucket("no-bucket")
        .key("no")
        .body(ByteStream::from_static(b"x"));
    assert_eq!(code(put.send().await), "NoSuchBucket");
    assert_eq!(
        code(client.list_objects_v2().bucket("no-bucket").send().await),
        "NoSuchBucket"
    );
    assert_eq!(
        code(
            client
                .create_multipart_upload()
                .bucket("no-bucket")
                .key("a")
                .send()
                .await
        ),
        "NoSuchBucket"
    );
    let copy = client
        .copy_object()
        .bucket(BUCKET)
        .key("b")
        .copy_source("media/no");
    assert_eq!(code(copy.send().await), "NoSuchKey");
    client
        .delete_object()
        .bucket(BUCKET)
        .key("never-existed")
        .send()
        .await
        .unwrap();
    world.has_files(0).await;
}

#[tokio::test]
async fn conditions_of_reads() {
    let world = World::new().await;
    let etag = world.put("a", b"x").await;
    let get = || world.client.get_object().bucket(BUCKET).key("a");
    let (past, future) = (
        DateTime::from_secs(1_000_000_000),
        DateTime::from_secs(4_000_000_000),
    );
    assert_eq!(code(get().if_none_match(&etag).send().await), "304");
    assert_eq!(code(get().if_none_match("*").send().await), "304");
    assert_eq!(
        code(get().if_match("\"other\"").send().await),
        "PreconditionFailed"
    );
    assert_eq!(code(get().if_modified_since(future).send().await), "304");
    assert_eq!(
        code(get().if_unmodified_since(past).send().await),
        "PreconditionFailed"
    );
    // A matching ETag takes precedence over a date that does not match (RFC 9110, 13.2.2).
    assert!(
        get()
            .if_match(&etag)
            .if_unmodified_since(past)
            .send()
            .await
            .is_ok()
    );
    assert!(
        get()
            .if_none_match("\"other\"")
            .if_modified_since(future)
            .send()
            .await
            .is_ok()
    );
    assert!(get().if_modified_since(past).send().await.is_ok());
    let head = world
        .client
        .head_object()
        .bucket(BUCKET)
        .key("a")
        .if_none_match(&etag);
    assert_eq!(code(head.send().await), "304");
}

#[tokio::test]
async fn conditions_of_writes() {
    let world = World::new().await;
    let put = || {
        world
            .client
            .put_object()
            .bucket(BUCKET)
            .key("a")
            .body(ByteStream::from_static(b"x"))
    };
    assert_eq!(code(put().if_match("*").send().await), "PreconditionFailed");
    let etag = put()
        .if_none_match("*")
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    assert_eq!(
        code(put().if_none_match("*").send().await),
        "PreconditionFailed"
    );
    assert_eq!(
        code(put().if_match("\"deadbeef\"").send().await),
        "PreconditionFailed"
    );
    put().if_match(etag).send().await.unwrap();
    world.has_files(1).await;
}

#[tokio::test]
async fn of_sixteen_writers_with_the_same_body_one_wins() {
    let world = World::new().await;
    let puts = (0..16).map(|_| {
        world
            .client
            .put_object()
            .bucket(BUCKET)
            .key("a")
            .if_none_match("*")
            .body(vec![7; 200_000].into())
            .send()
    });
    let won = futures::future::join_all(puts)
        .await
        .into_iter()
        .filter(Result::is_ok)
        .count();
    assert_eq!(won, 1);
    world.has_files(1).await;
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let world = World::new().await;
    let put = world
        .client
        .put_object()
        .bucket(BUCKET)
        .key("a")
        .tagging("a=b")
        .body(ByteStream::from_static(b"x"));
    assert_eq!(code(put.send().await), "NotImplemented");
    world.put("a", b"x").await;
    assert_eq!(
        code(
            world
                .client
                .get_object()
                .bucket(BUCKET)
                .key("a")
                .part_number(1)
                .send()
                .await
        ),
        "NotImplemented"
    );
    assert_eq!(
        code(
            world
                .client
                .get_bucket_versioning()
                .bucket(BUCKET)
                .send()
                .await
        ),
        "NotImplemented"
    );
}
