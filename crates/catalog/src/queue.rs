//! The queue in a database table. A lease is an expiry time and a receipt.
//!
//! SQLite and PostgreSQL run the same SQL, except that PostgreSQL, which has concurrent writers,
//! needs `SKIP LOCKED` to skip messages that another receiver is about to claim.

mod dead;
mod dialect;
mod job_queue;
mod looks;
mod priority;
mod sqs;
mod turns;
mod values;

use std::sync::Arc;
use std::time::Duration;

use dialect::Dialect;
use domain::job::JobMessage;
use domain::time::UnixMillis;
use platform::clock;
use platform::job_queue::{Delivery, Depth, QueueError, QueueName, ReceiptHandle, Sent};
pub use priority::PriorityQueue;
use sqlx::Row as _;
pub use sqs::SqsJobQueue;
use tokio::sync::Notify;
use values::{count, random_hex};

use crate::database::{Database, Query, Row, Tx, is_refusal, retried, sql, time, unsigned};

/// One of the queues in a database.
#[derive(Debug, Clone)]
pub struct SqlQueue {
    database: Database,
    queue: String,
    max_receives: u32,
    holder: String,
    wake: Arc<Notify>,
}

/// Each number is counted in an index alone: the rows of messages with their bodies are not read.
const DEPTH: &str = "
    SELECT
        (SELECT count(*) FROM messages
            WHERE queue = $3 AND dead_lettered_ms IS NULL AND visible_ms <= $1 AND receives < $2) AS ready,
        (SELECT count(*) FROM messages
            WHERE queue = $3 AND dead_lettered_ms IS NULL AND visible_ms > $1) AS invisible,
        (SELECT count(*) FROM messages
            WHERE queue = $3 AND dead_lettered_ms IS NULL AND visible_ms > $1 AND receipt IS NOT NULL) AS leased,
        (SELECT count(*) FROM messages WHERE queue = $3 AND dead_lettered_ms IS NOT NULL)
            + (SELECT count(*) FROM messages
                WHERE queue = $3 AND dead_lettered_ms IS NULL AND visible_ms <= $1 AND receives >= $2) AS dead";

impl SqlQueue {
    /// The queue `name`. After `max_receives` deliveries (at least 1) without an `ack`, a message
    /// becomes a dead letter. `holder` names this receiver, for
    /// [`release_held`](Self::release_held).
    pub fn new(database: &Database, name: QueueName, max_receives: u32, holder: &str) -> Self {
        Self {
            database: database.clone(),
            queue: name.as_str().to_owned(),
            max_receives: max_receives.max(1),
            holder: holder.to_owned(),
            wake: database.waker(name.as_str()),
        }
    }

    /// The dead letters of a queue outside of the database.
    pub(crate) fn letters(database: &Database) -> Self {
        Self {
            database: database.clone(),
            queue: "sqs".to_owned(),
            max_receives: 1,
            holder: "none".to_owned(),
            wake: database.waker("sqs"),
        }
    }

    /// Releases the messages that this holder had leased when it was killed, and returns their
    /// number. Only for startup, and only if no other process uses this holder name.
    pub async fn release_held(&self) -> Result<u64, QueueError> {
        let released = self
            .change(
                "UPDATE messages SET visible_ms = $1 WHERE queue = $2 AND holder = $3 AND receipt IS NOT NULL
                 AND dead_lettered_ms IS NULL AND visible_ms > $1",
                |query| query.bind(sql(clock::now())).bind(&self.queue).bind(&self.holder),
            )
            .await?;
        self.wake.notify_waiters();
        Ok(released)
    }

    fn failed(&self, source: sqlx::Error) -> QueueError {
        let queue = self.queue.clone();
        if is_refusal(&source) {
            QueueError::Refused {
                queue,
                detail: source.to_string(),
            }
        } else {
            QueueError::Unavailable {
                queue,
                source: source.into(),
            }
        }
    }

    fn dialect(&self) -> &'static Dialect {
        Dialect::of(self.database.kind())
    }

    /// Runs one statement in its own transaction and returns the number of changed rows.
    async fn change<'q, F>(&self, statement: &'static str, bind: F) -> Result<u64, QueueError>
    where
        F: Fn(Query<'q>) -> Query<'q> + Send + Sync,
    {
        let run = || async {
            let mut tx = self.database.write().await?;
            let changed = bind(sqlx::query(statement))
                .execute(&mut *tx)
                .await?
                .rows_affected();
            tx.commit().await?;
            Ok(changed)
        };
        retried(run).await.map_err(|it| self.failed(it))
    }

    /// When the next message becomes visible.
    async fn next_visible(&self) -> Result<Option<UnixMillis>, sqlx::Error> {
        let (next,): (Option<i64>,) = sqlx::query_as(
            "SELECT min(visible_ms) FROM messages WHERE queue = $1 AND dead_lettered_ms IS NULL",
        )
        .bind(&self.queue)
        .fetch_one(self.database.read())
        .await?;
        Ok(next.map(time))
    }

    async fn dead_letter_exhausted(
        &self,
        tx: &mut Tx,
        now: UnixMillis,
    ) -> Result<u64, sqlx::Error> {
        let buried = sqlx::query(self.dialect().dead_letter_exhausted)
            .bind(sql(now))
            .bind(&self.queue)
            .bind(i64::from(self.max_receives))
            .execute(&mut **tx)
            .await?;
        Ok(buried.rows_affected())
    }

    async fn dead_letter_now(&self) -> Result<u64, QueueError> {
        let buried = async {
            let mut tx = self.database.write().await?;
            let buried = self.dead_letter_exhausted(&mut tx, clock::now()).await?;
            tx.commit().await?;
            Ok(buried)
        };
        buried.await.map_err(|it| self.failed(it))
    }

    async fn claim(&self, lease: Duration) -> Result<Option<Delivery>, sqlx::Error> {
        let token = random_hex()?;
        let mut tx = self.database.write().await?;
        // Read after waiting for the lock; otherwise the lease would start in the past.
        let now = clock::now();
        self.dead_letter_exhausted(&mut tx, now).await?;
        let row: Option<Row> = sqlx::query(self.dialect().claim)
            .bind(sql(now + lease))
            .bind(&token)
            .bind(&self.holder)
            .bind(&self.queue)
            .bind(sql(now))
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let (id, body): (String, String) = (row.try_get("id")?, row.try_get("body")?);
        let receive_count = count(row.try_get("receives")?);
        Ok(Some(Delivery {
            message: JobMessage::parse(&body),
            body,
            receipt: ReceiptHandle(format!("{id}:{token}")),
            receive_count,
            is_last: receive_count >= self.max_receives,
            sent_ms: time(row.try_get("sent_ms")?),
        }))
    }

    async fn insert(
        &self,
        tx: &mut Tx,
        body: &str,
        job: Option<&str>,
        visible_ms: UnixMillis,
    ) -> Result<(), sqlx::Error> {
        let now = clock::now();
        sqlx::query(
            "INSERT INTO messages (id, queue, body, job, sent_ms, visible_ms, receives)
             VALUES ($1, $2, $3, $4, $5, $6, 0)",
        )
        // Starts with the time, so that messages with equal due times are received in the order of
        // sending.
        .bind(format!("{:012x}{}", now.get(), random_hex()?))
        .bind(&self.queue)
        .bind(body)
        .bind(job)
        .bind(sql(now))
        .bind(sql(visible_ms))
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn send_or_join(
        &self,
        message: &JobMessage,
        delay: Duration,
    ) -> Result<Sent, sqlx::Error> {
        let job = message.id().as_str();
        let visible_ms = clock::now() + delay;
        let mut tx = self.database.write().await?;
        // Otherwise two concurrent sends of the same job would both find no waiting message.
        self.database
            .one_at_a_time(&mut tx, &format!("job {job} in {}", self.queue))
            .await?;
        let waiting = sqlx::query(
            "UPDATE messages SET visible_ms = CASE WHEN visible_ms < $1 THEN visible_ms ELSE $1 END
             WHERE queue = $2 AND job = $3 AND dead_lettered_ms IS NULL AND receipt IS NULL",
        )
        .bind(sql(visible_ms))
        .bind(&self.queue)
        .bind(job)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if waiting == 0 {
            self.insert(&mut tx, &message.to_body(), Some(job), visible_ms)
                .await?;
        }
        tx.commit().await?;
        Ok(if waiting == 0 {
            Sent::Queued
        } else {
            Sent::Duplicate
        })
    }

    async fn count_all(&self) -> Result<Depth, sqlx::Error> {
        // Messages that used up their deliveries count as dead, even if no receiver has polled
        // since.
        let row = sqlx::query(DEPTH)
            .bind(sql(clock::now()))
            .bind(i64::from(self.max_receives))
            .bind(&self.queue)
            .fetch_one(self.database.read())
            .await?;
        let in_flight = unsigned(row.try_get("leased")?);
        Ok(Depth {
            ready: unsigned(row.try_get("ready")?),
            delayed: unsigned(row.try_get("invisible")?).saturating_sub(in_flight),
            in_flight,
            dead: unsigned(row.try_get("dead")?),
        })
    }
}
