//! The embedded database: one SQLite file that queue and catalog share.
//!
//! Written ahead and synced at every commit: what was answered is on the disk. Several processes
//! may use one file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Sqlite, SqliteConnection, Transaction};
use tokio::sync::Notify;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a writer waits for the writers of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// One change, all of it or nothing.
pub(crate) type Tx = Transaction<'static, Sqlite>;
/// What a query gives.
pub(crate) type Row = sqlx::sqlite::SqliteRow;

/// An open database; clones share it.
#[derive(Debug, Clone)]
pub struct Database {
    /// A single connection: writers of this process queue here, in order, and not at SQLite's lock,
    /// which wakes whom it likes.
    writer: SqlitePool,
    readers: SqlitePool,
    wakers: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No such folder, no permission, or not a database.
    #[error("could not open the database `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A newer version has changed its tables.
    #[error("the database `{}` was written by a newer version: use that one, or another folder", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// Its tables could not be brought up to date.
    #[error("could not bring the database `{}` up to date", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: MigrateError,
    },
}

/// Opens the database at `path`, which is made if it is missing (its folder is not), and brings its
/// tables up to date.
pub async fn open_sqlite(path: &Path) -> Result<Database, OpenError> {
    let failed = |source| OpenError::Open { path: path.to_owned(), source };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);

    migrate(path, &options).await?;
    let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.map_err(failed)?;
    let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.map_err(failed)?;
    Ok(Database { writer, readers, wakers: Arc::default() })
}

async fn migrate(path: &Path, options: &SqliteConnectOptions) -> Result<(), OpenError> {
    let failed = |source| OpenError::Open { path: path.to_owned(), source };
    let mut connection = SqliteConnection::connect_with(options).await.map_err(failed)?;
    // Under the write lock, so that of two processes that start at once one finds the work done.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(|source| match source {
        MigrateError::VersionMissing(_) => OpenError::Newer { path: path.to_owned() },
        source => OpenError::Migrate { path: path.to_owned(), source },
    })?;
    transaction.commit().await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

impl Database {
    /// Begins to write. Holds the only right to, so be quick; dropping it undoes all.
    pub(crate) async fn write(&self) -> Result<Tx, sqlx::Error> {
        // Immediate: a transaction that begins by reading could not become a writing one if another
        // process has written in between.
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// For single statements that only read.
    pub(crate) fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// Rings whoever waits in this process for the queue of that name.
    pub(crate) fn waker(&self, queue: &str) -> Arc<Notify> {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.entry(queue.to_owned()).or_default().clone()
    }

    /// Waits until everything is written and the file is closed; afterwards nothing works.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// A number of ours as SQL has it: there are no unsigned ones. Nothing real is ever that large.
pub(crate) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The other way round.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Milliseconds, as far as they can be counted.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn opens_twice_and_keeps_its_tables() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edgereel.db");
        open_sqlite(&path).await.unwrap().close().await;
        let again = open_sqlite(&path).await.unwrap();
        let (mode, sync): (String, i64) =
            sqlx::query_as("SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous")
                .fetch_one(again.read())
                .await
                .unwrap();
        assert_eq!((mode.as_str(), sync), ("wal", 2), "2 is FULL");
    }

    #[tokio::test]
    async fn many_may_open_a_new_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edgereel.db");
        let opened = futures::future::join_all((0..8).map(|_| open_sqlite(&path))).await;
        for it in opened {
            it.unwrap();
        }
    }

    #[tokio::test]
    async fn what_cannot_be_opened_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let missing = open_sqlite(&folder.path().join("no/such/folder.db")).await.unwrap_err();
        assert!(matches!(missing, OpenError::Open { .. }), "{missing:?}");
        let text = folder.path().join("text.db");
        std::fs::write(&text, "This is no database. ".repeat(100)).unwrap();
        let foreign = open_sqlite(&text).await.unwrap_err();
        assert!(matches!(foreign, OpenError::Open { .. }), "{foreign:?}");
    }

    #[tokio::test]
    async fn a_file_of_a_newer_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edgereel.db");
        let database = open_sqlite(&path).await.unwrap();
        let mut transaction = database.write().await.unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'of tomorrow', TRUE, x'00', 0)",
        )
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction.commit().await.unwrap();
        database.close().await;
        assert!(matches!(open_sqlite(&path).await, Err(OpenError::Newer { .. })));
    }
}
