//! Transcoding: claimed, and executed under a heartbeat.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use catalog::{CatalogError, Claim};
use domain::failure::{Failure, FailureCode, SourceProblem};
use domain::job::{CaptionsJob, Job, JobMessage, JobReason, Partial, Priority};
use domain::object_key::ObjectKey;
use domain::profile::{Profile, SourcePolicy};
use domain::state::VideoState;
use platform::clock;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Fate, JobContext};
use crate::content_keys::WrappedKeys;
use crate::error::TranscodeError;
use crate::fan_out::FanOutServices;
use crate::journal::{CatalogJournal, lock};
use crate::pipeline::{self, Published, TranscodeRequest};
use crate::reused::ReusedRenditions;
use crate::source::ObjectSource;
use crate::unnamed;
use crate::worker::{CATALOG_PAUSE, Heartbeat};

/// A job that transcodes a video.
pub(crate) struct TranscodeJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a Job,
}

impl TranscodeJob<'_> {
    /// Claims the video, transcodes it, and records the result.
    pub(crate) async fn run(&self) -> Fate {
        let (JobContext { worker, cancel, .. }, job) = (self.context, self.job);
        let Some(profile) = worker.profile(&job.profile) else {
            return self.refuse_profile().await;
        };
        let generation = job.generation(&profile);
        let config = &worker.config;
        let active = worker.active.add(job.video);
        let claim = || {
            worker
                .catalog
                .claim(job, &generation, &config.name, config.lease, clock::now())
        };
        let outcome = worker.retry_while_unavailable(cancel, claim).await;
        match self
            .context
            .claim_or_fate((job.video, &job.id), active.is_some(), outcome)
            .await
        {
            Ok(claim) => {
                worker.helping.give_back();
                self.work(&profile, &claim).await
            }
            Err(fate) => fate,
        }
    }

    /// Fails the video at once, with the reason: another attempt would find the same profiles.
    async fn refuse_profile(&self) -> Fate {
        let job = self.job;
        let reason = format!("there is no profile `{}`", job.profile);
        let failure = Failure {
            code: FailureCode::Internal,
            message: format!(
                "This installation has no profile `{}`: ask the operator to add it.",
                job.profile
            ),
        };
        let (message, now) = (JobMessage::from(job.clone()), clock::now());
        if let Err(problem) = self
            .context
            .worker
            .catalog
            .fail_permanently(&message, &failure, now, now)
            .await
        {
            warn!(
                "could not record the failure: {:#}",
                anyhow::Error::from(problem)
            );
            return Fate::release(CATALOG_PAUSE, reason);
        }
        Fate::dead_letter(reason)
    }

    async fn work(&self, profile: &Profile, claim: &Claim) -> Fate {
        let JobContext {
            worker,
            delivery,
            cancel,
        } = self.context;
        let stop = cancel.child_token();
        let heartbeat = Heartbeat::start(worker, claim, delivery, stop.clone());
        let attempts = Arc::default();
        let result = self.transcode(profile, claim, &attempts, &stop).await;
        let lost = heartbeat.stop().await;
        let result = match lost {
            // The pipeline only knows that it was stopped; this is the reason.
            Some(reason) => Err(TranscodeError::Catalog(reason)),
            None => result,
        };
        let result = match result {
            // A failure during shutdown says nothing about the source: FFmpeg may have been stopped
            // too.
            Err(problem) if cancel.is_cancelled() && !problem.lost_claim() => {
                Err(TranscodeError::Cancelled)
            }
            result => result,
        };
        match result {
            Ok(published) => self.finish(profile, claim, &published).await,
            Err(problem) if problem.lost_claim() => {
                // A retry of a cancelled job continues with what is there.
                if !matches!(problem, TranscodeError::Catalog(CatalogError::Gone { .. })) {
                    let made = std::mem::take(&mut *lock(&attempts));
                    unnamed::remove_lost(&worker.store, &worker.catalog, claim, &made).await;
                }
                self.context.claim_lost(claim, problem).await
            }
            // The source was replaced, or a user requested other work. That newer request has a job
            // of its own, so this one ends without a failure.
            Err(
                overtaken @ (TranscodeError::Source(SourceProblem::SourceChanged)
                | TranscodeError::Superseded),
            ) => {
                info!("the job ends without effect: {overtaken}");
                if let Err(problem) = worker.catalog.supersede(claim, clock::now()).await {
                    warn!(
                        "could not record the outcome of the job: {:#}",
                        anyhow::Error::from(problem)
                    );
                }
                Fate::Acknowledge
            }
            Err(problem) => self.context.fail(claim, problem).await,
        }
    }

    async fn transcode(
        &self,
        profile: &Profile,
        claim: &Claim,
        attempts: &Arc<Mutex<Vec<u32>>>,
        stop: &CancellationToken,
    ) -> Result<Published, TranscodeError> {
        let (worker, job) = (self.context.worker, self.job);
        let key = job.source_key().ok_or(SourceProblem::SourceMissing)?;
        let source = ObjectSource::open(Arc::clone(&worker.store), key, &job.source.etag).await?;
        let video = worker.catalog.get_video(job.video).await?;
        let journal = CatalogJournal::new(
            worker.catalog.clone(),
            claim.clone(),
            video.ready_ms.is_none(),
            worker.config.lease,
            Arc::clone(attempts),
        );
        let content_keys = WrappedKeys::new(
            Arc::clone(&worker.store),
            Arc::clone(&worker.keys),
            claim.video,
            claim.generation.clone(),
        );
        let content_keys = Arc::new(content_keys);
        let reused = match &job.partial {
            Some(partial) if !matches!(&video.state, VideoState::Ready { generation } if *generation == partial.base) =>
            {
                return Err(TranscodeError::Superseded);
            }
            Some(partial) => {
                let keys = (Arc::clone(&worker.keys), Arc::clone(&content_keys));
                Some(
                    ReusedRenditions::of(
                        &worker.store,
                        &worker.catalog,
                        keys,
                        claim.video,
                        partial,
                    )
                    .await?,
                )
            }
            None => None,
        };
        let request = TranscodeRequest {
            tools: worker.tools.clone(),
            source: Arc::new(source),
            store: Arc::clone(&worker.store),
            content_keys,
            reused,
            journal: Arc::new(journal),
            video: claim.video,
            generation: claim.generation.clone(),
            profile: profile.clone(),
            mode: job.mode,
            encoders: worker.config.encoders,
            prices: worker.config.prices,
            fan_out: worker.queue.takes_chunks().then(|| FanOutServices {
                catalog: worker.catalog.clone(),
                queue: Arc::clone(&worker.queue),
                claim: claim.clone(),
                job: job.clone(),
                worker: worker.config.name.clone(),
            }),
        };
        // The pipeline is a large future; on the heap it costs the callers nothing.
        let mut published = Box::pin(pipeline::run(&request, stop)).await?;
        if let Some(partial) = &job.partial {
            // The audio is that of the base, whatever the profile of the rungs says.
            let base = worker.catalog.receipt(claim.video, &partial.base).await?;
            published.receipt.loudness = base.map(|it| it.loudness).unwrap_or_default();
        }
        Ok(published)
    }

    async fn finish(&self, profile: &Profile, claim: &Claim, published: &Published) -> Fate {
        let JobContext { worker, cancel, .. } = self.context;
        let next = self.replacement(claim, published);
        let ready = || async {
            let (receipt, now) = (&published.receipt, clock::now());
            match &next {
                None => worker.catalog.mark_ready(claim, receipt, now).await,
                Some(next) => {
                    let catalog = &worker.catalog;
                    catalog
                        .mark_ready_and_request(claim, receipt, next, now)
                        .await
                }
            }
        };
        match worker.retry_while_unavailable(cancel, ready).await {
            Ok(_) => {
                let prices = &worker.config.prices;
                worker.metrics.ready(&published.receipt, prices);
                let duration_ms = published.receipt.wall_ms;
                let playable_after_s = published.playable_after_s;
                info!(
                    duration_ms,
                    cpu_ms = published.receipt.cpu_ms,
                    playable_after_s,
                    "the video is ready"
                );
            }
            Err(problem) => {
                let problem = TranscodeError::from(problem);
                // Everything is published: the next delivery finds all chunks done and only
                // publishes again.
                return match problem.lost_claim() {
                    true => self.context.claim_lost(claim, problem).await,
                    false => self.context.fail(claim, problem).await,
                };
            }
        }
        self.measure_wait().await;
        self.publish_waiting_captions().await;
        if let Some(next) = next {
            // It needs the source. If the message is lost, the sweeper sends it again.
            if let Err(problem) = worker.queue.send(&next.into(), Duration::ZERO).await {
                warn!(
                    "could not send the job that replaces the remuxed rung: {:#}",
                    anyhow::Error::from(problem)
                );
            }
        } else if let Some(key) = self.job.source_key()
            && let Err(problem) = self.retire_source(&key, profile.source_policy).await
        {
            // The video is ready nevertheless; the source stays until the sweeper removes it.
            warn!(
                "could not archive or delete the source: {:#}",
                anyhow::Error::from(problem)
            );
        }
        Fate::Acknowledge
    }

    /// Records how long an uploaded video took. Later requests for the same video are not uploads.
    async fn measure_wait(&self) {
        if self.job.reason != JobReason::Upload {
            return;
        }
        let worker = self.context.worker;
        match worker.catalog.get_video(self.job.video).await {
            Ok(video) => worker.metrics.waited(&video),
            // One value is missing in the distribution.
            Err(problem) => debug!(
                "could not measure how long the video took: {:#}",
                anyhow::Error::from(problem)
            ),
        }
    }

    /// Sends the job of captions that changed between the last playlist and the state `ready`: their
    /// own message may have been processed before the video was ready.
    async fn publish_waiting_captions(&self) {
        let (worker, video) = (self.context.worker, self.job.video);
        let sent = async {
            if worker.catalog.playlist_waits(video).await? {
                let message = CaptionsJob::new(video).into();
                worker.queue.send(&message, Duration::ZERO).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        if let Err(problem) = sent.await {
            warn!("could not send the job of the captions: {problem:#}");
        }
    }

    /// The job that encodes a rung in place of the remuxed one.
    fn replacement(&self, claim: &Claim, published: &Published) -> Option<Job> {
        let rungs = published.replacement.as_ref()?.rungs.iter();
        let partial = Partial::replacing_copy(
            claim.generation.clone(),
            rungs.map(|it| it.rendition.name.clone()),
        );
        let job = self.job.clone().with_partial(partial);
        Some(Job {
            reason: JobReason::Retry,
            priority: Priority::Bulk,
            ..job
        })
    }

    async fn retire_source(
        &self,
        key: &ObjectKey,
        policy: SourcePolicy,
    ) -> Result<(), TranscodeError> {
        let ObjectKey::Source { video, file_name } = key else {
            return Ok(());
        };
        let store = &self.context.worker.store;
        match policy {
            SourcePolicy::Keep => return Ok(()),
            SourcePolicy::Archive => {
                let archived = ObjectKey::ArchivedSource {
                    video: *video,
                    file_name: file_name.clone(),
                };
                store.copy(key, &archived).await?;
            }
            SourcePolicy::Delete => {}
        }
        Ok(store.delete(key).await?)
    }
}
