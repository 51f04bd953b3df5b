//! Imports: the worker as an uploader. What it brings into the bucket becomes a job by the bucket's event.

use std::time::Duration;

use domain::failure::SourceProblem;
use domain::job::{Import, Job, JobMessage, JobReason, Source};
use domain::object_key::{Bucket, ObjectKey};
use platform::catalog::{Claim, Noted};
use platform::job_queue::{Delivery, QueueError};
use platform::object_store::ObjectMeta;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Worker, heartbeat};
use crate::clock::now_ms;
use crate::error::TranscodeError;
use crate::fetch::Fetcher;
use crate::fetch::transfer::Fetching;

impl Worker {
    pub(super) async fn settle_import(
        &self,
        delivery: &Delivery,
        import: &Import,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        let config = &self.config;
        let claim = || self.catalog.claim_import(import, &config.name, config.lease, now_ms());
        let claimed = self.insist(cancel, claim).await;
        let Some(claim) = self.admitted(delivery, import.video, &import.id, claimed).await? else { return Ok(()) };
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
                info!("the source was fetched");
                self.queue.ack(&delivery.receipt).await
            }
            Err(problem) if problem.lost_claim() => self.stopped(delivery, &claim, problem).await,
            Err(problem) => self.fail(delivery, &claim, problem, cancel).await,
        }
    }

    /// Notes that the source is there. One that was `there` before may have been told of while the video was cancelled,
    /// when nobody listened: so its event is told again, which is no error.
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
        if let Noted::Send(job) = self.catalog.note_upload_event(&job, now_ms()).await? {
            let sent = self.queue.send(&JobMessage::from(job), Duration::ZERO).await;
            if let Err(problem) = sent {
                // The sweeper misses it, and sends it again.
                warn!("the job of an import could not be sent: {:#}", anyhow::Error::from(problem));
            }
        }
        Ok(())
    }

    async fn fetch(&self, claim: &Claim) -> Result<Option<ObjectMeta>, TranscodeError> {
        let (video, import) = (self.catalog.get_video(claim.video).await?, self.catalog.import(claim.video).await?);
        let key = video.source.key.as_deref().and_then(|it| ObjectKey::parse(Bucket::Private, it));
        let (Some(import), Some(key @ ObjectKey::Source { .. })) = (import, key) else {
            warn!("an import of nothing");
            return Err(SourceProblem::SourceMissing.into());
        };
        let url = import.url.parse().map_err(|_| SourceProblem::AddressNotAllowed)?;
        let profile = self.profile(&video.profile).unwrap_or_default();
        let fetching = Fetching {
            fetcher: &Fetcher::new(self.config.imports)?,
            catalog: &*self.catalog,
            store: &*self.store,
            uploads: &*self.uploads,
            claim,
            url,
            key,
            limit_bytes: profile.limits.max_bytes.min(self.config.max_import_bytes.unwrap_or(u64::MAX)),
        };
        fetching.run(import.transfer).await
    }
}
