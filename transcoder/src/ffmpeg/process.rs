//! Running FFmpeg: watched, and never left behind.

use std::collections::VecDeque;
use std::io::BufReader;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use domain::failure::SourceProblem;
use ffmpeg_sidecar::child::FfmpegChild;
use ffmpeg_sidecar::command::FfmpegCommand;
use ffmpeg_sidecar::event::{FfmpegEvent, LogLevel};
use ffmpeg_sidecar::log_parser::FfmpegLogParser;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::launcher::{Needs, Weight, start};
use crate::ffmpeg::probe::MAX_ALLOC;

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
    pub tools: &'a Tools,
    /// The port of the loopback server where it reads and delivers.
    pub port: u16,
    /// The only local file that it reads.
    pub file: Option<PathBuf>,
    /// How much memory it may need.
    pub(crate) weight: Weight,
    /// What it is to do, for errors: `encode chunk 3`.
    pub task: String,
    /// All but what every run has.
    pub arguments: Vec<String>,
    /// Longer than this is a failure.
    pub time_limit: Duration,
}

/// Lines of the log that an error carries.
const LOG_LINES: usize = 20;

/// Runs FFmpeg to its end. Only the exit status decides about success, and even then the caller has to
/// look at what was delivered: FFmpeg can exit 0 having written a short file.
pub async fn run(run: Run<'_>, cancel: &CancellationToken) -> Result<Ended, TranscodeError> {
    let general = ["-hide_banner", "-nostdin", "-loglevel", "level+info", "-nostats", "-benchmark", "-y"];
    let mut arguments: Vec<String> = general.into_iter().chain(MAX_ALLOC).map(str::to_owned).collect();
    arguments.extend(run.arguments);
    let needs = Needs {
        port: Some(run.port),
        read: run.file.into_iter().collect(),
        weight: run.weight,
        cpu: Some(run.time_limit * available_processors()),
    };
    let mut command = run.tools.ffmpeg(&arguments, &needs);
    // The child insists on pipes that it can close; nothing goes through them.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let shown = without_secrets(&arguments.join(" "));
    tracing::debug!(task = run.task, "running ffmpeg {shown}");
    let started = Instant::now();
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
    let failed =
        |reason: String, log: &Log| TranscodeError::Ffmpeg { task: run.task.clone(), reason, log_tail: log.tail() };
    let (log, status) = outcome.map_err(|error| failed(error.to_string(), &Log::default()))?;
    match status {
        Ok(status) if status.success() => Ok(Ended {
            cost: Cost { cpu: log.cpu, wall: started.elapsed() },
            log_tail: log.tail(),
            complained: log.complained,
        }),
        Ok(status) => {
            let error = match Death::of(status) {
                Death::Interrupted => TranscodeError::Interrupted { task: run.task },
                Death::NotStarted => TranscodeError::Spawn(std::io::Error::other(log.tail())),
                Death::TooMuch => SourceProblem::TooDemanding.into(),
                Death::Failed | Death::Crashed if log.out_of_memory => SourceProblem::TooDemanding.into(),
                Death::Failed | Death::Crashed => failed(status.to_string(), &log),
            };
            // What ends it may be ending this process too: then that is the reason.
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

/// A service manager that stops us signals all our processes: so long it may take until this one has noticed.
pub(crate) const STOPPING: Duration = Duration::from_millis(if cfg!(test) { 400 } else { 1_000 });

/// How a child ended that did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// It says that it failed.
    Failed,
    /// It made a mistake that the system does not forgive.
    Crashed,
    /// It used up its processor time.
    TooMuch,
    /// Something else ended it, which says nothing about the source.
    Interrupted,
    /// The launcher could not become the program.
    NotStarted,
}

impl Death {
    /// What an exit status tells.
    pub(crate) fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        const CRASHES: [Signal; 7] = [
            Signal::SEGV,
            Signal::BUS,
            Signal::ILL,
            Signal::FPE,
            Signal::ABORT,
            Signal::TRAP,
            // It made a system call that is refused this way by a filter of the container.
            Signal::SYS,
        ];
        match (status.signal(), status.code()) {
            (Some(signal), _) if signal == Signal::XCPU.as_raw() => Self::TooMuch,
            (Some(signal), _) if CRASHES.iter().any(|it| it.as_raw() == signal) => Self::Crashed,
            (Some(_), _) => Self::Interrupted,
            // FFmpeg's own, after a signal that it handles.
            (None, Some(255)) => Self::Interrupted,
            (None, Some(confine::CANNOT_CONFINE | confine::CANNOT_EXECUTE)) => Self::NotStarted,
            (None, _) => Self::Failed,
        }
    }
}

/// Processors that this process may use.
fn available_processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |it| it.get() as u32)
}

/// What FFmpeg said.
#[derive(Default)]
struct Log {
    lines: VecDeque<String>,
    complained: bool,
    /// It got no more memory: the source is the same next time, and so is the limit.
    out_of_memory: bool,
    cpu: Duration,
}

impl Log {
    fn tail(&self) -> String {
        self.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// What FFmpeg (5.1 to 9.0), x264 and the C++ libraries that it uses print when they get no memory.
pub(crate) const OUT_OF_MEMORY: [&str; 4] =
    ["Cannot allocate memory", "Failed to allocate", "malloc of size", "bad_alloc"];

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
                    log.out_of_memory |= OUT_OF_MEMORY.iter().any(|it| line.contains(it));
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
    let start = ["http://127.0.0.1:", "http://ffmpeg:@127.0.0.1:"].iter().find_map(|it| line.find(it));
    match (start, line.find("/source")) {
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

/// A child on its way from the thread that started it to the run. If the run was given up meanwhile, nothing else would
/// end the child.
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
mod tests;
