//! Conditional writes, on which locks and pointers rely.

use std::collections::HashSet;

use bytes::Bytes;
use futures::future::join_all;

use super::{Subject, condition_failed, get, put};
use crate::object_store::{ETag, ObjectStore, PutCondition, StoreError};

/// Concurrent writers, each with its own body. Returns the winner.
async fn race(store: &dyn ObjectStore, subject: &Subject, condition: PutCondition<'_>) -> u8 {
    let key = subject.master();
    let writers = (0..16_u8).map(|i| {
        let key = &key;
        async move {
            (
                i,
                store
                    .put(key, Bytes::from(vec![i; 100_000]), condition)
                    .await,
            )
        }
    });
    let mut winners = Vec::new();
    for (i, result) in join_all(writers).await {
        match result {
            Ok(_) => winners.push(i),
            Err(StoreError::ConditionFailed { .. }) => {}
            Err(other) => panic!("a racing writer failed: {other:?}"),
        }
    }
    let [winner] = winners[..] else {
        panic!("{} winners of 16", winners.len())
    };
    assert_eq!(
        get(store, &key, None).await,
        vec![winner; 100_000],
        "the content is the winner's"
    );
    winner
}

/// Of concurrent writers with `Absent`, exactly one wins.
pub async fn one_of_sixteen_first_writers_wins(store: &dyn ObjectStore) {
    let subject = Subject::new();
    race(store, &subject, PutCondition::Absent).await;
    subject.clear(store).await;
}

/// Of concurrent writers that replace the same version, exactly one wins.
pub async fn one_of_sixteen_replacements_wins(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let etag = put(store, &subject.master(), b"before").await;
    race(store, &subject, PutCondition::Matches(&etag)).await;
    subject.clear(store).await;
}

/// A condition that does not hold changes nothing.
pub async fn conditions_are_checked(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let key = subject.master();
    let nothing = ETag("0123456789abcdef0123456789abcdef".to_owned());
    condition_failed(
        store
            .put(&key, "x".into(), PutCondition::Matches(&nothing))
            .await,
    );
    super::is_missing(store.head(&key).await, &key);
    let first = store
        .put(&key, "first".into(), PutCondition::Absent)
        .await
        .expect("nothing is there");
    condition_failed(store.put(&key, "x".into(), PutCondition::Absent).await);
    condition_failed(
        store
            .put(&key, "x".into(), PutCondition::Matches(&nothing))
            .await,
    );
    assert_eq!(get(store, &key, None).await, b"first");
    let second = store
        .put(&key, "second".into(), PutCondition::Matches(&first))
        .await
        .expect("it is unchanged");
    condition_failed(
        store
            .put(&key, "x".into(), PutCondition::Matches(&first))
            .await,
    );
    assert_eq!(store.head(&key).await.expect("it is there").etag, second);
    store.delete(&key).await.expect("it can be deleted");
    condition_failed(
        store
            .put(&key, "x".into(), PutCondition::Matches(&second))
            .await,
    );
    store
        .put(&key, "third".into(), PutCondition::Absent)
        .await
        .expect("nothing is there again");
    subject.clear(store).await;
}

/// An ETag identifies one content: writes in quick succession, of the same size, have different
/// ETags.
pub async fn etags_change_with_each_content(store: &dyn ObjectStore) {
    let subject = Subject::new();
    let mut seen = HashSet::new();
    for i in 0..50_u8 {
        let etag = put(store, &subject.master(), &[i; 8]).await;
        assert!(
            seen.insert(etag.clone()),
            "write {i} has the ETag of an earlier one"
        );
        assert_eq!(
            store
                .head(&subject.master())
                .await
                .expect("it is there")
                .etag,
            etag
        );
    }
    subject.clear(store).await;
}
