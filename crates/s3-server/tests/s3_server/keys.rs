//! Any key of up to 1,024 bytes names its own object, in its own bucket.

use aws_sdk_s3::primitives::ByteStream;

use crate::support::{BUCKET, World, code};

#[tokio::test]
async fn odd_keys_are_keys_like_any_other() {
    let world = World::new().await;
    let keys = [
        "../x".to_owned(),
        "../../etc/x".to_owned(),
        "../private/x".to_owned(),
        "/abs".to_owned(),
        "a//b".to_owned(),
        "a/./b".to_owned(),
        "a/b".to_owned(),
        "a/../b".to_owned(),
        "b".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        ".hidden".to_owned(),
        "hls".to_owned(),
        "hls/x".to_owned(),
        "trailing/".to_owned(),
        "100%25 x".to_owned(),
        "100%".to_owned(),
        "a+b c".to_owned(),
        "видео/日本.mp4".to_owned(),
        "CON:*?<>|\\x".to_owned(),
        "quote\"'&<>".to_owned(),
        "d".repeat(120) + "/" + &"e".repeat(120),
        "k".repeat(255),
        "k".repeat(256),
        "z/".repeat(511) + "zz",
        "й".repeat(512),
    ];
    for key in &keys {
        let put = world
            .client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(key.clone().into_bytes().into());
        put.send()
            .await
            .unwrap_or_else(|error| panic!("{key:?}: {error:?}"));
    }
    for key in &keys {
        assert_eq!(
            world.get(key).await,
            key.as_bytes(),
            "{key:?} has its own content"
        );
    }
    let listed = world
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let listed: Vec<&str> = listed.contents().iter().filter_map(|it| it.key()).collect();
    let mut expected: Vec<&str> = keys.iter().map(String::as_str).collect();
    expected.sort_unstable_by_key(|key| key.as_bytes());
    assert_eq!(listed, expected);
    let other = world
        .client
        .list_objects_v2()
        .bucket("private")
        .send()
        .await
        .unwrap();
    assert_eq!(
        other.contents().len(),
        0,
        "nothing reached the other bucket"
    );
    for key in &keys {
        world
            .client
            .delete_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
    }
    world.has_files(0).await;
    let mut outside: Vec<_> = std::fs::read_dir(world.folder.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    outside.retain(|name| !name.starts_with("index.db"));
    outside.sort_unstable();
    assert_eq!(outside, ["blobs", "lock", "tmp"]);
}

#[tokio::test]
async fn a_longer_key_is_refused() {
    let world = World::new().await;
    for key in ["k".repeat(1025), "й".repeat(513)] {
        let put = world
            .client
            .put_object()
            .bucket(BUCKET)
            .key(&key)
            .body(ByteStream::from_static(b"x"));
        assert_eq!(code(put.send().await), "KeyTooLongError");
        let create = world
            .client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(&key);
        assert_eq!(code(create.send().await), "KeyTooLongError");
    }
}

#[tokio::test]
async fn a_key_with_control_characters_can_be_listed_encoded() {
    let world = World::new().await;
    let key = "a\u{1}\u{7f} b+é%";
    world
        .client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap();
    assert_eq!(world.get(key).await, b"x");
    let list = world
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(aws_sdk_s3::types::EncodingType::Url);
    let listed = list.send().await.unwrap();
    assert_eq!(listed.contents()[0].key(), Some("a%01%7F%20b%2B%C3%A9%25"));
}
