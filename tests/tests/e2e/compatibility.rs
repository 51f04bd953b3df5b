//! Some rows of `docs/compatibility.md`, made and played again.

use std::path::Path;
use std::time::Duration;

use e2e::browser;
use e2e::program::{edgereel, text};
use serde_json::json;

/// What `check` reports, and what each player does, is what the page says.
#[tokio::test]
async fn some_combinations_still_play() {
    if !browser::is_there() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    let page = std::fs::read_to_string(path).unwrap();
    let program = text(&edgereel());
    let report = browser::run("matrix.mjs", &[&program, "few"], Duration::from_secs(240)).await;
    let rows = report["rows"].as_array().unwrap();
    assert!(rows.len() >= 4, "{report:#}");
    for row in rows {
        assert_eq!(row["findings"], json!([]), "{row:#}");
        let mut line = row["line"].as_str().unwrap().to_owned();
        // Another build of Chromium may decode HEVC, and then plays more than the page says.
        if row["combination"]["codec"] == "hevc" && report["decodable"]["hevc"] == true {
            line = line.replace("| plays ", "| plays H.264 ");
        }
        assert!(page.contains(&line), "{row:#}");
    }
}
