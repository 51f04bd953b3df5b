//! Classification of database errors, and retries of transactions.

use std::error::Error;
use std::time::Duration;

/// Maximum attempts at one transaction.
const ATTEMPTS: u32 = 5;
/// Pause before the second attempt; each further pause is longer, so that two transactions do not
/// collide forever.
const PAUSE: Duration = Duration::from_millis(20);

/// Retries a transaction that the database rolled back because of a conflict with another one. Only
/// PostgreSQL does that, to transactions that lock more than one row: SQLite has a single writer.
pub(crate) async fn retried<T, E, F>(mut transaction: impl FnMut() -> F) -> Result<T, E>
where
    E: Error + 'static,
    F: Future<Output = Result<T, E>>,
{
    let mut attempt = 1;
    loop {
        match transaction().await {
            Err(error) if attempt < ATTEMPTS && is_conflict(&error) => {
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// A deadlock, or a serialization failure.
fn is_conflict(error: &(dyn Error + 'static)) -> bool {
    // Our own errors carry the database error as their source.
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<sqlx::Error>()
            .is_some_and(|it| has_code(it, &["40001", "40P01"]))
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether the database can never store the value, for example because of characters that it does
/// not support.
pub(crate) fn is_refusal(error: &sqlx::Error) -> bool {
    has_code(error, &["22021", "22P05"])
}

/// Whether the error reports a row in a format that this version does not write.
pub(crate) fn is_corrupt(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_)
    )
}

/// PostgreSQL: the statement took longer than its timeout, or an administrator cancelled it.
pub(crate) fn is_cancelled(error: &sqlx::Error) -> bool {
    has_code(error, &["57014"])
}

/// SQLite: another process has locked the file (also during recovery).
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    has_code(error, &["5", "261"])
}

/// PostgreSQL: the server is starting, or recovers.
pub(super) fn is_starting(error: &sqlx::Error) -> bool {
    has_code(error, &["57P03"])
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(|it| it.code());
    code.is_some_and(|it| codes.contains(&it.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use testkit::Postgres;

    use super::*;
    use crate::database::{Database, open};

    async fn raise(
        database: &Database,
        ids: [i64; 2],
        attempts: &AtomicU32,
    ) -> Result<(), sqlx::Error> {
        attempts.fetch_add(1, Ordering::Relaxed);
        let mut tx = database.write().await?;
        for id in ids {
            sqlx::query("UPDATE it SET x = x + 1 WHERE id = $1")
                .bind(id)
                .execute(&mut *tx)
                .await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        tx.commit().await
    }

    #[tokio::test]
    async fn the_loser_of_a_deadlock_tries_again() {
        let Some(server) = Postgres::start() else {
            return;
        };
        let database = open(&server.database()).await.unwrap();
        let table = "CREATE TABLE it (id BIGINT, x BIGINT); INSERT INTO it VALUES (1, 0), (2, 0)";
        sqlx::raw_sql(table).execute(database.read()).await.unwrap();
        let attempts = AtomicU32::new(0);
        let (one, other) = tokio::join!(
            retried(|| raise(&database, [1, 2], &attempts)),
            retried(|| raise(&database, [2, 1], &attempts)),
        );
        one.unwrap();
        other.unwrap();
        assert_eq!(attempts.into_inner(), 3, "one of them had to");
        let (sum,): (i64,) = sqlx::query_as("SELECT CAST(sum(x) AS BIGINT) FROM it")
            .fetch_one(database.read())
            .await
            .unwrap();
        assert_eq!(sum, 4, "and nothing was done twice");
    }

    #[tokio::test]
    async fn other_failures_are_reported_at_once() {
        let attempts = AtomicU32::new(0);
        let failed: Result<(), _> = retried(|| async {
            attempts.fetch_add(1, Ordering::Relaxed);
            Err(sqlx::Error::PoolClosed)
        })
        .await;
        assert!(matches!(failed, Err(sqlx::Error::PoolClosed)));
        assert_eq!(attempts.into_inner(), 1);
    }
}
