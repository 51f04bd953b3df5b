//! Cleans up: expired uploads, jobs whose message was lost, and obsolete generations.
//!
//! Runs on a schedule. It may run at any time and any number of times: it handles only what is overdue, and repeating
//! it changes nothing. An index finds the videos that are due, so a run does not depend on the size of the library.

mod captions;
mod downloads;
mod steps;
mod transcriptions;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::shares::{Shares, SharesError};
use catalog::webhooks::{WebhookError, Webhooks};
use catalog::{Catalog, CatalogError};
use config::Installation;
use domain::ids::VideoId;
use domain::state::VideoState;
use domain::time::UnixMillis;
use domain::viewing::Hour;
use platform::job_queue::{QueueError, SharedQueue};
use platform::object_store::uploads::UploadSigner;
use platform::object_store::{SharedStore, StoreError};
use serde::Serialize;

use crate::services::ingest::{Ingest, IngestError};

/// The clean-up service. Clones share its state.
#[derive(Clone)]
pub struct Sweeper {
    /// Lists due videos.
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
    /// Time without a sign of work after which a job counts as having lost its message.
    pub lost_message: Duration,
    /// How long an older generation is kept for current viewers after a newer one is published: at least the
    /// longest grant. Finished chunks of a cancelled or failed job are kept as long, for a retry.
    pub keep_generations_for: Duration,
    /// How long a rejected source is kept for inspection by the operator before it is removed: it will never be
    /// encoded.
    pub keep_rejected_sources_for: Duration,
    /// How long deliveries stay in the log, and expired links in the list.
    pub log_life: Duration,
    /// How long the counts of views are kept.
    pub keep_views_for: Duration,
    /// How long one run looks at videos.
    pub longest_run: Duration,
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
            // A year, and the same month of the previous year.
            keep_views_for: Duration::from_secs(400 * 24 * 3600),
            longest_run: Duration::from_secs(4 * 60),
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
    /// Replaced or deleted captions whose objects were removed.
    pub captions: u64,
    /// Entries that were removed from webhook logs.
    pub log_entries: u64,
    /// Expired links that were removed.
    pub shares: u64,
    /// Old counts of views that were removed.
    pub views: u64,
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

/// Videos per statement.
const BATCH: u32 = 200;
/// When a video is looked at again after a failure.
const AFTER_A_FAILURE: Duration = Duration::from_secs(3600);

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

    /// Cleans up once. The parts do not depend on each other, and failed ones are left for the next time.
    pub async fn sweep(&self, now: UnixMillis) -> SweepSummary {
        let mut swept = SweepSummary::default();
        match self.webhooks.prune(now - self.config.log_life).await {
            Ok(pruned) => swept.log_entries = pruned.deliveries + pruned.events,
            Err(problem) => failed(&mut swept.failures, "webhook log", &problem.into()),
        }
        match self.shares.prune(now - self.config.log_life).await {
            Ok(pruned) => swept.shares = pruned,
            Err(problem) => failed(&mut swept.failures, "expired share links", &problem.into()),
        }
        let oldest = Hour::of(now - self.config.keep_views_for);
        match self.catalog.prune_views(oldest).await {
            Ok(pruned) => swept.views = pruned,
            Err(problem) => failed(&mut swept.failures, "counts of views", &problem.into()),
        }
        match self.abort_orphans(now).await {
            Ok(strays) => swept.strays = strays,
            Err(problem) => failed(&mut swept.failures, "unfinished uploads", &problem),
        }
        self.sweep_videos(now, &mut swept).await;
        swept
    }

    /// Looks at the videos that are due, for a limited time.
    pub async fn sweep_videos(&self, now: UnixMillis, swept: &mut SweepSummary) {
        let (began, mut seen) = (Instant::now(), HashSet::new());
        while began.elapsed() < self.config.longest_run {
            let due = match self.catalog.due_videos(now, BATCH).await {
                Ok(due) => due,
                Err(problem) => return failed(&mut swept.failures, "videos", &problem.into()),
            };
            let before = seen.len();
            for it in &due {
                seen.insert(it.video);
                let next = match self.sweep_video(it.video, now, swept).await {
                    Ok(next) => next,
                    Err(problem) => {
                        failed(&mut swept.failures, &it.video.to_string(), &problem);
                        Some(now + AFTER_A_FAILURE)
                    }
                };
                if let Err(problem) = self.catalog.look_again(it, next).await {
                    return failed(&mut swept.failures, "videos", &problem.into());
                }
            }
            if seen.len() == before {
                return;
            }
        }
        tracing::info!("the clean-up goes on with the next run");
    }

    /// Handles what is overdue of one video, and returns when to look at it again; `None`: not before its state changes.
    async fn sweep_video(
        &self,
        id: VideoId,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<Option<UnixMillis>, SweepError> {
        let video = match self.catalog.get_video(id).await {
            Ok(video) => video,
            Err(CatalogError::NotFound { .. }) => return Ok(None),
            Err(problem) => return Err(problem.into()),
        };
        match video.state {
            VideoState::Created | VideoState::Uploading => {
                self.sweep_upload(&video, now, swept).await
            }
            VideoState::Queued | VideoState::Processing | VideoState::Playable => {
                let next = self.resend_job(&video, now, swept).await?;
                Ok(Some(next))
            }
            VideoState::Ready { .. } => {
                let message = match self.catalog.requested_job(id).await? {
                    Some(_) => Some(self.resend_job(&video, now, swept).await?),
                    None => None,
                };
                let captions = self.sweep_captions(&video, now, swept).await?;
                let downloads = self.sweep_downloads(&video, now, swept).await?;
                let transcriptions = self.sweep_transcriptions(&video, now, swept).await?;
                let outputs = self.remove_obsolete(&video, now, swept).await?;
                Ok([outputs, message, captions, downloads, transcriptions]
                    .into_iter()
                    .flatten()
                    .min())
            }
            VideoState::Cancelled => self.remove_obsolete(&video, now, swept).await,
            VideoState::Failed(_) => {
                let source = self.remove_rejected_source(&video, now, swept).await?;
                let outputs = self.remove_obsolete(&video, now, swept).await?;
                Ok(source.into_iter().chain(outputs).min())
            }
            VideoState::Stored | VideoState::Deleted => Ok(None),
        }
    }
}

fn failed(failures: &mut u64, what: &str, problem: &SweepError) {
    tracing::warn!("cannot sweep {what}: {problem}");
    *failures += 1;
}
