use tempfile::TempDir;

use super::*;

#[tokio::test]
async fn opens_twice_and_keeps_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edgereel.db");
    open_sqlite(&path).await.unwrap().close().await;
    let again = open_sqlite(&path).await.unwrap();
    for pool in [&again.readers, &again.writer] {
        let settings: (String, i64, i64, i64) = sqlx::query_as(
            "SELECT journal_mode, synchronous, timeout, foreign_keys
             FROM pragma_journal_mode, pragma_synchronous, pragma_busy_timeout, pragma_foreign_keys",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        assert_eq!(settings, ("wal".to_owned(), 2, 10_000, 1), "2 is FULL");
    }
}

#[tokio::test]
async fn a_path_may_be_called_anything() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
    for name in [
        "100%25?.db",
        "a b#c&d=é.db",
        "link/../\"x\".db",
        "sqlite:.db",
    ] {
        let path = folder.path().join(name);
        let database = open_sqlite(&path).await.unwrap();
        retried(|| async {
            let mut tx = database.write().await?;
            sqlx::query("CREATE TABLE it (x BIGINT)")
                .execute(&mut *tx)
                .await?;
            tx.commit().await
        })
        .await
        .unwrap();
        database.close().await;
        let by_hand = rusqlite::Connection::open(&path).unwrap();
        assert!(by_hand.table_exists(None, "it").unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_full_disk_costs_what_is_written_while_it_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let database = open_sqlite(&folder.path().join("edgereel.db"))
        .await
        .unwrap();
    sqlx::query("CREATE TABLE it (x TEXT)")
        .execute(&database.writer)
        .await
        .unwrap();
    let write = || async {
        let mut tx = database.write().await?;
        sqlx::query("INSERT INTO it VALUES ($1)")
            .bind("x".repeat(100_000))
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    };
    let (pages,): (i64,) = sqlx::query_as("SELECT page_count FROM pragma_page_count")
        .fetch_one(&database.writer)
        .await
        .unwrap();
    let limit = |pages: i64| sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::raw_sql(limit(pages))
        .execute(&database.writer)
        .await
        .unwrap();
    for _ in 0..3 {
        let failed: sqlx::Error = write().await.unwrap_err();
        let code = failed
            .as_database_error()
            .and_then(|it| it.code())
            .map(|it| it.into_owned());
        // The page limit belongs to the connection, which is replaced after the first failure.
        assert_eq!(code.as_deref(), Some("13"), "SQLITE_FULL: {failed:?}");
        sqlx::raw_sql(limit(pages))
            .execute(&database.writer)
            .await
            .unwrap();
    }
    sqlx::raw_sql(limit(1_000_000))
        .execute(&database.writer)
        .await
        .unwrap();
    write().await.expect("the disk has space again");
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
    let missing = open_sqlite(&folder.path().join("no/such/folder.db"))
        .await
        .unwrap_err();
    assert!(matches!(missing, OpenError::Open { .. }), "{missing:?}");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "This is not a database. ".repeat(100)).unwrap();
    let foreign = open_sqlite(&text).await.unwrap_err();
    assert!(matches!(foreign, OpenError::Open { .. }), "{foreign:?}");
}

/// A file that a newer program has migrated, which works with programs from `oldest` on.
async fn file_of_a_newer_program(folder: &TempDir, oldest: i64) -> DatabaseConfig {
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
    sqlx::query("UPDATE compatibility SET oldest_program = $1")
        .bind(oldest)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    database.close().await;
    DatabaseConfig::migrating(DatabaseAddress::file(path))
}

#[tokio::test]
async fn a_program_works_with_the_additions_of_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let migrating = file_of_a_newer_program(&folder, 18).await;
    assert_eq!(migrating.migrate(false).await.unwrap(), []);
    for migrate in [true, false] {
        let config = DatabaseConfig {
            migrate,
            ..migrating.clone()
        };
        config.open().await.unwrap().close().await;
    }
}

#[tokio::test]
async fn a_program_leaves_a_database_alone_that_lacks_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let migrating = file_of_a_newer_program(&folder, 999).await;
    for migrate in [true, false] {
        let config = DatabaseConfig {
            migrate,
            ..migrating.clone()
        };
        let refused = config.open().await;
        assert!(
            matches!(
                refused,
                Err(OpenError::Schema {
                    source: SchemaError::Newer,
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn only_who_may_migrate_creates_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edgereel.db");
    let migrating = DatabaseConfig::migrating(DatabaseAddress::file(&path));
    let config = DatabaseConfig {
        migrate: false,
        ..migrating.clone()
    };
    let is_refused = |opened: Result<Database, OpenError>| {
        matches!(
            opened,
            Err(OpenError::Schema {
                source: SchemaError::Older { missing: 15.. },
                ..
            })
        )
    };
    assert!(is_refused(config.open().await), "the file is missing");
    assert!(!path.exists());
    let missing = migrating.migrate(true).await.unwrap();
    assert_eq!(missing[0].number, 1);
    assert!(!path.exists(), "it was a dry run");
    assert!(is_refused(config.open().await), "it was a dry run");
    assert_eq!(migrating.migrate(false).await.unwrap(), missing);
    assert_eq!(migrating.migrate(false).await.unwrap(), []);
    config.open().await.unwrap().close().await;
}
