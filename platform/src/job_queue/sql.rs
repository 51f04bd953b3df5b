//! The embedded queue: a table, in which a lease is a time and a receipt.
//!
//! The SQL is common to SQLite and PostgreSQL (which also wants `FOR UPDATE SKIP LOCKED` in
//! `CLAIM`).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::job::JobMessage;
use sqlx::{Row as _, Sqlite, SqliteConnection, Transaction};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{DeadLetter, DeadLetterId, Delivery, Depth, JobQueue, QueueError, QueueName, ReceiptHandle, Sent};
use crate::database::{Database, millis, now_ms, sql, unsigned};

/// How often a waiting receiver looks for what another process has sent.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// What used up its deliveries is a dead letter, also when its worker died without a word.
const BURY_USED_UP: &str = "
    UPDATE messages SET died_ms = $1, why = CASE WHEN receipt IS NULL THEN why
        ELSE 'the last worker that had it gave no answer' || coalesce('; before that: ' || why, '') END
    WHERE queue = $2 AND died_ms IS NULL AND visible_ms <= $1 AND receives >= $3";

const CLAIM: &str = "
    UPDATE messages SET visible_ms = $1, receives = receives + 1, receipt = $2, holder = $3
    WHERE id IN (
        SELECT id FROM messages WHERE queue = $4 AND died_ms IS NULL AND visible_ms <= $5
        ORDER BY visible_ms, id LIMIT 1
    )
    RETURNING id, body, receives, sent_ms";

/// One of the queues in a database.
#[derive(Debug, Clone)]
pub struct SqliteQueue {
    database: Database,
    queue: String,
    max_receives: u32,
    holder: String,
    wake: Arc<Notify>,
}

impl SqliteQueue {
    /// The queue of that name. After `max_receives` deliveries without an `ack` (at least 1) a message
    /// is a dead letter. `holder` names this receiver, for [`release_held`](Self::release_held).
    pub fn new(database: &Database, name: QueueName, max_receives: u32, holder: &str) -> Self {
        Self {
            database: database.clone(),
            queue: name.as_str().to_owned(),
            max_receives: max_receives.max(1),
            holder: holder.to_owned(),
            wake: database.waker(name.as_str()),
        }
    }

    /// Gives back at once what this holder had when it was killed, and says how many messages that
    /// were. Only at the start, and only if no other process uses this name of a holder.
    pub async fn release_held(&self) -> Result<u64, QueueError> {
        let released = self
            .change(
                "UPDATE messages SET visible_ms = $1 WHERE queue = $2 AND holder = $3 AND receipt IS NOT NULL
                 AND died_ms IS NULL AND visible_ms > $1",
                |query| query.bind(sql(now_ms())).bind(&self.queue).bind(&self.holder),
            )
            .await?;
        self.wake.notify_waiters();
        Ok(released)
    }

    fn unavailable(&self, source: sqlx::Error) -> QueueError {
        QueueError::Unavailable { queue: self.queue.clone(), source: source.into() }
    }

    async fn write(&self) -> Result<Transaction<'static, Sqlite>, QueueError> {
        self.database.write().await.map_err(|it| self.unavailable(it))
    }

    /// Runs one statement in a transaction of its own and says how many rows it changed.
    async fn change<'q, F>(&self, statement: &'static str, bind: F) -> Result<u64, QueueError>
    where
        F: FnOnce(Query<'q>) -> Query<'q> + Send,
    {
        let run = async {
            let mut transaction = self.database.write().await?;
            let changed = bind(sqlx::query(statement)).execute(&mut *transaction).await?.rows_affected();
            transaction.commit().await?;
            Ok(changed)
        };
        run.await.map_err(|it| self.unavailable(it))
    }

    /// When the next message can be received, Unix milliseconds.
    async fn next_visible(&self) -> Result<Option<u64>, sqlx::Error> {
        let (next,): (Option<i64>,) =
            sqlx::query_as("SELECT min(visible_ms) FROM messages WHERE queue = $1 AND died_ms IS NULL")
                .bind(&self.queue)
                .fetch_one(self.database.read())
                .await?;
        Ok(next.map(unsigned))
    }

    async fn bury_used_up(&self, connection: &mut SqliteConnection, now_ms: u64) -> Result<(), sqlx::Error> {
        sqlx::query(BURY_USED_UP)
            .bind(sql(now_ms))
            .bind(&self.queue)
            .bind(i64::from(self.max_receives))
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn bury_now(&self) -> Result<(), QueueError> {
        let buried = async {
            let mut transaction = self.database.write().await?;
            self.bury_used_up(&mut transaction, now_ms()).await?;
            transaction.commit().await
        };
        buried.await.map_err(|it| self.unavailable(it))
    }

    async fn claim(&self, lease: Duration) -> Result<Option<Delivery>, sqlx::Error> {
        let token = random_hex()?;
        let mut transaction = self.database.write().await?;
        // After the wait for the lock, or the lease would begin in the past.
        let now = now_ms();
        self.bury_used_up(&mut transaction, now).await?;
        let row = sqlx::query(CLAIM)
            .bind(sql(now.saturating_add(millis(lease))))
            .bind(&token)
            .bind(&self.holder)
            .bind(&self.queue)
            .bind(sql(now))
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let (id, body): (String, String) = (row.try_get("id")?, row.try_get("body")?);
        let receive_count = count(row.try_get("receives")?);
        Ok(Some(Delivery {
            message: JobMessage::parse(&body),
            body,
            receipt: ReceiptHandle(format!("{id}:{token}")),
            receive_count,
            is_last: receive_count >= self.max_receives,
            sent_ms: unsigned(row.try_get("sent_ms")?),
        }))
    }

    async fn insert(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        body: &str,
        job: Option<&str>,
        visible_ms: u64,
    ) -> Result<(), sqlx::Error> {
        let now = now_ms();
        sqlx::query(
            "INSERT INTO messages (id, queue, body, job, sent_ms, visible_ms, receives)
             VALUES ($1, $2, $3, $4, $5, $6, 0)",
        )
        // Begins with the time: messages of one moment are received in the order of sending.
        .bind(format!("{now:012x}{}", random_hex()?))
        .bind(&self.queue)
        .bind(body)
        .bind(job)
        .bind(sql(now))
        .bind(sql(visible_ms))
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    async fn send_or_join(&self, message: &JobMessage, delay: Duration) -> Result<Sent, sqlx::Error> {
        let job = message.job().id.as_str();
        let visible_ms = now_ms().saturating_add(millis(delay));
        let mut transaction = self.database.write().await?;
        let waiting = sqlx::query(
            "UPDATE messages SET visible_ms = CASE WHEN visible_ms < $1 THEN visible_ms ELSE $1 END
             WHERE queue = $2 AND job = $3 AND died_ms IS NULL AND receipt IS NULL",
        )
        .bind(sql(visible_ms))
        .bind(&self.queue)
        .bind(job)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if waiting == 0 {
            self.insert(&mut transaction, &message.to_body(), Some(job), visible_ms).await?;
        }
        transaction.commit().await?;
        Ok(if waiting == 0 { Sent::Queued } else { Sent::Duplicate })
    }

    async fn dead(&self, limit: u32) -> Result<Vec<DeadLetter>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT id, body, receives, sent_ms, died_ms, why FROM messages
             WHERE queue = $1 AND died_ms IS NOT NULL ORDER BY died_ms, id LIMIT $2",
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
                    sent_ms: unsigned(row.try_get("sent_ms")?),
                    died_ms: unsigned(row.try_get("died_ms")?),
                    why: row.try_get("why")?,
                })
            })
            .collect()
    }

    async fn count_all(&self) -> Result<Depth, sqlx::Error> {
        // Messages that used up their deliveries count as dead, whether or not somebody looked since.
        let row = sqlx::query(
            "SELECT
                coalesce(sum(CASE WHEN alive = 1 AND visible_ms <= $1 THEN 1 ELSE 0 END), 0) AS ready,
                coalesce(sum(CASE WHEN alive = 1 AND visible_ms > $1 AND receipt IS NULL THEN 1 ELSE 0 END), 0) AS delayed,
                coalesce(sum(CASE WHEN alive = 1 AND visible_ms > $1 AND receipt IS NOT NULL THEN 1 ELSE 0 END), 0) AS leased,
                coalesce(sum(CASE WHEN alive = 0 THEN 1 ELSE 0 END), 0) AS dead
             FROM (SELECT visible_ms, receipt,
                CASE WHEN died_ms IS NULL AND (receives < $2 OR visible_ms > $1) THEN 1 ELSE 0 END AS alive
                FROM messages WHERE queue = $3) AS counted",
        )
        .bind(sql(now_ms()))
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
impl JobQueue for SqliteQueue {
    async fn send(&self, message: &JobMessage, delay: Duration) -> Result<Sent, QueueError> {
        let sent = self.send_or_join(message, delay).await.map_err(|it| self.unavailable(it))?;
        self.wake.notify_waiters();
        Ok(sent)
    }

    async fn send_body(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        let visible_ms = now_ms().saturating_add(millis(delay));
        let mut transaction = self.write().await?;
        let sent = async {
            self.insert(&mut transaction, body, None, visible_ms).await?;
            transaction.commit().await
        };
        sent.await.map_err(|it| self.unavailable(it))?;
        self.wake.notify_waiters();
        Ok(())
    }

    async fn receive(&self, wait: Duration, lease: Duration) -> Result<Option<Delivery>, QueueError> {
        let deadline = Instant::now() + wait;
        loop {
            // Listens before it looks, or a message sent in between would ring for nobody.
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();

            let next = self.next_visible().await.map_err(|it| self.unavailable(it))?;
            let until_next = next.map_or(LOOK_INTERVAL, |it| Duration::from_millis(it.saturating_sub(now_ms())));
            if until_next.is_zero()
                && let Some(delivery) = self.claim(lease).await.map_err(|it| self.unavailable(it))?
            {
                return Ok(Some(delivery));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // A message that was due and then was not had been taken by another receiver: look again.
            let pause = if until_next.is_zero() { Duration::ZERO } else { until_next.min(LOOK_INTERVAL).min(left) };
            // The end of the pause is as good as a ring: either way it looks again.
            let _ = tokio::time::timeout(pause, woken).await;
        }
    }

    async fn extend(&self, receipt: &ReceiptHandle, lease: Duration) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let now = now_ms();
        let extended = self
            .change(
                "UPDATE messages SET visible_ms = $1
                 WHERE id = $2 AND receipt = $3 AND visible_ms > $4 AND died_ms IS NULL",
                |query| query.bind(sql(now.saturating_add(millis(lease)))).bind(id).bind(token).bind(sql(now)),
            )
            .await?;
        ours(extended)
    }

    async fn ack(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        // Without a look at the clock: the work is done, and nobody else has begun it.
        let removed = self
            .change("DELETE FROM messages WHERE id = $1 AND receipt = $2 AND died_ms IS NULL", |query| {
                query.bind(id).bind(token)
            })
            .await?;
        ours(removed)
    }

    async fn release(&self, receipt: &ReceiptHandle, delay: Duration, why: &str) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let now = now_ms();
        let released = self
            .change(
                "UPDATE messages SET visible_ms = $1, receipt = NULL, holder = NULL, why = $2,
                 died_ms = CASE WHEN receives >= $3 THEN $4 ELSE died_ms END
                 WHERE id = $5 AND receipt = $6 AND died_ms IS NULL",
                |query| {
                    query
                        .bind(sql(now.saturating_add(millis(delay))))
                        .bind(why)
                        .bind(i64::from(self.max_receives))
                        .bind(sql(now))
                        .bind(id)
                        .bind(token)
                },
            )
            .await?;
        self.wake.notify_waiters();
        ours(released)
    }

    async fn bury(&self, receipt: &ReceiptHandle, why: &str) -> Result<(), QueueError> {
        let (id, token) = parts(receipt)?;
        let buried = self
            .change(
                "UPDATE messages SET died_ms = $1, why = $2, receipt = NULL, holder = NULL
                 WHERE id = $3 AND receipt = $4 AND died_ms IS NULL",
                |query| query.bind(sql(now_ms())).bind(why).bind(id).bind(token),
            )
            .await?;
        ours(buried)
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, QueueError> {
        self.bury_now().await?;
        self.dead(limit).await.map_err(|it| self.unavailable(it))
    }

    async fn redrive(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        self.bury_now().await?;
        let redriven = self
            .change(
                "UPDATE messages SET died_ms = NULL, why = NULL, receives = 0, receipt = NULL, holder = NULL,
                 visible_ms = $1
                 WHERE queue = $2 AND died_ms IS NOT NULL AND id = coalesce($3, id)",
                |query| query.bind(sql(now_ms())).bind(&self.queue).bind(only.map(|it| it.0.as_str())),
            )
            .await?;
        self.wake.notify_waiters();
        found(redriven, only)
    }

    async fn purge(&self, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
        self.bury_now().await?;
        let purged = self
            .change(
                "DELETE FROM messages WHERE queue = $1 AND died_ms IS NOT NULL AND id = coalesce($2, id)",
                |query| query.bind(&self.queue).bind(only.map(|it| it.0.as_str())),
            )
            .await?;
        found(purged, only)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.count_all().await.map_err(|it| self.unavailable(it))
    }
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

/// A receipt that is not of our making opens nothing.
fn parts(receipt: &ReceiptHandle) -> Result<(&str, &str), QueueError> {
    receipt.0.split_once(':').ok_or(QueueError::LeaseLost)
}

fn ours(changed: u64) -> Result<(), QueueError> {
    if changed == 0 { Err(QueueError::LeaseLost) } else { Ok(()) }
}

fn found(changed: u64, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
    match only {
        Some(id) if changed == 0 => Err(QueueError::NoSuchDeadLetter(id.clone())),
        _ => Ok(changed),
    }
}

fn count(receives: i64) -> u32 {
    u32::try_from(receives).unwrap_or(u32::MAX)
}

fn random_hex() -> Result<String, sqlx::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|it| sqlx::Error::Io(std::io::Error::other(it.to_string())))?;
    Ok(domain::ids::hex(&bytes))
}
