//! Looking at processes from outside, as `ps` does (proc(5)).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process that cannot be taken for a later one of the same number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Clock ticks from the start of the machine to its own.
    started: u64,
}

impl Process {
    /// The process of this number, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        stat(pid).map(|it| Self { pid, started: it.started })
    }

    /// Whether it is still there; a zombie is not.
    pub fn is_alive(&self) -> bool {
        stat(self.pid).is_some_and(|it| it.started == self.started && !matches!(it.state, 'Z' | 'X'))
    }

    /// Its command line.
    pub fn command_line(&self) -> Vec<String> {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        line.split(|it| *it == 0)
            .filter(|it| !it.is_empty())
            .map(|it| String::from_utf8_lossy(it).into_owned())
            .collect()
    }

    /// Sends it a signal.
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
}

fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat { state: rest.chars().next()?, parent: number(1)? as i32, started: number(19)? })
}

/// The processes that a process has started, and that are alive.
pub fn children(pid: i32) -> BTreeSet<Process> {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|it| it.file_name().to_str()?.parse::<i32>().ok());
    let own = pids.filter(|it| stat(*it).is_some_and(|it| it.parent == pid && it.state != 'Z'));
    own.filter_map(Process::of).collect()
}

/// Waits until none of them is alive.
///
/// # Panics
/// If one still is after `limit`.
pub async fn all_gone(processes: &BTreeSet<Process>, limit: Duration) {
    let started = Instant::now();
    while processes.iter().any(Process::is_alive) {
        let left: Vec<_> = processes.iter().filter(|it| it.is_alive()).map(|it| it.command_line().join(" ")).collect();
        assert!(started.elapsed() < limit, "still alive after {limit:?}: {left:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
