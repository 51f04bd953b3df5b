//! The program under test, run to its end.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;
use transcoder::Tools;

use crate::memory::{Peaks, Watch};

/// The result of a run.
#[derive(Debug)]
pub struct Answer {
    /// Exit code; `None`: ended by a signal.
    pub code: Option<i32>,
    /// The JSON objects of standard output, one per line.
    pub objects: Vec<Value>,
    /// Text of standard error.
    pub stderr: String,
    /// Duration of the run.
    pub took: Duration,
    /// Peak memory of the program and its children.
    pub peaks: Peaks,
}

impl Answer {
    /// The last object of standard output; `Null` if there is none.
    pub fn last(&self) -> &Value {
        self.objects.last().unwrap_or(&Value::Null)
    }
}

/// The path of the program: from `EDGEREEL_BIN`, or built beside the tests.
///
/// # Panics
/// If it was not built.
pub fn edgereel() -> PathBuf {
    let named = std::env::var_os("EDGEREEL_BIN").map(PathBuf::from);
    let path = named.unwrap_or_else(|| {
        let test = std::env::current_exe().expect("a test knows its own path");
        let folder = test
            .parent()
            .and_then(Path::parent)
            .expect("tests stand in `deps`, below the programs");
        folder.join("edgereel")
    });
    assert!(
        path.exists(),
        "`{}` is missing: run `cargo build -p cli` first, or `make test`",
        path.display()
    );
    path
}

/// The program, without variables of our environment that change its behaviour.
pub fn command(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(edgereel());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("EDGEREEL_") || text.starts_with("RUST_LOG") {
            command.env_remove(&name);
        }
    }
    command
        .args(arguments)
        .env("TMPDIR", temporary)
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program to its end, which must come within `limit`. Its temporary files go to `temporary`.
///
/// # Panics
/// If it does not end in time.
pub async fn edgereel_run(arguments: &[&str], temporary: &Path, limit: Duration) -> Answer {
    edgereel_run_with(&[], arguments, temporary, limit).await
}

/// As [`edgereel_run`], with environment variables.
///
/// # Panics
/// If it does not end in time.
pub async fn edgereel_run_with(
    environment: &[(String, String)],
    arguments: &[&str],
    temporary: &Path,
    limit: Duration,
) -> Answer {
    let started = Instant::now();
    let mut command = command(arguments, temporary);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let child = command.spawn().expect("the program starts");
    let watch = Watch::of(child.id().expect("it was just started"));
    let ended = tokio::time::timeout(limit, child.wait_with_output()).await;
    let output = ended.unwrap_or_else(|_| {
        panic!(
            "`edgereel {}` hung: {limit:?} are over",
            arguments.join(" ")
        )
    });
    let output = output.expect("the program can be waited for");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    Answer {
        code: output.status.code(),
        objects: lines
            .lines()
            .filter_map(|it| serde_json::from_str(it).ok())
            .collect(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: started.elapsed(),
        peaks: watch.end(),
    }
}

/// Transcodes a file into a directory, with the profile of [`PROFILE`] unless `more` names another.
///
/// # Panics
/// If it does not end within two minutes.
pub async fn transcode(input: &Path, out: &Path, temporary: &Path, more: &[&str]) -> Answer {
    transcode_with(&[], input, out, temporary, more).await
}

/// As [`transcode`], with environment variables.
///
/// # Panics
/// If it does not end within two minutes.
pub async fn transcode_with(
    environment: &[(String, String)],
    input: &Path,
    out: &Path,
    temporary: &Path,
    more: &[&str],
) -> Answer {
    let profile = out.with_extension("toml");
    std::fs::write(&profile, PROFILE).expect("a profile can be written");
    let (input, shown, profile) = (text(input), text(out), text(&profile));
    let mut arguments = vec!["transcode", &input, "--out", &shown, "--json"];
    if !more.contains(&"--profile") {
        arguments.extend(["--profile", &profile]);
    }
    arguments.extend(more);
    edgereel_run_with(environment, &arguments, temporary, Duration::from_secs(120)).await
}

/// Checks a playlist, and returns the report.
///
/// # Panics
/// If a MUST rule is violated.
pub async fn check(target: &str, temporary: &Path) -> Value {
    let answer = edgereel_run(
        &["check", target, "--json"],
        temporary,
        Duration::from_secs(120),
    )
    .await;
    let report = answer.last().clone();
    let of_level = |level: &str| -> Vec<Value> {
        let findings = report["findings"].as_array().cloned().unwrap_or_default();
        findings
            .into_iter()
            .filter(|it| it["level"] == level)
            .collect()
    };
    assert_eq!(
        answer.code,
        Some(0),
        "{target} does not conform: {:#?}\n{}",
        of_level("must"),
        answer.stderr
    );
    assert_eq!(report["summary"]["must"], 0, "{target}");
    report
}

/// A small ladder: tests check the output, not the speed.
pub const PROFILE: &str = r#"
name = "small"
segment_seconds = 2.0
thumbnails = 3

[encoder]
preset = "ultrafast"

[[rung]]
name = "360p"
width = 640
height = 360
video_kbps = 800
audio_kbps = 96

[[rung]]
name = "180p"
width = 320
height = 180
video_kbps = 300
audio_kbps = 64
"#;

/// The same ladder with the same audio for all rungs, as in the default profile.
pub fn profile_with_one_sound() -> String {
    PROFILE.replace("audio_kbps = 64", "audio_kbps = 96")
}

/// A path as an argument.
///
/// # Panics
/// If it is not UTF-8, which paths of tests always are.
pub fn text(path: &Path) -> String {
    path.to_str().expect("paths of tests are UTF-8").to_owned()
}

/// The FFmpeg that the tests use: `EDGEREEL_FFMPEG_DIR`, or that on the path.
///
/// # Panics
/// If there is none.
pub fn tools() -> Tools {
    let directory = std::env::var_os("EDGEREEL_FFMPEG_DIR").map(PathBuf::from);
    Tools::find(directory.as_deref(), None).expect("FFmpeg is installed")
}
