//! Services that are away: the worker waits for them, and no attempt counts.

use std::sync::atomic::AtomicU32;
use std::time::Instant;

use super::*;

#[tokio::test]
async fn a_store_that_is_away_counts_no_attempt() {
    let site = Site::new().await;
    site.world.flaky.fail(".ts", 1_000);
    site.work().await;
    assert_eq!(site.video().await.state, VideoState::Queued);
    let outcome = site.last_outcome().await;
    assert!(
        matches!(&outcome, AttemptOutcome::Failed(it) if it.code == FailureCode::Unavailable),
        "{outcome:?}"
    );
    assert_eq!(
        site.depth().await,
        Depth {
            delayed: 1,
            ..EMPTY
        }
    );
    let next = next_attempt(
        &site.services.catalog,
        (video(), &site.job.id),
        None,
        clock::now(),
    )
    .await
    .unwrap();
    assert_eq!(next, Next::Again(Duration::from_secs(10)));
    // Before the next job, it looks whether the store is back.
    let before = Instant::now();
    site.worker
        .wait_for_services(&CancellationToken::new())
        .await;
    assert!(
        before.elapsed() >= Duration::from_millis(900),
        "{:?}",
        before.elapsed()
    );
    let before = Instant::now();
    site.worker
        .wait_for_services(&CancellationToken::new())
        .await;
    assert!(
        before.elapsed() < Duration::from_millis(100),
        "nothing is away any more"
    );
}

#[tokio::test]
async fn a_pointer_that_cannot_move_leaves_the_video_as_it_was() {
    let site = Site::new().await;
    site.world.flaky.fail("master.m3u8", 1_000);
    site.work().await;
    assert_eq!(site.world.named("master.m3u8"), [""; 0]);
    assert!(!matches!(
        site.video().await.state,
        VideoState::Ready { .. } | VideoState::Failed(_)
    ));
    site.world.flaky.fail("", 0);
    site.services
        .queue
        .send(&JobMessage::from(site.job.clone()), Duration::ZERO)
        .await
        .unwrap();
    site.work().await;
    assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
    assert_eq!(site.attempts().await.len(), 2);
}

#[tokio::test]
async fn waiting_ends_when_all_services_answer_or_the_worker_stops() {
    let site = Site::new().await;
    site.world.flaky.is_away.store(true, Ordering::Relaxed);
    site.worker.outage.begin("the test says so");
    let cancel = CancellationToken::new();
    let waiting = tokio::time::timeout(
        Duration::from_millis(1_500),
        site.worker.wait_for_services(&cancel),
    );
    assert!(waiting.await.is_err(), "the store is still away");
    let before = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    };
    tokio::join!(site.worker.wait_for_services(&cancel), stop);
    assert!(
        before.elapsed() < Duration::from_millis(900),
        "{:?}",
        before.elapsed()
    );
    site.world.flaky.is_away.store(false, Ordering::Relaxed);
    site.worker.outage.reset_pauses();
    let cancel = CancellationToken::new();
    let waiting = tokio::time::timeout(
        Duration::from_secs(5),
        site.worker.wait_for_services(&cancel),
    );
    assert!(waiting.await.is_ok());
}

fn away() -> CatalogError {
    CatalogError::Unavailable {
        source: "the test takes it away".into(),
    }
}

#[tokio::test]
async fn a_change_is_made_once_the_catalog_is_back() {
    let site = Site::new().await;
    let asked = AtomicU32::new(0);
    let cancel = CancellationToken::new();
    let outcome = site.worker.retry_while_unavailable(&cancel, || async {
        if asked.fetch_add(1, Ordering::Relaxed) < 1 {
            Err(away())
        } else {
            Ok(7)
        }
    });
    assert_eq!(
        (outcome.await.unwrap(), asked.load(Ordering::Relaxed)),
        (7, 2)
    );
}

#[tokio::test]
async fn what_the_catalog_answers_is_not_asked_again() {
    let site = Site::new().await;
    let asked = AtomicU32::new(0);
    let outcome: Result<(), _> = site
        .worker
        .retry_while_unavailable(&CancellationToken::new(), || async {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(CatalogError::Gone { video: video() })
        })
        .await;
    assert!(matches!(outcome, Err(CatalogError::Gone { .. })));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_worker_that_stops_does_not_retry() {
    let site = Site::new().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let before = Instant::now();
    let outcome: Result<(), _> = site
        .worker
        .retry_while_unavailable(&cancel, || async { Err(away()) })
        .await;
    assert!(matches!(outcome, Err(CatalogError::Unavailable { .. })));
    assert!(before.elapsed() < Duration::from_millis(500));
}
