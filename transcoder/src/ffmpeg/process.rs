//! Running FFmpeg: confined, watched, and never left behind.

use std::collections::VecDeque;
use std::io::BufReader;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ffmpeg_sidecar::child::FfmpegChild;
use ffmpeg_sidecar::command::FfmpegCommand;
use ffmpeg_sidecar::event::{FfmpegEvent, LogLevel};
use ffmpeg_sidecar::log_parser::FfmpegLogParser;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, pidfd_open, pidfd_send_signal, prlimit};
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::ffmpeg::ENVIRONMENT;

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// User and system time.
    pub cpu: Duration,
    /// From start to end.
    pub wall: Duration,
}

/// A run that FFmpeg says went well.
#[derive(Debug)]
pub struct Ended {
    /// What it cost.
    pub cost: Cost,
    /// Its last warnings and errors.
    pub log_tail: String,
    /// Whether it reported an error all the same.
    pub complained: bool,
}

/// A run to be made.
#[derive(Debug)]
pub struct Run<'a> {
    /// The program.
    pub ffmpeg: &'a Path,
    /// What it is to do, for errors: `encode chunk 3`.
    pub task: String,
    /// All but what every run has.
    pub arguments: Vec<String>,
    /// Longer than this is a failure.
    pub time_limit: Duration,
}

/// Address space of FFmpeg: several 4K encoders fit, a hostile header does not take the machine down.
const MEMORY_LIMIT: u64 = 12 << 30;

/// Lines of the log that an error carries.
const LOG_LINES: usize = 20;

/// Runs FFmpeg to its end. Only the exit status decides about success, and even then the caller has to
/// look at what was delivered: FFmpeg can exit 0 having written a short file.
pub async fn run(run: Run<'_>, cancel: &CancellationToken) -> Result<Ended, TranscodeError> {
    let mut command = Command::new(run.ffmpeg);
    command.env_clear().envs(ENVIRONMENT);
    // The child insists on pipes that it can close; nothing goes through them.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = FfmpegCommand::from(command);
    command.args(["-hide_banner", "-nostdin", "-loglevel", "level+info", "-nostats", "-benchmark", "-y"]);
    command.args(&run.arguments);
    tracing::debug!(task = run.task, "running {}", without_secrets(&format!("{command:?}")));
    let started = Instant::now();
    let mut child = command.spawn().map_err(TranscodeError::Spawn)?;
    let guard = KillOnDrop::new(&mut child);
    let reader = child.take_stderr();
    let mut ended = tokio::task::spawn_blocking(move || {
        let log = reader.map(read_log).unwrap_or_default();
        (log, child.wait())
    });
    let outcome = tokio::select! {
        outcome = &mut ended => outcome,
        () = cancel.cancelled() => { guard.kill(); drop(ended.await); return Err(TranscodeError::Cancelled) }
        () = tokio::time::sleep(run.time_limit) => {
            guard.kill();
            let log_tail = ended.await.map(|(log, _)| log.tail()).unwrap_or_default();
            return Err(TranscodeError::TimedOut { task: run.task, log_tail })
        }
    };
    let failed =
        |reason: String, log: &Log| TranscodeError::Ffmpeg { task: run.task.clone(), reason, log_tail: log.tail() };
    let (log, status) = outcome.map_err(|error| failed(error.to_string(), &Log::default()))?;
    match status {
        Ok(status) if status.success() => Ok(Ended {
            cost: Cost { cpu: log.cpu, wall: started.elapsed() },
            log_tail: log.tail(),
            complained: log.complained,
        }),
        Ok(status) => Err(failed(status.to_string(), &log)),
        Err(error) => Err(failed(error.to_string(), &log)),
    }
}

/// What FFmpeg said.
#[derive(Default)]
struct Log {
    lines: VecDeque<String>,
    complained: bool,
    cpu: Duration,
}

impl Log {
    fn tail(&self) -> String {
        self.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

fn read_log(stderr: std::process::ChildStderr) -> Log {
    let mut log = Log::default();
    let mut parser = FfmpegLogParser::new(BufReader::new(stderr));
    loop {
        match parser.parse_next_event() {
            Ok(FfmpegEvent::LogEOF) => return log,
            Ok(FfmpegEvent::Log(level, line)) => {
                if let Some(cpu) = benchmark(&line) {
                    log.cpu = cpu;
                } else if !matches!(level, LogLevel::Info) {
                    log.complained |= matches!(level, LogLevel::Error | LogLevel::Fatal);
                    if log.lines.len() == LOG_LINES {
                        log.lines.pop_front();
                    }
                    log.lines.push_back(without_token(&line));
                }
            }
            Ok(_) => {}
            // The pipe broke: the exit status tells the rest.
            Err(_) => return log,
        }
    }
}

/// `bench: utime=1.234s stime=0.056s rtime=0.700s`, which `-benchmark` prints at the end.
fn benchmark(line: &str) -> Option<Duration> {
    let (_, times) = line.split_once("bench: utime=")?;
    let (user, rest) = times.split_once("s stime=")?;
    let (system, _) = rest.split_once('s')?;
    Some(Duration::from_secs_f64(user.trim().parse::<f64>().ok()? + system.trim().parse::<f64>().ok()?))
}

/// The loopback path is a secret while the job runs, and noise in a log.
fn without_token(line: &str) -> String {
    match (line.find("http://127.0.0.1:"), line.find("/source")) {
        (Some(start), Some(end)) if start < end => format!("{}{}", &line[..start], &line[end + 1..]),
        (Some(start), _) => format!("{}(output)", &line[..start]),
        _ => line.chars().take(500).collect(),
    }
}

/// Dropping a child leaves it running; this does not. A process file descriptor cannot hit a
/// stranger that got the number of a process that has ended.
struct KillOnDrop {
    process: Option<OwnedFd>,
}

impl KillOnDrop {
    fn new(child: &mut FfmpegChild) -> Self {
        let pid = Pid::from_raw(child.as_inner().id() as i32);
        let limit = Rlimit { current: Some(MEMORY_LIMIT), maximum: Some(MEMORY_LIMIT) };
        // FFmpeg may have ended already: then there is nothing to limit.
        let _ = prlimit(pid, Resource::As, limit);
        Self { process: pid.and_then(|it| pidfd_open(it, PidfdFlags::empty()).ok()) }
    }

    fn kill(&self) {
        if let Some(process) = &self.process {
            // Nothing it still has to say matters: what it delivered in part is thrown away.
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command line for the log. The addresses on the loopback hold a secret: 32 hex digits, after which the rest is harmless.
fn without_secrets(command: &str) -> String {
    const SECRET: usize = 32;
    let parts = command.split('/').map(|it| {
        let is_secret = it.len() == SECRET && it.bytes().all(|it| it.is_ascii_hexdigit());
        if is_secret { "..." } else { it }
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_the_loopback_is_not_logged() {
        let secret = "0a".repeat(16);
        let command = format!(r#""ffmpeg" "-i" "http://127.0.0.1:4000/{secret}/source" "-f" "null""#);
        assert_eq!(without_secrets(&command), r#""ffmpeg" "-i" "http://127.0.0.1:4000/.../source" "-f" "null""#);
    }

    #[test]
    fn the_benchmark_line_is_read() {
        assert_eq!(
            benchmark("[info] bench: utime=1.250s stime=0.250s rtime=0.700s"),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(benchmark("[info] bench: maxrss=378576kB"), None);
        assert_eq!(benchmark("[info] bench: utime=xs stime=0.250s"), None);
    }

    #[test]
    fn the_log_does_not_tell_the_loopback_path() {
        let line = "[error] http://127.0.0.1:4711/0123456789abcdef/source: Invalid data found when processing input";
        assert_eq!(without_token(line), "[error] source: Invalid data found when processing input");
    }
}
