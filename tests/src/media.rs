//! Media that FFmpeg generates on the spot, and FFmpeg's reports about media.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Moving video and a tone as `lavfi` inputs of FFmpeg: all options before the output.
pub fn film(size: &str, rate: &str, seconds: f64) -> Vec<String> {
    let picture = format!("testsrc2=size={size}:rate={rate}:duration={seconds}");
    let tone = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
    ["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone]
        .map(str::to_owned)
        .to_vec()
}

/// Encoder options of most films: fast, with a keyframe at least every two seconds.
pub const H264: [&str; 10] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
    "-g",
    "48",
    "-c:a",
    "aac",
];

/// Runs FFmpeg, which must succeed.
///
/// # Panics
/// If it is missing or fails.
pub fn ffmpeg(arguments: &[impl AsRef<str>]) {
    let output = try_ffmpeg(arguments);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "ffmpeg {:?}: {log}",
        arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>()
    );
}

/// Runs FFmpeg.
///
/// # Panics
/// If it is missing.
pub fn try_ffmpeg(arguments: &[impl AsRef<str>]) -> Output {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-hide_banner", "-nostdin", "-y", "-loglevel", "error"])
        .stdin(Stdio::null());
    command.args(arguments.iter().map(AsRef::as_ref));
    command.output().expect(
        "FFmpeg is missing: install it (Debian: apt-get install ffmpeg), or run `make test`",
    )
}

/// Generates a film with H.264 and AAC.
///
/// # Panics
/// If FFmpeg fails.
pub fn make_film(path: &Path, size: &str, rate: &str, seconds: f64, more: &[&str]) -> PathBuf {
    let mut arguments = film(size, rate, seconds);
    arguments.extend(H264.iter().chain(more).map(|it| (*it).to_owned()));
    arguments.push(crate::program::text(path));
    ffmpeg(&arguments);
    path.to_owned()
}

/// The output of ffprobe for a file, or for a playlist with everything that it refers to.
///
/// # Panics
/// If it cannot be read.
pub fn probe(target: &str) -> Value {
    let output = Command::new("ffprobe")
        .args([
            "-hide_banner",
            "-loglevel",
            "error",
            "-allowed_extensions",
            "ALL",
        ])
        .args(["-show_streams", "-show_format", "-of", "json", target])
        .stdin(Stdio::null())
        .output()
        .expect("ffprobe comes with FFmpeg: install it");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffprobe {target}: {log}");
    serde_json::from_slice(&output.stdout).expect("ffprobe speaks JSON")
}

/// Decodes all of a playlist or file, and returns all error messages.
pub fn complaints_of_decoding(target: &str) -> String {
    let arguments = [
        "-allowed_extensions",
        "ALL",
        "-i",
        target,
        "-map",
        "0",
        "-f",
        "null",
        "-",
    ];
    let output = try_ffmpeg(&arguments);
    let mut log = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        log += &output.status.to_string();
    }
    log
}

/// The directory of shared media beside the checkout, if it exists.
pub fn shared_media() -> Option<PathBuf> {
    shared("media")
}

/// A shared directory beside the checkout, if it exists.
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(name);
    folder.is_dir().then_some(folder)
}

/// Whether FFmpeg has an encoder of this name.
///
/// # Panics
/// If FFmpeg is missing.
pub fn has_encoder(name: &str) -> bool {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-encoders"])
        .output()
        .expect("FFmpeg is missing");
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .any(|it| it == name)
}
