//! Listing, deleting and copying.

use domain::object_key::ObjectPrefix;
use futures::{StreamExt as _, TryStreamExt as _};

use super::{Subject, get, is_missing, put};
use crate::object_store::{ObjectStore, StoreError};

async fn put_segments(store: &dyn ObjectStore, subject: &Subject, count: u32) {
    let puts = futures::stream::iter(0..count).map(|index| async move {
        store
            .put(
                &subject.segment(index),
                vec![0; index as usize % 7].into(),
                Default::default(),
            )
            .await
    });
    puts.buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await
        .expect("segments can be put");
}

/// A listing longer than a page comes page by page, in order, each object once, with the properties
/// that `head` returns.
pub async fn lists_in_pages(store: &dyn ObjectStore) {
    let subject = Subject::new();
    put_segments(store, &subject, 1203).await;
    let family = ObjectPrefix::Generation(subject.video, subject.generation.clone());
    let (mut paths, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = store
            .list(&family, after.as_deref())
            .await
            .expect("a page can be listed");
        assert!(page.entries.len() <= 1000);
        sizes.push(page.entries.len());
        paths.extend(page.entries.iter().map(|it| it.path.clone()));
        if let Some(entry) = page
            .entries
            .iter()
            .find(|it| it.path == subject.segment(1).path())
        {
            let meta = store.head(&subject.segment(1)).await.expect("it is there");
            assert_eq!((entry.size, &entry.etag), (meta.size, &meta.etag));
            // A response header has whole seconds, a listing may have milliseconds.
            assert_eq!(entry.modified_ms.as_secs(), meta.modified_ms.as_secs());
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(sizes, [1000, 203]);
    let expected: Vec<String> = (0..1203)
        .map(|index| subject.segment(index).path())
        .collect();
    assert_eq!(paths, expected);
    subject.clear(store).await;
}

/// A listing contains the objects with the prefix, and nothing else; without objects it is an empty
/// page.
pub async fn lists_only_its_family(store: &dyn ObjectStore) {
    let (subject, other) = (Subject::new(), Subject::new());
    for subject in [&subject, &other] {
        for key in [
            subject.master(),
            subject.segment(0),
            subject.source("a.mp4"),
        ] {
            put(store, &key, b"x").await;
        }
    }
    let list = async |prefix| {
        let page = store
            .list(&prefix, None)
            .await
            .expect("a page can be listed");
        assert_eq!(page.next, None);
        page.entries
            .into_iter()
            .map(|it| it.path)
            .collect::<Vec<_>>()
    };
    // `1` sorts before `m`: the generation's directory begins with a hash.
    let mut outputs = [subject.segment(0).path(), subject.master().path()];
    outputs.sort_unstable();
    assert_eq!(list(ObjectPrefix::Outputs(subject.video)).await, outputs);
    assert_eq!(
        list(ObjectPrefix::Generation(
            subject.video,
            subject.generation.clone()
        ))
        .await,
        [subject.segment(0).path()]
    );
    assert_eq!(
        list(ObjectPrefix::Sources(subject.video)).await,
        [subject.source("a.mp4").path()]
    );
    assert_eq!(
        list(ObjectPrefix::ContentKeys(subject.video)).await,
        [] as [&str; 0]
    );
    subject.clear(store).await;
    other.clear(store).await;
}

/// All objects with a prefix are deleted and counted, however many there are; others stay.
pub async fn deletes_families(store: &dyn ObjectStore) {
    let (subject, other) = (Subject::new(), Subject::new());
    put_segments(store, &subject, 1003).await;
    put(store, &subject.master(), b"x").await;
    put(store, &other.segment(0), b"x").await;
    let family = ObjectPrefix::Generation(subject.video, subject.generation.clone());
    assert_eq!(
        store
            .delete_all(&family)
            .await
            .expect("a family can be deleted"),
        1003
    );
    assert_eq!(
        store
            .delete_all(&family)
            .await
            .expect("nothing can be deleted"),
        0
    );
    assert_eq!(get(store, &subject.master(), None).await, b"x");
    assert_eq!(get(store, &other.segment(0), None).await, b"x");
    subject.clear(store).await;
    other.clear(store).await;
}

/// Deleting a missing object succeeds.
pub async fn deletes_are_repeatable(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.segment(0);
    put(store, &key, b"x").await;
    for _ in 0..2 {
        store.delete(&key).await.expect("it can be deleted");
        is_missing(store.head(&key).await, &key);
    }
    subject.clear(store).await;
}

/// A copy has the content, outlives its source, and keeps its content when the source changes.
pub async fn copies_between_buckets(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let (from, to) = (subject.source("a b+é.mp4"), subject.segment(0));
    put(store, &from, b"content").await;
    store.copy(&from, &to).await.expect("it can be copied");
    put(store, &from, b"changed").await;
    assert_eq!(get(store, &to, None).await, b"content");
    store.delete(&from).await.expect("it can be deleted");
    assert_eq!(get(store, &to, None).await, b"content");
    subject.clear(store).await;
}

/// A copy replaces the present object, and a failed copy does not.
pub async fn copies_onto_what_is_there(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let (from, to) = (subject.segment(0), subject.segment(1));
    put(store, &to, b"before").await;
    is_missing(store.copy(&from, &to).await, &from);
    assert_eq!(get(store, &to, None).await, b"before");
    put(store, &from, b"after").await;
    store.copy(&from, &to).await.expect("it can be copied");
    assert_eq!(get(store, &to, None).await, b"after");
    assert_eq!(get(store, &from, None).await, b"after");
    subject.clear(store).await;
}

/// File names keep every character that cleaning leaves.
pub async fn unusual_file_names_survive(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let long = "й".repeat(300);
    let names = [
        "été.mkv",
        "日本.mp4",
        "a (1).mp4",
        "a,b;c=d[e]~.mp4",
        "100^.mp4",
        long.as_str(),
        "..",
        "",
    ];
    for name in names {
        let key = subject.source(name);
        put(store, &key, name.as_bytes()).await;
        assert_eq!(get(store, &key, None).await, name.as_bytes(), "{name:?}");
        let page = store
            .list(&ObjectPrefix::Sources(subject.video), None)
            .await
            .expect("a page can be listed");
        assert_eq!(
            page.entries
                .iter()
                .map(|it| it.path.clone())
                .collect::<Vec<_>>(),
            [key.path()]
        );
        let copy = subject.segment(0);
        match store.copy(&key, &copy).await {
            Ok(()) => {}
            Err(StoreError::Refused { code, .. }) => panic!("copying {name:?} was refused: {code}"),
            Err(other) => panic!("copying {name:?}: {other:?}"),
        }
        store.delete(&key).await.expect("it can be deleted");
    }
    subject.clear(store).await;
}
