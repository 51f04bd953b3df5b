//! Looks for sources that arrived and that no event reported.

use std::time::{Duration, Instant};

use functions::arrivals::Arrivals;
use functions::now_ms;
use tokio_util::sync::CancellationToken;

/// Between two looks, at least.
const INTERVAL: Duration = Duration::from_secs(2);
/// The next look waits for so many times as long as the last one took: with many open uploads, looking stays cheap.
const REST: u32 = 10;

pub(super) struct Arriving(pub(super) Arrivals);

impl Arriving {
    /// Looks until it has to stop. What it was looking at is looked at again by the next process.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut pause = INTERVAL;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            let began = Instant::now();
            match stop.run_until_cancelled(self.0.look(now_ms())).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::warn!("cannot check for arrived uploads: {:#}", anyhow::Error::from(error));
                }
                None => return,
            }
            pause = INTERVAL.max(began.elapsed() * REST);
        }
    }
}
