//! What exporters read.

use async_trait::async_trait;

use crate::registry::Registry;
use crate::snapshot::Snapshot;

/// The metrics of a program, for exporters.
#[async_trait]
pub trait Source: Send + Sync {
    /// The values.
    fn registry(&self) -> &Registry;

    /// Updates gauges whose values are in a service, such as the length of the queue.
    ///
    /// # Errors
    /// If a service does not respond. The other values can be exported all the same.
    async fn refresh(&self) -> anyhow::Result<()> {
        Ok(())
    }

    /// All values now.
    ///
    /// # Errors
    /// As [`Source::refresh`].
    async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        self.refresh().await?;
        Ok(self.registry().snapshot())
    }
}

#[async_trait]
impl Source for Registry {
    fn registry(&self) -> &Registry {
        self
    }
}
