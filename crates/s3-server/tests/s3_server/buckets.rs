//! Buckets, and deletions of many objects.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::support::{BUCKET, World, code};

#[tokio::test]
async fn many_objects_are_deleted_at_once() {
    let world = World::new().await;
    for i in 0..5 {
        world.put(["a", "b", "c", "d", "e"][i], b"x").await;
    }
    let ids =
        ["a", "b", "c", "missing"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder()
        .set_objects(Some(ids.to_vec()))
        .build()
        .unwrap();
    let answer = world
        .client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.deleted().len(), 4);
    world.has_files(2).await;
}

#[tokio::test]
async fn buckets_are_made_and_removed() {
    let world = World::new().await;
    let client = &world.client;
    client.create_bucket().bucket("third").send().await.unwrap();
    assert_eq!(
        code(client.create_bucket().bucket("third").send().await),
        "BucketAlreadyOwnedByYou"
    );
    client.head_bucket().bucket("third").send().await.unwrap();
    let names: Vec<_> = client.list_buckets().send().await.unwrap().buckets.unwrap();
    let names: Vec<_> = names.iter().filter_map(|it| it.name()).collect();
    assert_eq!(names, ["media", "private", "third"]);
    client
        .put_object()
        .bucket("third")
        .key("a")
        .body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(client.delete_bucket().bucket("third").send().await),
        "BucketNotEmpty"
    );
    client
        .delete_object()
        .bucket("third")
        .key("a")
        .send()
        .await
        .unwrap();
    client.delete_bucket().bucket("third").send().await.unwrap();
    assert_eq!(
        code(client.head_bucket().bucket("third").send().await),
        "NotFound"
    );
}
