//! Thumbnails that clients request by time and width. The object in the store is the truth about
//! whether a thumbnail exists; the rows limit how many are made, and how often a job is sent.

use std::time::Duration;

use domain::ids::{Generation, VideoId};
use domain::state::VideoState;
use domain::thumbnail::{Frame, MOST_THUMBNAILS};
use domain::time::UnixMillis;

use super::{Catalog, lock_existing};
use crate::database::{sql, time, unsigned};
use crate::videos::{CatalogError, ThumbnailRequested};

/// Time after which the message of a thumbnail that does not exist yet counts as lost.
pub(super) const LOST_AFTER: Duration = Duration::from_secs(60);

impl Catalog {
    /// Records the request for a thumbnail that does not exist yet. One of many callers at the same
    /// time gets [`ThumbnailRequested::Send`]. `Gone` if another generation plays, or none.
    pub async fn request_thumbnail(
        &self,
        video: VideoId,
        generation: &Generation,
        frame: Frame,
        now: UnixMillis,
    ) -> Result<ThumbnailRequested, CatalogError> {
        let mut tx = self.write().await?;
        match lock_existing(&mut tx, video).await?.state()? {
            VideoState::Ready { generation: shown } if shown == *generation => {}
            _ => return Err(CatalogError::Gone { video }),
        }
        let (id, of, now) = (video.to_string(), generation.as_str(), sql(now));
        let before: Option<(i64,)> = sqlx::query_as(
            "SELECT requested_ms FROM thumbnails
             WHERE video = $1 AND generation = $2 AND tenths = $3 AND width = $4",
        )
        .bind(&id)
        .bind(of)
        .bind(i64::from(frame.tenths))
        .bind(i64::from(frame.width))
        .fetch_optional(&mut *tx)
        .await?;
        match before {
            Some((requested,)) if now < sql(time(requested) + LOST_AFTER) => {
                return Ok(ThumbnailRequested::Waits);
            }
            Some(_) => {}
            None => {
                // Requests for other generations are over: no one counts them.
                sqlx::query("DELETE FROM thumbnails WHERE video = $1 AND generation <> $2")
                    .bind(&id)
                    .bind(of)
                    .execute(&mut *tx)
                    .await?;
                let (count,): (i64,) =
                    sqlx::query_as("SELECT count(*) FROM thumbnails WHERE video = $1")
                        .bind(&id)
                        .fetch_one(&mut *tx)
                        .await?;
                if unsigned(count) >= u64::from(MOST_THUMBNAILS) {
                    return Ok(ThumbnailRequested::TooMany);
                }
            }
        }
        sqlx::query(
            "INSERT INTO thumbnails (video, generation, tenths, width, requested_ms)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (video, generation, tenths, width) DO UPDATE SET requested_ms = excluded.requested_ms",
        )
        .bind(&id)
        .bind(of)
        .bind(i64::from(frame.tenths))
        .bind(i64::from(frame.width))
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(ThumbnailRequested::Send)
    }
}
