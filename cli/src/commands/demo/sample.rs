//! The sample video, whose format allows its top rung to be remuxed.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use transcoder::Tools;

use crate::Result;
use crate::output::CommandError;

/// Length in seconds.
const SECONDS: u32 = 40;

/// Moving test images with a counter in each frame, and a tone that changes every second.
const VIDEO: &str = "testsrc2=size=1920x1080:rate=30";
const AUDIO: &str = "aevalsrc='0.2*sin(2*PI*t*(220+55*mod(floor(t)\\,8)))|0.2*sin(2*PI*t*(330+55*mod(floor(t)\\,8)))':s=48000";

/// Generates the video.
///
/// # Errors
/// If FFmpeg fails.
pub(super) async fn make(tools: &Tools, path: &Path) -> Result {
    let seconds = SECONDS.to_string();
    let mut command = tokio::process::Command::new(&tools.ffmpeg);
    command.args(["-nostdin", "-v", "error", "-y"]);
    command.args([
        "-f", "lavfi", "-i", VIDEO, "-f", "lavfi", "-i", AUDIO, "-t", &seconds,
    ]);
    command.args([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-b:v",
        "4M",
        "-maxrate",
        "6M",
        "-bufsize",
        "8M",
    ]);
    command.args([
        "-pix_fmt",
        "yuv420p",
        "-g",
        "60",
        "-keyint_min",
        "60",
        "-sc_threshold",
        "0",
    ]);
    command.args([
        "-c:a",
        "aac",
        "-b:a",
        "160k",
        "-ac",
        "2",
        "-movflags",
        "+faststart",
    ]);
    command.arg(path).stdin(Stdio::null()).kill_on_drop(true);
    let done = command.output().await.context("cannot run FFmpeg")?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(CommandError::failed(
        "no-sample",
        anyhow::anyhow!(said).context("cannot generate the sample video"),
    ))
}
