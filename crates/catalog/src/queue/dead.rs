//! Dead letters in the table.

use domain::job::JobMessage;
use platform::clock;
use platform::job_queue::{DeadLetter, DeadLetterId, DeadLetterPosition, QueueError};
use sqlx::Row as _;

use super::SqlQueue;
use super::values::count;
use crate::database::{Query, Row, sql, text, time};

/// Reads dead letters of the queue `$1`.
macro_rules! select_dead {
    ($rest:literal) => {
        concat!(
            "SELECT id, body, receives, sent_ms, dead_lettered_ms, died_after_ms, reason, settled_ms FROM messages
             WHERE queue = $1 AND dead_lettered_ms IS NOT NULL ",
            $rest
        )
    };
}

const OLDEST: &str = select_dead!("ORDER BY dead_lettered_ms, id LIMIT $2");
const OLDEST_UNSETTLED: &str =
    select_dead!("AND settled_ms IS NULL ORDER BY dead_lettered_ms, id LIMIT $2");
const OLDEST_AFTER: &str =
    select_dead!("AND (dead_lettered_ms, id) > ($2, $3) ORDER BY dead_lettered_ms, id LIMIT $4");
const ONE: &str = select_dead!("AND id = $2");

/// Dead letters that one statement changes, so that receivers do not wait long.
const BATCH: i64 = 500;

/// Makes dead letters messages again. Another process may have done so, and a worker may have received the message: the
/// condition on the row is checked again when its lock is held.
macro_rules! redrive {
    ($which:literal) => {
        concat!(
            "UPDATE messages SET dead_lettered_ms = NULL, settled_ms = NULL, died_after_ms = NULL, reason = NULL,
                receives = 0, receipt = NULL, holder = NULL, visible_ms = $1
             WHERE queue = $2 AND dead_lettered_ms IS NOT NULL AND ",
            $which
        )
    };
}

const REDRIVE_ONE: &str = redrive!("id = $3");
const REDRIVE_SOME: &str = redrive!(
    "id IN (
        SELECT id FROM messages WHERE queue = $2 AND dead_lettered_ms IS NOT NULL ORDER BY dead_lettered_ms, id LIMIT $3
    )"
);
const PURGE_ONE: &str =
    "DELETE FROM messages WHERE queue = $1 AND dead_lettered_ms IS NOT NULL AND id = $2";
const PURGE_SOME: &str = "
    DELETE FROM messages WHERE queue = $1 AND dead_lettered_ms IS NOT NULL AND id IN (
        SELECT id FROM messages WHERE queue = $1 AND dead_lettered_ms IS NOT NULL ORDER BY dead_lettered_ms, id LIMIT $2
    )";

impl SqlQueue {
    pub(super) async fn oldest_dead(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.read_dead(OLDEST, limit).await
    }

    pub(super) async fn oldest_unsettled(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.read_dead(OLDEST_UNSETTLED, limit).await
    }

    async fn read_dead(
        &self,
        statement: &'static str,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let rows: Vec<Row> = sqlx::query(statement)
            .bind(&self.queue)
            .bind(i64::from(limit))
            .fetch_all(self.database.read())
            .await
            .map_err(|it| self.failed(it))?;
        let letters: Result<_, _> = rows.iter().map(letter).collect();
        letters.map_err(|it| self.failed(it))
    }

    pub(super) async fn oldest_dead_after(
        &self,
        after: &DeadLetterPosition,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let rows: Vec<Row> = sqlx::query(OLDEST_AFTER)
            .bind(&self.queue)
            .bind(sql(after.dead_lettered_ms))
            .bind(&after.id.0)
            .bind(i64::from(limit))
            .fetch_all(self.database.read())
            .await
            .map_err(|it| self.failed(it))?;
        let letters: Result<_, _> = rows.iter().map(letter).collect();
        letters.map_err(|it| self.failed(it))
    }

    pub(super) async fn dead_by_id(
        &self,
        id: &DeadLetterId,
    ) -> Result<Option<DeadLetter>, QueueError> {
        let row: Option<Row> = sqlx::query(ONE)
            .bind(&self.queue)
            .bind(&id.0)
            .fetch_optional(self.database.read())
            .await
            .map_err(|it| self.failed(it))?;
        let letter = row.as_ref().map(letter).transpose();
        letter.map_err(|it| self.failed(it))
    }

    pub(super) async fn settle(&self, id: &DeadLetterId) -> Result<u64, QueueError> {
        self.change(
            "UPDATE messages SET settled_ms = $1
             WHERE id = $2 AND queue = $3 AND dead_lettered_ms IS NOT NULL AND settled_ms IS NULL",
            |query| query.bind(sql(clock::now())).bind(&id.0).bind(&self.queue),
        )
        .await
    }

    /// Redrives one dead letter, or all, and returns how many.
    pub(super) async fn redrive_dead(
        &self,
        only: Option<&DeadLetterId>,
    ) -> Result<u64, QueueError> {
        if let Some(id) = only {
            return self
                .change(REDRIVE_ONE, |query| {
                    query.bind(sql(clock::now())).bind(&self.queue).bind(&id.0)
                })
                .await;
        }
        self.in_batches(REDRIVE_SOME, |query| {
            query.bind(sql(clock::now())).bind(&self.queue).bind(BATCH)
        })
        .await
    }

    /// Removes one dead letter, or all, and returns how many.
    pub(super) async fn purge_dead(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        match only {
            Some(id) => {
                self.change(PURGE_ONE, |query| query.bind(&self.queue).bind(&id.0))
                    .await
            }
            None => {
                self.in_batches(PURGE_SOME, |query| query.bind(&self.queue).bind(BATCH))
                    .await
            }
        }
    }

    /// Repeats a statement that changes at most [`BATCH`] rows until it finds fewer.
    async fn in_batches<'q, F>(&self, statement: &'static str, bind: F) -> Result<u64, QueueError>
    where
        F: Fn(Query<'q>) -> Query<'q> + Send + Sync,
    {
        let mut changed = 0;
        loop {
            let of_batch = self.change(statement, &bind).await?;
            changed += of_batch;
            if of_batch < BATCH.unsigned_abs() {
                return Ok(changed);
            }
        }
    }

    /// Stores a dead letter of another queue. Storing it again changes nothing.
    pub(super) async fn insert_dead(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.change(
            "INSERT INTO messages (id, queue, body, sent_ms, visible_ms, receives, dead_lettered_ms, died_after_ms, reason)
             VALUES ($1, $2, $3, $4, $5, $6, $5, $7, $8) ON CONFLICT (id) DO NOTHING",
            |query| {
                query
                    .bind(&letter.id.0)
                    .bind(&self.queue)
                    .bind(text(&letter.body))
                    .bind(sql(letter.sent_ms))
                    .bind(sql(letter.dead_lettered_ms))
                    .bind(i64::from(letter.receive_count))
                    .bind(sql(letter.died_after_ms))
                    .bind(letter.reason.as_deref().map(text))
            },
        )
        .await?;
        Ok(())
    }
}

fn letter(row: &Row) -> Result<DeadLetter, sqlx::Error> {
    let body: String = row.try_get("body")?;
    let dead_lettered_ms: i64 = row.try_get("dead_lettered_ms")?;
    let died_after_ms: Option<i64> = row.try_get("died_after_ms")?;
    let settled_ms: Option<i64> = row.try_get("settled_ms")?;
    Ok(DeadLetter {
        id: DeadLetterId(row.try_get("id")?),
        message: JobMessage::parse(&body),
        body,
        receive_count: count(row.try_get("receives")?),
        sent_ms: time(row.try_get("sent_ms")?),
        dead_lettered_ms: time(dead_lettered_ms),
        died_after_ms: time(died_after_ms.unwrap_or(dead_lettered_ms)),
        reason: row.try_get("reason")?,
        is_settled: settled_ms.is_some(),
    })
}
