//! Background task: cleans up, as a scheduled function does in the cloud.

use std::time::Duration;

use api::services::sweeper::{SweepSummary, Sweeper};
use platform::clock;
use tokio_util::sync::CancellationToken;

/// Interval of runs, also before the first one. A run with nothing to do reads one entry of an index.
const INTERVAL: Duration = Duration::from_secs(60);
/// Number of runs until one also cleans up what is not a video, whose time limits are days.
const FULL_RUN: u32 = 60;

pub(super) struct SweeperTask(pub(super) Sweeper);

impl SweeperTask {
    /// Runs until `stop` is cancelled. An interrupted run is completed by the next one.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut runs = 0;
        while stop
            .run_until_cancelled(tokio::time::sleep(INTERVAL))
            .await
            .is_some()
        {
            runs += 1;
            let run = async {
                let mut swept = SweepSummary::default();
                if runs % FULL_RUN == 0 {
                    swept = self.0.sweep(clock::now()).await;
                } else {
                    self.0.sweep_videos(clock::now(), &mut swept).await;
                }
                self.0.queue.start_workers().await;
                swept
            };
            let Some(swept) = stop.run_until_cancelled(run).await else {
                return;
            };
            if swept.failures == 0 {
                super::succeeded(self.0.catalog.metrics(), "sweep");
            }
            if swept != SweepSummary::default() {
                tracing::info!(?swept, "cleaned up");
            }
        }
    }
}
