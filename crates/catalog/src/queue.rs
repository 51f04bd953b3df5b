//! The queue in a database table. A lease is an expiry time and a receipt.
//!
//! SQLite and PostgreSQL run the same SQL, except that PostgreSQL, which has concurrent writers,
//! needs `SKIP LOCKED` to skip messages that another receiver is about to claim.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::job::JobMessage;
use domain::time::UnixMillis;
use platform::clock;
use sqlx::Row as _;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::database::{Database, Query, Row, Tx, is_refusal, retried, sql, text, time, unsigned};
use platform::job_queue::{
    DeadLetter, DeadLetterId, Delivery, Depth, JobQueue, QueueError, QueueName, ReceiptHandle, Sent,
};

mod dialect;
mod priority;
mod values;

use dialect::Dialect;
pub use priority::PriorityQueue;
use values::{check_any, check_one, count, parts, random_hex};

/// How often a waiting receiver polls for messages that other processes send.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Poll interval while another receiver is about to claim the next message.
const TAKEN_INTERVAL: Duration = Duration::from_millis(5);

/// One of the queues in a database.
#[derive(Debug, Clone)]
pub struct SqlQueue {
    database: Database,
    queue: String,
    max_receives: u32,
    holder: String,
    wake: Arc<Notify>,
}

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
            QueueError::Refused { queue, detail: source.to_string() }
        } else {
            QueueError::Unavailable { queue, source: source.into() }
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
            let changed = bind(sqlx::query(statement)).execute(&mut *tx).await?.rows_affected();
            tx.commit().await?;
            Ok(changed)
        };
        retried(run).await.map_err(|it| self.failed(it))
    }

    /// When the next message becomes visible.
    async fn next_visible(&self) -> Result<Option<UnixMillis>, sqlx::Error> {
        let (next,): (Option<i64>,) =
            sqlx::query_as("SELECT min(visible_ms) FROM messages WHERE queue = $1 AND dead_lettered_ms IS NULL")
                .bind(&self.queue)
                .fetch_one(self.database.read())
                .await?;
        Ok(next.map(time))
    }

    async fn dead_letter_exhausted(&self, tx: &mut Tx, now: UnixMillis) -> Result<(), sqlx::Error> {
        sqlx::query(self.dialect().dead_letter_exhausted)
            .bind(sql(now))
            .bind(&self.queue)
            .bind(i64::from(self.max_receives))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    async fn dead_letter_now(&self) -> Result<(), QueueError> {
        let buried = async {
            let mut tx = self.database.write().await?;
            self.dead_letter_exhausted(&mut tx, clock::now()).await?;
            tx.commit().await
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

    async fn send_or_join(&self, message: &JobMessage, delay: Duration) -> Result<Sent, sqlx::Error> {
        let job = message.id().as_str();
        let visible_ms = clock::now() + delay;
        let mut tx = self.database.write().await?;
        // Otherwise two concurrent sends of the same job would both find no waiting message.
        self.database.one_at_a_time(&mut tx, &format!("job {job} in {}", self.queue)).await?;
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
            self.insert(&mut tx, &message.to_body(), Some(job), visible_ms).await?;
        }
        tx.commit().await?;
        Ok(if waiting == 0 { Sent::Queued } else { Sent::Duplicate })
    }

    async fn dead(&self, limit: u32) -> Result<Vec<DeadLetter>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT id, body, receives, sent_ms, dead_lettered_ms, reason FROM messages
             WHERE queue = $1 AND dead_lettered_ms IS NOT NULL ORDER BY dead_lettered_ms, id LIMIT $2",
        )
        .bind(&self.queue)
        .bind(i64::from(limit))
        .fetch_all(self.database.read())
        .await?;
        rows.iter()
            .map(|row| {
                let body: String = row.try_get("body")?;
                Ok(DeadLetter {
                    id: DeadLetterId(row.try_get("id")?),
                    message: JobMessage::parse(&body),
                    body,
                    receive_count: count(row.try_get("receives")?),
                    sent_ms: time(row.try_get("sent_ms")?),
                    dead_lettered_ms: time(row.try_get("dead_lettered_ms")?),
                    reason: row.try_get("reason")?,
                })
            })
            .collect()
    }

    async fn count_all(&self) -> Result<Depth, sqlx::Error> {
        // Messages that used up their deliveries count as dead, even if no receiver has polled
        // since.
        let row = sqlx::query(
            "SELECT
                coalesce(sum(CASE WHEN alive = 1 AND visible_ms <= $1 THEN 1 ELSE 0 END), 0) AS ready,
                coalesce(sum(CASE WHEN alive = 1 AND visible_ms > $1 AND receipt IS NULL THEN 1 ELSE 0 END), 0) AS delayed,
                coalesce(sum(CASE WHEN alive = 1 AND visible_ms > $1 AND receipt IS NOT NULL THEN 1 ELSE 0 END), 0) AS leased,
                coalesce(sum(CASE WHEN alive = 0 THEN 1 ELSE 0 END), 0) AS dead
             FROM (SELECT visible_ms, receipt,
                CASE WHEN dead_lettered_ms IS NULL AND (receives < $2 OR visible_ms > $1) THEN 1 ELSE 0 END AS alive
                FROM messages WHERE queue = $3) AS counted",
        )
        .bind(sql(clock::now()))
        .bind(i64::from(self.max_receives))
        .bind(&self.queue)
        .fetch_one(self.database.read())
        .await?;
        Ok(Depth {
            ready: unsigned(row.try_get("ready")?),
            delayed: unsigned(row.try_get("delayed")?),
            in_flight: unsigned(row.try_get("leased")?),
            dead: unsigned(row.try_get("dead")?),
        })
    }
}

#[async_trait]
impl JobQueue for SqlQueue {
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        let sent = retried(|| self.send_or_join(message, delay)).await.map_err(|it| self.failed(it))?;
        self.wake.notify_waiters();
        Ok(sent)
    }

    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        let visible_ms = clock::now() + delay;
        let sent = async {
            let mut tx = self.database.write().await?;
            self.insert(&mut tx, body, None, visible_ms).await?;
            tx.commit().await
        };
        sent.await.map_err(|it| self.failed(it))?;
        self.wake.notify_waiters();
        Ok(())
    }

    async fn receive(&self, wait: Duration, lease: Duration) -> Result<Option<Delivery>, QueueError> {
        let deadline = Instant::now() + wait;
        loop {
            // Subscribes before it polls; otherwise a message sent in between would wake no
            // receiver.
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();

            let next = self.next_visible().await.map_err(|it| self.failed(it))?;
            let until_next = next.map_or(LOOK_INTERVAL, |it| it.since(clock::now()));
            if until_next.is_zero()
                && let Some(delivery) = self.claim(lease).await.map_err(|it| self.failed(it))?
            {
                return Ok(Some(delivery));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let pause = until_next.clamp(TAKEN_INTERVAL, LOOK_INTERVAL).min(left);
            // A timeout is handled like a wake-up: the queue is polled in either case.
            let _ = tokio::time::timeout(pause, woken).await;
        }
    }

    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let now = clock::now();
        let extended = self
            .change(
                "UPDATE messages SET visible_ms = $1
                 WHERE id = $2 AND receipt = $3 AND visible_ms > $4 AND dead_lettered_ms IS NULL",
                |query| query.bind(sql(now + lease)).bind(id).bind(token).bind(sql(now)),
            )
            .await?;
        check_one(extended)
    }

    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        // Without checking the expiry: the work is done, and no other receiver has the message.
        let removed = self
            .change("DELETE FROM messages WHERE id = $1 AND receipt = $2 AND dead_lettered_ms IS NULL", |query| {
                query.bind(id).bind(token)
            })
            .await?;
        check_one(removed)
    }

    async fn release(&self, receipt: &ReceiptHandle, delay: Duration, reason: &str) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let now = clock::now();
        let released = self
            .change(
                "UPDATE messages SET visible_ms = $1, receipt = NULL, holder = NULL, reason = $2,
                 dead_lettered_ms = CASE WHEN receives >= $3 THEN $4 ELSE dead_lettered_ms END
                 WHERE id = $5 AND receipt = $6 AND dead_lettered_ms IS NULL",
                |query| {
                    query
                        .bind(sql(now + delay))
                        .bind(text(reason))
                        .bind(i64::from(self.max_receives))
                        .bind(sql(now))
                        .bind(id)
                        .bind(token)
                },
            )
            .await?;
        self.wake.notify_waiters();
        check_one(released)
    }

    async fn dead_letter(&self, receipt: &ReceiptHandle, reason: &str) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let buried = self
            .change(
                "UPDATE messages SET dead_lettered_ms = $1, reason = $2, receipt = NULL, holder = NULL
                 WHERE id = $3 AND receipt = $4 AND dead_lettered_ms IS NULL",
                |query| query.bind(sql(clock::now())).bind(text(reason)).bind(id).bind(token),
            )
            .await?;
        check_one(buried)
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.dead_letter_now().await?;
        self.dead(limit).await.map_err(|it| self.failed(it))
    }

    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        self.dead_letter_now().await?;
        let redriven = self
            .change(
                "UPDATE messages SET dead_lettered_ms = NULL, reason = NULL, receives = 0, receipt = NULL, holder = NULL,
                 visible_ms = $1
                 WHERE queue = $2 AND dead_lettered_ms IS NOT NULL AND id = coalesce($3, id)",
                |query| query.bind(sql(clock::now())).bind(&self.queue).bind(only.map(|it| it.0.as_str())),
            )
            .await?;
        self.wake.notify_waiters();
        check_any(redriven, only)
    }

    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        self.dead_letter_now().await?;
        let purged = self
            .change(
                "DELETE FROM messages WHERE queue = $1 AND dead_lettered_ms IS NOT NULL AND id = coalesce($2, id)",
                |query| query.bind(&self.queue).bind(only.map(|it| it.0.as_str())),
            )
            .await?;
        check_any(purged, only)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.count_all().await.map_err(|it| self.failed(it))
    }
}
