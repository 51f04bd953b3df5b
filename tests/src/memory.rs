//! Measures the peak memory of the program and its children.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::processes::children;

/// Peak memory, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peaks {
    /// Peak of the program.
    pub own: u64,
    /// Peak of the largest of its children.
    pub child: u64,
}

/// Samples the memory of a process periodically.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Peaks>,
}

impl Watch {
    /// Starts to watch the process with this id.
    pub fn of(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut peaks: BTreeMap<i32, u64> = BTreeMap::new();
            let own = pid as i32;
            while !stopped.load(Ordering::Relaxed) {
                let pids = children(own).into_iter().map(|it| it.pid).chain([own]);
                for pid in pids {
                    let peak = peaks.entry(pid).or_default();
                    *peak = (*peak).max(resident(pid, "VmHWM:"));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let of_program = peaks.remove(&own).unwrap_or_default();
            Peaks {
                own: of_program,
                child: peaks.into_values().max().unwrap_or_default(),
            }
        });
        Self { stop, thread }
    }

    /// Stops watching.
    ///
    /// # Panics
    /// If the sampling thread panicked.
    pub fn end(self) -> Peaks {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("looking does not panic")
    }
}

/// The resident memory of a process, bytes: the peak (`VmHWM:`) or the present one (`VmRSS:`).
pub(crate) fn resident(pid: i32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix(field));
    line.and_then(|it| it.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .unwrap_or_default()
        * 1024
}
