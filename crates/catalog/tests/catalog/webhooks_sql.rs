//! Conformance of webhooks in the embedded database, and behaviour specific to it.

use std::time::Duration;

use catalog::Catalog;
use catalog::database::{Database, open_sqlite};
use catalog::webhooks::conformance::Subject;
use catalog::webhooks::{NewEndpoint, WebhookError, Webhooks};
use domain::ids::VideoId;
use domain::job::{Job, JobReason, Mode, Source};
use domain::time::UnixMillis;
use domain::webhook::EndpointId;
use tempfile::TempDir;

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

async fn database(folder: &TempDir) -> Database {
    open_sqlite(&folder.path().join("edgereel.db"))
        .await
        .expect("opens")
}

async fn subject() -> (Subject, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = database(&folder).await;
    let (webhooks, catalog) = (Webhooks::new(&database), Catalog::new(&database));
    (Subject { webhooks, catalog }, folder)
}

catalog::webhook_conformance!(subject().await);

fn job(number: u8) -> Job {
    let video = VideoId::new(NOW.get(), [number; 10]);
    let key = format!("uploads/{video}/film.mp4");
    let source = Source {
        bucket: "private".to_owned(),
        key,
        etag: "etag".to_owned(),
        size: 1,
    };
    Job::new(video, source, "default", Mode::Abr, JobReason::Upload)
}

fn endpoint() -> NewEndpoint {
    NewEndpoint {
        id: EndpointId::new(NOW.get(), [1; 10]),
        owner: None,
        url: "https://receiver.example/".to_owned(),
        types: None,
        description: None,
        sealed_secret: "sealed".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dispatchers_in_two_databases_on_one_file_never_have_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let databases = [database(&folder).await, database(&folder).await];
    let stores = databases.each_ref().map(Webhooks::new);
    stores[0].create(&endpoint(), NOW).await.unwrap();
    let catalog = Catalog::new(&databases[0]);
    for number in 0..40 {
        catalog.note_upload_event(&job(number), NOW).await.unwrap();
    }
    let dispatchers = (0..8).map(|it| {
        let store = stores[it % 2].clone();
        tokio::spawn(async move {
            store.fan_out(9, NOW).await.unwrap();
            store
                .claim(100, 100, Duration::from_secs(30), NOW)
                .await
                .unwrap()
        })
    });
    let mut claimed = Vec::new();
    for ended in futures::future::join_all(dispatchers).await {
        claimed.extend(ended.unwrap().into_iter().map(|it| it.delivery));
    }
    let all = claimed.len();
    claimed.sort();
    claimed.dedup();
    assert_eq!((all, claimed.len()), (40, 40));
}

#[tokio::test]
async fn what_happens_in_this_process_is_heard_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let (store, catalog) = (Webhooks::new(&database), Catalog::new(&database));
    let long = Duration::from_secs(3600);
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.wait(long).await }
    });
    tokio::task::yield_now().await;
    catalog.note_upload_event(&job(1), NOW).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap();
    // Also events from before the wait started.
    catalog.note_upload_event(&job(2), NOW).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), store.wait(long))
        .await
        .unwrap();
    let soon = tokio::time::timeout(Duration::from_millis(50), store.wait(long)).await;
    assert!(soon.is_err(), "nothing more happened");
}

#[tokio::test]
async fn what_waits_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = database(&folder).await;
    Webhooks::new(&first)
        .create(&endpoint(), NOW)
        .await
        .unwrap();
    Catalog::new(&first)
        .note_upload_event(&job(1), NOW)
        .await
        .unwrap();
    first.close().await;

    let again = Webhooks::new(&database(&folder).await);
    assert_eq!(again.fan_out(10, NOW).await.unwrap(), 1);
    assert_eq!(
        again
            .claim(10, 10, Duration::from_secs(30), NOW)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn trouble_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let store = Webhooks::new(&database);
    store.create(&endpoint(), NOW).await.unwrap();
    let by_hand = rusqlite::Connection::open(folder.path().join("edgereel.db")).unwrap();
    by_hand
        .execute("UPDATE webhook_endpoints SET secrets = 'none'", [])
        .unwrap();
    let corrupt = store.get(endpoint().id).await;
    assert!(
        matches!(corrupt, Err(WebhookError::Corrupt { .. })),
        "{corrupt:?}"
    );
    database.close().await;
    let closed = store.get(endpoint().id).await;
    assert!(
        matches!(closed, Err(WebhookError::Unavailable { .. })),
        "{closed:?}"
    );
}
