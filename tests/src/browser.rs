//! A real browser: Chromium, driven by the scripts of `tests/browser`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

/// Where the scripts stand.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// Whether there is a browser, and what drives it; says what is missing if not.
pub fn is_there() -> bool {
    let chromium = std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let there = chromium.is_file() && folder().join("node_modules").is_dir();
    if !there {
        testkit::missing("Chromium or its driver", "scripts/setup.sh --browser");
    }
    there
}

/// That hls.js told of no error.
///
/// But for what it says too early: when the one buffer is done, hls.js 1.7 goes on with the other as well, though that one's
/// `updateend` may still be on its way, and then misses a fragment that is there. `play.js` looks half a second later, and
/// what is missing then stands among the errors. It happens to one fragment or two of a film, and never twice to the same.
///
/// # Panics
/// If it did.
pub fn played_without_an_error(told: &Value) {
    assert_eq!(told["errors"], serde_json::json!([]), "{told:#}");
    let rash = told["rash"].as_array().expect("a list");
    let once = |it: &Value| it["reason"].as_str().is_some_and(|it| it.ends_with("(1)"));
    assert!(rash.len() <= 3 && rash.iter().all(once), "{told:#}");
}

/// Runs a script and gives back what it tells.
///
/// # Panics
/// If it fails, or takes longer than `limit`.
pub async fn run(script: &str, arguments: &[&str], limit: Duration) -> Value {
    let mut command = tokio::process::Command::new("node");
    command.arg(folder().join(script)).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output()).await.expect("the browser is done in time");
    let output = output.expect("node starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {log}");
    let told = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(told.trim()).unwrap_or_else(|error| panic!("{script} told {told}: {error}: {log}"))
}
