//! Keeps a job ours while it is worked on, in the catalog and in the queue.

use std::time::{Duration, Instant};

use platform::catalog::{CatalogError, Claim};
use platform::job_queue::{QueueError, ReceiptHandle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::outage::within;
use super::{Worker, is_loss};
use crate::clock::now_ms;

/// How long work goes on, at most, for nobody.
const PULSE: Duration = Duration::from_secs(2);

/// A beating heart; stop it when the work is done.
pub(super) struct Heartbeat {
    task: JoinHandle<Option<CatalogError>>,
    enough: CancellationToken,
}

impl Heartbeat {
    /// Beats every few seconds, so that work on a video that was cancelled or deleted ends soon, and extends the
    /// message three times per lease. When the claim is lost, or the catalog is away for a whole lease, `work` is cancelled.
    pub(super) fn start(worker: &Worker, claim: &Claim, receipt: ReceiptHandle, work: CancellationToken) -> Self {
        let enough = CancellationToken::new();
        let (worker, claim, stop) = (worker.clone(), claim.clone(), enough.clone());
        let task = tokio::spawn(async move {
            let lease = worker.config.lease;
            let (mut renewed, mut extended) = (Instant::now(), Instant::now());
            loop {
                tokio::select! {
                    () = tokio::time::sleep(PULSE.min(lease / 3)) => {}
                    () = stop.cancelled() => return None,
                }
                if extended.elapsed() >= lease / 3 {
                    extend(&worker, &receipt).await;
                    extended = Instant::now();
                }
                match within(worker.catalog.renew(&claim, lease, now_ms())).await {
                    Ok(_) => renewed = Instant::now(),
                    // After a whole lease without an answer another worker may have the video, and what is made now
                    // could not be recorded.
                    Err(problem) if is_loss(&problem) || renewed.elapsed() > lease => {
                        work.cancel();
                        return Some(problem);
                    }
                    // There is still time to try again.
                    Err(problem) => warn!("could not renew the lease: {:#}", anyhow::Error::from(problem)),
                }
            }
        });
        Self { task, enough }
    }

    /// Ends it, and says why it cancelled the work, if it did.
    pub(super) async fn stop(self) -> Option<CatalogError> {
        self.enough.cancel();
        self.task.await.ok().flatten()
    }
}

async fn extend(worker: &Worker, receipt: &ReceiptHandle) {
    match worker.queue.extend(receipt, worker.config.lease).await {
        // The message may be delivered to somebody else, who finds the claim held: the catalog decides.
        Ok(()) | Err(QueueError::LeaseLost) => {}
        Err(problem) => warn!("could not extend the message: {:#}", anyhow::Error::from(problem)),
    }
}
