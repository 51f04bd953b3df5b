//! What a deleted video leaves in the database: that it was, and when; nothing that people said of it, and nothing of
//! what was in it.

use super::Tx;
use super::rows::VideoRow;
use crate::catalog::CatalogError;
use crate::webhooks::payload;

/// What tells of a video beside its own row. Its attempts stay, without what FFmpeg read in the file.
const STATEMENTS: [&str; 8] = [
    "UPDATE videos SET title = NULL, title_folded = NULL, metadata = '{}', file_name = NULL, source_key = NULL,
        source_etag = NULL, content_type = NULL, upload_kind = NULL, upload_id = NULL, width = NULL, height = NULL, duration_ms = NULL
     WHERE id = $1",
    "UPDATE attempts SET log_tail = NULL, failure_sentence = NULL WHERE video = $1",
    "UPDATE shares SET label = NULL WHERE video = $1",
    "DELETE FROM imports WHERE video = $1",
    "DELETE FROM posters WHERE video = $1",
    "DELETE FROM chunks WHERE video = $1",
    "DELETE FROM renditions WHERE video = $1",
    "DELETE FROM receipts WHERE video = $1",
];

const EVENTS: &str = "
    SELECT e.id, e.payload, CASE WHEN e.shared_ms IS NULL OR EXISTS (
        SELECT 1 FROM webhook_deliveries d WHERE d.event = e.id AND d.status = 'pending'
    ) THEN 1 ELSE 0 END AS waits FROM events e WHERE e.video = $1";

/// Empties the row of a video, which must be locked, and what belongs to it, but for the external id: the message that
/// it is deleted carries that once more, so that its receiver finds his own row.
pub(super) async fn erase(tx: &mut Tx, row: &VideoRow) -> Result<(), CatalogError> {
    for statement in STATEMENTS {
        sqlx::query(statement).bind(&row.id).execute(&mut **tx).await?;
    }
    erase_events(tx, row).await
}

/// Empties the external id as well, after that message was written.
pub(super) async fn erase_external_id(tx: &mut Tx, row: &VideoRow) -> Result<(), CatalogError> {
    sqlx::query("UPDATE videos SET external_id = NULL WHERE id = $1").bind(&row.id).execute(&mut **tx).await?;
    Ok(())
}

/// Empties what webhooks logged of a video. What they have not sent yet keeps the external id, by which its receiver
/// knows the video.
async fn erase_events(tx: &mut Tx, row: &VideoRow) -> Result<(), CatalogError> {
    let events: Vec<(String, String, i64)> = sqlx::query_as(EVENTS).bind(&row.id).fetch_all(&mut **tx).await?;
    for (event, message, waits) in events {
        sqlx::query("UPDATE events SET payload = $1 WHERE id = $2")
            .bind(payload::without_what_was_said(&message, waits != 0))
            .bind(event)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
