//! Cleans up: expired uploads, jobs whose message was lost, and obsolete generations.
//!
//! Runs on a schedule. It may run at any time and any number of times: it handles only what is overdue, and repeating
//! it changes nothing.

mod steps;

use std::sync::Arc;
use std::time::Duration;

use catalog::shares::{Shares, SharesError};
use catalog::webhooks::{WebhookError, Webhooks};
use catalog::{Catalog, CatalogError, Video, VideoFilter};
use config::Installation;
use domain::state::StateName;
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
        swept.arrivals = self
            .each(
                StateName::Uploading,
                CleanupStep::TakeArrived,
                now,
                &mut swept.failures,
            )
            .await;
        for state in [StateName::Created, StateName::Uploading] {
            swept.uploads += self
                .each(state, CleanupStep::ExpireUpload, now, &mut swept.failures)
                .await;
        }
        match self.abort_orphans(now).await {
            Ok(strays) => swept.strays = strays,
            Err(problem) => failed(&mut swept.failures, "unfinished uploads", &problem),
        }
        match self.is_queue_empty().await {
            Ok(true) => {
                let failures = &mut swept.failures;
                swept.jobs += self
                    .each(
                        StateName::Uploading,
                        CleanupStep::ImportAgain,
                        now,
                        failures,
                    )
                    .await;
                for state in [
                    StateName::Queued,
                    StateName::Processing,
                    StateName::Playable,
                ] {
                    swept.jobs += self
                        .each(state, CleanupStep::SendAgain, now, &mut swept.failures)
                        .await;
                }
            }
            Ok(false) => {}
            Err(problem) => failed(&mut swept.failures, "queue", &problem),
        }
        for state in [StateName::Ready, StateName::Cancelled, StateName::Failed] {
            swept.generations += self
                .each(state, CleanupStep::RemoveUnseen, now, &mut swept.failures)
                .await;
        }
        swept.refused = self
            .each(
                StateName::Failed,
                CleanupStep::RemoveRefused,
                now,
                &mut swept.failures,
            )
            .await;
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
    async fn each(
        &self,
        state: StateName,
        chore: CleanupStep,
        now: UnixMillis,
        failures: &mut u64,
    ) -> u64 {
        let mut filter = VideoFilter {
            states: vec![state],
            limit: PAGE,
            ..VideoFilter::default()
        };
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
}

fn failed(failures: &mut u64, what: &str, problem: &SweepError) {
    tracing::warn!("cannot sweep {what}: {problem}");
    *failures += 1;
}
