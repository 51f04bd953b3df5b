//! Looks for sources that arrived and that no event reported.

use std::time::Duration;

use functions::arrivals::Arrivals;
use functions::now_ms;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

pub(super) struct Arriving(pub(super) Arrivals);

impl Arriving {
    /// Looks until it has to stop. What it was looking at is looked at again by the next process.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
            match stop.run_until_cancelled(self.0.look(now_ms())).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::warn!("uploads cannot be looked at now: {:#}", anyhow::Error::from(error));
                }
                None => return,
            }
        }
    }
}
