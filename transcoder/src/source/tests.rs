use std::sync::atomic::Ordering;

use domain::failure::FailureCode;
use platform::object_store::PutCondition;

use super::*;
use crate::testing::services::source_key;
use crate::testing::world::World;

async fn put(world: &World, body: &'static str) -> String {
    world
        .store
        .put(&source_key(), body.into(), PutCondition::Always)
        .await
        .unwrap()
        .0
}

async fn open(world: &World, etag: &str) -> Result<ObjectSource, FailureCode> {
    let opened = ObjectSource::open(Arc::clone(&world.store), source_key(), etag).await;
    opened.map_err(|it| it.failure().code)
}

#[tokio::test]
async fn an_object_is_read_by_ranges() {
    let world = World::new();
    let etag = put(&world, "0123456789").await;
    let source = open(&world, &etag).await.unwrap();
    assert_eq!(source.size(), 10);
    for (range, expected) in [(0..10, "0123456789"), (3..4, "3"), (9..10, "9"), (5..5, "")] {
        if !range.is_empty() {
            assert_eq!(
                source.read(range.clone()).await.unwrap(),
                expected,
                "{range:?}"
            );
        }
    }
    let problem = source.read(5..12).await.unwrap_err();
    assert!(
        matches!(problem, TranscodeError::Store(_)),
        "it has fewer bytes: {problem:?}"
    );
}

#[tokio::test]
async fn only_the_object_of_the_job_is_read() {
    let world = World::new();
    assert_eq!(
        open(&world, "any").await.err(),
        Some(FailureCode::SourceMissing)
    );
    let etag = put(&world, "the first film").await;
    assert_eq!(
        open(&world, "other").await.err(),
        Some(FailureCode::SourceChanged)
    );
    let source = open(&world, &etag).await.unwrap();
    put(&world, "another film").await;
    assert_eq!(
        source.read(0..4).await.unwrap_err().failure().code,
        FailureCode::SourceChanged
    );
    world.store.delete(&source_key()).await.unwrap();
    assert_eq!(
        source.read(0..4).await.unwrap_err().failure().code,
        FailureCode::SourceMissing
    );
}

#[tokio::test]
async fn a_short_absence_of_the_store_is_waited_for() {
    let world = World::new();
    let etag = put(&world, "0123456789").await;
    let source = open(&world, &etag).await.unwrap();
    world.flaky.is_away.store(true, Ordering::Relaxed);
    let back = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        world.flaky.is_away.store(false, Ordering::Relaxed);
    };
    let (read, ()) = tokio::join!(source.read(0..4), back);
    assert_eq!(read.unwrap(), "0123");
    assert_eq!(open(&world, &etag).await.map(|it| it.size()), Ok(10));
    world.flaky.is_away.store(true, Ordering::Relaxed);
    assert_eq!(
        open(&world, &etag).await.err(),
        Some(FailureCode::Unavailable)
    );
    assert_eq!(
        source.read(0..4).await.unwrap_err().failure().code,
        FailureCode::Unavailable
    );
}

#[tokio::test]
async fn a_file_is_read_by_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    std::fs::write(&path, "0123456789").unwrap();
    let source = FileSource::open(&path).unwrap();
    assert_eq!(
        (source.size(), source.read(2..5).await.unwrap()),
        (10, Bytes::from_static(b"234"))
    );
    std::fs::write(&path, "0123").unwrap();
    assert!(
        matches!(source.read(2..9).await, Err(TranscodeError::Io { .. })),
        "it was cut meanwhile"
    );
    assert!(FileSource::open(folder.path()).is_err());
}
