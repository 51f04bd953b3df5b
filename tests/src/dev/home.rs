//! The folder of an `edgereel dev`, and how it starts.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::Dev;
use crate::player::Player;
use crate::processes::Process;
use crate::program::{PROFILE, command, text};

/// Time limit for the start.
const START: Duration = Duration::from_secs(30);

/// The directories of one installation. Removed at the end.
pub struct Home {
    /// The directory that contains everything.
    pub folder: TempDir,
    /// Options of `edgereel dev`.
    pub options: Vec<String>,
    /// Environment variables of `edgereel dev`.
    pub environment: Vec<(String, String)>,
    /// Its data directory, if that is not in `folder`.
    pub place: Option<PathBuf>,
    /// Whether it leads a process group, as a program that was started in a terminal does.
    pub own_group: bool,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty installation, with the small profile.
    ///
    /// # Panics
    /// If no temporary directory can be created.
    pub fn new() -> Self {
        Self::with_profile(PROFILE)
    }

    /// An empty installation with `profile` as its profile named `small`.
    ///
    /// # Panics
    /// If no temporary directory can be created.
    pub fn with_profile(profile: &str) -> Self {
        let folder = tempfile::tempdir().expect("temporary directories can be created");
        std::fs::create_dir(folder.path().join("tmp")).expect("directories can be created");
        let file = folder.path().join("small.toml");
        std::fs::write(&file, profile).expect("a profile can be written");
        let options = vec!["--profile".to_owned(), text(&file)];
        Self {
            options,
            environment: vec![],
            place: None,
            own_group: false,
            folder,
        }
    }

    /// The directory of its temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.place
            .clone()
            .unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// The log of all its runs.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The link that signs a browser in, which its last start printed.
    ///
    /// # Panics
    /// If it printed none.
    pub fn sign_in_link(&self) -> String {
        let output = std::fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
        let events = output
            .lines()
            .filter_map(|it| serde_json::from_str::<Value>(it).ok());
        let mut links = events.filter_map(|it| it["sign_in"].as_str().map(str::to_owned));
        links.next_back().expect("a link")
    }

    /// Starts it, at an address that it keeps over restarts.
    ///
    /// # Panics
    /// If it does not listen in time.
    pub async fn start(&mut self) -> Dev {
        let (data, info) = (self.data(), self.data().join("dev.json"));
        let folder = text(&data);
        let listens = self.options.iter().any(|it| it == "--listen");
        let mut arguments = vec!["dev", "--data", &folder, "--json"];
        if !listens {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        arguments.extend(self.options.iter().map(String::as_str));
        let file = |name| {
            let file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(self.folder.path().join(name));
            file.expect("a log can be written")
        };
        let mut command = command(&arguments, &self.temporary());
        command.stdout(file("output")).stderr(file("log"));
        if self.own_group {
            command.process_group(0);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let child = command.spawn().expect("the program starts");
        let pid = child.id().expect("it was just started") as i32;
        let process = Process::of(pid).expect("it was just started");
        let started = Instant::now();
        let info = loop {
            // A new run removes the leftover file of a killed one before anything else; the file is
            // written atomically.
            let found = std::fs::read(&info)
                .ok()
                .and_then(|it| serde_json::from_slice::<Value>(&it).ok());
            if let Some(info) = found {
                let api = info["api"].as_str().unwrap_or_default();
                if reqwest::get(format!("{api}/healthz"))
                    .await
                    .is_ok_and(|it| it.status().is_success())
                {
                    break info;
                }
            }
            assert!(
                process.is_alive(),
                "`edgereel dev` ended at once: {}",
                self.log()
            );
            assert!(
                started.elapsed() < START,
                "`edgereel dev` does not listen: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if !listens {
            let api = info["api"]
                .as_str()
                .expect("an address")
                .trim_start_matches("http://")
                .to_owned();
            self.options.extend(["--listen".to_owned(), api]);
        }
        Dev {
            child,
            process,
            info,
            data,
            player: Player::new(),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            #[expect(clippy::print_stderr, reason = "explains why a test failed")]
            let say = |text: String| eprintln!("{text}");
            say(format!(
                "the last lines of its log:\n{}",
                lines[lines.len().saturating_sub(40)..].join("\n")
            ));
        }
    }
}
