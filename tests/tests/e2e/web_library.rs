//! The library of the web app with 20,000 videos.

use std::time::Duration;

use catalog::database::open_sqlite;
use catalog::videos::conformance::fill_library;
use e2e::browser;
use e2e::dev::Home;
use platform::clock;

const VIDEOS: u32 = 20_000;

/// Wherever a user scrolls, the screen fills with the right rows, and the page stays small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_library_scrolls_without_blank_rows() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    let database = open_sqlite(&home.data().join("edgereel.db")).await.unwrap();
    fill_library(&database, VIDEOS, clock::now()).await.unwrap();
    database.close().await;
    let dev = home.start().await;
    let (link, token) = (home.sign_in_link(), dev.info["token"].as_str().unwrap());

    let report = browser::run("web/library.mjs", &[&link, token], Duration::from_secs(400)).await;
    println!("{report:#}");
    assert_eq!(
        (&report["videos"], &report["found"]),
        (&VIDEOS.into(), &3.into())
    );
    assert!(report["rows"].as_u64().unwrap() < 120, "{report:#}");
    assert!(report["nodes"].as_u64().unwrap() < 4_000, "{report:#}");
    assert!(dev.terminate().await.success());
}
