//! Sweeps what nobody else comes back for, as a scheduled function does in the cloud.

use std::time::Duration;

use functions::now_ms;
use functions::sweeper::{Sweeper, Swept};
use tokio_util::sync::CancellationToken;

/// Between two rounds, and before the first one: nothing is overdue by minutes.
const INTERVAL: Duration = Duration::from_secs(3600);

pub(super) struct Sweeping(pub(super) Sweeper);

impl Sweeping {
    /// Sweeps until it is told to stop. Being stopped in the middle leaves work for the next round.
    pub(super) async fn run(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
            let Some(swept) = stop.run_until_cancelled(self.0.sweep(now_ms())).await else { return };
            if swept != Swept::default() {
                tracing::info!(?swept, "cleaned up");
            }
        }
    }
}
