//! Settles a message and its video when an attempt fails.

use std::time::Duration;

use catalog::{CatalogError, Claim, next_attempt};
use domain::failure::{FailureCode, Verdict};
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use domain::retry::Next;
use domain::state::VideoState;
use platform::job_queue::{Delivery, QueueError};
use platform::object_store::StoreError;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{RETRY_PAUSE, Worker};
use crate::error::TranscodeError;
use platform::clock::now_ms;

impl Worker {
    /// Records the reason of a failed attempt, and settles the message accordingly.
    pub(super) async fn fail(
        &self,
        delivery: &Delivery,
        claim: &Claim,
        problem: TranscodeError,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        let (failure, log_tail) = (problem.failure(), problem.log_tail().to_owned());
        let (receipt, verdict) = (&delivery.receipt, failure.class().verdict());
        let next = match verdict {
            Verdict::Release => Next::Again(Duration::ZERO),
            Verdict::Reject => Next::GiveUp,
            Verdict::Retry => self.after_failure(claim, failure.code, cancel).await,
        };
        match verdict {
            Verdict::Release => info!("the job was released"),
            Verdict::Reject => info!(failure.code = %failure.code, "the source was refused: {problem}"),
            Verdict::Retry => {
                let problem = format!("{:#}", anyhow::Error::from(problem));
                error!(failure.code = %failure.code, ?next, "{problem}\n{log_tail}");
                if failure.code.is_lack_of_service() {
                    self.outage.begin(&problem);
                }
            }
        }
        let recorded = match verdict {
            Verdict::Release => self.catalog.release(claim, now_ms()).await,
            Verdict::Reject | Verdict::Retry => {
                let will_retry = next != Next::GiveUp;
                self.insist(cancel, || self.catalog.fail(claim, &failure, will_retry, &log_tail, now_ms())).await
            }
        };
        if let Err(problem) = recorded {
            warn!("could not record the failure: {:#}", anyhow::Error::from(problem));
            // A deletion removes the source, and the failing attempt may have stored objects since.
            self.clean_up_if_gone(claim).await;
        }
        match (verdict, next) {
            (Verdict::Reject, _) => self.queue.ack(receipt).await,
            (Verdict::Release, _) => self.queue.release(receipt, Duration::ZERO, "the worker was stopped").await,
            (Verdict::Retry, Next::Again(pause)) => self.queue.release(receipt, pause, failure.code.as_str()).await,
            (Verdict::Retry, Next::GiveUp) => self.queue.dead_letter(receipt, failure.code.as_str()).await,
        }
    }

    /// The consequence of an infrastructure failure of the current attempt.
    async fn after_failure(&self, claim: &Claim, code: FailureCode, cancel: &CancellationToken) -> Next {
        let job = (claim.video, &claim.job);
        let decide = || next_attempt(&self.catalog, job, Some((claim.fence, code)), now_ms());
        match self.insist(cancel, decide).await {
            Ok(next) => next,
            Err(problem) => {
                warn!("could not read the attempts so far: {:#}", anyhow::Error::from(problem));
                Next::Again(RETRY_PAUSE)
            }
        }
    }

    /// Handles a lost claim.
    pub(super) async fn stopped(
        &self,
        delivery: &Delivery,
        claim: &Claim,
        problem: TranscodeError,
    ) -> Result<(), QueueError> {
        let is_gone = matches!(problem, TranscodeError::Catalog(CatalogError::Gone { .. }));
        info!("stopped: {:#}", anyhow::Error::from(problem));
        self.clean_up_if_gone(claim).await;
        match is_gone {
            true => self.queue.ack(&delivery.receipt).await,
            // The worker that took over may have another message, or none: this one is delivered
            // again, and the next claim decides.
            false => self.queue.release(&delivery.receipt, Duration::ZERO, "another worker took over").await,
        }
    }

    /// A deletion cannot see objects that a worker stores a moment later, so the worker removes
    /// them.
    pub(super) async fn clean_up_if_gone(&self, claim: &Claim) {
        let video = match self.catalog.get_video(claim.video).await {
            Ok(video) => video,
            Err(problem) => return warn!("could not clean up: {:#}", anyhow::Error::from(problem)),
        };
        // The finished chunks of a cancelled job are kept: a retry resumes there, or the sweeper
        // removes them.
        if video.state != VideoState::Deleted {
            return;
        }
        if let Err(problem) = self.abort_uploads(claim.video).await {
            warn!("could not clean up: {:#}", anyhow::Error::from(problem));
        }
        for prefix in ObjectPrefix::of_video(claim.video) {
            if let Err(problem) = self.store.delete_all(&prefix).await {
                warn!("could not clean up: {:#}", anyhow::Error::from(problem));
            }
        }
    }

    /// Aborts the uploads of an import.
    async fn abort_uploads(&self, video: VideoId) -> Result<(), StoreError> {
        for upload in self.uploads.list_unfinished(&ObjectPrefix::Sources(video)).await? {
            if let Some(key) = ObjectKey::parse(Bucket::Private, &upload.path) {
                self.uploads.abort_multipart(&key, &upload.id).await?;
            }
        }
        Ok(())
    }
}
