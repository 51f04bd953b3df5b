//! Bodies that are cut off, slow, or replaced while they are read.

use std::time::Duration;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{BUCKET, World, code, minutes};

/// Begins a presigned PUT of `size` bytes by hand, and sends only `sent` of them.
async fn begin_put(world: &World, key: &str, size: usize, sent: usize) -> TcpStream {
    let put = world
        .client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .presigned(minutes(5))
        .await
        .unwrap();
    let (_, rest) = put.uri().split_once("://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!("PUT /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![1; sent]).await.unwrap();
    stream
}

#[tokio::test]
async fn a_body_that_is_cut_leaves_nothing() {
    let world = World::new().await;
    world.put("a", b"old").await;
    for sent in [0, 1, 100_000, 3_000_000] {
        let stream = begin_put(&world, "a", 4_000_000, sent).await;
        world.has_files(2).await;
        drop(stream);
        world.has_files(1).await;
    }
    assert_eq!(world.get("a").await, b"old");
    assert_eq!(
        code(
            world
                .client
                .head_object()
                .bucket(BUCKET)
                .key("b")
                .send()
                .await
        ),
        "NotFound"
    );
}

#[tokio::test]
async fn a_slow_body_arrives_whole() {
    let world = World::new().await;
    let mut stream = begin_put(&world, "a", 30, 0).await;
    for _ in 0..30 {
        stream.write_all(&[7]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!(world.get("a").await, [7; 30]);
}

#[tokio::test]
async fn too_large_a_body_is_refused_by_its_announcement() {
    let world = World::new().await;
    let mut stream = begin_put(&world, "a", 5 << 30, 10).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
}

#[tokio::test]
async fn a_reader_keeps_all_parts_of_the_version_it_began() {
    let world = World::new().await;
    let part = 5 << 20;
    let upload = world
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    let id = upload.upload_id().unwrap();
    let mut parts = Vec::new();
    for number in 1..=4 {
        let put = world
            .client
            .upload_part()
            .bucket(BUCKET)
            .key("a")
            .upload_id(id)
            .part_number(number);
        let etag = put
            .body(vec![number as u8; part].into())
            .send()
            .await
            .unwrap()
            .e_tag
            .unwrap();
        parts.push(
            CompletedPart::builder()
                .part_number(number)
                .e_tag(etag)
                .build(),
        );
    }
    let complete = world
        .client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("a")
        .upload_id(id);
    let named = CompletedMultipartUpload::builder()
        .set_parts(Some(parts))
        .build();
    complete.multipart_upload(named).send().await.unwrap();

    let mut body = world
        .client
        .get_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap()
        .body;
    let first = body.next().await.unwrap().unwrap();
    assert_eq!(first[0], 1);
    // The files of the later parts are not open yet.
    world.put("a", b"new").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.files().len(), 5, "files that a reader needs stay");
    let rest = body.collect().await.unwrap().to_vec();
    let whole = [first.to_vec(), rest].concat();
    assert!(
        whole
            == (1..=4)
                .flat_map(|number| vec![number as u8; part])
                .collect::<Vec<_>>()
    );
    world.has_files(1).await;
    assert_eq!(world.get("a").await, b"new");
}

#[tokio::test]
async fn content_missing_on_disk_is_not_a_short_response() {
    let world = World::new().await;
    world
        .client
        .put_object()
        .bucket(BUCKET)
        .key("a")
        .body(vec![1; 2_000_000].into())
        .send()
        .await
        .unwrap();
    let [file] = &world.files()[..] else {
        panic!("one file")
    };
    let path = world.folder.path().join("blobs").join(file);
    std::fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(1_000_000)
        .unwrap();
    let object = world
        .client
        .get_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    assert!(object.body.collect().await.is_err());
}
