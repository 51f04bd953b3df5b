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
mod retry;
mod values;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::Digest as _;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Any, AnyPool, ConnectOptions as _, Connection as _, Executor as _, Transaction};
use tokio::sync::Notify;

pub use address::{DatabaseAddress, InvalidAddress};
use address::{Place, Server};
use retry::is_busy;
pub(crate) use retry::{is_corrupt, is_refusal, retried};
pub(crate) use values::{sql, text, time, unsigned};

/// A transaction.
pub(crate) type Tx = Transaction<'static, Any>;
/// A row of a query result.
pub(crate) type Row = sqlx::any::AnyRow;
/// A statement with its parameters.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");
/// Migrations whose SQL the other database does not have.
static OF_SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static OF_POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// How long a writer waits for the writers of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between attempts to open a file that other processes are opening.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// Maximum number of connections per process to a PostgreSQL server.
const CONNECTIONS: u32 = 10;
/// How long to wait for a PostgreSQL connection to open or become free.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Key of the lock that serialises migrations: an arbitrary number that no other program uses.
const MIGRATION_LOCK: i64 = 0x6564_6765_7265_656c;

/// Stated explicitly, because a server may default to another level. A change locks its row, and
/// then sees what others committed while it waited for the lock.
const READ_COMMITTED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The SQL dialect, for the few statements where it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
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
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The text is not an address of a database.
    #[error("the address of the database cannot be read")]
    Address(#[from] InvalidAddress),
    /// The directory or server does not exist, access is denied, or the file is not a database.
    #[error("could not open the database `{database}`")]
    Open {
        /// Address of the database.
        database: DatabaseAddress,
        /// The database error.
        #[source]
        source: sqlx::Error,
    },
    /// A newer version has changed its tables.
    #[error(
        "the database `{database}` was written by a newer version: use that one, or another database"
    )]
    Newer {
        /// Address of the database.
        database: DatabaseAddress,
    },
    /// The migrations failed.
    #[error("could not migrate the database `{database}`")]
    Migrate {
        /// Address of the database.
        database: DatabaseAddress,
        /// The migration error.
        #[source]
        source: MigrateError,
    },
}

/// Opens the database at `address` (see [`DatabaseAddress`]) and runs the migrations. A missing
/// SQLite file is created; its directory, or a PostgreSQL database, is not.
///
/// # Errors
/// [`OpenError`]
pub async fn open(address: &str) -> Result<Database, OpenError> {
    open_address(&address.parse()?).await
}

/// Opens a SQLite file.
///
/// # Errors
/// [`OpenError`]
pub async fn open_sqlite(path: &Path) -> Result<Database, OpenError> {
    open_address(&DatabaseAddress::file(path)).await
}

/// Opens a database by its parsed address.
///
/// # Errors
/// [`OpenError`]
pub async fn open_address(address: &DatabaseAddress) -> Result<Database, OpenError> {
    sqlx::any::install_default_drivers();
    match address.place() {
        Place::File(path) => open_file(address, path).await,
        Place::Server(server) => open_server(address, server).await,
    }
}

async fn open_file(address: &DatabaseAddress, path: &Path) -> Result<Database, OpenError> {
    let began = Instant::now();
    loop {
        match try_open_file(address, path).await {
            // To change the journal mode of a new file, or to remove the journal after the last
            // connection, SQLite needs exclusive access and does not wait for it as it does for
            // writers.
            Err(OpenError::Open { source, .. })
                if is_busy(&source) && began.elapsed() < BUSY_TIMEOUT =>
            {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            result => return result,
        }
    }
}

async fn try_open_file(address: &DatabaseAddress, path: &Path) -> Result<Database, OpenError> {
    let failed = |source| OpenError::Open {
        database: address.clone(),
        source,
    };
    // Creates the file, and sets its persistent options: the journal mode.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    let mut connection = options.connect().await.map_err(failed)?;
    // Under the write lock, so that the second of two processes that start at once finds the
    // migrations done.
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(failed)?;
    migrate(address, &OF_SQLITE, &mut *transaction).await?;
    transaction.commit().await.map_err(failed)?;
    connection.close().await.map_err(failed)?;

    let options = address::file_options(path).map_err(failed)?;
    let writer = sqlite_pool(1, options.clone()).await.map_err(failed)?;
    let readers = sqlite_pool(4, options).await.map_err(failed)?;
    Ok(Database {
        kind: Kind::Sqlite,
        writer,
        readers,
        wakers: Arc::default(),
    })
}

async fn sqlite_pool(connections: u32, options: AnyConnectOptions) -> Result<AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .max_connections(connections)
        // A file does not disappear as a server does. A check before each use would cost the
        // writers, who queue for one connection, as much time as a statement.
        .test_before_acquire(false)
        // When a statement fails for lack of space, SQLite ends the transaction by itself while
        // sqlx keeps counting it: no further transaction could begin on that connection.
        .before_acquire(|connection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
        .after_connect(|connection, _| {
            // Options that an address cannot express. The first is `BUSY_TIMEOUT`.
            let settings =
                "PRAGMA busy_timeout = 10000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
            Box::pin(async move {
                connection
                    .execute(sqlx::raw_sql(settings))
                    .await
                    .map(|_| ())
            })
        })
        .connect_with(options)
        .await
}

async fn open_server(address: &DatabaseAddress, server: &Server) -> Result<Database, OpenError> {
    let failed = |source| OpenError::Open {
        database: address.clone(),
        source,
    };
    let mut connection = server
        .options()
        .map_err(failed)?
        .connect()
        .await
        .map_err(failed)?;
    let mut transaction = connection
        .begin_with(READ_COMMITTED)
        .await
        .map_err(failed)?;
    // Held until the end of the transaction: a process that waits here finds the migrations done,
    // also behind a pooler that assigns a connection per transaction.
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    migrate(address, &OF_POSTGRES, &mut *transaction).await?;
    transaction.commit().await.map_err(failed)?;
    connection.close().await.map_err(failed)?;

    let pool = AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT_TIMEOUT)
        .connect_with(server.any_options().map_err(failed)?)
        .await
        .map_err(failed)?;
    Ok(Database {
        kind: Kind::Postgres,
        writer: pool.clone(),
        readers: pool,
        wakers: Arc::default(),
    })
}

/// Runs the migrations. The caller holds the lock, and commits.
async fn migrate(
    address: &DatabaseAddress,
    own: &Migrator,
    connection: &mut impl Migrate,
) -> Result<(), OpenError> {
    let mut all: Vec<_> = MIGRATIONS.iter().chain(own.iter()).cloned().collect();
    all.sort_by_key(|it| it.version);
    let mut migrations = Migrator::with_migrations(all);
    migrations.set_locking(false);
    migrations
        .run_direct(None, connection, false)
        .await
        .map_err(|source| match source {
            MigrateError::VersionMissing(_) => OpenError::Newer {
                database: address.clone(),
            },
            source => OpenError::Migrate {
                database: address.clone(),
                source,
            },
        })
}

impl Database {
    /// Begins a write transaction; dropping it rolls back. In SQLite it holds the only write lock,
    /// so it must be short.
    pub(crate) async fn write(&self) -> Result<Tx, sqlx::Error> {
        self.writer
            .begin_with(match self.kind {
                // A transaction that begins with a read cannot become a write transaction if
                // another process has written in between.
                Kind::Sqlite => "BEGIN IMMEDIATE",
                Kind::Postgres => READ_COMMITTED,
            })
            .await
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
