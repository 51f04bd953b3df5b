//! Background task: at startup, checks whether the database of the buckets was lost.

use std::time::Duration;

use api::services::rebuild::Rebuild;
use platform::clock;
use tokio_util::sync::CancellationToken;

/// Delay of the first check: the store of this process needs a moment to start.
const FIRST_CHECK: Duration = Duration::from_millis(500);
/// Interval of checks while the services do not respond.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) struct RebuildTask {
    pub(super) rebuild: Rebuild,
    /// Whether the operator requested a rebuild.
    pub(super) is_requested: bool,
}

impl RebuildTask {
    /// Rebuilds the catalog, or logs that this is possible, once. Returns when `stop` is cancelled, as all background
    /// tasks.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut pause = FIRST_CHECK;
        while stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            match stop.run_until_cancelled(self.check()).await {
                Some(Ok(())) => return stop.cancelled().await,
                None => return,
                Some(Err(problem)) => {
                    tracing::warn!("cannot search for published videos: {problem:#}")
                }
            }
            pause = PAUSE;
        }
    }

    async fn check(&self) -> anyhow::Result<()> {
        if self.is_requested {
            let done = self.rebuild.run(clock::now()).await?;
            tracing::info!(
                done.videos,
                done.incomplete,
                "rebuilt the catalog: {} videos are playable again",
                done.videos
            );
        } else if self.rebuild.is_needed().await? {
            tracing::warn!(
                "the database is empty, but the buckets contain videos: was the database lost, or is it the wrong one? \
                 Start with --rebuild to restore the published videos"
            );
        }
        Ok(())
    }
}
