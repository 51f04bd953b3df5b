//! The steps of a clean-up: each handles one overdue video or upload.

use std::collections::BTreeSet;
use std::time::Duration;

use catalog::{CatalogError, Video, next_attempt};
use domain::failure::{Failure, FailureClass, FailureCode};
use domain::ids::Generation;
use domain::job::{Import, JobMessage, JobReason, Priority};
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::retry::Next;
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;
use platform::object_store::StoreError;

use super::{SweepError, SweepSummary, Sweeper};
use crate::services::arrivals;

/// Longest time between two looks at a video that waits.
const LONGEST_LOOK: Duration = Duration::from_secs(12 * 3600);

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

    /// Sends the job of a video again that waits, or whose worker gave no sign of life: its message was lost between the
    /// catalog and the queue, or in the queue.
    pub(super) async fn resend_job(
        &self,
        video: &Video,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<UnixMillis, SweepError> {
        let requested = self.catalog.requested_job(video.id).await?;
        match requested.or_else(|| video.to_job(JobReason::Retry)) {
            // Only the message has the priority. A conversion that waits must not overtake jobs that users wait for.
            Some(job) => {
                let job = job.with_priority(Priority::Bulk);
                self.resend(video, &job.into(), now, swept).await
            }
            None => Ok(now + LONGEST_LOOK),
        }
    }

    /// Sends a message again if it counts as lost: some time after its worker's lease, after its last change, and after
    /// the pause that follows a failed attempt. If the message is only late, the job has two, which is harmless. Returns
    /// when to look again.
    async fn resend(
        &self,
        video: &Video,
        message: &JobMessage,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<UnixMillis, SweepError> {
        let holder = self.catalog.holder(video.id).await?;
        if let Some(claim) = holder.filter(|it| it.lease_until_ms > now) {
            return Ok(claim.lease_until_ms + self.config.lost_message);
        }
        let job = (video.id, message.id());
        let Next::Again(pause) = next_attempt(&self.catalog, job, None, now).await? else {
            let failure = Failure::of(FailureCode::WorkerLost);
            self.catalog
                .fail_permanently(message, &failure, now, now)
                .await?;
            return Ok(now + LONGEST_LOOK);
        };
        let overdue = video.updated_ms + pause + self.config.lost_message;
        if now <= overdue {
            return Ok(overdue + Duration::from_millis(1));
        }
        tracing::warn!(video.id = %video.id, "re-enqueueing the job of {}, which may be lost", video.id);
        self.queue.send(message, Duration::ZERO).await?;
        swept.jobs += 1;
        Ok(now + self.pause(video, self.config.lost_message, now))
    }

    /// The pause before the next look at a video that still waits: as long as it has waited.
    fn pause(&self, video: &Video, least: Duration, now: UnixMillis) -> Duration {
        let since = video.queued_ms.unwrap_or(video.created_ms);
        now.since(since).clamp(least, LONGEST_LOOK)
    }

    /// Ingests a source that is in the bucket and whose event is overdue, sends a lost import again, or deletes the
    /// video of an expired upload.
    pub(super) async fn sweep_upload(
        &self,
        video: &Video,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<Option<UnixMillis>, SweepError> {
        let overdue = video.updated_ms + self.config.lost_event;
        if now < overdue {
            return Ok(Some(overdue));
        }
        if arrivals::ingest_if_stored(&self.ingest, video, now).await? {
            swept.arrivals += 1;
            return Ok(Some(now + self.config.lost_message));
        }
        if video.upload.is_none() && self.catalog.import(video.id).await?.is_some() {
            let import = JobMessage::from(Import::new(video.id));
            return Ok(Some(self.resend(video, &import, now, swept).await?));
        }
        if self.expire_upload(video, now).await? {
            swept.uploads += 1;
            return Ok(None);
        }
        Ok(Some(now + self.pause(video, self.config.lost_event, now)))
    }

    /// Removes the source of a video that failed because of it. Objects outside `uploads/` belong to the operator.
    pub(super) async fn remove_rejected_source(
        &self,
        video: &Video,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<Option<UnixMillis>, SweepError> {
        let is_rejected = matches!(&video.state, VideoState::Failed(failure) if failure.class() == FailureClass::Source);
        let key = video.source.key.as_deref();
        let key = key.and_then(|it| ObjectKey::parse(domain::object_key::Bucket::Private, it));
        let Some(key @ ObjectKey::Source { .. }) = key.filter(|_| is_rejected) else {
            return Ok(None);
        };
        let overdue = video.updated_ms + self.config.keep_rejected_sources_for;
        if now <= overdue {
            return Ok(Some(overdue + Duration::from_millis(1)));
        }
        match self.store.head(&key).await {
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(problem) => return Err(problem.into()),
        }
        self.store.delete(&key).await?;
        swept.refused += 1;
        tracing::info!(video.id = %video.id, "removed the rejected source of {}", video.id);
        Ok(None)
    }

    /// Removes all generations except the published one.
    pub(super) async fn remove_obsolete(
        &self,
        video: &Video,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<Option<UnixMillis>, SweepError> {
        let overdue = video.ready_ms.unwrap_or(video.updated_ms) + self.config.keep_generations_for;
        if now < overdue {
            return Ok(Some(overdue));
        }
        let attempts = self.catalog.attempts(video.id).await?;
        if attempts.iter().any(|it| it.ended_ms.is_none()) {
            return Ok(Some(now + LONGEST_LOOK));
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
                ObjectPrefix::GenerationDownloads(video.id, generation.clone()),
            ] {
                objects += self.store.delete_all(&family).await?;
            }
            for plan in [
                ObjectKey::Plan {
                    video: video.id,
                    generation: generation.clone(),
                },
                ObjectKey::SharedPlan {
                    video: video.id,
                    generation: generation.clone(),
                },
            ] {
                self.store.delete(&plan).await?;
            }
            self.store
                .delete(&ObjectKey::Manifest {
                    video: video.id,
                    generation,
                })
                .await?;
        }
        swept.generations += u64::from(objects > 0);
        Ok(None)
    }
}
