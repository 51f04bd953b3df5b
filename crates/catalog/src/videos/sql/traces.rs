//! The trace contexts of the requests that caused work on a video.

use domain::ids::VideoId;
use domain::job::JobMessage;
use domain::time::UnixMillis;
use domain::trace::{StoredTrace, TraceParent};

use super::Catalog;
use crate::database::{sql, time};
use crate::videos::{CatalogError, TracedWork};

impl TracedWork {
    /// The work of a message. The import of a source, its conversion and the chunks of other
    /// transcoders are one.
    pub fn of(message: &JobMessage) -> Self {
        match message {
            JobMessage::TranscodeV1(_) | JobMessage::ImportV1(_) | JobMessage::ChunkV1(_) => {
                Self::VIDEO
            }
            JobMessage::PosterV1(_)
            | JobMessage::CaptionsV1(_)
            | JobMessage::ThumbnailV1(_)
            | JobMessage::DownloadV1(_)
            | JobMessage::PreviewV1(_)
            | JobMessage::TranscriptionV1(_) => Self(message.kind()),
        }
    }
}

impl Catalog {
    /// Stores the context of the request that causes work on a video, for the work and for the
    /// webhooks that report it. It replaces that of an earlier request.
    ///
    /// # Errors
    /// Those of the database, also if the video does not exist.
    pub async fn keep_trace(
        &self,
        (video, work): (VideoId, TracedWork),
        parent: TraceParent,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO video_traces (video, work, parent, at_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (video, work) DO UPDATE SET parent = excluded.parent, at_ms = excluded.at_ms",
        )
        .bind(video.to_string())
        .bind(work.as_str())
        .bind(parent.to_string())
        .bind(sql(now))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The context of the request that caused work on a video; `None` if it had none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn trace(
        &self,
        video: VideoId,
        work: TracedWork,
    ) -> Result<Option<StoredTrace>, CatalogError> {
        let row: Option<(String, i64)> =
            sqlx::query_as("SELECT parent, at_ms FROM video_traces WHERE video = $1 AND work = $2")
                .bind(video.to_string())
                .bind(work.as_str())
                .fetch_optional(self.database.read())
                .await?;
        Ok(row.and_then(|(parent, at_ms)| stored(&parent, at_ms)))
    }
}

/// A context from its columns. One that cannot be read is as good as none: the work goes on.
pub(crate) fn stored(parent: &str, at_ms: i64) -> Option<StoredTrace> {
    let (parent, at_ms) = (TraceParent::parse(parent)?, time(at_ms));
    Some(StoredTrace { parent, at_ms })
}
