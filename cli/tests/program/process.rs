//! Starts the program and stops it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_edgereel");

/// A finished run.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The JSON objects of the output.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect()
    }

    /// The code of the error.
    #[track_caller]
    pub(crate) fn error_code(&self) -> String {
        let last = self.objects().pop().unwrap();
        assert!(
            !last["error"]["message"].as_str().unwrap().is_empty(),
            "{last}"
        );
        last["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// Runs the program to its end in a directory, without the settings of the developer.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Run {
    run_with(folder, arguments, &[])
}

/// As [`run`], with environment variables.
pub(crate) fn run_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let output = command(folder)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .current_dir(folder)
        .env("XDG_STATE_HOME", folder.join("state"))
        .env_remove("RUST_LOG");
    for name in [
        "EDGEREEL_DATA",
        "EDGEREEL_DATABASE",
        "EDGEREEL_LISTEN",
        "EDGEREEL_API_URL",
        "EDGEREEL_API_TOKEN",
        "EDGEREEL_LOG_FORMAT",
    ] {
        // An empty variable counts as missing.
        command.env(name, "");
    }
    command
}

/// A running `edgereel dev` in a temporary directory. It stops with the test, also after a panic.
pub(crate) struct Dev {
    pub(crate) folder: TempDir,
    child: Child,
    /// The process exits when this pipe closes.
    _stdin: ChildStdin,
    log: PathBuf,
}

impl Dev {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("dev.log");
        let mut child = command(folder.path())
            .args([
                "dev",
                "--listen",
                "127.0.0.1:0",
                "--json",
                "--until-stdin-ends",
            ])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let dev = Self {
            folder,
            child,
            _stdin: stdin,
            log,
        };
        assert!(first.contains("listening"), "{first} {}", dev.log());
        // The file appears shortly after.
        let until = Instant::now() + Duration::from_secs(10);
        let said: Value = serde_json::from_str(&first).unwrap();
        let info = Path::new(said["data"].as_str().unwrap()).join("dev.json");
        while !info.exists() {
            assert!(Instant::now() < until, "{}", dev.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        dev
    }

    pub(crate) fn info_file(&self) -> PathBuf {
        self.folder.path().join(".edgereel/dev.json")
    }

    pub(crate) fn info(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.info_file()).unwrap()).unwrap()
    }

    /// The log.
    pub(crate) fn log(&self) -> String {
        let mut text = String::new();
        std::fs::File::open(&self.log)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(self.folder.path(), arguments)
    }

    /// Sends a signal and waits for the exit. `None`: the process was killed.
    pub(crate) fn end(&mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
