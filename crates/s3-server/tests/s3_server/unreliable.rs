//! The store's client under injected faults: rejected requests and lost responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::config::RequestChecksumCalculation;
use domain::ids::VideoId;
use domain::object_key::{ObjectKey, ObjectPrefix};
use http::Method;
use platform::object_store::s3::{S3Store, S3StoreConfig};
use platform::object_store::{ObjectStore as _, ObjectStoreExt as _, PutCondition, StoreError};
use platform::testing::RunningServer;
use s3_server::{Fault, Faults, WRITE_INTERVAL};

use crate::support::{BUCKET, client, code};

/// Fails the next requests of one method.
struct Next {
    method: Method,
    fault: Fault,
    times: AtomicU32,
}

impl Faults for Next {
    fn strike(&self, method: &Method, _path: &str) -> Option<Fault> {
        let once = |times: u32| times.checked_sub(1);
        let strikes = *method == self.method
            && self
                .times
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, once)
                .is_ok();
        strikes.then_some(self.fault)
    }
}

async fn with(
    method: Method,
    fault: Fault,
    times: u32,
) -> (S3Store, RunningServer, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let faults = Next {
        method,
        fault,
        times: AtomicU32::new(times),
    };
    let server = RunningServer::start_with_faults(folder.path(), Some(Arc::new(faults))).await;
    (server.store(), server, folder)
}

fn master() -> ObjectKey {
    ObjectKey::Master {
        video: VideoId::new(1_700_000_000_000, [1; 10]),
    }
}

#[tokio::test]
async fn a_passing_refusal_is_repeated() {
    for condition in [PutCondition::Always, PutCondition::Absent] {
        let (store, _server, _folder) = with(Method::PUT, Fault::Unavailable, 2).await;
        store.put(&master(), "x".into(), condition).await.unwrap();
        assert_eq!(store.read(&master(), 10).await.unwrap(), "x");
    }
    let (store, _server, _folder) = with(Method::GET, Fault::Unavailable, 2).await;
    store
        .put(&master(), "x".into(), PutCondition::Always)
        .await
        .unwrap();
    assert_eq!(store.read(&master(), 10).await.unwrap(), "x");
}

#[tokio::test]
async fn a_lasting_refusal_is_unavailable() {
    for condition in [PutCondition::Always, PutCondition::Absent] {
        let (store, _server, _folder) = with(Method::PUT, Fault::Unavailable, 100).await;
        let error = store
            .put(&master(), "x".into(), condition)
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_conditional_write_whose_answer_is_lost_has_not_lost_the_race() {
    let (store, _server, _folder) = with(Method::PUT, Fault::AnswerLost, 1).await;
    let etag = store
        .put(&master(), "mine".into(), PutCondition::Absent)
        .await
        .unwrap();
    assert_eq!(store.head(&master()).await.unwrap().etag, etag);
    let other = store
        .put(&master(), "other".into(), PutCondition::Absent)
        .await;
    assert!(
        matches!(other, Err(StoreError::ConditionFailed { .. })),
        "{other:?}"
    );

    let (store, server, _folder) = with(Method::PUT, Fault::AnswerLost, 0).await;
    let first = store
        .put(&master(), "first".into(), PutCondition::Always)
        .await
        .unwrap();
    drop((store, server));
    let (store, _server, _folder) = with(Method::PUT, Fault::AnswerLost, 1).await;
    store
        .put(&master(), "first".into(), PutCondition::Always)
        .await
        .unwrap();
    let second = store
        .put(&master(), "second".into(), PutCondition::Matches(&first))
        .await
        .unwrap();
    assert_eq!(store.head(&master()).await.unwrap().etag, second);
}

#[tokio::test]
async fn lost_answers_of_deletions_do_no_harm() {
    let (store, _server, _folder) = with(Method::POST, Fault::AnswerLost, 1).await;
    store
        .put(&master(), "x".into(), PutCondition::Always)
        .await
        .unwrap();
    let deleted = store
        .delete_all(&ObjectPrefix::Outputs(master().video()))
        .await
        .unwrap();
    assert_eq!(deleted, 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let (store, server, _folder) = with(Method::PUT, Fault::Unavailable, 0).await;
    server.stop().await;
    let error = store.head(&master()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn what_will_not_get_better_is_refused_with_its_code() {
    let (_store, server, _folder) = with(Method::PUT, Fault::Unavailable, 0).await;
    let config = S3StoreConfig {
        secret_access_key: "wrong".parse().unwrap(),
        ..server.store_config()
    };
    let error = S3Store::new(&config)
        .put(&master(), "x".into(), PutCondition::Always)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the store refused `{}`: SignatureDoesNotMatch",
            master().path()
        )
    );
    let config = S3StoreConfig {
        media_bucket: "no-such-bucket".to_owned(),
        ..server.store_config()
    };
    let error = S3Store::new(&config).read(&master(), 10).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the store refused `{}`: NoSuchBucket", master().path())
    );
}

/// R2 accepts one write per second and name.
#[tokio::test]
async fn a_name_is_written_once_per_second() {
    let folder = tempfile::tempdir().unwrap();
    let server = RunningServer::start(folder.path()).await;
    let client = client(&server.endpoint, RequestChecksumCalculation::WhenRequired);
    let put = |key: &str| client.put_object().bucket(BUCKET).key(key).send();
    let copy = |key: &str| {
        let copy = client.copy_object().bucket(BUCKET).key(key);
        copy.copy_source(format!("{BUCKET}/source")).send()
    };
    put("source").await.unwrap();
    put("a").await.unwrap();
    put("b").await.expect("names are independent");
    copy("c").await.unwrap();
    let refused = put("a").await;
    let status = refused.as_ref().unwrap_err().raw_response().unwrap();
    assert_eq!(status.status().as_u16(), 429);
    assert_eq!(code(refused), "ServiceUnavailable");
    assert_eq!(code(copy("b").await), "ServiceUnavailable");
    assert_eq!(code(put("c").await), "ServiceUnavailable");
    let absent = client
        .put_object()
        .bucket(BUCKET)
        .key("a")
        .if_none_match("*");
    assert_eq!(code(absent.send().await), "PreconditionFailed");
    tokio::time::sleep(WRITE_INTERVAL).await;
    put("a").await.expect("a refused write does not count");
}

/// Two workers write the same name: the client waits instead of failing. So does the second attempt
/// at a request whose response was lost.
#[tokio::test]
async fn a_write_that_comes_too_soon_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let server = RunningServer::start(folder.path()).await;
    let store = server.store();
    for body in ["one", "two"] {
        let condition = PutCondition::Always;
        store.put(&master(), body.into(), condition).await.unwrap();
        assert_eq!(store.read(&master(), 10).await.unwrap(), body);
    }
    let (store, _server, _folder) = with(Method::PUT, Fault::AnswerLost, 1).await;
    store
        .put(&master(), "x".into(), PutCondition::Always)
        .await
        .expect("it was stored by the first attempt, and by the second one");
}
