//! The catalog in a database; SQLite and PostgreSQL run the same SQL.
//!
//! Every change begins with an `UPDATE ... RETURNING` of the video's row, which locks the row in
//! both databases until the transaction ends. The statements that follow see one state and write
//! once. Only one row is locked, so no two changes wait for each other.

mod captions;
mod chapters;
pub(super) mod costs;
mod downloads;
mod erasure;
mod events;
mod fan_out;
mod folding;
mod imports;
mod jobs;
mod limits;
mod lists;
mod posters;
mod previews;
mod requests;
mod rows;
mod sources;
pub(super) mod sweeping;
mod thumbnails;
mod timeline;
pub(crate) mod traces;
mod transcriptions;
pub(super) mod videos;
mod views;
mod work;

use std::sync::Arc;

use domain::failure::Failure;
use domain::ids::VideoId;
use domain::state::VideoState;
use domain::time::UnixMillis;
use domain::webhook::EventType;
use tokio::sync::{Notify, OnceCell};

use super::CatalogError;
use crate::database::{Database, Tx, is_corrupt, sql, text};
use rows::{VideoRow, video_columns};

/// The records of all videos of one installation. Clones share the database.
#[derive(Debug, Clone)]
pub struct Catalog {
    pub(super) database: Database,
    /// Notified after every change that may have written an event.
    events: Arc<Notify>,
    /// PostgreSQL: whether the index of trigrams exists, once it was read.
    search_indexes: Arc<OnceCell<lists::SearchIndexes>>,
    search_limits: lists::Limits,
}

impl Catalog {
    /// The catalog in `database`.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            events: database.waker(crate::webhooks::sql::WAKER),
            search_indexes: Arc::default(),
            search_limits: lists::Limits::default(),
        }
    }

    /// Writes a row, so it fails where the next change would fail: the database is unreachable,
    /// full or read-only.
    pub async fn ping(&self, now: UnixMillis) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO pings (id, at_ms) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms",
        )
        .bind(sql(now))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The metrics of this process.
    pub fn metrics(&self) -> &metrics::Registry {
        self.database.metrics()
    }

    async fn write(&self) -> Result<Tx, CatalogError> {
        Ok(self.database.write().await?)
    }

    /// Commits a change that may have written an event, and wakes the webhook dispatcher of this
    /// process.
    async fn commit_with_events(&self, tx: Tx) -> Result<(), CatalogError> {
        tx.commit().await?;
        self.events.notify_one();
        Ok(())
    }
}

/// Locks the row of a video, and reads it.
const LOCK: &str = concat!(
    "UPDATE videos SET version = version WHERE id = $1 RETURNING ",
    video_columns!()
);

/// Locks the row of a video and reads it; `None` if there is none.
async fn lock(tx: &mut Tx, video: VideoId) -> Result<Option<VideoRow>, CatalogError> {
    Ok(sqlx::query_as(LOCK)
        .bind(video.to_string())
        .fetch_optional(&mut **tx)
        .await?)
}

async fn lock_existing(tx: &mut Tx, video: VideoId) -> Result<VideoRow, CatalogError> {
    lock(tx, video)
        .await?
        .ok_or(CatalogError::NotFound { video })
}

/// Writes a state and the timestamps that belong to it, and emits an event if the state differs
/// from that of `row`, which must be locked.
async fn set_state(
    tx: &mut Tx,
    row: &VideoRow,
    state: &VideoState,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    let failure = match state {
        VideoState::Failed(failure) => Some(failure),
        _ => None,
    };
    let published = match state {
        VideoState::Ready { generation } => Some(generation.as_str()),
        _ => None,
    };
    sqlx::query(
        "UPDATE videos SET state = $1, failure_class = $2, failure_code = $3, failure_sentence = $4,
            generation = coalesce($5, generation), version = version + 1, updated_ms = $6,
            playable_ms = CASE WHEN $7 = 1 THEN coalesce(playable_ms, $6) ELSE playable_ms END,
            sweep_ms = CASE WHEN EXISTS (SELECT 1 FROM requested_jobs WHERE video = $10) THEN $9 ELSE $8 END
         WHERE id = $10",
    )
    .bind(state.name().as_str())
    .bind(failure.map(|it| it.class().as_str()))
    .bind(failure.map(|it| it.code.as_str()))
    .bind(failure.map(|it| text(&it.message)))
    .bind(published)
    .bind(sql(now))
    .bind(i64::from(state.can_be_played()))
    .bind(sweeping::first_look(state, now).map(sql))
    .bind(sweeping::look_for_message(state, now).map(sql))
    .bind(&row.id)
    .execute(&mut **tx)
    .await?;
    match EventType::of_change(&row.state()?, state) {
        Some(kind) => events::emit(tx, row, kind, now).await,
        None => Ok(()),
    }
}

/// How the end of an attempt is recorded.
struct Ending<'a> {
    outcome: &'static str,
    failure: Option<&'a Failure>,
    log_tail: Option<&'a str>,
}

impl Ending<'_> {
    fn plain(outcome: &'static str) -> Self {
        Self {
            outcome,
            failure: None,
            log_tail: None,
        }
    }
}

/// Ends the claim on the video, and closes its attempt. The row must be locked.
async fn end_attempt(
    tx: &mut Tx,
    row: &VideoRow,
    ending: &Ending<'_>,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE attempts SET ended_ms = $1, outcome = $2, failure_code = $3, failure_sentence = $4, log_tail = $5
         WHERE video = $6 AND fence = $7 AND ended_ms IS NULL",
    )
    .bind(sql(now))
    .bind(ending.outcome)
    .bind(ending.failure.map(|it| it.code.as_str()))
    .bind(ending.failure.map(|it| text(&it.message)))
    .bind(ending.log_tail.map(text))
    .bind(&row.id)
    .bind(row.fence)
    .execute(&mut **tx)
    .await?;
    timeline::end_stages(tx, row, None, now).await?;
    sqlx::query(
        "UPDATE videos SET worker = NULL, lease_until_ms = 0, version = version + 1, updated_ms = $1 WHERE id = $2",
    )
    .bind(sql(now))
    .bind(&row.id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl From<sqlx::Error> for CatalogError {
    fn from(source: sqlx::Error) -> Self {
        if is_corrupt(&source) {
            return Self::Corrupt {
                detail: source.to_string(),
            };
        }
        Self::Unavailable {
            source: source.into(),
        }
    }
}
