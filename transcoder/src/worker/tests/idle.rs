//! A worker that ends when it is idle, and its metrics.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::*;

#[tokio::test]
async fn a_worker_ends_when_no_job_came_for_the_configured_time() {
    let mut site = Site::new().await;
    site.worker.config.until_idle = Some(Duration::from_secs(2));
    let began = tokio::time::Instant::now();
    Box::pin(site.worker.run(CancellationToken::new())).await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(site.last_outcome().await, AttemptOutcome::Ready);

    let mut registry = Registry::default();
    site.worker.metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "transcoder_jobs_running 0",
        "transcoder_attempts_total{outcome=\"done\"} 1",
        "transcoder_source_seconds_total 2",
    ] {
        assert!(text.contains(line), "{line} is missing: {text}");
    }
}
