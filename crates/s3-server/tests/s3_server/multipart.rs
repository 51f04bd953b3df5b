//! Multipart uploads under R2's rules.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::complete_multipart_upload::{
    CompleteMultipartUploadError, CompleteMultipartUploadOutput,
};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::support::{BUCKET, World, code};

pub(super) const PART: usize = 5 << 20;

pub(super) async fn create(world: &World, key: &str) -> String {
    let create = world
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .content_type("video/mp4");
    create
        .cache_control("no-store")
        .metadata("owner", "u2")
        .send()
        .await
        .unwrap()
        .upload_id
        .unwrap()
}

async fn upload(world: &World, key: &str, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let part = world
        .client
        .upload_part()
        .bucket(BUCKET)
        .key(key)
        .upload_id(id)
        .part_number(number)
        .body(body.into());
    CompletedPart::builder()
        .part_number(number)
        .e_tag(part.send().await.unwrap().e_tag.unwrap())
        .build()
}

pub(super) async fn complete(
    world: &World,
    key: &str,
    id: &str,
    parts: Vec<CompletedPart>,
) -> Result<CompleteMultipartUploadOutput, SdkError<CompleteMultipartUploadError>> {
    let named = CompletedMultipartUpload::builder()
        .set_parts(Some(parts))
        .build();
    world
        .client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .upload_id(id)
        .multipart_upload(named)
        .send()
        .await
}

pub(super) fn named(number: i32, etag: &str) -> CompletedPart {
    CompletedPart::builder()
        .part_number(number)
        .e_tag(etag)
        .build()
}

#[tokio::test]
async fn parts_in_any_order_become_one_object() {
    let world = World::new().await;
    let id = create(&world, "film.mp4").await;
    let second = upload(&world, "film.mp4", &id, 2, vec![2; PART]).await;
    let first = upload(&world, "film.mp4", &id, 1, vec![1; PART]).await;
    let third = upload(&world, "film.mp4", &id, 3, vec![3; 1000]).await;
    let list = || {
        world
            .client
            .list_parts()
            .bucket(BUCKET)
            .key("film.mp4")
            .upload_id(&id)
    };
    let listed = list().send().await.unwrap();
    let numbers: Vec<_> = listed
        .parts()
        .iter()
        .map(|it| (it.part_number().unwrap(), it.size().unwrap()))
        .collect();
    assert_eq!(numbers, [(1, PART as i64), (2, PART as i64), (3, 1000)]);
    assert!(
        listed
            .parts()
            .iter()
            .all(|it| it.e_tag().is_some() && it.last_modified().is_some())
    );
    let page = list().max_parts(2).send().await.unwrap();
    assert_eq!((page.parts().len(), page.is_truncated()), (2, Some(true)));
    let rest = list()
        .max_parts(2)
        .part_number_marker(page.next_part_number_marker.unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!((rest.parts().len(), rest.is_truncated()), (1, Some(false)));

    let done = complete(
        &world,
        "film.mp4",
        &id,
        vec![first.clone(), second.clone(), third],
    )
    .await
    .unwrap();
    assert!(done.e_tag().unwrap().ends_with("-3\""), "{done:?}");
    let head = world
        .client
        .head_object()
        .bucket(BUCKET)
        .key("film.mp4")
        .send()
        .await
        .unwrap();
    assert_eq!(head.e_tag(), done.e_tag());
    assert_eq!(head.content_length(), Some(2 * PART as i64 + 1000));
    assert_eq!(
        (head.content_type(), head.cache_control()),
        (Some("video/mp4"), Some("no-store"))
    );
    assert_eq!(head.metadata().unwrap()["owner"], "u2");
    let across = world.client.get_object().bucket(BUCKET).key("film.mp4");
    let across = across
        .range(format!("bytes={}-{}", 2 * PART - 2, 2 * PART + 1))
        .send()
        .await
        .unwrap();
    assert_eq!(across.body.collect().await.unwrap().to_vec(), [2, 2, 3, 3]);
    assert_eq!(
        world.get("film.mp4").await,
        [vec![1; PART], vec![2; PART], vec![3; 1000]].concat()
    );
    assert_eq!(
        code(complete(&world, "film.mp4", &id, vec![first, second]).await),
        "NoSuchUpload"
    );
    world
        .client
        .delete_object()
        .bucket(BUCKET)
        .key("film.mp4")
        .send()
        .await
        .unwrap();
    world.has_files(0).await;
}

#[tokio::test]
async fn the_etag_is_the_md5_of_the_md5s() {
    let world = World::new().await;
    let id = create(&world, "a").await;
    let part = upload(&world, "a", &id, 1, b"hello".to_vec()).await;
    // printf '5d41402abc4b2a76b9719d911017c592' | xxd -r -p | md5sum
    let done = complete(&world, "a", &id, vec![part]).await.unwrap();
    assert_eq!(done.e_tag(), Some("\"62109206880d38a4010a98e11243924a-1\""));
}

/// Uploads parts of these sizes under these numbers and completes the upload; returns the error
/// code, if any.
async fn outcome(sizes: &[(i32, usize)]) -> String {
    let world = World::new().await;
    let id = create(&world, "a").await;
    let mut parts = Vec::new();
    for (number, size) in sizes {
        parts.push(upload(&world, "a", &id, *number, vec![0; *size]).await);
    }
    let result = complete(&world, "a", &id, parts).await;
    if result.is_ok() {
        return "stored".to_owned();
    }
    let kept = world
        .client
        .list_parts()
        .bucket(BUCKET)
        .key("a")
        .upload_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(
        kept.parts().len(),
        sizes.len(),
        "a refused completion keeps the upload"
    );
    world
        .client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key("a")
        .upload_id(&id)
        .send()
        .await
        .unwrap();
    world.has_files(0).await;
    code(result)
}

#[tokio::test]
async fn parts_are_equal_but_the_last_and_not_small() {
    assert_eq!(outcome(&[(1, 10)]).await, "stored");
    assert_eq!(outcome(&[(1, 0)]).await, "stored");
    assert_eq!(
        outcome(&[(1, PART), (3, PART)]).await,
        "stored",
        "numbers may have gaps"
    );
    assert_eq!(outcome(&[(7, PART), (10_000, 0)]).await, "stored");
    assert_eq!(outcome(&[(1, 1000), (2, 1000)]).await, "EntityTooSmall");
    assert_eq!(
        outcome(&[(1, PART), (2, PART + 1), (3, 5)]).await,
        "InvalidPart"
    );
    assert_eq!(
        outcome(&[(1, PART), (2, PART + 1)]).await,
        "InvalidPart",
        "the last is not longer"
    );
}

#[tokio::test]
async fn wrong_parts_are_refused() {
    let world = World::new().await;
    let id = create(&world, "a").await;
    let one = upload(&world, "a", &id, 1, vec![1; PART]).await;
    let two = upload(&world, "a", &id, 2, vec![2; 5]).await;
    let none = "\"00000000000000000000000000000000\"";
    for (parts, expected) in [
        (vec![named(1, none), two.clone()], "InvalidPart"),
        (vec![one.clone(), named(3, none)], "InvalidPart"),
        (vec![two.clone(), one.clone()], "InvalidPartOrder"),
        (vec![one.clone(), one.clone()], "InvalidPartOrder"),
        (vec![], "MalformedXML"),
    ] {
        assert_eq!(code(complete(&world, "a", &id, parts).await), expected);
    }
    for number in [0, 10_001] {
        let part = world
            .client
            .upload_part()
            .bucket(BUCKET)
            .key("a")
            .upload_id(&id)
            .part_number(number);
        assert_eq!(
            code(part.body(vec![0].into()).send().await),
            "InvalidArgument",
            "{number}"
        );
    }
    assert_eq!(
        code(complete(&world, "other", &id, vec![one.clone()]).await),
        "NoSuchUpload",
        "ids are of one key"
    );
    complete(&world, "a", &id, vec![one, two]).await.unwrap();
}

#[tokio::test]
async fn a_part_sent_again_replaces_the_first() {
    let world = World::new().await;
    let id = create(&world, "a").await;
    let old = upload(&world, "a", &id, 1, b"old".to_vec()).await;
    let new = upload(&world, "a", &id, 1, b"new".to_vec()).await;
    world.has_files(1).await;
    assert_eq!(
        code(complete(&world, "a", &id, vec![old]).await),
        "InvalidPart"
    );
    complete(&world, "a", &id, vec![new]).await.unwrap();
    assert_eq!(world.get("a").await, b"new");
}

#[tokio::test]
async fn parts_left_out_are_dropped() {
    let world = World::new().await;
    let id = create(&world, "a").await;
    let one = upload(&world, "a", &id, 1, b"one".to_vec()).await;
    upload(&world, "a", &id, 2, b"two".to_vec()).await;
    complete(&world, "a", &id, vec![one]).await.unwrap();
    assert_eq!(world.get("a").await, b"one");
    world.has_files(1).await;
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let world = World::new().await;
    let id = create(&world, "a").await;
    upload(&world, "a", &id, 1, b"one".to_vec()).await;
    let abort = || {
        world
            .client
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key("a")
            .upload_id(&id)
            .send()
    };
    abort().await.unwrap();
    world.has_files(0).await;
    let part = world
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("a")
        .upload_id(&id)
        .part_number(1)
        .body(vec![0].into());
    assert_eq!(code(part.send().await), "NoSuchUpload");
    assert_eq!(
        code(
            world
                .client
                .list_parts()
                .bucket(BUCKET)
                .key("a")
                .upload_id(&id)
                .send()
                .await
        ),
        "NoSuchUpload"
    );
    assert_eq!(code(abort().await), "NoSuchUpload");
}

#[tokio::test]
async fn unfinished_uploads_are_listed_in_pages() {
    let world = World::new().await;
    for key in ["b/1", "a", "b/2", "b/1", "c"] {
        create(&world, key).await;
    }
    for page_size in [1, 2, 1000] {
        let (mut keys, mut key, mut id) = (Vec::new(), None, None);
        loop {
            let list = world
                .client
                .list_multipart_uploads()
                .bucket(BUCKET)
                .prefix("b/")
                .max_uploads(page_size);
            let page = list
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await
                .unwrap();
            keys.extend(page.uploads().iter().map(|it| it.key().unwrap().to_owned()));
            if page.is_truncated() != Some(true) {
                break;
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        }
        assert_eq!(keys, ["b/1", "b/1", "b/2"], "pages of {page_size}");
    }
}
