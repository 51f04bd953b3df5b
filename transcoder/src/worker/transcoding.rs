//! Transcoding jobs: claimed, executed under a heartbeat, and settled.

use std::sync::Arc;

use catalog::Claim;
use domain::failure::{Failure, FailureCode, SourceProblem};
use domain::job::{Job, JobMessage};
use domain::object_key::ObjectKey;
use domain::profile::{Profile, SourcePolicy};
use domain::state::VideoState;
use platform::job_queue::{Delivery, QueueError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::heartbeat::Heartbeat;
use super::{RETRY_PAUSE, Worker};
use crate::content_keys::WrappedKeys;
use crate::error::TranscodeError;
use crate::journal::CatalogJournal;
use crate::pipeline::{self, Published, TranscodeRequest};
use crate::reused::ReusedRenditions;
use crate::source::ObjectSource;
use platform::clock::now_ms;

impl Worker {
    pub(super) async fn settle_job(
        &self,
        delivery: &Delivery,
        job: &Job,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        let Some(profile) = self.profile(&job.profile) else {
            return self.refuse_profile(delivery, job).await;
        };
        let generation = job.generation(&profile);
        let config = &self.config;
        let in_hand = self.in_hand.take(job.video);
        let claim = || self.catalog.claim(job, &generation, &config.name, config.lease, now_ms());
        let claimed = self.insist(cancel, claim).await;
        match self.admitted(delivery, (job.video, &job.id), in_hand.is_some(), claimed).await? {
            Some(claim) => self.work(delivery, job, profile, claim, cancel).await,
            None => Ok(()),
        }
    }

    /// Fails the video at once, with the reason: another attempt would find the same profiles.
    async fn refuse_profile(&self, delivery: &Delivery, job: &Job) -> Result<(), QueueError> {
        let reason = format!("there is no profile `{}`", job.profile);
        let failure = Failure {
            code: FailureCode::Internal,
            message: format!("This installation has no profile `{}`: ask the operator to add it.", job.profile),
        };
        let (message, now_ms) = (JobMessage::from(job.clone()), now_ms());
        if let Err(problem) = self.catalog.fail_permanently(&message, &failure, now_ms, now_ms).await {
            warn!("could not record the failure: {:#}", anyhow::Error::from(problem));
            return self.queue.release(&delivery.receipt, RETRY_PAUSE, &reason).await;
        }
        self.queue.dead_letter(&delivery.receipt, &reason).await
    }

    async fn work(
        &self,
        delivery: &Delivery,
        job: &Job,
        profile: Profile,
        claim: Claim,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        let stop = cancel.child_token();
        let beating = Heartbeat::start(self, &claim, delivery.receipt.clone(), stop.clone());
        let result = self.transcode(job, &profile, &claim, &stop).await;
        let lost = beating.stop().await;
        let result = match lost {
            // The pipeline only knows that it was stopped; this is the reason.
            Some(reason) => Err(TranscodeError::Catalog(reason)),
            None => result,
        };
        let result = match result {
            // A failure during shutdown says nothing about the source: FFmpeg may have been stopped
            // too.
            Err(problem) if cancel.is_cancelled() && !problem.lost_claim() => Err(TranscodeError::Cancelled),
            result => result,
        };
        match result {
            Ok(published) => self.finish(delivery, (job, &profile), &claim, &published, cancel).await,
            Err(problem) if problem.lost_claim() => self.stopped(delivery, &claim, problem).await,
            // The source was replaced, or a user requested other work. That newer request has a job
            // of its own, so this one ends without a failure.
            Err(overtaken @ (TranscodeError::Source(SourceProblem::SourceChanged) | TranscodeError::Superseded)) => {
                info!("overtaken: {overtaken}");
                if let Err(problem) = self.catalog.release(&claim, now_ms()).await {
                    warn!("could not record the outcome: {:#}", anyhow::Error::from(problem));
                }
                self.queue.ack(&delivery.receipt).await
            }
            Err(problem) => self.fail(delivery, &claim, problem, cancel).await,
        }
    }

    async fn transcode(
        &self,
        job: &Job,
        profile: &Profile,
        claim: &Claim,
        stop: &CancellationToken,
    ) -> Result<Published, TranscodeError> {
        let key = job.source_key().ok_or(SourceProblem::SourceMissing)?;
        let source = ObjectSource::open(Arc::clone(&self.store), key, &job.source.etag).await?;
        let video = self.catalog.get_video(job.video).await?;
        let journal =
            CatalogJournal::new(self.catalog.clone(), claim.clone(), video.ready_ms.is_none(), self.config.lease);
        let content_keys =
            WrappedKeys::new(Arc::clone(&self.store), Arc::clone(&self.keys), claim.video, claim.generation.clone());
        let content_keys = Arc::new(content_keys);
        let reused = match &job.partial {
            Some(partial) if !matches!(&video.state, VideoState::Ready { generation } if *generation == partial.base) =>
            {
                return Err(TranscodeError::Superseded);
            }
            Some(partial) => {
                let keys = (Arc::clone(&self.keys), Arc::clone(&content_keys));
                Some(ReusedRenditions::of(&self.store, &self.catalog, keys, claim.video, partial).await?)
            }
            None => None,
        };
        let request = TranscodeRequest {
            tools: self.tools.clone(),
            source: Arc::new(source),
            store: Arc::clone(&self.store),
            content_keys,
            reused,
            journal: Arc::new(journal),
            video: claim.video,
            generation: claim.generation.clone(),
            profile: profile.clone(),
            mode: job.mode,
            workers: self.config.encoders,
        };
        // The pipeline is a large future; on the heap it costs the callers nothing.
        Box::pin(pipeline::run(&request, stop)).await
    }

    async fn finish(
        &self,
        delivery: &Delivery,
        (job, profile): (&Job, &Profile),
        claim: &Claim,
        published: &Published,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        match self.insist(cancel, || self.catalog.mark_ready(claim, &published.receipt, now_ms())).await {
            Ok(_) => {
                let duration_ms = published.receipt.wall_ms;
                let playable_after_s = published.playable_after_s;
                info!(duration_ms, cpu_ms = published.receipt.cpu_ms, playable_after_s, "the video is ready");
            }
            Err(problem) => {
                let problem = TranscodeError::from(problem);
                // Everything is published: the next delivery finds all chunks done and only
                // publishes again.
                return match problem.lost_claim() {
                    true => self.stopped(delivery, claim, problem).await,
                    false => self.fail(delivery, claim, problem, cancel).await,
                };
            }
        }
        if let Some(key) = job.source_key()
            && let Err(problem) = self.retire_source(&key, profile.source_policy).await
        {
            // The video is ready nevertheless; the source stays until the sweeper removes it.
            warn!("the source could not be put away: {:#}", anyhow::Error::from(problem));
        }
        self.queue.ack(&delivery.receipt).await
    }

    async fn retire_source(&self, key: &ObjectKey, policy: SourcePolicy) -> Result<(), TranscodeError> {
        let ObjectKey::Source { video, file_name } = key else { return Ok(()) };
        match policy {
            SourcePolicy::Keep => return Ok(()),
            SourcePolicy::Archive => {
                let archived = ObjectKey::ArchivedSource { video: *video, file_name: file_name.clone() };
                self.store.copy(key, &archived).await?;
            }
            SourcePolicy::Delete => {}
        }
        Ok(self.store.delete(key).await?)
    }
}
