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
#[expect(clippy::print_stdout, reason = "a test that does not run has to say so")]
pub fn is_there() -> bool {
    let chromium = std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let there = chromium.is_file() && folder().join("node_modules").is_dir();
    if !there {
        println!("skipped: there is no Chromium, or its driver is not installed: scripts/setup.sh --browser");
    }
    there
}

/// That hls.js told of no error.
///
/// One it may take back: of the first fragment, it looks whether it is in the buffer while the browser's word for that is still
/// on its way (hls.js 1.7). It was there, or it would stand among the errors.
///
/// # Panics
/// If it did.
pub fn played_without_an_error(told: &Value) {
    assert_eq!(told["errors"], serde_json::json!([]), "{told:#}");
    let rash = told["rash"].as_array().expect("a list");
    let first = |it: &Value| it["frag"].as_str().is_some_and(|it| it.contains(" 0 of "));
    assert!(rash.len() <= 1 && rash.iter().all(first), "{told:#}");
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
