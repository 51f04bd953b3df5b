//! Writing and reading single objects.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

use super::{Subject, condition_failed, get, is_missing, put};
use crate::object_store::{ObjectStore, ObjectStoreExt as _, PutCondition, StoreError};

/// A stored object is read back, and a second put replaces it.
pub async fn puts_and_reads_back(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.segment(0);
    put(store, &key, b"first").await;
    assert_eq!(get(store, &key, None).await, b"first");
    put(store, &key, b"second, longer").await;
    assert_eq!(get(store, &key, None).await, b"second, longer");
    assert_eq!(
        store.read(&key, 14).await.expect("it fits"),
        "second, longer"
    );
    let too_large = store.read(&key, 13).await;
    assert!(matches!(too_large, Err(StoreError::Refused { code, .. }) if code == "EntityTooLarge"));
    assert_eq!(
        store
            .read_if_present(&subject.segment(1), 10)
            .await
            .expect("a missing object is not an error"),
        None
    );
    subject.clear(store).await;
}

/// Reading a range returns the part that exists.
pub async fn reads_ranges(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.segment(0);
    put(store, &key, b"0123456789").await;
    for (range, expected) in [
        (0..10, "0123456789"),
        (0..1, "0"),
        (4..6, "45"),
        (9..10, "9"),
        (8..1000, "89"),
    ] {
        let body = store
            .get(&key, Some(range.clone()), None)
            .await
            .expect("a range can be read");
        assert_eq!(body.meta.size, 10, "the size is that of the whole object");
        let bytes = body
            .stream
            .try_collect::<Vec<Bytes>>()
            .await
            .expect("its bytes arrive")
            .concat();
        assert_eq!(bytes, expected.as_bytes(), "{range:?}");
    }
    subject.clear(store).await;
}

/// A range that begins after the end, or is empty, is rejected.
pub async fn refuses_ranges_outside(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.segment(0);
    put(store, &key, b"0123456789").await;
    for range in [10..11, 100..200, 5..5] {
        let result = store.get(&key, Some(range.clone()), None).await;
        assert!(
            matches!(result, Err(StoreError::RangeNotSatisfiable { .. })),
            "{range:?}"
        );
    }
    subject.clear(store).await;
}

/// A read with `if_match` fails once the object has changed.
pub async fn reads_only_what_matches(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.source("film.mp4");
    let first = put(store, &key, b"first").await;
    assert!(store.get(&key, Some(0..2), Some(&first)).await.is_ok());
    let second = put(store, &key, b"other").await;
    condition_failed(store.get(&key, Some(0..2), Some(&first)).await);
    assert!(store.get(&key, None, Some(&second)).await.is_ok());
    subject.clear(store).await;
}

/// An object may be empty.
pub async fn holds_empty_objects(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.segment(0);
    let etag = put(store, &key, b"").await;
    assert_eq!(get(store, &key, None).await, b"");
    let meta = store.head(&key).await.expect("it is there");
    assert_eq!((meta.size, &meta.etag), (0, &etag));
    let result = store.get(&key, Some(0..10), None).await;
    assert!(
        matches!(result, Err(StoreError::RangeNotSatisfiable { .. })),
        "no range of nothing"
    );
    subject.clear(store).await;
}

/// A missing object is `NotFound`, with its path.
pub async fn says_what_is_missing(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let (missing, target) = (subject.segment(7), subject.segment(8));
    is_missing(store.head(&missing).await, &missing);
    is_missing(store.get(&missing, None, None).await, &missing);
    is_missing(store.get(&missing, Some(0..1), None).await, &missing);
    is_missing(store.copy(&missing, &target).await, &missing);
    is_missing(store.head(&target).await, &target);
    subject.clear(store).await;
}

/// Size, ETag, time and headers are available without reading, and are the same in every response.
pub async fn describes_objects(store: &dyn ObjectStore) {
    let subject = Subject::new();
    for key in [
        subject.segment(0),
        subject.master(),
        subject.source("film.mp4"),
    ] {
        let etag = put(store, &key, b"12345").await;
        let meta = store.head(&key).await.expect("it is there");
        assert_eq!((meta.size, &meta.etag), (5, &etag));
        assert_eq!(meta.content_type.as_deref(), Some(key.content_type()));
        assert_eq!(
            meta.cache_control.as_deref(),
            Some(key.cache_policy().header())
        );
        assert!(
            meta.modified_ms.get() > 1_600_000_000_000,
            "the time of the write is in milliseconds: {:?}",
            meta.modified_ms
        );
        let body = store.get(&key, None, None).await.expect("it is there");
        assert_eq!(body.meta, meta);
    }
    subject.clear(store).await;
}

/// An object larger than any buffer arrives completely, in several chunks.
pub async fn streams_large_objects(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.segment(0);
    // The period of the pattern is not a power of two, so exchanged or repeated blocks would show.
    let content: Vec<u8> = (0..5_000_003_u32).map(|i| (i % 251) as u8).collect();
    store
        .put(&key, content.clone().into(), PutCondition::Always)
        .await
        .expect("5 MB can be put");
    let body = store.get(&key, None, None).await.expect("it is there");
    let chunks = body
        .stream
        .try_collect::<Vec<Bytes>>()
        .await
        .expect("its bytes arrive");
    assert!(chunks.len() > 1, "read in pieces");
    assert!(chunks.concat() == content);
    assert!(get(store, &key, Some(1_048_575..2_097_154)).await == content[1_048_575..2_097_154]);
    subject.clear(store).await;
}

/// A reader gets all of the version that it began to read, even if the object is replaced or
/// deleted meanwhile.
pub async fn a_reader_keeps_the_version_it_began(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.segment(0);
    // More than fits into the buffers on the way.
    let first = vec![1; 24 << 20];
    store
        .put(&key, first.into(), PutCondition::Always)
        .await
        .expect("24 MiB can be put");
    let mut body = store
        .get(&key, None, None)
        .await
        .expect("it is there")
        .stream;
    let mut read = body
        .next()
        .await
        .expect("there is a first piece")
        .expect("it arrives")
        .len();
    put(store, &key, b"second").await;
    store.delete(&key).await.expect("it can be deleted");
    while let Some(chunk) = body.next().await {
        let chunk = chunk.expect("the old version goes on");
        assert!(
            chunk.iter().all(|byte| *byte == 1),
            "the old version, not a mixture"
        );
        read += chunk.len();
    }
    assert_eq!(read, 24 << 20);
    is_missing(store.head(&key).await, &key);
    subject.clear(store).await;
}
