//! A real browser: Chromium, driven by the scripts of `tests/browser`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

/// Directory of the scripts.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// Whether there is a browser, and what drives it; says what is missing if not.
pub fn is_there() -> bool {
    let chromium = std::env::var_os("CHROMIUM")
        .map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let there = chromium.is_file() && folder().join("node_modules").is_dir();
    if !there {
        testkit::missing("Chromium or its driver", "scripts/setup.sh --browser");
    }
    there
}

/// Checks that hls.js reported no error.
///
/// Premature reports are ignored: when one buffer is done, hls.js 1.7 checks the other as well,
/// although its `updateend` may still be pending, and then reports a fragment as missing that is
/// there. `play.js` checks again half a second later, and a fragment that is missing then is among
/// the errors. This happens to one or two fragments of a film, and never twice to the same.
///
/// # Panics
/// If there is an error.
pub fn played_without_an_error(report: &Value) {
    assert_eq!(report["errors"], serde_json::json!([]), "{report:#}");
    let rash = report["rash"].as_array().expect("a list");
    let once = |it: &Value| it["reason"].as_str().is_some_and(|it| it.ends_with("(1)"));
    assert!(rash.len() <= 3 && rash.iter().all(once), "{report:#}");
}

/// Runs a script and returns its JSON output.
///
/// # Panics
/// If it fails, or takes longer than `limit`.
pub async fn run(script: &str, arguments: &[&str], limit: Duration) -> Value {
    let mut command = tokio::process::Command::new("node");
    command
        .arg(folder().join(script))
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output())
        .await
        .expect("the browser is done in time");
    let output = output.expect("node starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {log}");
    let report = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(report.trim())
        .unwrap_or_else(|error| panic!("{script} printed {report}: {error}: {log}"))
}
