//! Observes processes from outside, as `ps` does (proc(5)).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process, distinguished from a later one with the same id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Process id.
    pub pid: i32,
    /// Start time, clock ticks since the start of the machine.
    started: u64,
}

impl Process {
    /// The process with this id, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        stat(pid).map(|it| Self {
            pid,
            started: it.started,
        })
    }

    /// Its id.
    pub fn id(&self) -> i32 {
        self.pid
    }

    /// Whether it is running; a zombie is not.
    pub fn is_alive(&self) -> bool {
        stat(self.pid)
            .is_some_and(|it| it.started == self.started && !matches!(it.state, 'Z' | 'X'))
    }

    /// Its command line.
    pub fn command_line(&self) -> Vec<String> {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        line.split(|it| *it == 0)
            .filter(|it| !it.is_empty())
            .map(|it| String::from_utf8_lossy(it).into_owned())
            .collect()
    }

    /// CPU time that it has used.
    pub fn cpu(&self) -> Duration {
        stat(self.pid).map_or(Duration::ZERO, |it| it.cpu)
    }

    /// Sends a signal to it.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            // It may have ended a moment ago: then there is nothing to signal.
            let _ = kill_process(pid, signal);
        }
    }
}

struct Stat {
    state: char,
    parent: i32,
    started: u64,
    cpu: Duration,
}

/// One clock tick of proc(5): `USER_HZ` is 100 on all of our architectures.
const TICK: Duration = Duration::from_millis(10);

fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may contain any character.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        state: rest.chars().next()?,
        parent: number(1)? as i32,
        started: number(19)?,
        cpu: TICK * u32::try_from(number(11)? + number(12)?).ok()?,
    })
}

/// The living children of a process.
pub fn children(pid: i32) -> BTreeSet<Process> {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|it| it.file_name().to_str()?.parse::<i32>().ok());
    let own = pids.filter(|it| stat(*it).is_some_and(|it| it.parent == pid && it.state != 'Z'));
    own.filter_map(Process::of).collect()
}

/// Waits until all processes have ended.
///
/// # Panics
/// If one is still alive after `limit`.
pub async fn all_gone(processes: &BTreeSet<Process>, limit: Duration) {
    let started = Instant::now();
    while processes.iter().any(Process::is_alive) {
        let left: Vec<_> = processes
            .iter()
            .filter(|it| it.is_alive())
            .map(|it| it.command_line().join(" "))
            .collect();
        assert!(
            started.elapsed() < limit,
            "still alive after {limit:?}: {left:#?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
