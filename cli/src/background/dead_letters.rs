//! Background task: processes dead letters, as a scheduled function does in the cloud.

use std::time::Duration;

use api::services::dead_letter;
use catalog::Catalog;
use platform::clock;
use platform::job_queue::SharedQueue;
use tokio_util::sync::CancellationToken;

/// Interval between two checks.
const INTERVAL: Duration = Duration::from_secs(5);

pub(super) struct DeadLetterTask {
    pub(super) queue: SharedQueue,
    pub(super) catalog: Catalog,
}

impl DeadLetterTask {
    /// Runs until `stop` is cancelled.
    pub(super) async fn run(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(INTERVAL))
            .await
            .is_some()
        {
            let settled = dead_letter::fail_videos(&*self.queue, &self.catalog, clock::now());
            match settled.await {
                Ok(_) => super::succeeded(self.catalog.metrics(), "dead-letters"),
                Err(error) => {
                    tracing::warn!(
                        "cannot process dead letters: {:#}",
                        anyhow::Error::from(error)
                    );
                }
            }
        }
    }
}
