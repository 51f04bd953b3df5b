//! Renews the claim of a job in the catalog, and its lease in the queue, while it is processed.
//!
//! Some queues limit how long a receiver can hold a message (SQS: 12 hours). Before, the worker puts
//! a new message in its place, which comes back now and then until the job is done.

use std::time::{Duration, Instant};

use catalog::{CatalogError, Claim};
use platform::clock;
use platform::job_queue::{Delivery, QueueError, ReceiptHandle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::outage::within;
use super::{Worker, is_claim_lost};

/// The longest time that work continues after its claim was revoked.
const PULSE: Duration = Duration::from_secs(2);
/// How long the message is delayed that takes the place of one that was held for too long.
pub(super) const REPLACEMENT: Duration = Duration::from_secs(15 * 60);

/// A running heartbeat; stop it when the work is done.
pub(crate) struct Heartbeat {
    task: JoinHandle<Option<CatalogError>>,
    enough: CancellationToken,
}

impl Heartbeat {
    /// Checks the claim every few seconds, so that work on a cancelled or deleted video ends soon,
    /// and renews claim and message three times per lease. When the claim is lost, or the catalog is
    /// unavailable for a whole lease, `work` is cancelled.
    pub(crate) fn start(
        worker: &Worker,
        claim: &Claim,
        delivery: &Delivery,
        work: CancellationToken,
    ) -> Self {
        let enough = CancellationToken::new();
        let (worker, claim, stop) = (worker.clone(), claim.clone(), enough.clone());
        let mut message = Message {
            delivery: delivery.clone(),
            held_since: Instant::now(),
            is_replaced: false,
        };
        let task = tokio::spawn(async move {
            let lease = worker.config.lease;
            let (mut renewed, mut extended) = (Instant::now(), Instant::now());
            loop {
                tokio::select! {
                    () = tokio::time::sleep(PULSE.min(lease / 3)) => {}
                    () = stop.cancelled() => return None,
                }
                let is_due = extended.elapsed() >= lease / 3;
                if is_due {
                    message.keep(&worker).await;
                    extended = Instant::now();
                }
                let checked = if is_due {
                    let renewal = worker.catalog.renew(&claim, lease, clock::now());
                    within(renewal).await.map(drop)
                } else {
                    within(worker.catalog.check_claim(&claim)).await
                };
                match checked {
                    Ok(()) if is_due => renewed = Instant::now(),
                    Ok(()) => {}
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

/// The message of the job.
struct Message {
    delivery: Delivery,
    held_since: Instant,
    is_replaced: bool,
}

impl Message {
    /// Extends its lease, or puts a new message in its place.
    async fn keep(&mut self, worker: &Worker) {
        if self.is_replaced {
            return;
        }
        let hold = worker.longest_hold();
        if hold.is_none_or(|it| self.held_since.elapsed() < it) {
            return extend(worker, &self.delivery.receipt).await;
        }
        match self.replace(worker).await {
            Ok(()) => self.is_replaced = true,
            Err(problem) => warn!(
                "could not send the message again before its lease ends: {:#}",
                anyhow::Error::from(problem)
            ),
        }
    }

    /// The new message is sent before the old one is deleted: a duplicate is better than a loss.
    async fn replace(&self, worker: &Worker) -> Result<(), QueueError> {
        let queue = &worker.queue;
        if let Ok(message) = &self.delivery.message {
            queue.send(message, REPLACEMENT).await?;
        }
        match queue.ack(&self.delivery.receipt).await {
            Ok(()) | Err(QueueError::LeaseLost) => Ok(()),
            Err(problem) => Err(problem),
        }
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
