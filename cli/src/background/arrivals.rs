//! Background task: finds sources that arrived without an event.

use std::time::{Duration, Instant};

use api::services::arrivals::Arrivals;
use metrics::Registry;
use platform::clock;
use tokio_util::sync::CancellationToken;

/// Shortest interval between two checks.
const INTERVAL: Duration = Duration::from_secs(2);
/// The next check waits this many times as long as the last one took, so that many open uploads do not cause load.
const REST: u32 = 10;

pub(super) struct ArrivalTask {
    pub(super) arrivals: Arrivals,
    pub(super) metrics: Registry,
}

impl ArrivalTask {
    /// Runs until `stop` is cancelled.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut pause = INTERVAL;
        while stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            let began = Instant::now();
            let check = self.arrivals.check(clock::now());
            match stop.run_until_cancelled(check).await {
                Some(Ok(_)) => super::succeeded(&self.metrics, "arrivals"),
                Some(Err(error)) => {
                    tracing::warn!(
                        "cannot check for arrived uploads: {:#}",
                        anyhow::Error::from(error)
                    );
                }
                None => return,
            }
            pause = INTERVAL.max(began.elapsed() * REST);
        }
    }
}
