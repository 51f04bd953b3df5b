//! The outbox: webhook events, written in the transaction of the change that they report.

use std::time::Duration;

use domain::caption::Language;
use domain::job::Stage;
use domain::time::UnixMillis;
use domain::webhook::{EventId, EventType};

use super::Tx;
use super::rows::video_columns;
use super::rows::{VideoRow, progress};
use crate::database::{sql, time};
use crate::videos::CatalogError;
use crate::webhooks::payload::{self, Details};

/// Minimum interval between two progress events of a video.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Writes an event with the present state of the video. `row`: the row as it was when it was
/// locked.
pub(super) async fn emit(
    tx: &mut Tx,
    row: &VideoRow,
    kind: EventType,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    write(tx, row, kind, Details::default(), now).await
}

/// Writes that players get the captions in these languages now.
pub(super) async fn emit_captions(
    tx: &mut Tx,
    row: &VideoRow,
    languages: Vec<Language>,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    let details = Details {
        captions: Some(languages),
        ..Details::default()
    };
    write(tx, row, EventType::VideoCaptions, details, now).await
}

/// Writes a progress event, if an endpoint subscribes to them, and at most once per interval.
pub(super) async fn emit_progress(
    tx: &mut Tx,
    row: &VideoRow,
    stage: Stage,
    percent: i64,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    let wanted = sqlx::query(
        "SELECT 1 FROM webhook_endpoints
         WHERE disabled_ms IS NULL AND wants_progress = 1 AND (owner IS NULL OR owner = CAST($1 AS TEXT)) LIMIT 1",
    )
    .bind(&row.owner)
    .fetch_optional(&mut **tx)
    .await?;
    if wanted.is_none() {
        return Ok(());
    }
    let (last_ms,): (Option<i64>,) =
        sqlx::query_as("SELECT max(at_ms) FROM events WHERE video = $1 AND type = $2")
            .bind(&row.id)
            .bind(EventType::VideoProgress.as_str())
            .fetch_one(&mut **tx)
            .await?;
    if last_ms.is_some_and(|it| now < time(it) + PROGRESS_INTERVAL) {
        return Ok(());
    }
    let details = Details {
        progress: Some(progress(Some(stage.as_str()), percent)?),
        ..Details::default()
    };
    write(tx, row, EventType::VideoProgress, details, now).await
}

const COUNT_ON: &str = concat!(
    "UPDATE videos SET version = version + 1 WHERE id = $1 RETURNING ",
    video_columns!()
);

async fn write(
    tx: &mut Tx,
    row: &VideoRow,
    kind: EventType,
    details: Details,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    // Events increment the version too, so every event of a video has its own version, and a later
    // event a higher one.
    let row: VideoRow = sqlx::query_as(COUNT_ON)
        .bind(&row.id)
        .fetch_one(&mut **tx)
        .await?;
    let video = row.into_video(None)?;
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|it| CatalogError::Unavailable { source: it.into() })?;
    sqlx::query(
        "INSERT INTO events (id, video, sequence, owner, type, at_ms, payload) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(EventId::new(now.get(), random).to_string())
    .bind(video.id.to_string())
    .bind(sql(video.version))
    .bind(&video.owner)
    .bind(kind.as_str())
    .bind(sql(now))
    .bind(payload::of_video(kind, &video, details, now))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
