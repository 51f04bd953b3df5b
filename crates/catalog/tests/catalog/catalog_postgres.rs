//! Conformance of the catalog in PostgreSQL, and behaviour specific to servers.

use std::time::Duration;

use catalog::database::{Database, DatabaseConfig, OpenError, SchemaError, open};
use catalog::videos::conformance::Subject;
use catalog::{Catalog, CatalogError, ClaimOutcome, NewVideo, VideoFilter};
use domain::ids::{Generation, VideoId};
use domain::job::{Job, JobReason, Mode, Source};
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;
use testkit::{Postgres, together};

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
const LEASE: Duration = Duration::from_secs(60);

async fn database(server: &Postgres) -> Database {
    open(&server.database()).await.expect("opens")
}

async fn subject(server: &Postgres) -> (Subject, Database) {
    let database = database(server).await;
    (
        Subject {
            catalog: Catalog::new(&database),
        },
        database,
    )
}

fn job(number: u8) -> Job {
    let video = VideoId::new(NOW.get(), [number; 10]);
    let key = format!("uploads/{video}/film.mp4");
    let source = Source {
        bucket: "private".to_owned(),
        key,
        etag: "etag".to_owned(),
        size: 1,
    };
    Job::new(video, source, "default", Mode::Abr, JobReason::Upload)
}

fn generation() -> Generation {
    Generation::of("etag", "default")
}

#[tokio::test]
async fn postgres_does_what_every_catalog_does() {
    let Some(server) = Postgres::start() else {
        return;
    };
    together(
        catalog::catalog_conformance!(together: subject(&server).await),
        4,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_claimers_on_two_machines_one_wins() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let catalogs = [
        Catalog::new(&open(&address).await.unwrap()),
        Catalog::new(&open(&address).await.unwrap()),
    ];
    for number in 0..20 {
        // Half of the claims find a row, the others create it.
        if number % 2 == 0 {
            catalogs[0]
                .note_upload_event(&job(number), NOW)
                .await
                .unwrap();
        }
        let claimers = (0..8).map(|it| {
            let catalog = catalogs[it % 2].clone();
            tokio::spawn(async move {
                catalog
                    .claim(&job(number), &generation(), "worker", LEASE, NOW)
                    .await
                    .unwrap()
            })
        });
        let mut won = 0;
        for outcome in futures::future::join_all(claimers).await {
            won += u32::from(matches!(outcome.unwrap(), ClaimOutcome::Claimed(_)));
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn many_may_open_a_new_database_at_once_and_close_it() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    for database in futures::future::join_all((0..8).map(|_| open(&address))).await {
        let database = database.unwrap();
        let catalog = Catalog::new(&database);
        catalog.note_upload_event(&job(1), NOW).await.unwrap();
        database.close().await;
        let read = catalog.get_video(job(1).video).await;
        assert!(
            matches!(read, Err(CatalogError::Unavailable { .. })),
            "{read:?}"
        );
    }
}

#[tokio::test]
async fn a_newer_version_may_add_and_states_which_older_ones_may_go_on() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let catalog = Catalog::new(&open(&address).await.unwrap());
    let read_all = || async {
        let video = job(1).video;
        let outcome = catalog
            .claim(&job(1), &generation(), "worker", LEASE, NOW)
            .await
            .unwrap();
        let ClaimOutcome::Claimed(claim) = outcome else {
            panic!("{outcome:?}")
        };
        catalog.get_video(video).await.unwrap();
        catalog.attempts(video).await.unwrap();
        catalog.renditions(video, &generation()).await.unwrap();
        catalog.release(&claim, NOW).await.unwrap();
    };
    read_all().await;
    // As a newer version's migrations would do, while statements are prepared already.
    let by_hand = sqlx::PgPool::connect(&address).await.unwrap();
    for table in ["videos", "attempts", "renditions"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "ALTER TABLE {table} ADD COLUMN of_tomorrow TEXT"
        )))
        .execute(&by_hand)
        .await
        .unwrap();
    }
    read_all().await;

    sqlx::raw_sql("INSERT INTO _sqlx_migrations VALUES (999, 'of tomorrow', now(), TRUE, '', 0)")
        .execute(&by_hand)
        .await
        .unwrap();
    open(&address).await.unwrap().close().await;
    sqlx::raw_sql("UPDATE compatibility SET oldest_program = 999")
        .execute(&by_hand)
        .await
        .unwrap();
    assert!(matches!(
        open(&address).await,
        Err(OpenError::Schema {
            source: SchemaError::Newer,
            ..
        })
    ));
}

#[tokio::test]
async fn text_of_any_kind_is_kept_and_found() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let catalog = Catalog::new(&database(&server).await);
    let new = NewVideo {
        id: job(1).video,
        owner: None,
        title: Some("Été\0 100% ЖУК".to_owned()),
        external_id: None,
        metadata: serde_json::json!({ "nul": "\0" })
            .as_object()
            .cloned()
            .unwrap(),
        profile: "default".to_owned(),
        mode: Mode::Abr,
        generate: domain::job::Generate::OnUpload,
        file_name: None,
        source_key: None,
        source_size: None,
        content_type: None,
    };
    let video = catalog.create_video(&new, NOW).await.unwrap();
    assert_eq!(
        video.title.as_deref(),
        Some("Été\u{FFFD} 100% ЖУК"),
        "PostgreSQL cannot store NUL"
    );
    assert_eq!(video.metadata, new.metadata);
    for part in ["Été", "100% ЖУК", "%"] {
        let filter = VideoFilter {
            text: Some(part.to_owned()),
            ..VideoFilter::default()
        };
        assert_eq!(
            catalog.list_videos(&filter).await.unwrap().videos.len(),
            1,
            "{part}"
        );
    }
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let catalog = Catalog::new(&open(&address).await.unwrap());
    catalog.note_upload_event(&job(1), NOW).await.unwrap();
    // The effect of a failover on clients.
    let by_hand = sqlx::PgPool::connect(&address).await.unwrap();
    sqlx::raw_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    )
    .execute(&by_hand)
    .await
    .unwrap();
    let video = catalog
        .apply(job(1).video, &VideoEvent::Cancelled, NOW)
        .await
        .unwrap();
    assert_eq!(video.state, VideoState::Cancelled);
}

#[tokio::test]
async fn a_server_is_spoken_to_by_tls_and_known_by_its_certificate() {
    let Some(server) = Postgres::start_with_tls() else {
        return;
    };
    // The certificate is issued for the name, not for the address.
    let by_name = server.database().replace("127.0.0.1", "localhost");
    let trusted = format!(
        "{by_name}?sslmode=verify-full&sslrootcert={}",
        server.certificate().display()
    );
    let catalog = Catalog::new(&open(&trusted).await.unwrap());
    catalog.note_upload_event(&job(1), NOW).await.unwrap();
    let by_hand = sqlx::PgPool::connect(&trusted).await.unwrap();
    let (ciphered, clear): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl)
         FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_port > 0",
    )
    .fetch_one(&by_hand)
    .await
    .unwrap();
    assert!(
        ciphered >= 2 && clear == 0,
        "{ciphered} in cipher, {clear} in clear"
    );

    let ca = format!("&sslrootcert={}", server.certificate().display());
    for (address, ca) in [
        // Of an unknown authority; for another name.
        (&by_name, ""),
        (&server.database(), ""),
        (&server.database(), ca.as_str()),
    ] {
        let refused = open(&format!("{address}?sslmode=verify-full{ca}")).await;
        assert!(
            matches!(refused, Err(OpenError::Certificate { .. })),
            "{refused:?}"
        );
    }
}

/// A role that may read and write rows, but create nothing, as functions and containers have it.
#[tokio::test]
async fn a_program_that_does_not_migrate_needs_no_right_to_create_tables() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let migrating = DatabaseConfig::migrating(address.parse().unwrap());
    let by_hand = sqlx::PgPool::connect(&address).await.unwrap();
    sqlx::raw_sql("CREATE ROLE clerk LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        .execute(&by_hand)
        .await
        .unwrap();
    let restricted = address.replace("//test", "//clerk");
    assert_ne!(restricted, address);
    let config = DatabaseConfig {
        address: restricted.parse().unwrap(),
        migrate: false,
        ..migrating.clone()
    };
    let lazy = config.open_lazily().await.unwrap();
    let refused = Catalog::new(&lazy).ping(NOW).await.unwrap_err();
    let CatalogError::Unavailable { source } = &refused else {
        panic!("{refused:?}")
    };
    let shown = format!("{source:?}");
    assert!(shown.contains("Older"), "{shown}");
    let refused = config.open().await.unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Schema {
                source: SchemaError::Older { .. },
                ..
            }
        ),
        "{refused:?}"
    );

    assert!(migrating.migrate(false).await.unwrap().len() > 10);
    sqlx::raw_sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk")
        .execute(&by_hand)
        .await
        .unwrap();
    for database in [lazy, config.open().await.unwrap()] {
        let catalog = Catalog::new(&database);
        catalog.note_upload_event(&job(1), NOW).await.unwrap();
        catalog.ping(NOW).await.unwrap();
        database.close().await;
    }
}

/// A paused server answers late.
#[tokio::test]
async fn the_first_connection_may_take_twenty_seconds() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    open(&address).await.unwrap().close().await;
    let (slow, port) = slow_server(&address).await;
    let address = address.replace(&format!(":{port}/"), &format!(":{slow}/"));
    let config = DatabaseConfig {
        migrate: false,
        ..DatabaseConfig::migrating(address.parse().unwrap())
    };
    let database = config.open_lazily().await.unwrap();
    Catalog::new(&database).ping(NOW).await.unwrap();
}

/// A port that passes connections on after 17 s, and the port of the server.
async fn slow_server(address: &str) -> (u16, u16) {
    let port: u16 = address
        .rsplit_once(':')
        .and_then(|(_, rest)| rest.split('/').next()?.parse().ok())
        .expect("a port");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let slow = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(17)).await;
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port))
                    .await
                    .expect("the server listens");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (slow, port)
}
