//! Opens a database, and runs its migrations.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _};

use super::address::{self, Place};
use super::meter;
use super::retry::{is_busy, is_starting};
use super::schema::{self, MigrationName, SchemaError};
use super::{Database, DatabaseAddress, InvalidAddress, Kind};

/// How long a writer waits for the writers of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between attempts to open a file that other processes are opening.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// Default for the maximum number of connections per process to a PostgreSQL server.
pub const CONNECTIONS: u32 = 10;
/// How long to wait for a PostgreSQL connection to open or become free.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the first connection may take: a paused server needs half a minute to resume.
const FIRST_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between attempts to connect to a server that is starting.
const STARTING_PAUSE: Duration = Duration::from_millis(500);
/// Key of the lock that serialises migrations: an arbitrary number that no other program uses.
const MIGRATION_LOCK: i64 = 0x6564_6765_7265_656c;

/// Which database to open, and how.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Where it is.
    pub address: DatabaseAddress,
    /// Maximum number of connections of this process to a PostgreSQL server.
    pub connections: u32,
    /// Whether to run missing migrations. Otherwise, a database that lacks some is an error.
    pub migrate: bool,
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
    /// The server's certificate was not accepted, or it has none.
    #[error(
        "could not verify the certificate of the database `{database}`: add \
         sslrootcert=PATH with its certificate authority to the address, or sslmode=disable"
    )]
    Certificate {
        /// Address of the database.
        database: DatabaseAddress,
        /// The TLS error.
        #[source]
        source: sqlx::Error,
    },
    /// Its tables are older or newer than this program accepts.
    #[error("the database `{database}` does not fit")]
    Schema {
        /// Address of the database.
        database: DatabaseAddress,
        /// Whether they are older or newer.
        #[source]
        source: SchemaError,
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
    DatabaseConfig::migrating(address.parse()?).open().await
}

/// Opens a SQLite file and runs the migrations.
///
/// # Errors
/// [`OpenError`]
pub async fn open_sqlite(path: &Path) -> Result<Database, OpenError> {
    DatabaseConfig::migrating(DatabaseAddress::file(path))
        .open()
        .await
}

impl DatabaseConfig {
    /// The configuration that runs missing migrations, with the default number of connections.
    pub fn migrating(address: DatabaseAddress) -> Self {
        Self {
            address,
            connections: CONNECTIONS,
            migrate: true,
        }
    }

    /// Opens the database. A missing SQLite file is created only with `migrate`.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(&self) -> Result<Database, OpenError> {
        sqlx::any::install_default_drivers();
        if self.migrate {
            self.migrate(false).await?;
        } else {
            self.check().await?;
        }
        match self.address.place() {
            Place::File(path) => open_file(path).await,
            Place::Server(server) => {
                let pool = AnyPoolOptions::new()
                    .max_connections(self.connections)
                    .acquire_timeout(CONNECT_TIMEOUT);
                match server.any_options() {
                    Ok(options) => pool.connect_with(options).await.map(of_server),
                    Err(error) => Err(error),
                }
            }
        }
        .map_err(|it| self.failed(it))
    }

    /// As `open`, but connects to a PostgreSQL server at the first use, and checks the schema then.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open_lazily(&self) -> Result<Database, OpenError> {
        let Place::Server(server) = self.address.place() else {
            return self.open().await;
        };
        if self.migrate {
            return self.open().await;
        }
        sqlx::any::install_default_drivers();
        let options = server.any_options().map_err(|it| self.failed(it))?;
        let is_doubtful = Arc::new(AtomicBool::new(false));
        let doubt = Arc::clone(&is_doubtful);
        let pool = AnyPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(FIRST_CONNECT_TIMEOUT)
            .after_connect(move |connection, _| {
                let doubt = Arc::clone(&doubt);
                Box::pin(async move {
                    let checked = schema::check(Kind::Postgres, connection).await;
                    if let Err(problem) = &checked {
                        tracing::error!("the database does not fit: {problem}");
                    }
                    // An error here would make the pool connect again until it times out. Writes
                    // are refused with the reason.
                    doubt.store(checked.is_err(), Ordering::Relaxed);
                    Ok(())
                })
            })
            .connect_lazy_with(options);
        Ok(Database {
            is_doubtful,
            ..of_server(pool)
        })
    }

    /// Runs the missing migrations in one transaction, under a lock, and returns them; `dry_run`
    /// rolls back. A missing SQLite file is created, unless it is a dry run.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn migrate(&self, dry_run: bool) -> Result<Vec<MigrationName>, OpenError> {
        sqlx::any::install_default_drivers();
        let began = Instant::now();
        loop {
            match self.try_migrate(dry_run).await {
                // To change the journal mode of a new file, or to remove the journal after the
                // last connection, SQLite needs exclusive access and does not wait for it as it
                // does for writers.
                Err(OpenError::Open { source, .. })
                    if is_busy(&source) && began.elapsed() < BUSY_TIMEOUT =>
                {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn try_migrate(&self, dry_run: bool) -> Result<Vec<MigrationName>, OpenError> {
        let kind = self.address.place().kind();
        if let Place::File(path) = self.address.place() {
            if dry_run && !path.exists() {
                return Ok(schema::all(kind));
            }
            create_file(path).await.map_err(|it| self.failed(it))?;
        }
        let mut connection = self.connect().await?;
        // Under the write lock, so that the second of two processes that start at once finds the
        // migrations done.
        let begun = connection.begin_with(kind.begin()).await;
        let mut transaction = begun.map_err(|it| self.failed(it))?;
        if kind == Kind::Postgres {
            // Held until the end of the transaction: a process that waits here finds the migrations
            // done, also behind a pooler that assigns a connection per transaction.
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(MIGRATION_LOCK)
                .execute(&mut *transaction)
                .await
                .map_err(|it| self.failed(it))?;
        }
        let migrated = schema::run(kind, &mut transaction)
            .await
            .map_err(|it| self.not_migrated(it))?;
        let ended = match dry_run {
            true => transaction.rollback().await,
            false => transaction.commit().await,
        };
        ended.map_err(|it| self.failed(it))?;
        connection.close().await.map_err(|it| self.failed(it))?;
        Ok(migrated)
    }

    /// Checks the schema.
    async fn check(&self) -> Result<(), OpenError> {
        let kind = self.address.place().kind();
        if matches!(self.address.place(), Place::File(path) if !path.exists()) {
            return Err(OpenError::Schema {
                database: self.address.clone(),
                source: schema::of_new_database(kind),
            });
        }
        let mut connection = self.connect().await?;
        let checked = schema::check(kind, &mut connection).await;
        checked.map_err(|it| self.failed(it))?;
        connection.close().await.map_err(|it| self.failed(it))
    }

    /// Connects, and waits for a server that is starting.
    async fn connect(&self) -> Result<AnyConnection, OpenError> {
        let options = match self.address.place() {
            Place::File(path) => address::file_options(path),
            Place::Server(server) => server.any_options(),
        };
        let options = options.map_err(|it| self.failed(it))?;
        let connected = tokio::time::timeout(FIRST_CONNECT_TIMEOUT, async {
            loop {
                match options.connect().await {
                    Err(error) if is_starting(&error) => {
                        tokio::time::sleep(STARTING_PAUSE).await;
                    }
                    connected => return connected,
                }
            }
        });
        match connected.await {
            Ok(connected) => connected,
            Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no connection within {} s", FIRST_CONNECT_TIMEOUT.as_secs()),
            ))),
        }
        .map_err(|it| self.failed(it))
    }

    fn failed(&self, source: sqlx::Error) -> OpenError {
        let database = self.address.clone();
        match source {
            sqlx::Error::Tls(_) => OpenError::Certificate { database, source },
            // Errors of TLS that occur during the handshake.
            sqlx::Error::Io(ref error) if error.kind() == std::io::ErrorKind::InvalidData => {
                OpenError::Certificate { database, source }
            }
            sqlx::Error::Configuration(inner) => match inner.downcast::<SchemaError>() {
                Ok(schema) => OpenError::Schema {
                    database,
                    source: *schema,
                },
                Err(inner) => OpenError::Open {
                    database,
                    source: sqlx::Error::Configuration(inner),
                },
            },
            source => OpenError::Open { database, source },
        }
    }

    fn not_migrated(&self, source: MigrateError) -> OpenError {
        let database = self.address.clone();
        match source {
            MigrateError::Source(inner) => match inner.downcast::<SchemaError>() {
                Ok(schema) => OpenError::Schema {
                    database,
                    source: *schema,
                },
                Err(inner) => OpenError::Migrate {
                    database,
                    source: MigrateError::Source(inner),
                },
            },
            source => OpenError::Migrate { database, source },
        }
    }
}

fn of_server(pool: AnyPool) -> Database {
    Database {
        kind: Kind::Postgres,
        metrics: meter::registry(vec![pool.clone()]),
        writer: pool.clone(),
        readers: pool,
        wakers: Arc::default(),
        is_doubtful: Arc::default(),
    }
}

async fn open_file(path: &Path) -> Result<Database, sqlx::Error> {
    let options = address::file_options(path)?;
    let writer = sqlite_pool(1, options.clone()).await?;
    let readers = sqlite_pool(4, options).await?;
    Ok(Database {
        kind: Kind::Sqlite,
        metrics: meter::registry(vec![writer.clone(), readers.clone()]),
        writer,
        readers,
        wakers: Arc::default(),
        is_doubtful: Arc::default(),
    })
}

/// Creates the file if it is missing, and sets its persistent options: the journal mode.
async fn create_file(path: &Path) -> Result<(), sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .connect()
        .await?
        .close()
        .await
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
