//! When the sweeper looks at a video: at the time in its row, which an index finds.

use std::time::Duration;

use domain::ids::VideoId;
use domain::state::VideoState;
use domain::time::UnixMillis;

use super::Catalog;
use super::rows::parse;
use crate::database::{sql, time};
use crate::videos::CatalogError;

/// Time after which the source of an upload may be there without an event.
const UPLOAD: Duration = Duration::from_secs(10 * 60);
/// Time after which the message of a job may be lost.
const JOB: Duration = Duration::from_secs(15 * 60);
/// The same for the message about a change of captions.
pub(super) const LOST_MESSAGE: Duration = JOB;
/// Time for which the source of a failed job is kept.
const FAILED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Time for which replaced and unfinished generations are kept.
const SETTLED: Duration = Duration::from_secs(8 * 24 * 3600);

/// When to look at a video that enters a state now; `None`: never.
pub(super) fn first_look(state: &VideoState, now: UnixMillis) -> Option<UnixMillis> {
    Some(match state {
        VideoState::Created | VideoState::Uploading => now + UPLOAD,
        VideoState::Queued | VideoState::Processing | VideoState::Playable => now + JOB,
        VideoState::Failed(_) => now + FAILED,
        VideoState::Ready { .. } | VideoState::Cancelled => now + SETTLED,
        VideoState::Stored | VideoState::Deleted => return None,
    })
}

/// The same for a video with a job that was requested and has not ended.
pub(super) fn look_for_message(state: &VideoState, now: UnixMillis) -> Option<UnixMillis> {
    match state {
        VideoState::Ready { .. } => Some(now + JOB),
        _ => first_look(state, now),
    }
}

/// A video that the sweeper has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueVideo {
    /// The video.
    pub video: VideoId,
    due_ms: UnixMillis,
}

impl Catalog {
    /// The videos that are due, those that are due longest first.
    pub async fn due_videos(
        &self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<DueVideo>, CatalogError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT id, sweep_ms FROM videos WHERE sweep_ms <= $1 ORDER BY sweep_ms, id LIMIT $2",
        )
        .bind(sql(now))
        .bind(i64::from(limit))
        .fetch_all(self.database.read())
        .await?;
        rows.into_iter()
            .map(|(id, due_ms)| {
                Ok(DueVideo {
                    video: parse("id", &id)?,
                    due_ms: time(due_ms),
                })
            })
            .collect()
    }

    /// Sets when the sweeper looks at a video again; `None`: not before its state changes. If its
    /// state has changed since it was due, that change has set the time.
    pub async fn look_again(
        &self,
        due: &DueVideo,
        at: Option<UnixMillis>,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query("UPDATE videos SET sweep_ms = $1 WHERE id = $2 AND sweep_ms = $3")
            .bind(at.map(sql))
            .bind(due.video.to_string())
            .bind(sql(due.due_ms))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// When the job was requested that waits longest for a worker; `None`: no job waits. Unlike the
    /// metrics of SQS, this counts jobs that were received several times.
    pub async fn oldest_queued(&self) -> Result<Option<UnixMillis>, CatalogError> {
        let (oldest,): (Option<i64>,) =
            sqlx::query_as("SELECT min(queued_ms) FROM videos WHERE state = 'queued'")
                .fetch_one(self.database.read())
                .await?;
        Ok(oldest.map(time))
    }
}
