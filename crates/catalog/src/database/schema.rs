//! The schema: its migrations, and which programs may use it.
//!
//! Migrations only add, so a program also works with the schema of a newer one. The table
//! `compatibility` states the oldest program that still does: see `migrations/README.md`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use sqlx::AnyConnection;
use sqlx::migrate::{MigrateError, Migration, Migrator};

use super::Kind;

static OF_BOTH: Migrator = sqlx::migrate!("./migrations");
/// Migrations whose SQL the other database does not have.
static OF_SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static OF_POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// The migrations of SQLite and of PostgreSQL, in order.
static ALL: LazyLock<[Migrator; 2]> = LazyLock::new(|| [&OF_SQLITE, &OF_POSTGRES].map(join));

fn join(own: &Migrator) -> Migrator {
    let mut all: Vec<_> = OF_BOTH.iter().chain(own.iter()).cloned().collect();
    all.sort_by_key(|it| it.version);
    let mut migrations = Migrator::with_migrations(all);
    // The caller holds a lock that also works behind a pooler.
    migrations.set_locking(false);
    // A newer program may have run its own.
    migrations.set_ignore_missing(true);
    migrations
}

fn of(kind: Kind) -> &'static Migrator {
    let [sqlite, postgres] = &*ALL;
    match kind {
        Kind::Sqlite => sqlite,
        Kind::Postgres => postgres,
    }
}

/// Why a program cannot use the schema of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A newer program has removed what this one needs.
    #[error("a newer version has changed its tables: use that version, or another database")]
    Newer,
    /// Migrations are missing.
    #[error(
        "it lacks {missing} migrations of this version: run `edgereel migrate`, or set EDGEREEL_MIGRATE=1"
    )]
    Older {
        /// How many.
        missing: usize,
    },
}

/// A migration: its number and its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationName {
    /// The number.
    pub number: i64,
    /// The description.
    pub description: String,
}

/// Checks whether this program can use the schema.
///
/// # Errors
/// Those of the database; a [`SchemaError`] in `Configuration`.
pub(super) async fn check(kind: Kind, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let schema = Schema::read(kind, connection).await?;
    schema
        .check(of(kind))
        .map_err(|it| sqlx::Error::Configuration(it.into()))
}

/// All migrations.
pub(super) fn all(kind: Kind) -> Vec<MigrationName> {
    of(kind).iter().map(name).collect()
}

/// The error for a database that does not exist yet.
pub(super) fn of_new_database(kind: Kind) -> SchemaError {
    SchemaError::Older {
        missing: all(kind).len(),
    }
}

/// Runs the missing migrations and returns them. The caller holds the lock, and commits.
pub(super) async fn run(
    kind: Kind,
    connection: &mut AnyConnection,
) -> Result<Vec<MigrationName>, MigrateError> {
    let schema = Schema::read(kind, connection).await?;
    let all = of(kind);
    let missing = match schema.check(all) {
        Ok(()) => return Ok(vec![]),
        Err(SchemaError::Older { .. }) => schema.missing(all),
        Err(error @ SchemaError::Newer) => return Err(MigrateError::Source(error.into())),
    };
    all.run_direct(None, connection, false).await?;
    Ok(missing)
}

/// The applied migrations, and the oldest program that may use the schema.
struct Schema {
    applied: BTreeSet<i64>,
    oldest_program: i64,
}

impl Schema {
    async fn read(kind: Kind, connection: &mut AnyConnection) -> Result<Self, sqlx::Error> {
        let mut schema = Self {
            applied: BTreeSet::new(),
            oldest_program: 0,
        };
        if has_table(kind, connection, "_sqlx_migrations").await? {
            let versions: Vec<(i64,)> = sqlx::query_as("SELECT version FROM _sqlx_migrations")
                .fetch_all(&mut *connection)
                .await?;
            schema.applied = versions.into_iter().map(|(version,)| version).collect();
        }
        if has_table(kind, connection, "compatibility").await? {
            (schema.oldest_program,) =
                sqlx::query_as("SELECT oldest_program FROM compatibility WHERE id = 1")
                    .fetch_one(&mut *connection)
                    .await?;
        }
        Ok(schema)
    }

    fn check(&self, all: &Migrator) -> Result<(), SchemaError> {
        let latest = all.iter().map(|it| it.version).max().unwrap_or(0);
        if self.oldest_program > latest {
            return Err(SchemaError::Newer);
        }
        match self.missing(all).len() {
            0 => Ok(()),
            missing => Err(SchemaError::Older { missing }),
        }
    }

    fn missing(&self, all: &Migrator) -> Vec<MigrationName> {
        all.iter()
            .filter(|it| !self.applied.contains(&it.version))
            .map(name)
            .collect()
    }
}

fn name(migration: &Migration) -> MigrationName {
    MigrationName {
        number: migration.version,
        description: migration.description.to_string(),
    }
}

async fn has_table(
    kind: Kind,
    connection: &mut AnyConnection,
    name: &str,
) -> Result<bool, sqlx::Error> {
    let statement = match kind {
        Kind::Sqlite => "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
        Kind::Postgres => {
            "SELECT count(*) FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = $1"
        }
    };
    let (tables,): (i64,) = sqlx::query_as(statement)
        .bind(name)
        .fetch_one(connection)
        .await?;
    Ok(tables > 0)
}
