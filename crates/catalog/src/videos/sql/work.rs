//! Writes by the holder of a claim; each checks the fence.

mod outputs;

use std::time::Duration;

use domain::failure::{Failure, FailureClass};
use domain::ids::{Generation, VideoId};
use domain::job::{Job, Stage};
use domain::receipt::{Extra, Receipt};
use domain::state::{VideoEvent, VideoState, transition};
use domain::time::UnixMillis;

use super::events::emit_progress;
use super::jobs::request;
use super::rows::{VideoRow, parse, to_json, video_columns};
use super::timeline::enter_stage;
use super::{Catalog, Ending, Tx, end_attempt, lock_existing, requests, set_state};
use crate::database::{sql, time};
use crate::videos::{CatalogError, Claim};

const LOCK_AS_HOLDER: &str = concat!(
    "UPDATE videos SET version = version
     WHERE id = $1 AND fence = $2 AND worker IS NOT NULL
       AND state NOT IN ('cancelled', 'deleted')
     RETURNING ",
    video_columns!()
);

/// Copies the published generation's duration, poster flag and largest dimensions into the video's
/// row, for listings.
const READY: &str = "
    UPDATE videos SET ready_ms = $1, duration_ms = $4, poster_made = $5,
        width = (SELECT width FROM renditions WHERE video = $2 AND generation = $3 AND kind = 'video'
            ORDER BY height DESC, width DESC LIMIT 1),
        height = (SELECT height FROM renditions WHERE video = $2 AND generation = $3 AND kind = 'video'
            ORDER BY height DESC, width DESC LIMIT 1)
    WHERE id = $2";

/// Locks the row if the claim still holds; otherwise returns the reason.
///
/// An expired lease only permits other workers to claim the video. Until one does, and raises the
/// fence, the holder continues: a process that was suspended, or whose clock jumped, has lost
/// nothing.
pub(super) async fn lock_as_holder(tx: &mut Tx, claim: &Claim) -> Result<VideoRow, CatalogError> {
    let held: Option<VideoRow> = sqlx::query_as(LOCK_AS_HOLDER)
        .bind(claim.video.to_string())
        .bind(sql(claim.fence))
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(row) = held {
        return Ok(row);
    }
    let row = lock_existing(tx, claim.video).await?;
    let is_gone = matches!(row.state()?, VideoState::Deleted | VideoState::Cancelled)
        || row.cancelled_job.as_deref() == Some(claim.job.as_str());
    Err(if is_gone {
        CatalogError::Gone { video: claim.video }
    } else {
        CatalogError::LeaseLost {
            video: claim.video,
            fence: claim.fence,
        }
    })
}

impl Catalog {
    /// Checks the claim without a write: errors as those of [`Self::renew`].
    pub async fn check_claim(&self, claim: &Claim) -> Result<(), CatalogError> {
        let row: Option<(i64, Option<String>, String, Option<String>)> =
            sqlx::query_as("SELECT fence, worker, state, cancelled_job FROM videos WHERE id = $1")
                .bind(claim.video.to_string())
                .fetch_optional(self.database.read())
                .await?;
        let Some((fence, worker, state, cancelled_job)) = row else {
            return Err(CatalogError::NotFound { video: claim.video });
        };
        let is_gone = matches!(state.as_str(), "cancelled" | "deleted");
        if worker.is_some() && fence == sql(claim.fence) && !is_gone {
            return Ok(());
        }
        Err(
            if is_gone || cancelled_job.as_deref() == Some(claim.job.as_str()) {
                CatalogError::Gone { video: claim.video }
            } else {
                CatalogError::LeaseLost {
                    video: claim.video,
                    fence: claim.fence,
                }
            },
        )
    }

    /// Extends the lease to `lease` from now, and returns the claim with its new expiry. It also
    /// works after expiry, as long as no other worker has claimed the video.
    pub async fn renew(
        &self,
        claim: &Claim,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<Claim, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        // Never shortens the lease: of two concurrent renewals, the later expiry counts.
        let lease_until_ms = (now + lease).max(time(row.lease_until_ms));
        sqlx::query("UPDATE videos SET lease_until_ms = $1 WHERE id = $2")
            .bind(sql(lease_until_ms))
            .bind(&row.id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Claim {
            lease_until_ms,
            ..claim.clone()
        })
    }

    /// Records the progress. `percent` is clamped to 0 to 100, and never decreases within an
    /// attempt.
    pub async fn set_progress(
        &self,
        claim: &Claim,
        stage: Stage,
        percent: u8,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        let moved: Option<(i64,)> = sqlx::query_as(
            "UPDATE attempts SET stage = $1, percent = CASE WHEN percent < $2 THEN $2 ELSE percent END
             WHERE video = $3 AND fence = $4 AND (stage IS NULL OR stage <> $1 OR percent < $2)
             RETURNING percent",
        )
        .bind(stage.as_str())
        .bind(i64::from(percent.min(100)))
        .bind(&row.id)
        .bind(row.fence)
        .fetch_optional(&mut *tx)
        .await?;
        touch(&mut tx, &row.id, now).await?;
        if let Some((percent,)) = moved {
            enter_stage(&mut tx, &row, stage, now).await?;
            emit_progress(&mut tx, &row, stage, percent, now).await?;
        }
        self.commit_with_events(tx).await
    }

    /// Records that one rung with audio is published.
    pub async fn mark_playable(&self, claim: &Claim, now: UnixMillis) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        let next = transition(&row.state()?, &VideoEvent::BecamePlayable)?;
        set_state(&mut tx, &row, &next, now).await?;
        if next == VideoState::Playable {
            sqlx::query("UPDATE videos SET generation = $1 WHERE id = $2")
                .bind(claim.generation.as_str())
                .bind(&row.id)
                .execute(&mut *tx)
                .await?;
        }
        self.commit_with_events(tx).await
    }

    /// Records that the generation is verified and published. Ends the claim, stores the receipt,
    /// and returns the generation that the playlist pointed at before, if it was a different one:
    /// it can be removed.
    pub async fn mark_ready(
        &self,
        claim: &Claim,
        receipt: &Receipt,
        now: UnixMillis,
    ) -> Result<Option<Generation>, CatalogError> {
        self.end_as_ready(claim, receipt, None, now).await
    }

    /// The same, and records the request for the job that follows. The caller then sends that job.
    pub async fn mark_ready_and_request(
        &self,
        claim: &Claim,
        receipt: &Receipt,
        next: &Job,
        now: UnixMillis,
    ) -> Result<Option<Generation>, CatalogError> {
        self.end_as_ready(claim, receipt, Some(next), now).await
    }

    async fn end_as_ready(
        &self,
        claim: &Claim,
        receipt: &Receipt,
        next: Option<&Job>,
        now: UnixMillis,
    ) -> Result<Option<Generation>, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        requests::end(&mut tx, claim.video, &claim.job).await?;
        let before: Option<Generation> = row
            .generation
            .as_deref()
            .map(|it| parse("generation", it))
            .transpose()?;
        let event = VideoEvent::Verified {
            generation: claim.generation.clone(),
        };
        set_state(&mut tx, &row, &transition(&row.state()?, &event)?, now).await?;
        sqlx::query(READY)
            .bind(sql(now))
            .bind(&row.id)
            .bind(claim.generation.as_str())
            .bind(sql(receipt.source_ms))
            .bind(i64::from(!receipt.missing.contains(&Extra::Poster)))
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "UPDATE attempts SET stage = NULL, percent = 100 WHERE video = $1 AND fence = $2",
        )
        .bind(&row.id)
        .bind(row.fence)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO receipts (video, generation, recorded_ms, record) VALUES ($1, $2, $3, $4)
             ON CONFLICT (video, generation) DO UPDATE SET recorded_ms = excluded.recorded_ms, record = excluded.record",
        )
        .bind(&row.id)
        .bind(claim.generation.as_str())
        .bind(sql(now))
        .bind(to_json(receipt))
        .execute(&mut *tx)
        .await?;
        end_attempt(&mut tx, &row, &Ending::plain("ready"), now).await?;
        if let Some(job) = next {
            let row = lock_existing(&mut tx, claim.video).await?;
            request(&mut tx, &row, job, now).await?;
        }
        self.commit_with_events(tx).await?;
        Ok(before.filter(|it| *it != claim.generation))
    }

    /// Records that the attempt failed, and ends the claim. `will_retry`: the queue delivers the
    /// job again, so the video waits. Without it, and always if the source is at fault, the video
    /// fails. `log_tail`: for the operator, never for the user.
    pub async fn fail(
        &self,
        claim: &Claim,
        failure: &Failure,
        will_retry: bool,
        log_tail: &str,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        let event = match failure.class() {
            FailureClass::Infrastructure if !will_retry => {
                VideoEvent::FailedPermanently(failure.clone())
            }
            FailureClass::Source | FailureClass::Infrastructure | FailureClass::Shutdown => {
                VideoEvent::AttemptFailed(failure.clone())
            }
        };
        if failure.class() == FailureClass::Source
            || matches!(event, VideoEvent::FailedPermanently(_))
        {
            requests::end(&mut tx, claim.video, &claim.job).await?;
        }
        set_state(&mut tx, &row, &transition(&row.state()?, &event)?, now).await?;
        let ending = Ending {
            outcome: "failed",
            failure: Some(failure),
            log_tail: Some(log_tail),
        };
        end_attempt(&mut tx, &row, &ending, now).await?;
        self.commit_with_events(tx).await
    }

    /// Ends the claim of a worker that shuts down, so that the next claimer need not wait.
    pub async fn release(&self, claim: &Claim, now: UnixMillis) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        release(&mut tx, &row, now).await?;
        Ok(tx.commit().await?)
    }

    /// Ends the claim and the job without an effect: a newer request replaces it.
    pub async fn supersede(&self, claim: &Claim, now: UnixMillis) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        requests::end(&mut tx, claim.video, &claim.job).await?;
        release(&mut tx, &row, now).await?;
        Ok(tx.commit().await?)
    }

    /// Removes the chunks, renditions and receipt of a generation that is no longer published.
    /// `Conflict` if it is published or in progress.
    pub async fn forget_generation(
        &self,
        video: VideoId,
        generation: &Generation,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_existing(&mut tx, video).await?;
        let is_shown =
            row.state()?.can_be_played() && row.generation.as_deref() == Some(generation.as_str());
        let is_being_made = row.worker.is_some()
            && current_generation(&mut tx, &row).await?.as_deref() == Some(generation.as_str());
        if is_being_made || is_shown {
            return Err(CatalogError::Conflict {
                video,
                what: "use for that generation",
            });
        }
        for statement in [
            "DELETE FROM chunks WHERE video = $1 AND generation = $2",
            "DELETE FROM fan_out_chunks WHERE video = $1 AND generation = $2",
            "DELETE FROM fan_outs WHERE video = $1 AND generation = $2",
            "DELETE FROM renditions WHERE video = $1 AND generation = $2",
            "DELETE FROM receipts WHERE video = $1 AND generation = $2",
            "DELETE FROM thumbnails WHERE video = $1 AND generation = $2",
            "DELETE FROM previews WHERE video = $1 AND generation = $2",
            "DELETE FROM downloads WHERE video = $1 AND generation = $2",
        ] {
            delete_of_generation(&mut tx, statement, video, generation).await?;
        }
        Ok(tx.commit().await?)
    }
}

async fn release(tx: &mut Tx, row: &VideoRow, now: UnixMillis) -> Result<(), CatalogError> {
    let next = transition(&row.state()?, &VideoEvent::WorkReleased)?;
    set_state(tx, row, &next, now).await?;
    end_attempt(tx, row, &Ending::plain("released"), now).await
}

/// The generation that the current attempt produces.
async fn current_generation(tx: &mut Tx, row: &VideoRow) -> Result<Option<String>, CatalogError> {
    let found: Option<(String,)> =
        sqlx::query_as("SELECT generation FROM attempts WHERE video = $1 AND fence = $2")
            .bind(&row.id)
            .bind(row.fence)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(found.map(|(generation,)| generation))
}

async fn delete_of_generation(
    tx: &mut Tx,
    statement: &'static str,
    video: VideoId,
    generation: &Generation,
) -> Result<(), CatalogError> {
    sqlx::query(statement)
        .bind(video.to_string())
        .bind(generation.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Records that the video changed.
pub(super) async fn touch(tx: &mut Tx, video: &str, now: UnixMillis) -> Result<(), CatalogError> {
    sqlx::query("UPDATE videos SET version = version + 1, updated_ms = $1 WHERE id = $2")
        .bind(sql(now))
        .bind(video)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
