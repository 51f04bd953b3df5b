use std::time::Duration;

use super::*;
use crate::object_store::uploads::UploadSigner as _;
use crate::testing::RunningServer;

async fn store() -> (S3Store, (RunningServer, tempfile::TempDir)) {
    let folder = tempfile::tempdir().unwrap();
    let server = RunningServer::start(folder.path()).await;
    (server.store(), (server, folder))
}

crate::object_store_conformance!(store().await);

/// The machine's clock is an hour behind or ahead: the store rejects one request, and accepts all
/// that follow.
#[tokio::test]
async fn a_clock_that_is_off_is_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let server = RunningServer::start(folder.path()).await;
    let key = ObjectKey::Master {
        video: domain::ids::VideoId::new(1, [1; 10]),
    };
    for ahead in [-3600, 3600] {
        let store = S3Store::with_clock(&server.store_config(), StoreClock::ahead_by(ahead));
        let refused = store
            .put(&key, "1".into(), PutCondition::Always)
            .await
            .unwrap_err();
        assert!(
            matches!(&refused, StoreError::Refused { code, .. } if code == "RequestTimeTooSkewed"),
            "{refused:?}"
        );
        store
            .put(&key, "2".into(), PutCondition::Always)
            .await
            .expect("signed by the clock of the store");
        let signed = store
            .presign_get(&key, None, Duration::from_secs(60))
            .await
            .unwrap();
        let answer = reqwest::get(&signed.url).await.unwrap();
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.text().await.unwrap().as_str()
            ),
            (200, "2")
        );
    }
}

#[tokio::test]
async fn a_copy_in_parts_keeps_content_and_headers() {
    let (store, (_server, _folder)) = store().await;
    let video = domain::ids::VideoId::new(1, [1; 10]);
    let name = domain::object_key::FileName::clean("a b+é.mp4");
    let from = ObjectKey::Source {
        video,
        file_name: name.clone(),
    };
    let to = ObjectKey::ArchivedSource {
        video,
        file_name: name,
    };
    let content: Vec<u8> = (0..12_000_000_u32).map(|i| (i % 251) as u8).collect();
    let put = store
        .client
        .put_object()
        .bucket(&store.private_bucket)
        .key(from.path());
    let put = put
        .content_type("video/mp4")
        .metadata("owner", "u1")
        .body(content.clone().into());
    put.send().await.unwrap();
    let head = store
        .client
        .head_object()
        .bucket(&store.private_bucket)
        .key(from.path())
        .send()
        .await
        .unwrap();
    store
        .copy_in_parts(&from, &to, &head, 12_000_000, 5 << 20)
        .await
        .unwrap();

    let copied = store
        .client
        .get_object()
        .bucket(&store.private_bucket)
        .key(to.path())
        .send()
        .await
        .unwrap();
    assert_eq!(copied.content_type(), Some("video/mp4"));
    assert_eq!(copied.metadata().unwrap()["owner"], "u1");
    assert!(copied.e_tag().unwrap().ends_with("-3\""));
    assert!(copied.body.collect().await.unwrap().to_vec() == content);
}

#[tokio::test]
async fn a_copy_in_parts_of_a_source_that_changed_leaves_nothing() {
    let (store, (_server, _folder)) = store().await;
    let video = domain::ids::VideoId::new(1, [1; 10]);
    let name = domain::object_key::FileName::clean("a.mp4");
    let from = ObjectKey::Source {
        video,
        file_name: name.clone(),
    };
    let to = ObjectKey::ArchivedSource {
        video,
        file_name: name,
    };
    store
        .put(&from, vec![1; 12_000_000].into(), PutCondition::Always)
        .await
        .unwrap();
    let head = store
        .client
        .head_object()
        .bucket(&store.private_bucket)
        .key(from.path())
        .send()
        .await
        .unwrap();
    store
        .put(&from, vec![2; 12_000_000].into(), PutCondition::Always)
        .await
        .unwrap();
    let error = store
        .copy_in_parts(&from, &to, &head, 12_000_000, 5 << 20)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::ConditionFailed { .. }),
        "{error:?}"
    );
    assert!(matches!(
        store.head(&to).await,
        Err(StoreError::NotFound { .. })
    ));
    let unfinished = store
        .list_unfinished(&ObjectPrefix::ArchivedSources(video))
        .await
        .unwrap();
    assert_eq!(unfinished, [], "the unfinished copy is given up");
}
