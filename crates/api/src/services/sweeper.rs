//! Cleans up: expired uploads, jobs whose message was lost, and obsolete generations.
//!
//! Runs on a schedule. It may run at any time and any number of times: it handles only what is overdue, and repeating
//! it changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use catalog::shares::{Shares, SharesError};
use catalog::webhooks::{WebhookError, Webhooks};
use catalog::{Catalog, CatalogError, Video, VideoFilter};
use config::Installation;
use domain::failure::FailureClass;
use domain::ids::Generation;
use domain::job::{Import, JobMessage, JobReason};
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::state::{StateName, VideoEvent, VideoState};
use domain::time::UnixMillis;
use platform::job_queue::{QueueError, SharedQueue};
use platform::object_store::uploads::UploadSigner;
use platform::object_store::{SharedStore, StoreError};
use serde::Serialize;

use crate::services::arrivals;
use crate::services::ingest::{Ingest, IngestError};

/// The clean-up service. Clones share its state.
#[derive(Clone)]
pub struct Sweeper {
    /// Lists overdue videos.
    pub catalog: Catalog,
    /// Receives lost jobs again.
    pub queue: SharedQueue,
    /// Both buckets.
    pub store: SharedStore,
    /// The same store, for unfinished uploads.
    pub signer: Arc<dyn UploadSigner>,
    /// Old entries of their log are removed.
    pub webhooks: Webhooks,
    /// Expired links are removed.
    pub shares: Shares,
    /// Ingests sources whose event was lost.
    pub ingest: Ingest,
    /// Time limits.
    pub config: SweepConfig,
}

/// Time limits of the clean-up.
#[derive(Debug, Clone)]
pub struct SweepConfig {
    /// Time from the expiry of its URLs until an upload is aborted. A part may still be in transfer.
    pub abort_uploads_after: Duration,
    /// Age at which an upload whose source is in the bucket counts as having lost its event.
    pub lost_event: Duration,
    /// Waiting time, with an empty queue, after which a job counts as having lost its message.
    pub lost_message: Duration,
    /// How long an older generation is kept for current viewers after a newer one is published: at least the
    /// longest grant. Finished chunks of a cancelled or failed job are kept as long, for a retry.
    pub keep_generations_for: Duration,
    /// How long a rejected source is kept for inspection by the operator before it is removed: it will never be
    /// encoded.
    pub keep_rejected_sources_for: Duration,
    /// How long deliveries stay in the log, and expired links in the list.
    pub log_life: Duration,
}

impl Default for SweepConfig {
    fn default() -> Self {
        Self {
            abort_uploads_after: Duration::from_secs(3600),
            lost_event: Duration::from_secs(600),
            lost_message: Duration::from_secs(15 * 60),
            keep_generations_for: Duration::from_secs(8 * 24 * 3600),
            keep_rejected_sources_for: Duration::from_secs(7 * 24 * 3600),
            log_life: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// The result of a clean-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepSummary {
    /// Videos that were deleted because their upload expired.
    pub uploads: u64,
    /// Unfinished uploads without a video that were aborted.
    pub strays: u64,
    /// Sources that were ingested without an event.
    pub arrivals: u64,
    /// Rejected sources that were removed.
    pub refused: u64,
    /// Jobs that were sent again.
    pub jobs: u64,
    /// Videos whose obsolete generations were removed.
    pub generations: u64,
    /// Entries that were removed from webhook logs.
    pub log_entries: u64,
    /// Expired links that were removed.
    pub shares: u64,
    /// Failures; logged, and tried again next time.
    pub failures: u64,
}

/// Why a clean-up step failed.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A source could not be ingested.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The table of share links failed.
    #[error(transparent)]
    Shares(#[from] SharesError),
    /// The webhook log failed.
    #[error(transparent)]
    Webhooks(#[from] WebhookError),
}

/// The kinds of clean-up of a video.
#[derive(Clone, Copy)]
enum CleanupStep {
    TakeArrived,
    ExpireUpload,
    SendAgain,
    ImportAgain,
    RemoveUnseen,
    RemoveRefused,
}

/// Videos per page.
const PAGE: u32 = 200;

impl Sweeper {
    /// The service of an installation.
    pub fn new(installation: &Installation, ingest: Ingest) -> Self {
        Self {
            catalog: installation.catalog.clone(),
            queue: installation.queue.clone(),
            store: installation.store.clone(),
            signer: installation.store.clone(),
            webhooks: Webhooks::new(&installation.database),
            shares: Shares::new(&installation.database),
            ingest,
            config: SweepConfig::default(),
        }
    }

    /// Cleans up once. Failed steps are left for the next time.
    pub async fn sweep(&self, now: UnixMillis) -> SweepSummary {
        let mut swept = SweepSummary::default();
        swept.arrivals = self.each(StateName::Uploading, CleanupStep::TakeArrived, now, &mut swept.failures).await;
        for state in [StateName::Created, StateName::Uploading] {
            swept.uploads += self.each(state, CleanupStep::ExpireUpload, now, &mut swept.failures).await;
        }
        match self.abort_orphans(now).await {
            Ok(strays) => swept.strays = strays,
            Err(problem) => failed(&mut swept.failures, "unfinished uploads", &problem),
        }
        match self.is_queue_empty().await {
            Ok(true) => {
                let failures = &mut swept.failures;
                swept.jobs += self.each(StateName::Uploading, CleanupStep::ImportAgain, now, failures).await;
                for state in [StateName::Queued, StateName::Processing, StateName::Playable] {
                    swept.jobs += self.each(state, CleanupStep::SendAgain, now, &mut swept.failures).await;
                }
            }
            Ok(false) => {}
            Err(problem) => failed(&mut swept.failures, "queue", &problem),
        }
        for state in [StateName::Ready, StateName::Cancelled, StateName::Failed] {
            swept.generations += self.each(state, CleanupStep::RemoveUnseen, now, &mut swept.failures).await;
        }
        swept.refused = self.each(StateName::Failed, CleanupStep::RemoveRefused, now, &mut swept.failures).await;
        match self.webhooks.prune(now - self.config.log_life).await {
            Ok(pruned) => swept.log_entries = pruned.deliveries + pruned.events,
            Err(problem) => failed(&mut swept.failures, "webhook log", &problem.into()),
        }
        match self.shares.prune(now - self.config.log_life).await {
            Ok(pruned) => swept.shares = pruned,
            Err(problem) => failed(&mut swept.failures, "expired share links", &problem.into()),
        }
        swept
    }

    /// Applies a step to every video in a state and returns the number of changes.
    async fn each(&self, state: StateName, chore: CleanupStep, now: UnixMillis, failures: &mut u64) -> u64 {
        let mut filter = VideoFilter { states: vec![state], limit: PAGE, ..VideoFilter::default() };
        let mut changed = 0;
        loop {
            let page = match self.catalog.list_videos(&filter).await {
                Ok(page) => page,
                Err(problem) => {
                    failed(failures, "videos", &problem.into());
                    return changed;
                }
            };
            for video in page.videos {
                let id = video.id;
                let done = match chore {
                    CleanupStep::TakeArrived => self.ingest_arrived(&video, now).await,
                    CleanupStep::ExpireUpload => self.expire_upload(&video, now).await,
                    CleanupStep::SendAgain => self.resend_job(&video, now).await,
                    CleanupStep::ImportAgain => self.resend_import(&video, now).await,
                    CleanupStep::RemoveUnseen => self.remove_obsolete(&video, now).await,
                    CleanupStep::RemoveRefused => self.remove_rejected_source(&video, now).await,
                };
                match done {
                    Ok(true) => changed += 1,
                    Ok(false) => {}
                    Err(problem) => failed(failures, &id.to_string(), &problem),
                }
            }
            match page.next {
                Some(next) => filter.after = Some(next),
                None => return changed,
            }
        }
    }

    /// Ingests a source that is in the bucket and whose event is overdue.
    async fn ingest_arrived(&self, video: &Video, now: UnixMillis) -> Result<bool, SweepError> {
        if video.updated_ms + self.config.lost_event > now {
            return Ok(false);
        }
        Ok(arrivals::ingest_if_stored(&self.ingest, video, now).await?)
    }

    /// Deletes a video whose upload has expired.
    async fn expire_upload(&self, video: &Video, now: UnixMillis) -> Result<bool, SweepError> {
        let Some(upload) = &video.upload else { return Ok(false) };
        if now < upload.expires_ms + self.config.abort_uploads_after {
            return Ok(false);
        }
        let key = video.source.key.as_deref();
        let key = key.and_then(|it| ObjectKey::parse(domain::object_key::Bucket::Private, it));
        if let Some(key) = &key {
            match self.store.head(key).await {
                // The source has just arrived: the next run ingests it.
                Ok(_) => return Ok(false),
                Err(StoreError::NotFound { .. }) => {}
                // Without a response of the store, nothing is deleted.
                Err(problem) => return Err(problem.into()),
            }
        }
        self.catalog.apply(video.id, &VideoEvent::Deleted, now).await?;
        crate::videos::remove_objects(&self.store, &*self.signer, video).await?;
        tracing::info!(video.id = %video.id, "the upload of {} expired", video.id);
        Ok(true)
    }

    /// Aborts abandoned uploads.
    async fn abort_orphans(&self, now: UnixMillis) -> Result<u64, SweepError> {
        let mut strays = 0;
        let week = Duration::from_secs(7 * 24 * 3600);
        for upload in self.signer.list_unfinished(&ObjectPrefix::Uploads).await? {
            let Some(key) = ObjectKey::parse(domain::object_key::Bucket::Private, &upload.path) else { continue };
            // An import that failed or was cancelled can be resumed by a retry, but not forever.
            let grace = match self.catalog.get_video(key.video()).await.map(|it| it.state) {
                Ok(VideoState::Deleted) | Err(CatalogError::NotFound { .. }) => self.config.abort_uploads_after,
                Ok(VideoState::Failed(_) | VideoState::Cancelled | VideoState::Ready { .. }) => week,
                Ok(_) => continue,
                Err(problem) => return Err(problem.into()),
            };
            if upload.created_ms + grace < now {
                self.signer.abort_multipart(&key, &upload.id).await?;
                strays += 1;
            }
        }
        Ok(strays)
    }

    async fn is_queue_empty(&self) -> Result<bool, SweepError> {
        let depth = self.queue.depth().await?;
        Ok(depth.ready + depth.delayed + depth.in_flight == 0)
    }

    /// Sends the job of a queued video again: its message was lost between the catalog and the queue.
    async fn resend_job(&self, video: &Video, now: UnixMillis) -> Result<bool, SweepError> {
        let overdue = video.updated_ms + self.config.lost_message < now;
        let Some(job) = video.to_job(JobReason::Retry).filter(|_| overdue) else { return Ok(false) };
        tracing::warn!(video.id = %video.id, "re-enqueueing the lost job of {}", video.id);
        self.queue.send(&JobMessage::from(job), Duration::ZERO).await?;
        Ok(true)
    }

    /// The same for an import.
    async fn resend_import(&self, video: &Video, now: UnixMillis) -> Result<bool, SweepError> {
        let overdue = video.updated_ms + self.config.lost_message < now;
        if video.upload.is_some() || !overdue || self.catalog.import(video.id).await?.is_none() {
            return Ok(false);
        }
        tracing::warn!(video.id = %video.id, "re-enqueueing the lost import of {}", video.id);
        self.queue.send(&JobMessage::from(Import::new(video.id)), Duration::ZERO).await?;
        Ok(true)
    }

    /// Removes the source of a video that failed because of it. Objects outside `uploads/` belong to the operator.
    async fn remove_rejected_source(&self, video: &Video, now: UnixMillis) -> Result<bool, SweepError> {
        let refused = matches!(&video.state, VideoState::Failed(failure) if failure.class() == FailureClass::Source);
        let overdue = video.updated_ms + self.config.keep_rejected_sources_for < now;
        let key = video.source.key.as_deref();
        let key = key.and_then(|it| ObjectKey::parse(domain::object_key::Bucket::Private, it));
        let Some(key @ ObjectKey::Source { .. }) = key.filter(|_| refused && overdue) else { return Ok(false) };
        match self.store.head(&key).await {
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => return Ok(false),
            Err(problem) => return Err(problem.into()),
        }
        self.store.delete(&key).await?;
        tracing::info!(video.id = %video.id, "removed the rejected source of {}", video.id);
        Ok(true)
    }

    /// Removes all generations except the published one.
    async fn remove_obsolete(&self, video: &Video, now: UnixMillis) -> Result<bool, SweepError> {
        let since = video.ready_ms.unwrap_or(video.updated_ms);
        if since + self.config.keep_generations_for > now {
            return Ok(false);
        }
        let attempts = self.catalog.attempts(video.id).await?;
        if attempts.iter().any(|it| it.ended_ms.is_none()) {
            return Ok(false);
        }
        let is_ready = matches!(video.state, VideoState::Ready { .. });
        let shown = video.generation.as_ref().filter(|_| is_ready);
        let others: BTreeSet<&str> = attempts.iter().map(|it| it.generation.as_str()).collect();
        let mut objects = 0;
        if !is_ready {
            self.store.delete(&ObjectKey::Master { video: video.id }).await?;
        }
        for generation in others.into_iter().filter_map(|it| it.parse::<Generation>().ok()) {
            if shown == Some(&generation) {
                continue;
            }
            // Chunk records first: a later attempt must not rely on objects that are being removed.
            self.catalog.forget_generation(video.id, &generation).await?;
            for family in [
                ObjectPrefix::Generation(video.id, generation.clone()),
                ObjectPrefix::GenerationKeys(video.id, generation.clone()),
            ] {
                objects += self.store.delete_all(&family).await?;
            }
            self.store.delete(&ObjectKey::Plan { video: video.id, generation: generation.clone() }).await?;
            self.store.delete(&ObjectKey::Manifest { video: video.id, generation }).await?;
        }
        Ok(objects > 0)
    }
}

fn failed(failures: &mut u64, what: &str, problem: &SweepError) {
    tracing::warn!("cannot sweep {what}: {problem}");
    *failures += 1;
}
