//! Keeps a job ours while it is worked on, in the catalog and in the queue.

use std::time::{Duration, Instant};

use platform::catalog::{CatalogError, Claim};
use platform::job_queue::{QueueError, ReceiptHandle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Worker, is_loss};
use crate::clock::now_ms;

/// A beating heart; stop it when the work is done.
pub(super) struct Heartbeat {
    task: JoinHandle<Option<CatalogError>>,
    enough: CancellationToken,
}

impl Heartbeat {
    /// Beats three times per lease. When the claim is lost, `work` is cancelled.
    pub(super) fn start(worker: &Worker, claim: &Claim, receipt: ReceiptHandle, work: CancellationToken) -> Self {
        let enough = CancellationToken::new();
        let (worker, claim, stop) = (worker.clone(), claim.clone(), enough.clone());
        let task = tokio::spawn(async move {
            let lease = worker.config.lease;
            let mut renewed = Instant::now();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(lease / 3) => {}
                    () = stop.cancelled() => return None,
                }
                match beat(&worker, &claim, &receipt, lease).await {
                    Ok(()) => renewed = Instant::now(),
                    Err(problem) if is_loss(&problem) || renewed.elapsed() > lease => {
                        work.cancel();
                        return Some(lost(problem, &claim));
                    }
                    // There is still time to try again.
                    Err(problem) => warn!("could not renew the lease: {:#}", anyhow::Error::from(problem)),
                }
            }
        });
        Self { task, enough }
    }

    /// Ends it, and says why the claim was lost, if it was.
    pub(super) async fn stop(self) -> Option<CatalogError> {
        self.enough.cancel();
        self.task.await.ok().flatten()
    }
}

async fn beat(worker: &Worker, claim: &Claim, receipt: &ReceiptHandle, lease: Duration) -> Result<(), CatalogError> {
    worker.catalog.renew(claim, lease, now_ms()).await?;
    match worker.queue.extend(receipt, lease).await {
        // The message may be delivered to somebody else, who finds the claim held: the catalog decides.
        Ok(()) | Err(QueueError::LeaseLost) => Ok(()),
        Err(problem) => {
            warn!("could not extend the message: {:#}", anyhow::Error::from(problem));
            Ok(())
        }
    }
}

/// After a whole lease without an answer, the claim counts as lost: somebody else may have it.
fn lost(problem: CatalogError, claim: &Claim) -> CatalogError {
    if is_loss(&problem) { problem } else { CatalogError::LeaseLost { video: claim.video, fence: claim.fence } }
}
