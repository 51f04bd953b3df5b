//! Sums of more receipts than one statement reads, in both databases.

use std::time::{Duration, Instant};

use catalog::database::{DatabaseAddress, DatabaseConfig};
use catalog::videos::conformance::fill_library;
use catalog::{Catalog, UsageBy, UsageFilter};
use domain::receipt::Receipt;
use domain::time::UnixMillis;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use testkit::Postgres;

/// For 100,000 receipts on a slow machine.
const LIMIT: Duration = Duration::from_secs(20);
const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

/// A multiple of twenty, of which eighteen are ready. `EDGEREEL_TEST_RECEIPTS=111120` measures 100,000 receipts.
fn videos() -> u32 {
    let given = std::env::var("EDGEREEL_TEST_RECEIPTS").ok();
    given.and_then(|it| it.parse().ok()).unwrap_or(5_000)
}

#[tokio::test]
async fn sqlite_sums_up_many_receipts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edgereel.db");
    let by_hand = format!("sqlite://{}?mode=rwc", path.display());
    let config = DatabaseConfig::migrating(DatabaseAddress::file(&path));
    sums_up(&config, &by_hand).await;
}

#[tokio::test]
async fn postgres_sums_up_many_receipts() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let config = DatabaseConfig::migrating(address.parse().unwrap());
    sums_up(&config, &address).await;
}

async fn sums_up(config: &DatabaseConfig, address: &str) {
    let database = config.open().await.expect("opens");
    let videos = videos();
    fill_library(&database, videos, NOW).await.expect("fills");
    install_default_drivers();
    let by_hand = AnyPoolOptions::new().max_connections(1).connect(address);
    let by_hand = by_hand.await.expect("connects");
    let receipt = Receipt {
        cpu_ms: 3,
        stored_bytes: 1 << 33,
        ..Receipt::default()
    };
    let record = serde_json::to_string(&receipt).expect("JSON");
    // A field that is skipped, as long as the scores of per-title encoding.
    let record = record.replacen('{', &format!("{{\"scores\":\"{}\",", "x".repeat(2_000)), 1);
    sqlx::query(
        "INSERT INTO receipts (video, generation, recorded_ms, record)
         SELECT id, generation, ready_ms, $1 FROM videos WHERE generation IS NOT NULL",
    )
    .bind(record)
    .execute(&by_hand)
    .await
    .expect("inserts");
    let catalog = Catalog::new(&database);
    for (by, owner) in [
        (UsageBy::Owner, None),
        (UsageBy::Month, None),
        (UsageBy::Month, Some("owner-2".to_owned())),
    ] {
        let filter = UsageFilter {
            owner: owner.clone(),
            ..UsageFilter::default()
        };
        let began = Instant::now();
        let groups = catalog.usage(by, &filter).await.expect("sums");
        let found: u64 = groups.values().map(|it| it.videos).sum();
        let took = began.elapsed();
        assert!(took < LIMIT, "{by:?} {owner:?}: {found} in {took:?}");
        // Half of the videos belong to ten owners; all of this one are ready.
        let expected = match owner {
            None => u64::from(videos) / 20 * 18,
            Some(_) => u64::from(videos) / 20,
        };
        assert_eq!(found, expected, "{by:?} {owner:?}");
        for usage in groups.values() {
            assert_eq!(usage.total.cpu_ms, 3 * usage.videos);
            assert_eq!(usage.total.stored_bytes, usage.videos << 33);
        }
        let is_by_owner = by == UsageBy::Owner;
        assert!(!is_by_owner || groups.len() == 11, "{:?}", groups.keys());
    }
}
