//! Conformance of the embedded catalog, and behaviour specific to it.

use std::time::Duration;

use catalog::SqlQueue;
use catalog::database::{Database, open_sqlite};
use catalog::videos::conformance::Subject;
use catalog::{Catalog, CatalogError, ClaimOutcome};
use domain::ids::{Generation, VideoId};
use domain::job::{Job, JobReason, Mode, Source};
use domain::receipt::Receipt;
use domain::state::VideoState;
use domain::time::UnixMillis;
use platform::job_queue::{JobQueue, QueueName, Wanted};
use tempfile::TempDir;

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
const LEASE: Duration = Duration::from_secs(60);

async fn database(folder: &TempDir) -> Database {
    open_sqlite(&folder.path().join("edgereel.db"))
        .await
        .expect("opens")
}

async fn subject() -> (Subject, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let catalog = Catalog::new(&database(&folder).await);
    (Subject { catalog }, folder)
}

catalog::catalog_conformance!(subject().await);

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

fn generation() -> Generation {
    Generation::of("etag", "default")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_claimers_in_two_databases_on_one_file_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let catalogs = [
        Catalog::new(&database(&folder).await),
        Catalog::new(&database(&folder).await),
    ];
    for number in 0..10 {
        let claimers = (0..8).map(|it| {
            let catalog = catalogs[it % 2].clone();
            tokio::spawn(async move {
                catalog
                    .claim(&job(number), &generation(), "worker", LEASE, NOW)
                    .await
                    .unwrap()
            })
        });
        let mut won = 0;
        for outcome in futures::future::join_all(claimers).await {
            won += u32::from(matches!(outcome.unwrap(), ClaimOutcome::Claimed(_)));
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = database(&folder).await;
    let catalog = Catalog::new(&first);
    let outcome = catalog
        .claim(&job(1), &generation(), "worker", LEASE, NOW)
        .await
        .unwrap();
    let ClaimOutcome::Claimed(claim) = outcome else {
        panic!("{outcome:?}")
    };
    first.close().await;

    let catalog = Catalog::new(&database(&folder).await);
    catalog
        .mark_ready(&claim, &Receipt::default(), NOW + Duration::from_millis(1))
        .await
        .unwrap();
    assert_eq!(
        catalog.get_video(claim.video).await.unwrap().state,
        VideoState::Ready {
            generation: generation()
        }
    );
}

#[tokio::test]
async fn a_closed_database_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let catalog = Catalog::new(&database);
    database.close().await;
    let read = catalog.get_video(job(1).video).await;
    assert!(
        matches!(read, Err(CatalogError::Unavailable { .. })),
        "{read:?}"
    );
    let written = catalog.note_upload_event(&job(1), NOW).await;
    assert!(
        matches!(written, Err(CatalogError::Unavailable { .. })),
        "{written:?}"
    );
}

#[tokio::test]
async fn an_unreadable_row_is_corrupt_and_does_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edgereel.db");
    let catalog = Catalog::new(&open_sqlite(&path).await.unwrap());
    catalog.note_upload_event(&job(1), NOW).await.unwrap();
    let by_hand = rusqlite::Connection::open(&path).unwrap();
    by_hand
        .execute("UPDATE videos SET state = 'paused'", [])
        .unwrap();
    let read = catalog.get_video(job(1).video).await;
    assert!(
        matches!(read, Err(CatalogError::Corrupt { .. })),
        "{read:?}"
    );
}

#[tokio::test]
async fn queue_and_catalog_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let (catalog, queue) = (
        Catalog::new(&database),
        SqlQueue::new(&database, QueueName::Interactive, 4, "w"),
    );
    // A receiver claims the message while others write to the catalog.
    queue.send(&job(1).into(), Duration::ZERO).await.unwrap();
    let noted = futures::future::join_all((2..30).map(|it| {
        let catalog = &catalog;
        async move { catalog.note_upload_event(&job(it), NOW).await }
    }));
    let (noted, delivery) = tokio::join!(noted, queue.receive(Wanted::ALL, LEASE, LEASE));
    assert!(noted.iter().all(Result::is_ok));
    let received = delivery.unwrap().unwrap().message.unwrap();
    let outcome = catalog
        .claim(received.job().unwrap(), &generation(), "worker", LEASE, NOW)
        .await
        .unwrap();
    assert!(matches!(outcome, ClaimOutcome::Claimed(_)), "{outcome:?}");
}
