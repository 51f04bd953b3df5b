//! What remains of a deleted video in the database: its id and the times. User-supplied data and
//! data about its content are erased.

use super::Tx;
use super::rows::VideoRow;
use crate::videos::CatalogError;
use crate::webhooks::payload;

/// Statements that erase data about a video outside its own row. Its attempts stay, without
/// FFmpeg's output about the file.
const STATEMENTS: [&str; 21] = [
    "UPDATE videos SET title = NULL, title_folded = NULL, search_folded = NULL, metadata = '{}', file_name = NULL, source_key = NULL,
        source_etag = NULL, content_type = NULL, upload_kind = NULL, upload_id = NULL, width = NULL, height = NULL, duration_ms = NULL
     WHERE id = $1",
    "UPDATE attempts SET log_tail = NULL, failure_sentence = NULL WHERE video = $1",
    "UPDATE shares SET label = NULL WHERE video = $1",
    "DELETE FROM imports WHERE video = $1",
    "DELETE FROM posters WHERE video = $1",
    "DELETE FROM captions WHERE video = $1",
    "DELETE FROM chapters WHERE video = $1",
    "DELETE FROM transcriptions WHERE video = $1",
    "DELETE FROM thumbnails WHERE video = $1",
    "DELETE FROM previews WHERE video = $1",
    "DELETE FROM downloads WHERE video = $1",
    "DELETE FROM chunks WHERE video = $1",
    "DELETE FROM fan_out_chunks WHERE video = $1",
    "DELETE FROM fan_outs WHERE video = $1",
    "DELETE FROM attempt_stages WHERE video = $1",
    "DELETE FROM renditions WHERE video = $1",
    "DELETE FROM segment_attempts WHERE video = $1",
    "DELETE FROM receipts WHERE video = $1",
    "DELETE FROM requested_jobs WHERE video = $1",
    "DELETE FROM view_counts WHERE video = $1",
    "DELETE FROM video_traces WHERE video = $1",
];

const EVENTS: &str = "
    SELECT e.id, e.payload, CASE WHEN e.shared_ms IS NULL OR EXISTS (
        SELECT 1 FROM webhook_deliveries d WHERE d.event = e.id AND d.status = 'pending'
    ) THEN 1 ELSE 0 END AS waits FROM events e WHERE e.video = $1";

/// Clears the row of a video, which must be locked, and its related rows. The external id stays for
/// the moment: the `deleted` message carries it once more, so that the receiver finds its own
/// record.
pub(super) async fn erase(tx: &mut Tx, row: &VideoRow) -> Result<(), CatalogError> {
    for statement in STATEMENTS {
        sqlx::query(statement)
            .bind(&row.id)
            .execute(&mut **tx)
            .await?;
    }
    erase_events(tx, row).await
}

/// Clears the external id as well, after the `deleted` message was written.
pub(super) async fn erase_external_id(tx: &mut Tx, row: &VideoRow) -> Result<(), CatalogError> {
    sqlx::query("UPDATE videos SET external_id = NULL WHERE id = $1")
        .bind(&row.id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Clears the webhook log of a video. Messages that are not sent yet keep the external id, by which
/// the receiver identifies the video.
async fn erase_events(tx: &mut Tx, row: &VideoRow) -> Result<(), CatalogError> {
    let events: Vec<(String, String, i64)> = sqlx::query_as(EVENTS)
        .bind(&row.id)
        .fetch_all(&mut **tx)
        .await?;
    for (event, message, waits) in events {
        sqlx::query("UPDATE events SET payload = $1 WHERE id = $2")
            .bind(payload::without_what_was_said(&message, waits != 0))
            .bind(event)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
