//! Runs FFmpeg: supervised, and never left behind.

use std::collections::VecDeque;
use std::io::BufReader;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use confine::memory_kills;
use domain::failure::SourceProblem;
use domain::profile::Hardware;
use ffmpeg_sidecar::child::FfmpegChild;
use ffmpeg_sidecar::command::FfmpegCommand;
use ffmpeg_sidecar::event::{FfmpegEvent, LogLevel};
use ffmpeg_sidecar::log_parser::FfmpegLogParser;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::has_score;
use crate::ffmpeg::hardware::is_of_hardware;
use crate::ffmpeg::launcher::{Needs, Weight, start};
use crate::ffmpeg::probe::MAX_ALLOC;

/// The resources that a run used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// User and system time.
    pub cpu: Duration,
    /// Wall time from start to end.
    pub wall: Duration,
}

/// A run with a successful exit status.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Resources that it used.
    pub cost: Cost,
    /// The last warnings and errors of its log.
    pub log_tail: String,
    /// Whether it logged an error nevertheless.
    pub complained: bool,
    /// The lines of its filters' reports, from the first `Summary:` or score on.
    pub report: Vec<String>,
}

/// A run of FFmpeg.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The programs.
    pub tools: &'a Tools,
    /// Port of the loopback server where it reads and delivers.
    pub port: u16,
    /// The only local files that it reads.
    pub files: Vec<PathBuf>,
    /// Memory class.
    pub(crate) weight: Weight,
    /// The hardware that it encodes with.
    pub(crate) hardware: Vec<Hardware>,
    /// Its task, for errors: `encode chunk 3`.
    pub task: String,
    /// Arguments, except those of every run.
    pub arguments: Vec<String>,
    /// Time limit.
    pub time_limit: Duration,
}

/// Number of log lines in an error.
const LOG_LINES: usize = 20;

/// Maximum number of lines of reports: those of all tracks are fewer.
const LONGEST_REPORT: usize = 800;

/// Runs FFmpeg to its end. Only the exit status decides about success, and even then the caller has
/// to check the output: FFmpeg may exit 0 after writing a short file.
pub(crate) async fn run(run: Run<'_>, cancel: &CancellationToken) -> Result<Ended, TranscodeError> {
    let general = [
        "-hide_banner",
        "-nostdin",
        "-loglevel",
        "level+info",
        "-nostats",
        "-benchmark",
        "-y",
    ];
    let mut arguments: Vec<String> = general
        .into_iter()
        .chain(MAX_ALLOC)
        .map(str::to_owned)
        .collect();
    arguments.extend(run.arguments);
    let needs = Needs {
        port: Some(run.port),
        read: run.files,
        weight: run.weight,
        devices: run.tools.hardware.devices(&run.hardware),
        cpu: Some(run.time_limit * available_processors()),
    };
    let mut command = run.tools.ffmpeg(&arguments, &needs);
    // The child requires pipes that it can close; no data goes through them.
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let shown = without_secrets(&arguments.join(" "));
    tracing::debug!(task = run.task, "running ffmpeg {shown}");
    let (started, kills) = (Instant::now(), memory_kills());
    let child = start(move || FfmpegCommand::from(command).spawn().map(Unclaimed::new)).await;
    let (mut child, guard) = child.map_err(TranscodeError::Spawn)?.claim();
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
    let failed = |reason: String, log: &Log| TranscodeError::Ffmpeg {
        task: run.task.clone(),
        reason,
        log_tail: log.tail(),
    };
    let (log, status) = outcome.map_err(|error| failed(error.to_string(), &Log::default()))?;
    match status {
        Ok(status) if status.success() => {
            let cost = Cost {
                cpu: log.cpu,
                wall: started.elapsed(),
            };
            let (cpu_ms, wall_ms) = (cost.cpu.as_millis() as u64, cost.wall.as_millis() as u64);
            tracing::debug!(task = run.task, cpu_ms, wall_ms, "ffmpeg ended");
            Ok(Ended {
                cost,
                log_tail: log.tail(),
                complained: log.complained,
                report: log.report,
            })
        }
        Ok(status) => {
            let error = match Death::of(status) {
                // The kernel ends a process of a container that has no memory left.
                Death::Interrupted if memory_kills() > kills => {
                    TranscodeError::OutOfMemory { task: run.task }
                }
                // The driver reports its own lack of memory as if it were this machine's, and FFmpeg 9
                // ends with 255 after an error that the driver reports as -1.
                Death::Failed | Death::Crashed | Death::Interrupted
                    if !run.hardware.is_empty() && log.hardware =>
                {
                    TranscodeError::Hardware {
                        task: run.task,
                        log_tail: log.tail(),
                    }
                }
                Death::Interrupted => TranscodeError::Interrupted { task: run.task },
                Death::NotStarted => TranscodeError::Spawn(std::io::Error::other(log.tail())),
                Death::TooMuch => SourceProblem::TooDemanding.into(),
                Death::Failed | Death::Crashed if log.out_of_memory => {
                    TranscodeError::OutOfMemory { task: run.task }
                }
                Death::Failed | Death::Crashed => failed(status.to_string(), &log),
            };
            // The signal that ended it may also end this process: then that is the reason.
            if matches!(error, TranscodeError::Interrupted { .. }) {
                drop(tokio::time::timeout(STOPPING, cancel.cancelled()).await);
                if cancel.is_cancelled() {
                    return Err(TranscodeError::Cancelled);
                }
            }
            Err(error)
        }
        Err(error) => Err(failed(error.to_string(), &log)),
    }
}

/// A service manager that stops the service signals all its processes: this is how long this
/// process may take to notice.
pub(crate) const STOPPING: Duration = Duration::from_millis(if cfg!(test) { 400 } else { 1_000 });

/// How a child failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// It reported a failure.
    Failed,
    /// It crashed.
    Crashed,
    /// It used up its processor time.
    TooMuch,
    /// It was ended from outside, which says nothing about the source.
    Interrupted,
    /// The launcher could not execute the program.
    NotStarted,
}

impl Death {
    /// Interprets an exit status.
    pub(crate) fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        const CRASHES: [Signal; 7] = [
            Signal::SEGV,
            Signal::BUS,
            Signal::ILL,
            Signal::FPE,
            Signal::ABORT,
            Signal::TRAP,
            // A system call that a filter of the container rejects with this signal.
            Signal::SYS,
        ];
        match (status.signal(), status.code()) {
            (Some(signal), _) if signal == Signal::XCPU.as_raw() => Self::TooMuch,
            (Some(signal), _) if CRASHES.iter().any(|it| it.as_raw() == signal) => Self::Crashed,
            (Some(_), _) => Self::Interrupted,
            // FFmpeg's own status after a signal that it handles.
            (None, Some(255)) => Self::Interrupted,
            (None, Some(confine::CANNOT_CONFINE | confine::CANNOT_EXECUTE)) => Self::NotStarted,
            (None, _) => Self::Failed,
        }
    }
}

/// The number of processors that this process may use.
fn available_processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |it| it.get() as u32)
}

/// FFmpeg's log.
#[derive(Default)]
struct Log {
    lines: VecDeque<String>,
    complained: bool,
    /// It ran out of memory: source and limit are the same in the next attempt.
    out_of_memory: bool,
    /// An encoder in hardware, its driver or its device reported an error.
    hardware: bool,
    cpu: Duration,
    report: Vec<String>,
}

impl Log {
    fn tail(&self) -> String {
        self.lines
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Messages of FFmpeg (5.1 to 9.0), x264 and the C++ libraries that it uses if an allocation fails.
pub(crate) const OUT_OF_MEMORY: [&str; 4] = [
    "Cannot allocate memory",
    "Failed to allocate",
    "malloc of size",
    "bad_alloc",
];

fn read_log(stderr: std::process::ChildStderr) -> Log {
    let mut log = Log::default();
    let mut parser = FfmpegLogParser::new(BufReader::new(stderr));
    loop {
        match parser.parse_next_event() {
            Ok(FfmpegEvent::LogEOF) => return log,
            Ok(FfmpegEvent::Log(level, line)) => {
                let begins = line.ends_with("Summary:") || has_score(&line);
                let is_reported = !log.report.is_empty() || begins;
                if is_reported && log.report.len() < LONGEST_REPORT {
                    log.report.push(line.clone());
                }
                if let Some(cpu) = benchmark(&line) {
                    log.cpu = cpu;
                } else if !matches!(level, LogLevel::Info) {
                    log.out_of_memory |= OUT_OF_MEMORY.iter().any(|it| line.contains(it));
                    log.hardware |= is_of_hardware(&line);
                    log.complained |= matches!(level, LogLevel::Error | LogLevel::Fatal);
                    if log.lines.len() == LOG_LINES {
                        log.lines.pop_front();
                    }
                    log.lines.push_back(without_token(&line));
                }
            }
            Ok(_) => {}
            // The pipe broke: the exit status decides.
            Err(_) => return log,
        }
    }
}

/// Parses `bench: utime=1.234s stime=0.056s rtime=0.700s`, which `-benchmark` prints at the end.
fn benchmark(line: &str) -> Option<Duration> {
    let (_, times) = line.split_once("bench: utime=")?;
    let (user, rest) = times.split_once("s stime=")?;
    let (system, _) = rest.split_once('s')?;
    Some(Duration::from_secs_f64(
        user.trim().parse::<f64>().ok()? + system.trim().parse::<f64>().ok()?,
    ))
}

/// Removes the loopback path, which is a secret while the job runs, and noise in a log.
fn without_token(line: &str) -> String {
    let start = ["http://127.0.0.1:", "http://ffmpeg:@127.0.0.1:"]
        .iter()
        .find_map(|it| line.find(it));
    match (start, line.find("/source")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{}", &line[..start], &line[end + 1..])
        }
        (Some(start), _) => format!("{}(output)", &line[..start]),
        _ => line.chars().take(500).collect(),
    }
}

/// Kills a child when dropped; dropping the child itself leaves it running. A process file
/// descriptor cannot hit another process that got the same id.
struct KillOnDrop {
    process: Option<OwnedFd>,
}

impl KillOnDrop {
    fn new(child: &mut FfmpegChild) -> Self {
        let pid = Pid::from_raw(child.as_inner().id() as i32);
        Self {
            process: pid.and_then(|it| pidfd_open(it, PidfdFlags::empty()).ok()),
        }
    }

    fn kill(&self) {
        if let Some(process) = &self.process {
            // Its partial output is discarded, so it need not end gracefully.
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A child between the thread that started it and the run. If the run was cancelled meanwhile, nothing else would end the
/// child.
struct Unclaimed(Option<(FfmpegChild, KillOnDrop)>);

impl Unclaimed {
    fn new(mut child: FfmpegChild) -> Self {
        let guard = KillOnDrop::new(&mut child);
        Self(Some((child, guard)))
    }

    fn claim(mut self) -> (FfmpegChild, KillOnDrop) {
        self.0.take().expect("it is taken once")
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some((mut child, guard)) = self.0.take() {
            guard.kill();
            // So that it does not stay in the table of processes.
            drop(child.wait());
        }
    }
}

/// A command line for the log. The loopback URLs contain a secret: 32 hex digits, after which the
/// rest is harmless.
fn without_secrets(command: &str) -> String {
    const SECRET: usize = 32;
    let parts = command.split('/').map(|it| {
        let is_secret = it.len() == SECRET && it.bytes().all(|it| it.is_ascii_hexdigit());
        if is_secret { "..." } else { it }
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests;
