//! Renews the claim of a job in the catalog, and its lease in the queue, while it is processed.

use std::time::{Duration, Instant};

use catalog::{CatalogError, Claim};
use platform::clock;
use platform::job_queue::{QueueError, ReceiptHandle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::outage::within;
use super::{Worker, is_claim_lost};

/// The longest time that work continues after its claim was revoked.
const PULSE: Duration = Duration::from_secs(2);

/// A running heartbeat; stop it when the work is done.
pub(crate) struct Heartbeat {
    task: JoinHandle<Option<CatalogError>>,
    enough: CancellationToken,
}

impl Heartbeat {
    /// Renews the claim every few seconds, so that work on a cancelled or deleted video ends soon,
    /// and extends the message three times per lease. When the claim is lost, or the catalog is
    /// unavailable for a whole lease, `work` is cancelled.
    pub(crate) fn start(
        worker: &Worker,
        claim: &Claim,
        receipt: ReceiptHandle,
        work: CancellationToken,
    ) -> Self {
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
                match within(worker.catalog.renew(&claim, lease, clock::now())).await {
                    Ok(_) => renewed = Instant::now(),
                    // After a whole lease without a response, another worker may have the video, and
                    // new results could not be recorded.
                    Err(problem) if is_claim_lost(&problem) || renewed.elapsed() > lease => {
                        work.cancel();
                        return Some(problem);
                    }
                    // There is still time to try again.
                    Err(problem) => warn!(
                        "could not renew the claim: {:#}",
                        anyhow::Error::from(problem)
                    ),
                }
            }
        });
        Self { task, enough }
    }

    /// Stops it, and returns the reason why it cancelled the work, if it did.
    pub(crate) async fn stop(self) -> Option<CatalogError> {
        self.enough.cancel();
        self.task.await.ok().flatten()
    }
}

async fn extend(worker: &Worker, receipt: &ReceiptHandle) {
    match worker.queue.extend(receipt, worker.config.lease).await {
        // The message may be delivered to another worker, which finds the claim held: the catalog
        // decides.
        Ok(()) | Err(QueueError::LeaseLost) => {}
        Err(problem) => warn!(
            "could not extend the lease of the message: {:#}",
            anyhow::Error::from(problem)
        ),
    }
}
