//! Looks at the start whether the database that belongs to the buckets was lost.

use std::time::Duration;

use functions::now_ms;
use functions::rebuild::Rebuild;
use tokio_util::sync::CancellationToken;

/// The store of this process answers a moment after it was started.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// Before another look, when the services do not answer.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Recovering {
    pub(super) rebuild: Rebuild,
    /// Whether the operator asked for it.
    pub(super) is_wanted: bool,
}

impl Recovering {
    /// Rebuilds the catalog, or says that it can be; once. Ends when it is stopped, as all background work does.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut pause = FIRST_LOOK;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            match stop.run_until_cancelled(self.look()).await {
                Some(Ok(())) => return stop.cancelled().await,
                None => return,
                Some(Err(problem)) => tracing::warn!("cannot search for published videos: {problem:#}"),
            }
            pause = PAUSE;
        }
    }

    async fn look(&self) -> anyhow::Result<()> {
        if self.is_wanted {
            let done = self.rebuild.run(now_ms()).await?;
            tracing::info!(
                done.videos,
                done.incomplete,
                "rebuilt the catalog: {} videos are playable again",
                done.videos
            );
        } else if self.rebuild.is_needed().await? {
            tracing::warn!(
                "the database knows no video, but the buckets hold some: was it lost, or is it another one? \
                 Start with --rebuild to list the published videos again"
            );
        }
        Ok(())
    }
}
