//! A part of the system that runs alone: `edgereel api`, `edgereel transcoder`, `edgereel edge`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::processes::Process;
use crate::program::command;

/// A running part. Killed when dropped.
pub struct Part {
    child: Child,
    process: Process,
    log: PathBuf,
    /// Its first line of output.
    pub said: Value,
}

/// Time limit for starting and for stopping.
const PATIENCE: Duration = Duration::from_secs(30);

impl Part {
    /// Starts it with these variables, and waits until it reports that it works. Its log goes to
    /// `folder`.
    ///
    /// # Panics
    /// If it does not start in time.
    pub async fn start(arguments: &[&str], variables: &[(&str, String)], folder: &Path) -> Self {
        let log = folder.join(format!("{}.log", arguments.first().unwrap_or(&"part")));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log can be written");
        let mut command = command(arguments, folder);
        command
            .arg("--json")
            .stderr(file)
            .envs(variables.iter().map(|(name, value)| (*name, value)));
        let mut child = command.spawn().expect("the program starts");
        let process = Process::of(child.id().expect("it was just started") as i32)
            .expect("it was just started");
        let mut lines = BufReader::new(child.stdout.take().expect("it is ours to read")).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .expect("it says something in time");
        let first = first.expect("it can be read").unwrap_or_default();
        let said: Value = serde_json::from_str(&first).unwrap_or_default();
        let logged = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(
            said.get("event").is_some(),
            "{arguments:?} said {first:?}, and logged: {}",
            logged()
        );
        // Reads on, so that its pipe does not fill up.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            child,
            process,
            log,
            said,
        }
    }

    /// The program itself.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The logs of all parts of this kind.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it ends by itself; returns its exit status.
    ///
    /// # Panics
    /// If it continues.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended
            .expect("it ends in time")
            .expect("a child can be waited for")
    }

    /// `SIGTERM`; returns its exit status.
    ///
    /// # Panics
    /// If it continues.
    pub async fn terminate(self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        self.ended().await
    }
}
