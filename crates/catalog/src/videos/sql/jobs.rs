//! Jobs: recorded, requested, claimed, failed permanently.

use std::time::Duration;

use domain::failure::{Failure, FailureClass};
use domain::ids::{Generation, VideoId};
use domain::job::{Generate, Job, JobMessage};
use domain::state::{VideoEvent, VideoState, transition};
use domain::time::UnixMillis;
use domain::webhook::EventType;

use super::events::emit;
use super::rows::{VideoRow, parse, video_columns};
use super::videos::read_and_commit;
use super::{Catalog, Ending, Tx, end_attempt, lock, lock_existing, requests, set_state};
use crate::database::{retried, sql, time, unsigned};
use crate::videos::{CatalogError, Claim, ClaimOutcome, UploadEventOutcome, Video};

impl Catalog {
    /// Records that a source arrived; an unknown video is adopted. The caller calls this before it
    /// sends the job, once per delivery of the event. Returns the job to send, with the settings of
    /// the video where `job` was built without knowing them. A video that has been ready accepts no
    /// other source from an event.
    pub async fn note_upload_event(
        &self,
        job: &Job,
        now: UnixMillis,
    ) -> Result<UploadEventOutcome, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_or_adopt(&mut tx, job, now).await?;
        let state = row.state()?;
        if matches!(state, VideoState::Deleted | VideoState::Cancelled) {
            return Ok(UploadEventOutcome::VideoGone);
        }
        let job = job.with_settings(&row.profile, row.mode()?);
        let is_known = row.source_etag.as_deref() == Some(&job.source.etag)
            && row.source_key.as_deref() == Some(&job.source.key);
        if row.has_played() && !is_known {
            return Ok(UploadEventOutcome::SourceAfterReady);
        }
        let is_done = matches!(state, VideoState::Ready { .. } | VideoState::Failed(_));
        // A worker that holds the video has its message in hand: a second message would only wait
        // for it.
        if is_known && (is_done || held_until(&row, now).is_some()) {
            return Ok(UploadEventOutcome::AlreadyDone);
        }
        let not_begun = matches!(
            state,
            VideoState::Created | VideoState::Uploading | VideoState::Stored
        );
        let waits = not_begun && row.generate()? == Generate::OnFirstView;
        if !is_known {
            // An earlier request was for the source that this one replaces.
            requests::withdraw(&mut tx, job.video).await?;
            set_job(&mut tx, &job, (!waits).then_some(now)).await?;
            let event = match row.source_etag {
                _ if waits => VideoEvent::SourceStored,
                None => VideoEvent::SourceArrived,
                // A first source is an arrival; another source is a request for work, also after a
                // failure.
                Some(_) => VideoEvent::WorkRequested,
            };
            set_state(&mut tx, &row, &transition(&state, &event)?, now).await?;
            if !waits {
                reopen(&mut tx, job.video, now).await?;
            }
            emit(&mut tx, &row, EventType::UploadCompleted, now).await?;
        }
        self.commit_with_events(tx).await?;
        Ok(if waits {
            UploadEventOutcome::Waits
        } else {
            UploadEventOutcome::Send(job)
        })
    }

    /// Records a request for work: a conversion, a retry, or a re-encode, also of a failed or
    /// cancelled video. The caller calls this before it sends the job. `Refused` if the video is
    /// deleted.
    pub async fn request_work(&self, job: &Job, now: UnixMillis) -> Result<Video, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_existing(&mut tx, job.video).await?;
        request(&mut tx, &row, job, now).await?;
        read_and_commit(tx, job.video).await
    }

    /// Claims a job; an unknown video is adopted. Exactly one of several concurrent claimers
    /// succeeds. An expired lease is replaced by a claim with a higher fence.
    pub async fn claim(
        &self,
        job: &Job,
        generation: &Generation,
        worker: &str,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<ClaimOutcome, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_or_adopt(&mut tx, job, now).await?;
        let state = match verdict(&row, job, generation, now)? {
            Ok(state) => state,
            Err(outcome) => {
                if matches!(outcome, ClaimOutcome::AlreadyDone | ClaimOutcome::Gone) {
                    requests::end(&mut tx, job.video, &job.id).await?;
                    tx.commit().await?;
                }
                return Ok(outcome);
            }
        };
        if row.worker.is_some() {
            end_attempt(&mut tx, &row, &Ending::plain("lost"), now).await?;
        }
        if row.source_etag.is_none() {
            set_job(&mut tx, job, Some(now)).await?;
            // The bucket's event would have reported the upload, but arrives too late.
            emit(&mut tx, &row, EventType::UploadCompleted, now).await?;
        }
        set_state(
            &mut tx,
            &row,
            &transition(&state, &VideoEvent::WorkStarted)?,
            now,
        )
        .await?;
        let claim = Claim {
            video: job.video,
            job: job.id.clone(),
            generation: generation.clone(),
            fence: unsigned(row.fence) + 1,
            worker: worker.to_owned(),
            lease_until_ms: now + lease,
        };
        grant(&mut tx, &claim, now).await?;
        self.commit_with_events(tx).await?;
        Ok(ClaimOutcome::Claimed(claim))
    }

    /// The current claim of a video, including an expired one; `None`: no worker holds it.
    pub async fn holder(&self, video: VideoId) -> Result<Option<Claim>, CatalogError> {
        let row: Option<(String, i64, i64, String, String)> = sqlx::query_as(
            "SELECT videos.worker, videos.fence, videos.lease_until_ms, attempts.job, attempts.generation
             FROM videos JOIN attempts ON attempts.video = videos.id AND attempts.fence = videos.fence
             WHERE videos.id = $1 AND videos.worker IS NOT NULL",
        )
        .bind(video.to_string())
        .fetch_optional(self.database.read())
        .await?;
        row.map(|(worker, fence, lease_until_ms, job, generation)| {
            Ok(Claim {
                video,
                job: parse("job", &job)?,
                generation: parse("generation", &generation)?,
                fence: unsigned(fence),
                worker,
                lease_until_ms: time(lease_until_ms),
            })
        })
        .transpose()
    }

    /// Ends the leases of a worker that is known to be dead, and returns their number. Called at
    /// startup by the only process that uses this worker name.
    pub async fn release_all_of_worker(
        &self,
        worker: &str,
        now: UnixMillis,
    ) -> Result<u64, CatalogError> {
        retried(|| self.try_release_all_of_worker(worker, now)).await
    }

    async fn try_release_all_of_worker(
        &self,
        worker: &str,
        now: UnixMillis,
    ) -> Result<u64, CatalogError> {
        let mut tx = self.write().await?;
        let rows: Vec<VideoRow> = sqlx::query_as(LOCK_ALL_OF_WORKER)
            .bind(worker)
            .fetch_all(&mut *tx)
            .await?;
        for row in &rows {
            end_attempt(&mut tx, row, &Ending::plain("lost"), now).await?;
            set_state(
                &mut tx,
                row,
                &transition(&row.state()?, &VideoEvent::WorkReleased)?,
                now,
            )
            .await?;
        }
        tx.commit().await?;
        Ok(rows.len() as u64)
    }

    /// Records that a job became a dead letter, at `died_after_ms` or later. The video fails, unless
    /// work was requested after that time or the job was completed. Returns whether this changed
    /// anything; calls may be repeated.
    pub async fn fail_permanently(
        &self,
        message: &JobMessage,
        failure: &Failure,
        died_after_ms: UnixMillis,
        now: UnixMillis,
    ) -> Result<bool, CatalogError> {
        match message {
            JobMessage::TranscodeV1(_) | JobMessage::ImportV1(_) => {}
            JobMessage::PosterV1(job) => {
                return self.fail_poster(job.video, &job.poster, failure).await;
            }
            // The sweeper sends it again while captions wait.
            JobMessage::CaptionsV1(_) => return Ok(false),
            // Its chunk is in the catalog: the transcoder that holds the video encodes it itself.
            JobMessage::ChunkV1(_) => return Ok(false),
            // The next request sends another one.
            JobMessage::ThumbnailV1(_) | JobMessage::PreviewV1(_) => return Ok(false),
            JobMessage::DownloadV1(job) => return self.fail_download(job, failure).await,
            JobMessage::TranscriptionV1(job) => return self.fail_transcription(job, failure).await,
        }
        let mut tx = self.write().await?;
        let Some(row) = lock(&mut tx, message.video()).await? else {
            return Ok(false);
        };
        let state = row.state()?;
        let asked_again = row.queued_ms.is_some_and(|it| time(it) > died_after_ms);
        let another_job = row
            .job
            .as_deref()
            .is_some_and(|it| it != message.id().as_str());
        // A worker that holds the video records the outcome itself.
        if asked_again || another_job || held_until(&row, now).is_some() {
            return Ok(false);
        }
        requests::end(&mut tx, message.video(), message.id()).await?;
        if state.is_settled() {
            tx.commit().await?;
            return Ok(false);
        }
        if row.worker.is_some() {
            end_attempt(&mut tx, &row, &Ending::plain("lost"), now).await?;
        }
        let next = transition(&state, &VideoEvent::FailedPermanently(failure.clone()))?;
        set_state(&mut tx, &row, &next, now).await?;
        self.commit_with_events(tx).await?;
        Ok(true)
    }
}

/// Records the request for a job. The row of its video must be locked.
pub(super) async fn request(
    tx: &mut Tx,
    row: &VideoRow,
    job: &Job,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    let next = transition(&row.state()?, &VideoEvent::WorkRequested)?;
    set_job(tx, job, Some(now)).await?;
    if job.partial.is_some() {
        // Settings of a partial re-encode do not change the settings of the video.
        keep_settings(tx, row).await?;
    }
    requests::record(tx, job).await?;
    set_state(tx, row, &next, now).await?;
    reopen(tx, job.video, now).await
}

const LOCK_ALL_OF_WORKER: &str = concat!(
    "UPDATE videos SET version = version WHERE worker = $1 RETURNING ",
    video_columns!()
);

/// Whether the job may be claimed (then the state to start from), or the outcome to return.
fn verdict(
    row: &VideoRow,
    job: &Job,
    generation: &Generation,
    now: UnixMillis,
) -> Result<Result<VideoState, ClaimOutcome>, CatalogError> {
    let state = row.state()?;
    let is_same_job = row.job.as_deref() == Some(job.id.as_str());
    Ok(match &state {
        VideoState::Deleted | VideoState::Cancelled => Err(ClaimOutcome::Gone),
        VideoState::Ready {
            generation: published,
        } if published == generation => Err(ClaimOutcome::AlreadyDone),
        _ if row.cancelled_job.as_deref() == Some(job.id.as_str()) => Err(ClaimOutcome::Gone),
        // The job of an upload that arrived after the video was ready. A request for work records
        // its source first.
        _ if row.has_played() && row.source_etag.as_deref() != Some(&job.source.etag) => {
            Err(ClaimOutcome::AlreadyDone)
        }
        _ if let Some(until_ms) = held_until(row, now) => Err(ClaimOutcome::Held { until_ms }),
        VideoState::Failed(failure) if failure.class() == FailureClass::Source => {
            // The same job would fail the same way; another source or profile deserves an attempt.
            if is_same_job {
                Err(ClaimOutcome::AlreadyDone)
            } else {
                Ok(VideoState::Queued)
            }
        }
        _ => Ok(state),
    })
}

/// When the lease on the video expires; `None` if no worker holds it.
pub(super) fn held_until(row: &VideoRow, now: UnixMillis) -> Option<UnixMillis> {
    row.worker
        .as_ref()
        .map(|_| time(row.lease_until_ms))
        .filter(|it| *it > now)
}

/// Locks the row of the job's video. An unknown video is created from the job, so that an event
/// that arrives before its row is not lost.
async fn lock_or_adopt(tx: &mut Tx, job: &Job, now: UnixMillis) -> Result<VideoRow, CatalogError> {
    if let Some(row) = lock(tx, job.video).await? {
        return Ok(row);
    }
    sqlx::query(
        "INSERT INTO videos (id, adopted, metadata, state, profile, mode, fence, lease_until_ms, created_ms,
            updated_ms, version)
         VALUES ($1, 1, '{}', 'created', $2, $3, 0, 0, $4, $4, 1)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(job.video.to_string())
    .bind(&job.profile)
    .bind(job.mode.as_str())
    .bind(sql(now))
    .execute(&mut **tx)
    .await?;
    lock_existing(tx, job.video).await
}

/// Stores the job with its source and settings. `queued_ms`: when it was first requested, if it
/// was.
async fn set_job(
    tx: &mut Tx,
    job: &Job,
    queued_ms: Option<UnixMillis>,
) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE videos SET job = $1, source_bucket = $2, source_key = $3, source_etag = $4, source_size = $5,
            profile = $6, mode = $7, queued_ms = coalesce(queued_ms, $8)
         WHERE id = $9",
    )
    .bind(job.id.as_str())
    .bind(&job.source.bucket)
    .bind(&job.source.key)
    .bind(&job.source.etag)
    .bind(sql(job.source.size))
    .bind(&job.profile)
    .bind(job.mode.as_str())
    .bind(queued_ms.map(sql))
    .bind(job.video.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Restores the previous settings of a video.
async fn keep_settings(tx: &mut Tx, row: &VideoRow) -> Result<(), CatalogError> {
    sqlx::query("UPDATE videos SET profile = $1, mode = $2 WHERE id = $3")
        .bind(&row.profile)
        .bind(row.mode()?.as_str())
        .bind(&row.id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Records that work was requested now; earlier cancellations and dead letters no longer apply.
pub(super) async fn reopen(
    tx: &mut Tx,
    video: VideoId,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    sqlx::query("UPDATE videos SET cancelled_job = NULL, queued_ms = $1 WHERE id = $2")
        .bind(sql(now))
        .bind(video.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn grant(tx: &mut Tx, claim: &Claim, now: UnixMillis) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE videos SET fence = $1, worker = $2, lease_until_ms = $3, job = $4 WHERE id = $5",
    )
    .bind(sql(claim.fence))
    .bind(&claim.worker)
    .bind(sql(claim.lease_until_ms))
    .bind(claim.job.as_str())
    .bind(claim.video.to_string())
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "INSERT INTO attempts (video, fence, job, generation, worker, started_ms, percent)
         VALUES ($1, $2, $3, $4, $5, $6, 0)",
    )
    .bind(claim.video.to_string())
    .bind(sql(claim.fence))
    .bind(claim.job.as_str())
    .bind(claim.generation.as_str())
    .bind(&claim.worker)
    .bind(sql(now))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
