//! Asking ffprobe about a source.

use std::process::Stdio;
use std::time::Duration;

use domain::failure::SourceProblem;

use crate::error::TranscodeError;
use crate::ffmpeg::{ENVIRONMENT, Tools};

mod frames;
mod streams;

pub use frames::{FrameFacts, key_frames};
pub use streams::{Found, parse_streams};

/// Longer than this, a header is hostile.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How much of a source FFmpeg reads to find its streams, where more than usual is needed: streams of a transport or
/// program stream can begin late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Bytes.
    pub bytes: u64,
    /// Seconds.
    pub seconds: u64,
}

/// What every run that reads the source begins with. The demuxer is forced, never guessed: an upload
/// that is a playlist or a script must not make FFmpeg read a file or call a host.
pub fn input_arguments(demuxer: &str) -> Vec<String> {
    ["-protocol_whitelist", "http,tcp", "-format_whitelist", demuxer, "-f", demuxer].map(str::to_owned).to_vec()
}

impl Depth {
    /// The options of an input that is read this far.
    pub fn arguments(self) -> Vec<String> {
        let micros = self.seconds * 1_000_000;
        ["-probesize", &self.bytes.to_string(), "-analyzeduration", &micros.to_string()].map(str::to_owned).to_vec()
    }
}

/// Asks ffprobe for the streams of a source.
pub async fn streams(tools: &Tools, demuxer: &str, url: &str, depth: Option<Depth>) -> Result<Found, TranscodeError> {
    let mut arguments = input_arguments(demuxer);
    arguments.extend(depth.into_iter().flat_map(Depth::arguments));
    arguments.extend(["-show_streams", "-show_format", "-show_programs", "-of", "json"].map(str::to_owned));
    let output = ffprobe(tools, &arguments, url).await?;
    parse_streams(&output).map_err(TranscodeError::Source)
}

/// Runs ffprobe and gives back what it printed.
pub async fn ffprobe(tools: &Tools, arguments: &[String], url: &str) -> Result<String, TranscodeError> {
    let mut command = tokio::process::Command::new(&tools.ffprobe);
    command.env_clear().envs(ENVIRONMENT);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.args(["-hide_banner", "-loglevel", "error"]).args(arguments).arg(url);
    let child = command.spawn().map_err(TranscodeError::Spawn)?;
    let output = tokio::time::timeout(TIME_LIMIT, child.wait_with_output())
        .await
        .map_err(|_| TranscodeError::TimedOut { task: "read the header".to_owned(), log_tail: String::new() })?
        .map_err(TranscodeError::Spawn)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let log = String::from_utf8_lossy(&output.stderr);
    Err(problem_of(&log).into())
}

/// Which fault of the file ffprobe speaks of.
fn problem_of(log: &str) -> SourceProblem {
    if log.contains("moov atom not found") || log.contains("partial file") {
        SourceProblem::Truncated
    } else {
        SourceProblem::NotAVideo
    }
}
