//! A worker that ends when it is idle, and its metrics.

use ::metrics::Registry;
use ::metrics::text::{Format, encode};

use super::*;

#[tokio::test]
async fn a_worker_ends_when_no_job_came_for_the_configured_time() {
    let mut site = Site::new().await;
    site.worker.config.until_idle = Some(Duration::from_secs(2));
    let registry = Registry::default();
    site.worker.metrics = WorkerMetrics::new(registry.clone());
    let began = tokio::time::Instant::now();
    Box::pin(site.worker.run(CancellationToken::new())).await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(site.last_outcome().await, AttemptOutcome::Ready);

    let text = encode(&registry.snapshot(), Format::OpenMetrics);
    for line in [
        "edgereel_transcoder_jobs_running 0",
        "edgereel_transcoder_attempts_total{outcome=\"done\"} 1",
        "edgereel_transcoder_source_seconds_total 2",
        "edgereel_transcoder_playable_seconds_count 1",
        "edgereel_transcoder_ready_seconds_count 1",
        "edgereel_transcoder_stage_seconds_count{stage=\"encode\"} 1",
        "edgereel_transcoder_cost_usd_total{part=\"requests\"} 0.",
    ] {
        assert!(text.contains(line), "{line} is missing: {text}");
    }
}

/// Makes each request of a queue fail, or succeed again.
fn set_away(site: &Site, is_away: bool) {
    let database = rusqlite::Connection::open(site.world.folder().join("edgereel.db")).unwrap();
    let renamed = match is_away {
        true => "ALTER TABLE messages RENAME TO messages_away",
        false => "ALTER TABLE messages_away RENAME TO messages",
    };
    database.execute_batch(renamed).unwrap();
}

#[tokio::test]
async fn a_queue_that_is_away_is_not_an_idle_one() {
    let mut site = Site::new().await;
    site.worker.config.until_idle = Some(Duration::from_secs(1));
    set_away(&site, true);
    let mut run = Box::pin(site.worker.run(CancellationToken::new()));
    let away = tokio::time::timeout(Duration::from_millis(2_500), &mut run).await;
    assert!(
        away.is_err(),
        "the worker ended although the queue was away"
    );
    set_away(&site, false);
    // It takes the job that waited, and then ends because it is idle.
    let back = tokio::time::timeout(Duration::from_secs(60), run).await;
    assert!(back.is_ok(), "the worker did not end");
    assert_eq!(site.last_outcome().await, AttemptOutcome::Ready);
}

#[tokio::test]
async fn the_time_to_be_idle_begins_after_an_outage() {
    let mut site = Site::new().await;
    site.work().await;
    let limit = Duration::from_secs(2);
    site.worker.config.until_idle = Some(limit);
    set_away(&site, true);
    let mut run = Box::pin(site.worker.run(CancellationToken::new()));
    let away = tokio::time::timeout(Duration::from_millis(500), &mut run).await;
    assert!(away.is_err() && site.worker.outage.is_on());
    set_away(&site, false);
    let back = async {
        while site.worker.outage.is_on() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::time::Instant::now()
    };
    let (back, ()) = tokio::join!(back, run);
    assert!(back.elapsed() >= limit, "{:?}", back.elapsed());
}

#[tokio::test]
async fn a_catalog_that_is_away_is_not_an_empty_queue() {
    let mut site = Site::new().await;
    site.worker.config.until_idle = Some(Duration::from_secs(1));
    // The queue delivers the job, which the worker cannot claim.
    let path = site.world.folder().join("away.db");
    let database = catalog::database::open_sqlite(&path).await.unwrap();
    site.worker.catalog = Catalog::new(&database);
    database.close().await;
    let cancel = CancellationToken::new();
    let mut run = Box::pin(site.worker.run(cancel.clone()));
    let away = tokio::time::timeout(Duration::from_secs(4), &mut run).await;
    assert!(
        away.is_err(),
        "the worker ended although the catalog was away"
    );
    cancel.cancel();
    run.await;
    let depth = site.depth().await;
    assert_eq!(depth.ready + depth.delayed, 1, "the job waits: {depth:?}");
}
