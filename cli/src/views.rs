//! Stores the views that the edge of this process counts.

use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;
use edge_server::Views;
use tokio_util::sync::CancellationToken;

/// How often the counts are stored: one transaction per interval, however many requests there were. A process that
/// crashes loses what it counted since the last time.
const INTERVAL: Duration = Duration::from_secs(5);

/// Stores the counts of an edge in the catalog.
#[derive(Clone)]
pub(crate) struct ViewTask {
    /// Counts views.
    pub(crate) views: Arc<Views>,
    /// Has their sums.
    pub(crate) catalog: Catalog,
}

impl ViewTask {
    /// Stores the counts every few seconds, until `stop` is cancelled. The requests that are still served then are
    /// counted too: call [`store`](Self::store) after them.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(INTERVAL))
            .await
            .is_some()
        {
            self.store().await;
        }
    }

    /// Stores what was counted. What cannot be stored now is stored the next time.
    pub(crate) async fn store(&self) {
        let all = self.views.take();
        let (added, result) = self.catalog.add_views(&all).await;
        if let Err(error) = result {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not store the counts of views; they are kept for the next time"
            );
            self.views.put_back(all.get(added..).unwrap_or_default());
        }
    }
}
