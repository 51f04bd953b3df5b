//! Animated previews that clients request by start, length and width. As for thumbnails, the object
//! in the store is the truth about whether a preview exists; the rows limit how many are made, and
//! how often a job is sent.

use domain::ids::{Generation, VideoId};
use domain::job::PreviewJob;
use domain::preview::{MOST_PREVIEWS, Preview};
use domain::time::UnixMillis;

use super::downloads::lock_shown;
use super::thumbnails::LOST_AFTER;
use super::{Catalog, Tx};
use crate::database::{sql, time, unsigned};
use crate::videos::{CatalogError, PreviewRequested};

impl Catalog {
    /// Records the request for a preview that does not exist yet. One of many callers at the same
    /// time gets [`PreviewRequested::Send`]. `Gone` if another generation plays, or none.
    pub async fn request_preview(
        &self,
        video: VideoId,
        generation: &Generation,
        preview: Preview,
        now: UnixMillis,
    ) -> Result<PreviewRequested, CatalogError> {
        let mut tx = self.write().await?;
        lock_shown(&mut tx, video, generation).await?;
        let before: Option<(i64, Option<i64>)> = sqlx::query_as(
            "SELECT requested_ms, refused_ms FROM previews
             WHERE video = $1 AND generation = $2 AND start_tenths = $3 AND length_tenths = $4 AND width = $5",
        )
        .bind(video.to_string())
        .bind(generation.as_str())
        .bind(i64::from(preview.start_tenths))
        .bind(i64::from(preview.length_tenths))
        .bind(i64::from(preview.width))
        .fetch_optional(&mut *tx)
        .await?;
        match before {
            Some((requested, refused)) if now < under_way_until(requested) => {
                return Ok(match refused {
                    Some(_) => PreviewRequested::Refused,
                    None => PreviewRequested::Waits,
                });
            }
            Some(_) => {}
            None if is_full(&mut tx, video, generation).await? => {
                return Ok(PreviewRequested::TooMany);
            }
            None => {}
        }
        sqlx::query(
            "INSERT INTO previews (video, generation, start_tenths, length_tenths, width, requested_ms)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (video, generation, start_tenths, length_tenths, width)
             DO UPDATE SET requested_ms = excluded.requested_ms, refused_ms = NULL",
        )
        .bind(video.to_string())
        .bind(generation.as_str())
        .bind(i64::from(preview.start_tenths))
        .bind(i64::from(preview.length_tenths))
        .bind(i64::from(preview.width))
        .bind(sql(now))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(PreviewRequested::Send)
    }

    /// Records that a transcoder cannot make a preview, because its FFmpeg lacks the encoder. The
    /// requests of the next minute learn it; a later one sends the job again.
    pub async fn refuse_preview(
        &self,
        job: &PreviewJob,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "UPDATE previews SET refused_ms = $1
             WHERE video = $2 AND generation = $3 AND start_tenths = $4 AND length_tenths = $5 AND width = $6",
        )
        .bind(sql(now))
        .bind(job.video.to_string())
        .bind(job.generation.as_str())
        .bind(i64::from(job.preview.start_tenths))
        .bind(i64::from(job.preview.length_tenths))
        .bind(i64::from(job.preview.width))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

/// The time until which a request counts as under way.
fn under_way_until(requested: i64) -> UnixMillis {
    time(requested) + LOST_AFTER
}

/// Whether the generation has as many previews as it may have. Requests for other generations are
/// over: their rows are deleted.
async fn is_full(
    tx: &mut Tx,
    video: VideoId,
    generation: &Generation,
) -> Result<bool, CatalogError> {
    sqlx::query("DELETE FROM previews WHERE video = $1 AND generation <> $2")
        .bind(video.to_string())
        .bind(generation.as_str())
        .execute(&mut **tx)
        .await?;
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM previews WHERE video = $1")
        .bind(video.to_string())
        .fetch_one(&mut **tx)
        .await?;
    Ok(unsigned(count) >= u64::from(MOST_PREVIEWS))
}
