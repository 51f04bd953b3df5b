//! Background task: cleans up, as a scheduled function does in the cloud.

use std::time::Duration;

use api::services::sweeper::{SweepSummary, Sweeper};
use platform::clock;
use tokio_util::sync::CancellationToken;

/// Interval of runs, also before the first one: time limits are hours.
const INTERVAL: Duration = Duration::from_secs(3600);

pub(super) struct SweeperTask(pub(super) Sweeper);

impl SweeperTask {
    /// Runs until `stop` is cancelled. An interrupted run is completed by the next one.
    pub(super) async fn run(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(INTERVAL))
            .await
            .is_some()
        {
            let Some(swept) = stop.run_until_cancelled(self.0.sweep(clock::now())).await else {
                return;
            };
            if swept != SweepSummary::default() {
                tracing::info!(?swept, "cleaned up");
            }
        }
    }
}
