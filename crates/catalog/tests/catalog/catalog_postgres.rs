//! Conformance of the catalog in PostgreSQL, and behaviour specific to servers.

use std::time::Duration;

use catalog::database::{Database, OpenError, open};
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
async fn a_newer_version_may_add_columns_meanwhile_but_is_not_opened_by_an_older_one() {
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
    assert!(matches!(open(&address).await, Err(OpenError::Newer { .. })));
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

    for (address, mode) in [
        (&by_name, "verify-full"),
        (&server.database(), "verify-full"),
    ] {
        let refused = open(&format!("{address}?sslmode={mode}")).await;
        assert!(
            matches!(refused, Err(OpenError::Open { .. })),
            "{refused:?}"
        );
    }
}
