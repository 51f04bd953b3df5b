//! `owner_usage` has what a count of `videos` has, whatever changes the videos, in both databases.

use catalog::database::{DatabaseAddress, DatabaseConfig};
use catalog::videos::conformance::fill_library;
use domain::time::UnixMillis;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyPool, AssertSqlSafe, Row as _};
use testkit::Postgres;

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

/// Owner, videos, bytes.
type Usage = Vec<(String, i64, i64)>;

#[tokio::test]
async fn sqlite_keeps_the_usage_of_owners_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edgereel.db");
    let by_hand = format!("sqlite://{}?mode=rwc", path.display());
    keeps_usage_right(
        &DatabaseConfig::migrating(DatabaseAddress::file(&path)),
        &by_hand,
        "DROP TRIGGER videos_inserted_owner_usage; DROP TRIGGER videos_deleted_owner_usage;
         DROP TRIGGER videos_updated_owner_usage; DROP TABLE owner_usage;",
    )
    .await;
}

#[tokio::test]
async fn postgres_keeps_the_usage_of_owners_right() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    keeps_usage_right(
        &DatabaseConfig::migrating(address.parse().unwrap()),
        &address,
        "DROP FUNCTION videos_change_owner_usage CASCADE; DROP FUNCTION add_owner_usage; DROP TABLE owner_usage;",
    )
    .await;
}

/// `undo`: restores the schema from before 0030.
async fn keeps_usage_right(config: &DatabaseConfig, address: &str, undo: &'static str) {
    let database = config.open().await.expect("opens");
    install_default_drivers();
    let by_hand = AnyPoolOptions::new()
        .max_connections(1)
        .connect(address)
        .await
        .expect("connects");
    fill_library(&database, 60, NOW).await.expect("fills");
    let filled = usage(&by_hand).await;
    assert!(filled.len() > 3, "several owners: {filled:?}");
    assert_eq!(filled, counted(&by_hand).await);

    // Each statement changes the videos of a third of the rows, whatever they were.
    for change in [
        "UPDATE videos SET owner = 'another'",
        "UPDATE videos SET source_size = 5",
        "UPDATE videos SET state = 'deleted'",
        "UPDATE videos SET source_size = NULL",
        "UPDATE videos SET owner = NULL",
        "UPDATE videos SET state = 'ready', owner = 'third', source_size = 11",
        "UPDATE videos SET state = 'failed'",
        "UPDATE videos SET owner = 'another', state = 'deleted'",
        "UPDATE videos SET title = 'not counted', version = version + 1",
    ] {
        for third in 0..3 {
            let statement = format!(
                "{change} WHERE id IN (SELECT id FROM
                     (SELECT id, row_number() OVER (ORDER BY id) AS number FROM videos) AS numbered
                 WHERE number % 3 = {third} OR number % 7 = 2)"
            );
            sqlx::raw_sql(AssertSqlSafe(statement.as_str()))
                .execute(&by_hand)
                .await
                .expect("the statement runs");
            assert_eq!(
                usage(&by_hand).await,
                counted(&by_hand).await,
                "{statement}"
            );
        }
    }

    // The migration counts the videos that it finds.
    sqlx::raw_sql("UPDATE videos SET state = 'ready', owner = 'kept' WHERE source_size = 11")
        .execute(&by_hand)
        .await
        .expect("the statement runs");
    let before = usage(&by_hand).await;
    for statement in [undo, "DELETE FROM _sqlx_migrations WHERE version = 30"] {
        sqlx::raw_sql(statement)
            .execute(&by_hand)
            .await
            .expect("the statement runs");
    }
    let applied = config.migrate(false).await.expect("migrates");
    assert_eq!(applied.iter().map(|it| it.number).collect::<Vec<_>>(), [30]);
    assert_eq!(usage(&by_hand).await, before);
    by_hand.close().await;
}

async fn usage(by_hand: &AnyPool) -> Usage {
    read(
        by_hand,
        "SELECT owner, videos, source_bytes FROM owner_usage WHERE videos <> 0 OR source_bytes <> 0 ORDER BY owner",
    )
    .await
}

async fn counted(by_hand: &AnyPool) -> Usage {
    read(
        by_hand,
        "SELECT owner, count(*), CAST(coalesce(sum(source_size), 0) AS BIGINT) FROM videos
         WHERE owner IS NOT NULL AND state <> 'deleted' GROUP BY owner ORDER BY owner",
    )
    .await
}

async fn read(by_hand: &AnyPool, statement: &'static str) -> Usage {
    sqlx::query(statement)
        .fetch_all(by_hand)
        .await
        .expect("the statement runs")
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}
