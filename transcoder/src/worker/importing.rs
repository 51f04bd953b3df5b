//! Imports: the worker as an uploader. The bucket's event turns the imported source into a job.

use std::sync::Arc;
use std::time::Duration;

use catalog::{Attempt, AttemptOutcome, Claim, UploadEventOutcome};
use domain::failure::{FailureClass, SourceProblem};
use domain::job::{Import, Job, JobMessage, JobReason, Source};
use domain::object_key::{Bucket, ObjectKey};
use platform::job_queue::{Delivery, QueueError};
use platform::object_store::ObjectMeta;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Worker, heartbeat};
use crate::error::TranscodeError;
use crate::fetch::Fetcher;
use crate::fetch::transfer::Fetching;
use platform::clock::now_ms;

/// How long an import waits before it asks for a slot again.
const IMPORT_PAUSE: Duration = Duration::from_secs(15);

impl Worker {
    pub(super) async fn settle_import(
        &self,
        delivery: &Delivery,
        import: &Import,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        let config = &self.config;
        let in_hand = self.in_hand.take(import.video);
        let claim = || self.catalog.claim_import(import, &config.name, config.lease, now_ms());
        let claimed = self.insist(cancel, claim).await;
        let admitted = self.admitted(delivery, (import.video, &import.id), in_hand.is_some(), claimed).await?;
        let Some(claim) = admitted else { return Ok(()) };
        let stop = cancel.child_token();
        let beating = heartbeat::Heartbeat::start(self, &claim, delivery.receipt.clone(), stop.clone());
        let fetched = stop.run_until_cancelled(Box::pin(self.fetch(&claim))).await;
        let lost = beating.stop().await;
        let result = match (lost, fetched) {
            (Some(reason), _) => Err(TranscodeError::Catalog(reason)),
            (None, Some(Ok(there))) => self.finish_import(&claim, there, cancel).await,
            (None, Some(Err(problem))) => Err(problem),
            (None, None) => Err(TranscodeError::Cancelled),
        };
        match result {
            Ok(()) => {
                info!("the source was imported");
                self.queue.ack(&delivery.receipt).await
            }
            Err(problem) if problem.lost_claim() => self.stopped(delivery, &claim, problem).await,
            Err(problem) => self.fail(delivery, &claim, problem, cancel).await,
        }
    }

    /// Records that the source is in the bucket. If it was `there` before, its event may have been
    /// ignored while the video was cancelled, so it is repeated, which does no harm.
    async fn finish_import(
        &self,
        claim: &Claim,
        there: Option<ObjectMeta>,
        cancel: &CancellationToken,
    ) -> Result<(), TranscodeError> {
        self.insist(cancel, || self.catalog.finish_import(claim, now_ms())).await?;
        let Some(meta) = there else { return Ok(()) };
        let video = self.catalog.get_video(claim.video).await?;
        let Some(key) = video.source.key else { return Ok(()) };
        let bucket = self.config.private_bucket.clone();
        let source = Source { bucket, key, etag: meta.etag.0, size: meta.size };
        let job = Job::new(video.id, source, &video.profile, video.mode, JobReason::Upload);
        if let UploadEventOutcome::Send(job) = self.catalog.note_upload_event(&job, now_ms()).await? {
            let sent = self.queue.send(&JobMessage::from(job), Duration::ZERO).await;
            if let Err(problem) = sent {
                // The sweeper finds the missing job, and sends it again.
                warn!("the job of an import could not be sent: {:#}", anyhow::Error::from(problem));
            }
        }
        Ok(())
    }

    async fn fetch(&self, claim: &Claim) -> Result<Option<ObjectMeta>, TranscodeError> {
        let (video, import) = (self.catalog.get_video(claim.video).await?, self.catalog.import(claim.video).await?);
        let key = video.source.key.as_deref().and_then(|it| ObjectKey::parse(Bucket::Private, it));
        let (Some(import), Some(key @ ObjectKey::Source { .. })) = (import, key) else {
            warn!("the import has no URL");
            return Err(SourceProblem::SourceMissing.into());
        };
        let url = import.url.parse().map_err(|_| SourceProblem::AddressNotAllowed)?;
        let profile = self.profile(&video.profile).unwrap_or_default();
        let fetching = Fetching {
            fetcher: &Fetcher::new(self.config.imports)?,
            catalog: &self.catalog,
            store: &*self.store,
            uploads: &*self.uploads,
            claim,
            url,
            key,
            limit_bytes: profile.limits.max_bytes.min(self.config.max_import_bytes.unwrap_or(u64::MAX)),
            pace: self.config.import_pace,
            spent: self.spent(claim).await?,
        };
        fetching.run(import.transfer).await
    }

    /// The total time of earlier attempts at an import. Those before a verdict on the source do not
    /// count: after it the owner requested another try.
    async fn spent(&self, claim: &Claim) -> Result<Duration, TranscodeError> {
        let attempts = self.catalog.attempts(claim.video).await?;
        let verdict = |it: &Attempt| matches!(&it.outcome, Some(AttemptOutcome::Failed(failure)) if failure.class() == FailureClass::Source);
        let counted = attempts.iter().rev().take_while(|it| !verdict(it)).filter(|it| it.job == claim.job);
        let times = counted.filter_map(|it| Some(it.ended_ms?.saturating_sub(it.started_ms)));
        Ok(Duration::from_millis(times.sum()))
    }

    /// The slot for a delivery. Imports wait for external servers and must not keep encodes from
    /// starting, so they have slots of their own. `None`: all of these are taken, and the import is
    /// delivered again later.
    pub(super) async fn place_for(
        &self,
        delivery: &Delivery,
        place: OwnedSemaphorePermit,
        imports: &Arc<Semaphore>,
    ) -> Option<OwnedSemaphorePermit> {
        let Ok(message @ JobMessage::ImportV1(_)) = &delivery.message else { return Some(place) };
        if let Ok(place) = Arc::clone(imports).try_acquire_owned() {
            return Some(place);
        }
        // A new message instead of the old one: waiting for a slot is not a failed delivery.
        let sent = match self.queue.send(message, IMPORT_PAUSE).await {
            Ok(_) => self.queue.ack(&delivery.receipt).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = sent {
            warn!("could not requeue an import that waits for a slot: {:#}", anyhow::Error::from(problem));
        }
        None
    }
}
