//! The steps of a clean-up: each handles one overdue video or upload.

use std::collections::BTreeSet;
use std::time::Duration;

use catalog::{CatalogError, Video};
use domain::failure::FailureClass;
use domain::ids::Generation;
use domain::job::{Import, JobMessage, JobReason};
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;
use platform::object_store::StoreError;

use super::{SweepError, Sweeper};

impl Sweeper {
    /// Deletes a video whose upload has expired.
    pub(super) async fn expire_upload(
        &self,
        video: &Video,
        now: UnixMillis,
    ) -> Result<bool, SweepError> {
        let Some(upload) = &video.upload else {
            return Ok(false);
        };
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
        self.catalog
            .apply(video.id, &VideoEvent::Deleted, now)
            .await?;
        crate::videos::remove_objects(&self.store, &*self.signer, video).await?;
        tracing::info!(video.id = %video.id, "the upload of {} expired", video.id);
        Ok(true)
    }

    /// Aborts abandoned uploads.
    pub(super) async fn abort_orphans(&self, now: UnixMillis) -> Result<u64, SweepError> {
        let mut strays = 0;
        let week = Duration::from_secs(7 * 24 * 3600);
        for upload in self.signer.list_unfinished(&ObjectPrefix::Uploads).await? {
            let Some(key) = ObjectKey::parse(domain::object_key::Bucket::Private, &upload.path)
            else {
                continue;
            };
            // An import that failed or was cancelled can be resumed by a retry, but not forever.
            let grace = match self.catalog.get_video(key.video()).await.map(|it| it.state) {
                Ok(VideoState::Deleted) | Err(CatalogError::NotFound { .. }) => {
                    self.config.abort_uploads_after
                }
                Ok(VideoState::Failed(_) | VideoState::Cancelled | VideoState::Ready { .. }) => {
                    week
                }
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

    pub(super) async fn is_queue_empty(&self) -> Result<bool, SweepError> {
        let depth = self.queue.depth().await?;
        Ok(depth.ready + depth.delayed + depth.in_flight == 0)
    }

    /// Sends the job of a queued video again: its message was lost between the catalog and the queue.
    pub(super) async fn resend_job(
        &self,
        video: &Video,
        now: UnixMillis,
    ) -> Result<bool, SweepError> {
        let overdue = video.updated_ms + self.config.lost_message < now;
        let Some(job) = video.to_job(JobReason::Retry).filter(|_| overdue) else {
            return Ok(false);
        };
        tracing::warn!(video.id = %video.id, "re-enqueueing the lost job of {}", video.id);
        self.queue
            .send(&JobMessage::from(job), Duration::ZERO)
            .await?;
        Ok(true)
    }

    /// The same for an import.
    pub(super) async fn resend_import(
        &self,
        video: &Video,
        now: UnixMillis,
    ) -> Result<bool, SweepError> {
        let overdue = video.updated_ms + self.config.lost_message < now;
        if video.upload.is_some() || !overdue || self.catalog.import(video.id).await?.is_none() {
            return Ok(false);
        }
        tracing::warn!(video.id = %video.id, "re-enqueueing the lost import of {}", video.id);
        self.queue
            .send(&JobMessage::from(Import::new(video.id)), Duration::ZERO)
            .await?;
        Ok(true)
    }

    /// Removes the source of a video that failed because of it. Objects outside `uploads/` belong to the operator.
    pub(super) async fn remove_rejected_source(
        &self,
        video: &Video,
        now: UnixMillis,
    ) -> Result<bool, SweepError> {
        let refused = matches!(&video.state, VideoState::Failed(failure) if failure.class() == FailureClass::Source);
        let overdue = video.updated_ms + self.config.keep_rejected_sources_for < now;
        let key = video.source.key.as_deref();
        let key = key.and_then(|it| ObjectKey::parse(domain::object_key::Bucket::Private, it));
        let Some(key @ ObjectKey::Source { .. }) = key.filter(|_| refused && overdue) else {
            return Ok(false);
        };
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
    pub(super) async fn remove_obsolete(
        &self,
        video: &Video,
        now: UnixMillis,
    ) -> Result<bool, SweepError> {
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
            self.store
                .delete(&ObjectKey::Master { video: video.id })
                .await?;
        }
        for generation in others
            .into_iter()
            .filter_map(|it| it.parse::<Generation>().ok())
        {
            if shown == Some(&generation) {
                continue;
            }
            // Chunk records first: a later attempt must not rely on objects that are being removed.
            self.catalog
                .forget_generation(video.id, &generation)
                .await?;
            for family in [
                ObjectPrefix::Generation(video.id, generation.clone()),
                ObjectPrefix::GenerationKeys(video.id, generation.clone()),
            ] {
                objects += self.store.delete_all(&family).await?;
            }
            self.store
                .delete(&ObjectKey::Plan {
                    video: video.id,
                    generation: generation.clone(),
                })
                .await?;
            self.store
                .delete(&ObjectKey::Manifest {
                    video: video.id,
                    generation,
                })
                .await?;
        }
        Ok(objects > 0)
    }
}
