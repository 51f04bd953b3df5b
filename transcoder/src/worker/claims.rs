//! The claim of a job: its result, its loss, and the consequence of a failed attempt.

use std::time::Duration;

use catalog::{CatalogError, Claim, ClaimOutcome, next_attempt};
use domain::failure::{FailureCode, FailureVerdict};
use domain::ids::{JobId, VideoId};
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use domain::retry::Next;
use domain::state::VideoState;
use platform::clock;
use platform::object_store::StoreError;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::heartbeat::REPLACEMENT;
use super::{CATALOG_PAUSE, Worker};
use crate::error::TranscodeError;
use crate::jobs::{Fate, JobContext};
use crate::spans;

impl JobContext<'_> {
    /// The claim if this worker got it; otherwise the fate of the message. `is_free_here`: no other
    /// job of this process is processing the video.
    pub(crate) async fn claim_or_fate(
        &self,
        (video, job): (VideoId, &JobId),
        is_free_here: bool,
        outcome: Result<ClaimOutcome, CatalogError>,
    ) -> Result<Claim, Fate> {
        let JobContext {
            worker, delivery, ..
        } = self;
        match outcome {
            Ok(ClaimOutcome::Claimed(claim)) => {
                worker.outage.reset_pauses();
                tracing::Span::current().record("attempt", claim.fence);
                Ok(claim)
            }
            Ok(ClaimOutcome::AlreadyDone | ClaimOutcome::Gone) => {
                info!("nothing to do: the job is done, or the video is gone");
                Err(Fate::Acknowledge)
            }
            Ok(ClaimOutcome::Held { until_ms }) => {
                let holder = worker
                    .catalog
                    .holder(video)
                    .await
                    .ok()
                    .flatten()
                    .filter(|it| it.job == *job);
                match holder {
                    // The worker got the claim, but the response was lost: the connection was closed,
                    // or the process was suspended.
                    Some(claim) if is_free_here && claim.worker == worker.config.name => {
                        tracing::Span::current().record("attempt", claim.fence);
                        info!("this worker has claimed it already");
                        return Ok(claim);
                    }
                    // The holder has held its message for too long, and this one takes its place.
                    Some(_) if worker.replaced_its_message(video).await => {
                        info!("another worker has it, for hours");
                        return Err(Fate::Replace { pause: REPLACEMENT });
                    }
                    // The message of the holder was delivered before. This one is delivered for
                    // the first time, so it is a duplicate of it.
                    Some(_) if delivery.receive_count <= 1 => {
                        info!("another worker has it already");
                        return Err(Fate::Acknowledge);
                    }
                    // The holder may be dead: try again when its lease has expired.
                    Some(_) | None => {}
                }
                let pause = until_ms.since(clock::now()) + Duration::from_secs(1);
                // A message is delivered a few times only, and must outlast a holder that is alive.
                let growth = 1 << delivery.receive_count.saturating_sub(2).min(6);
                Err(Fate::release(pause * growth, "held by another worker"))
            }
            Err(problem) => {
                warn!(
                    "could not claim the job: {:#}",
                    anyhow::Error::from(problem)
                );
                Err(Fate::release(
                    CATALOG_PAUSE,
                    "the catalog could not be reached",
                ))
            }
        }
    }

    /// Records the reason of a failed attempt.
    pub(crate) async fn fail(&self, claim: &Claim, problem: TranscodeError) -> Fate {
        let JobContext { worker, cancel, .. } = self;
        let (failure, log_tail) = (problem.failure(), problem.log_tail().to_owned());
        spans::record_failure(failure.code);
        let verdict = failure.class().verdict();
        let next = match verdict {
            FailureVerdict::Release => Next::Again(Duration::ZERO),
            FailureVerdict::Reject => Next::GiveUp,
            FailureVerdict::Retry => worker.after_failure(claim, failure.code, cancel).await,
        };
        match verdict {
            FailureVerdict::Release => info!("the job was released"),
            FailureVerdict::Reject => {
                info!(failure.code = %failure.code, "the source was rejected: {problem}")
            }
            FailureVerdict::Retry => {
                let problem = format!("{:#}", anyhow::Error::from(problem));
                error!(failure.code = %failure.code, ?next, "{problem}\n{log_tail}");
                if failure.code.is_lack_of_service() {
                    worker.outage.begin(&problem);
                }
            }
        }
        let recorded = match verdict {
            FailureVerdict::Release => worker.catalog.release(claim, clock::now()).await,
            FailureVerdict::Reject | FailureVerdict::Retry => {
                let will_retry = next != Next::GiveUp;
                worker
                    .retry_while_unavailable(cancel, || {
                        worker
                            .catalog
                            .fail(claim, &failure, will_retry, &log_tail, clock::now())
                    })
                    .await
            }
        };
        if let Err(problem) = recorded {
            warn!(
                "could not record the failure: {:#}",
                anyhow::Error::from(problem)
            );
            // A deletion removes the source, and the failing attempt may have stored objects since.
            worker.clean_up_if_gone(claim).await;
        }
        worker.metrics.attempt(match verdict {
            FailureVerdict::Release => "released",
            FailureVerdict::Reject => "rejected",
            FailureVerdict::Retry => "failed",
        });
        match (verdict, next) {
            (FailureVerdict::Reject, _) => Fate::Acknowledge,
            (FailureVerdict::Release, _) => Fate::release(Duration::ZERO, "the worker was stopped"),
            (FailureVerdict::Retry, Next::Again(pause)) => {
                Fate::release(pause, failure.code.as_str())
            }
            (FailureVerdict::Retry, Next::GiveUp) => Fate::dead_letter(failure.code.as_str()),
        }
    }

    /// Handles a lost claim.
    pub(crate) async fn claim_lost(&self, claim: &Claim, problem: TranscodeError) -> Fate {
        let is_gone = matches!(problem, TranscodeError::Catalog(CatalogError::Gone { .. }));
        if !is_gone {
            self.worker.metrics.attempt("lost");
        }
        info!("stopped the attempt: {:#}", anyhow::Error::from(problem));
        self.worker.clean_up_if_gone(claim).await;
        match is_gone {
            true => Fate::Acknowledge,
            // The worker that took over may have another message, or none: this one is delivered
            // again, and the next claim decides.
            false => Fate::release(Duration::ZERO, "another worker took over"),
        }
    }
}

impl Worker {
    /// How long this worker can hold a message.
    pub(super) fn longest_hold(&self) -> Option<Duration> {
        self.config.longest_hold.or(self.queue.longest_hold())
    }

    /// Whether the holder of a video has been at work for longer than a message can be held.
    async fn replaced_its_message(&self, video: VideoId) -> bool {
        let Some(hold) = self.longest_hold() else {
            return false;
        };
        let attempts = self.catalog.attempts(video).await.unwrap_or_default();
        let last = attempts.iter().max_by_key(|it| it.fence);
        last.is_some_and(|it| it.started_ms + hold <= clock::now())
    }

    /// The consequence of an infrastructure failure of the current attempt.
    async fn after_failure(
        &self,
        claim: &Claim,
        code: FailureCode,
        cancel: &CancellationToken,
    ) -> Next {
        let job = (claim.video, &claim.job);
        let decide = || next_attempt(&self.catalog, job, Some((claim.fence, code)), clock::now());
        match self.retry_while_unavailable(cancel, decide).await {
            Ok(next) => next,
            Err(problem) => {
                warn!(
                    "could not read the attempts so far: {:#}",
                    anyhow::Error::from(problem)
                );
                Next::Again(CATALOG_PAUSE)
            }
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
        for upload in self
            .uploads
            .list_unfinished(&ObjectPrefix::Sources(video))
            .await?
        {
            if let Some(key) = ObjectKey::parse(Bucket::Private, &upload.path) {
                self.uploads.abort_multipart(&key, &upload.id).await?;
            }
        }
        Ok(())
    }
}
