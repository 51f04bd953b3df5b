//! The directory: one process at a time, content across restarts, and leftovers of a crash.

use platform::testing::{RunningServer, config};
use s3_server::{EventRule, OpenError, S3Server};

use crate::support::{BUCKET, World, client};

#[tokio::test]
async fn a_second_server_is_refused_while_the_first_lives() {
    let world = World::new().await;
    let error = S3Server::open(config(world.folder.path())).err().unwrap();
    assert!(matches!(error, OpenError::InUse(_)));
    assert_eq!(
        error.to_string(),
        format!(
            "the directory `{}` is in use by another process",
            world.folder.path().display()
        )
    );
    assert_eq!(world.put("a", b"x").await.len(), 34, "the first goes on");
    let World { server, folder, .. } = world;
    server.stop().await;
    S3Server::open(config(folder.path())).unwrap();
}

#[tokio::test]
async fn content_outlives_the_server() {
    let world = World::new().await;
    world.put("a", b"hello").await;
    let create = world
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("b")
        .send()
        .await
        .unwrap();
    let id = create.upload_id().unwrap();
    let part = world
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("b")
        .upload_id(id)
        .part_number(1);
    part.body(b"part".to_vec().into()).send().await.unwrap();
    let World { server, folder, .. } = world;
    server.stop().await;

    std::fs::write(folder.path().join("tmp/left-by-a-crash"), "x").unwrap();
    std::fs::write(folder.path().join("blobs/never-committed"), "x").unwrap();
    let server = RunningServer::start(folder.path()).await;
    let client = client(
        &server.endpoint,
        aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired,
    );
    let world = World {
        server,
        client,
        folder,
    };
    world.has_files(2).await;
    assert_eq!(world.get("a").await, b"hello");
    let parts = world
        .client
        .list_parts()
        .bucket(BUCKET)
        .key("b")
        .upload_id(id)
        .send()
        .await
        .unwrap();
    assert_eq!(parts.parts().len(), 1);
}

#[tokio::test]
async fn a_bad_configuration_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = config(folder.path());
    wrong.buckets[0].name = "Not_A_Bucket".to_owned();
    assert!(
        matches!(S3Server::open(wrong), Err(OpenError::BucketName(name)) if name == "Not_A_Bucket")
    );
    let mut wrong = config(folder.path());
    let again = EventRule {
        prefix: "uploads/vid_".to_owned(),
        ..wrong.event_rules[0].clone()
    };
    wrong.event_rules.push(again);
    assert!(matches!(
        S3Server::open(wrong),
        Err(OpenError::OverlappingRules { .. })
    ));
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(matches!(
        S3Server::open(config(&file)),
        Err(OpenError::Directory { .. })
    ));
}

#[tokio::test]
async fn a_damaged_index_is_an_error_and_not_an_empty_store() {
    let world = World::new().await;
    world.put("a", b"hello").await;
    let World { server, folder, .. } = world;
    server.stop().await;
    std::fs::write(
        folder.path().join("index.db"),
        "this is not a database, and never was",
    )
    .unwrap();
    let error = S3Server::open(config(folder.path())).err().unwrap();
    assert!(matches!(error, OpenError::Index { .. }), "{error:?}");
    assert_eq!(
        std::fs::read_dir(folder.path().join("blobs"))
            .unwrap()
            .count(),
        1,
        "no content is swept away"
    );
}
