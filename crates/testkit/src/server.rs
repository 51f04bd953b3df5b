//! A process that ends with the test.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Waits until the other end of its input is closed, and then removes what a killed test left.
const WATCHDOG: &str = r#"read -r _; kill -KILL "$1"; sleep 1; rm -rf -- "$2""#;
/// Time limit for the first response, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A server, and its working directory.
pub(crate) struct Server {
    child: Child,
    stop: Signal,
    watchdog: Child,
    /// Closed when this process ends, in whatever way.
    _watched: ChildStdin,
    folder: TempDir,
}

impl Server {
    /// Starts a server; its output goes to a file in `folder`. `stop` is the signal that ends it
    /// quickly.
    pub(crate) fn start(mut command: Command, folder: TempDir, stop: Signal) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).expect("a log can be made");
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log)
            // A signal that interrupts the tests must not reach the server; the tests stop it.
            .process_group(0)
            .spawn()
            .expect("the server starts");
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh", &child.id().to_string()])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let watched = watchdog.stdin.take().expect("it is piped");
        Self {
            child,
            stop,
            watchdog,
            _watched: watched,
            folder,
        }
    }

    /// Waits until it answers; `false` if it ended instead, as it does if another process has its
    /// port.
    ///
    /// # Panics
    /// If it does neither.
    pub(crate) fn wait_until(&mut self, answers: impl Fn() -> bool) -> bool {
        let started = Instant::now();
        while !answers() {
            if self
                .child
                .try_wait()
                .expect("a child can be waited for")
                .is_some()
            {
                return false;
            }
            assert!(
                started.elapsed() < START_LIMIT,
                "the server does not respond:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // First, because it might kill a later process with the same id.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = kill_process(Pid::from_child(&self.child), self.stop);
        let stopping = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && stopping.elapsed() < STOP_LIMIT {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free now, and will probably still be free in a moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener
        .local_addr()
        .expect("a listener has an address")
        .port()
}
