//! Holding the message of a job that has no lease, while the job is done.

use catalog::CatalogError;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::JobContext;
use crate::error::TranscodeError;

/// What became of work.
pub(crate) enum Held<T> {
    /// It was done.
    Done(T),
    /// The result is not wanted any more.
    Unwanted,
}

impl JobContext<'_> {
    /// Does `work`, and meanwhile holds the message and calls `keep`, which records a sign of life and
    /// returns whether the result is still wanted. `work` gets a token that is cancelled when it is
    /// not, or when the worker stops.
    pub(crate) async fn hold<T, Keep, Work>(
        self,
        keep: impl Fn() -> Keep,
        work: impl FnOnce(CancellationToken) -> Work,
    ) -> Result<Held<T>, TranscodeError>
    where
        Keep: Future<Output = Result<bool, CatalogError>>,
        Work: Future<Output = Result<T, TranscodeError>>,
    {
        let token = self.cancel.child_token();
        let keeping = async {
            self.keep(keep).await;
            token.cancel();
            std::future::pending::<()>().await;
        };
        let done = tokio::select! {
            done = work(token.clone()) => done,
            () = keeping => Err(TranscodeError::Cancelled),
        };
        match done {
            Err(TranscodeError::Cancelled) if !self.cancel.is_cancelled() => {
                info!("another worker was faster, or the video was deleted or replaced");
                Ok(Held::Unwanted)
            }
            done => done.map(Held::Done),
        }
    }

    /// Returns when the result is not wanted any more.
    async fn keep<Keep>(self, keep: impl Fn() -> Keep)
    where
        Keep: Future<Output = Result<bool, CatalogError>>,
    {
        let lease = self.worker.config.lease;
        loop {
            tokio::time::sleep(lease / 3).await;
            // Without the message, another worker does the same.
            if let Err(problem) = self
                .worker
                .queue
                .extend(&self.delivery.receipt, lease)
                .await
            {
                warn!(
                    "could not extend the lease of the message: {:#}",
                    anyhow::Error::from(problem)
                );
            }
            match keep().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(problem) => warn!(
                    "could not reach the catalog: {:#}",
                    anyhow::Error::from(problem)
                ),
            }
        }
    }
}
