//! Concurrent uploads: nothing is lost or duplicated. `make bench-api` does the same with a
//! thousand.

use catalog::database::DatabaseConfig;
use std::sync::Arc;

use catalog::connect::QueueAddress;
use config::Services;
use e2e::crowd::uploads;
use e2e::site::Site;
use platform::testing::RunningServer;
use testkit::Postgres;

async fn show(database: String, folder: tempfile::TempDir) {
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let services = Services {
        database: DatabaseConfig::migrating(database.parse().expect("an address")),
        queue: QueueAddress::Database.into(),
        store: s3.store_config(),
    };
    let site = Arc::new(Site::new(services, folder).await);
    let (api, pump) = (Arc::new(site.api().await), site.pump(s3.server.events()));
    uploads(&site, &api, 10, 50).await;
    let log = api.log();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    pump.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_uploads_by_ten_callers_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    show(
        format!("sqlite:{}", folder.path().join("edgereel.db").display()),
        folder,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_uploads_by_ten_callers_in_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    show(postgres.database(), tempfile::tempdir().unwrap()).await;
}
