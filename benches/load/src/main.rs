//! Load test of the API: a thousand uploads by fifty concurrent callers, and single routes,
//! compared with a bare route of axum; and the list of a large library.
//!
//! `make bench-api` calls it, with the path of the release build in `EDGEREEL_BIN`, and writes
//! `docs/load.md`.
//!
//! - `UPLOADS=1000`, `CALLERS=50`, `REQUESTS=4000`, `VIDEOS=20000`: amount of load
//! - `REPORT=FILE`: a page between whose marks the report is written; without it, standard output

mod bare;
mod library;
mod report;
mod routes;

use catalog::database::DatabaseConfig;
use std::sync::Arc;

use catalog::connect::QueueAddress;
use config::Services;
use e2e::crowd::{Times, uploads};
use e2e::site::Site;
use platform::testing::RunningServer;
use testkit::Postgres;

/// The amount of load.
#[derive(Debug, Clone, Copy)]
struct Size {
    uploads: usize,
    callers: usize,
    requests: usize,
    videos: u32,
}

/// The measurements with one database.
struct Measured {
    database: &'static str,
    uploads: Times,
    routes: Vec<routes::Route>,
    library: library::Library,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("bare") {
        return bare::serve().await;
    }
    let number = |name: &str, default| {
        std::env::var(name)
            .ok()
            .and_then(|it| it.parse().ok())
            .unwrap_or(default)
    };
    let size = Size {
        uploads: number("UPLOADS", 1_000),
        callers: number("CALLERS", 50),
        requests: number("REQUESTS", 4_000),
        videos: u32::try_from(number("VIDEOS", 20_000))?,
    };
    let bare_before = bare::measure(size).await?;
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let mut measured = vec![measure("SQLite", file, folder, size).await];
    if let Some(postgres) = Postgres::start() {
        measured.push(
            measure(
                "PostgreSQL",
                postgres.database(),
                tempfile::tempdir()?,
                size,
            )
            .await,
        );
    }
    // The speed of the machine may have changed since the beginning.
    let bare_after = bare::measure(size).await?;
    let text = report::write(size, [&bare_before, &bare_after], &measured);
    match std::env::var_os("REPORT") {
        Some(path) => report::put_into(path.as_ref(), &text)?,
        None => println!("{text}"),
    }
    Ok(())
}

async fn measure(
    database: &'static str,
    address: String,
    folder: tempfile::TempDir,
    size: Size,
) -> Measured {
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let services = Services {
        database: DatabaseConfig::migrating(address.parse().expect("an address")),
        queue: QueueAddress::Database.into(),
        store: s3.store_config(),
    };
    let site = Arc::new(Site::new(services, folder).await);
    let (api, pump) = (Arc::new(site.api().await), site.pump(s3.server.events()));
    eprintln!(
        "{database}: {} uploads by {} callers",
        size.uploads, size.callers
    );
    let uploads = uploads(&site, &api, size.callers, size.uploads).await;
    let routes = routes::measure(&site, &api, size).await;
    let library = library::measure(&site, &api, size.videos).await;
    pump.abort();
    Measured {
        database,
        uploads,
        routes,
        library,
    }
}
