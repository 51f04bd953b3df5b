//! The database that the queue and the catalog share: a SQLite file, or PostgreSQL. Both run the
//! same SQL.
//!
//! SQLite uses write-ahead logging and syncs at every commit: acknowledged changes are on the disk.
//! Several processes may use one file. With PostgreSQL, several machines may; their clocks decide
//! when a lease expires, so the clocks must agree to much less than a lease.
//!
//! Rules for SQL that means the same in both: `$1` placeholders; TEXT, BIGINT and DOUBLE PRECISION;
//! no `*`, which changes under a prepared statement when another process adds a column; no
//! parameter of type `Option<f64>`, because sqlx gives NULL a different type than a number; free
//! text passes through `text`. A transaction that locks more than one row is `retried`.

mod address;
mod meter;
mod open;
mod retry;
mod schema;
mod values;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use metrics::Registry;
use metrics::table::DATABASE_WAIT_SECONDS;
use sha2::Digest as _;
use sqlx::{Any, AnyPool, Transaction};
use tokio::sync::Notify;

pub use address::{DatabaseAddress, InvalidAddress};
pub use open::{CONNECTIONS, DatabaseConfig, OpenError, open, open_sqlite};
pub(crate) use retry::{is_cancelled, is_corrupt, is_refusal, retried};
pub use schema::{MigrationName, SchemaError};
pub(crate) use values::{sql, text, time, unsigned};

/// A transaction.
pub(crate) type Tx = Transaction<'static, Any>;
/// A row of a query result.
pub(crate) type Row = sqlx::any::AnyRow;
/// A statement with its parameters.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

/// Stated explicitly, because a server may default to another level. A change locks its row, and
/// then sees what others committed while it waited for the lock.
const READ_COMMITTED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The SQL dialect, for the few statements where it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Begins a write transaction.
    fn begin(self) -> &'static str {
        match self {
            // A transaction that begins with a read cannot become a write transaction if another
            // process has written in between.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => READ_COMMITTED,
        }
    }
}

/// An open database; clones share it.
#[derive(Debug, Clone)]
pub struct Database {
    kind: Kind,
    /// SQLite: a single connection. Writers of this process queue here in order, and not at
    /// SQLite's lock, which is not fair. PostgreSQL: the same as `readers`.
    writer: AnyPool,
    readers: AnyPool,
    wakers: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
    /// Whether the last new connection found a schema that does not fit. Only a database that is
    /// opened lazily is checked so late.
    is_doubtful: Arc<AtomicBool>,
    metrics: Registry,
}

impl Database {
    /// Begins a write transaction; dropping it rolls back. In SQLite it holds the only write lock,
    /// so it must be short.
    pub(crate) async fn write(&self) -> Result<Tx, sqlx::Error> {
        let began = Instant::now();
        let begun = self.writer.begin_with(self.kind.begin()).await;
        // A wait that ended with a timeout counts too.
        self.metrics
            .time(&DATABASE_WAIT_SECONDS, [], began.elapsed());
        let mut transaction = begun?;
        if self.is_doubtful.load(Ordering::Relaxed) {
            schema::check(self.kind, &mut transaction).await?;
            self.is_doubtful.store(false, Ordering::Relaxed);
        }
        Ok(transaction)
    }

    /// Serialises the transactions that pass the same name, from here until their end. SQLite has
    /// only one writer anyway.
    pub(crate) async fn one_at_a_time(&self, tx: &mut Tx, name: &str) -> Result<(), sqlx::Error> {
        if self.kind == Kind::Postgres {
            // Names with equal hashes wait for each other needlessly, which is rare.
            let digest = sha2::Sha256::digest(name);
            let number = digest
                .iter()
                .take(8)
                .fold(0, |number: i64, byte| (number << 8) | i64::from(*byte));
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(number)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// The pool for single read-only statements.
    pub(crate) fn read(&self) -> &AnyPool {
        &self.readers
    }

    /// The metrics of this process. They come with the database, because every part that counts has
    /// it, and so the tests in one process have metrics of their own.
    pub fn metrics(&self) -> &Registry {
        &self.metrics
    }

    /// The dialect, for the few statements that differ.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The notifier of the receivers in this process that wait for the queue `queue`.
    pub(crate) fn waker(&self, queue: &str) -> Arc<Notify> {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.entry(queue.to_owned()).or_default().clone()
    }

    /// Closes the database after pending writes; it cannot be used afterwards.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
