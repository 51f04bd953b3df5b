//! A running `edgereel dev`, and its API as clients use it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::ids::VideoId;
use domain::object_key::ObjectPrefix;
use platform::object_store::ObjectStore as _;
use platform::object_store::s3::{S3Store, S3StoreConfig};
use platform::secret::Secret;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Child;

use crate::player::Player;
use crate::processes::{Process, children};
use crate::program::{PROFILE, command, text};
use crate::upload::send_source;

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

/// A running `edgereel dev`. Killed when dropped.
pub struct Dev {
    child: Child,
    process: Process,
    /// Contents of `dev.json`.
    pub info: Value,
    /// Its data directory.
    pub data: PathBuf,
    player: Player,
}

/// Time limit for the start.
const START: Duration = Duration::from_secs(30);

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
        Self { options, environment: vec![], place: None, own_group: false, folder }
    }

    /// The directory of its temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.place.clone().unwrap_or_else(|| self.folder.path().join("data"))
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
        let events = output.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
        let links = events.filter_map(|it| it["sign_in"].as_str().map(str::to_owned));
        links.last().expect("a link")
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
            let file = std::fs::File::options().create(true).append(true).open(self.folder.path().join(name));
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
            let found = std::fs::read(&info).ok().and_then(|it| serde_json::from_slice::<Value>(&it).ok());
            if let Some(info) = found {
                let api = info["api"].as_str().unwrap_or_default();
                if reqwest::get(format!("{api}/healthz")).await.is_ok_and(|it| it.status().is_success()) {
                    break info;
                }
            }
            assert!(process.is_alive(), "`edgereel dev` ended at once: {}", self.log());
            assert!(started.elapsed() < START, "`edgereel dev` does not listen: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if !listens {
            let api = info["api"].as_str().expect("an address").trim_start_matches("http://").to_owned();
            self.options.extend(["--listen".to_owned(), api]);
        }
        Dev { child, process, info, data, player: Player::new() }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            #[expect(clippy::print_stdout, reason = "explains why a test failed")]
            let say = |text: String| println!("{text}");
            say(format!("the last lines of its log:\n{}", lines[lines.len().saturating_sub(40)..].join("\n")));
        }
    }
}

impl Dev {
    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The FFmpeg processes at work.
    pub fn children(&self) -> BTreeSet<Process> {
        children(self.process.pid)
    }

    /// `kill -9`. Returns the children that it had at that moment.
    ///
    /// # Panics
    /// If it cannot be waited for.
    pub async fn kill(mut self) -> BTreeSet<Process> {
        // Stopped first, so that it cannot start another child after its children were listed.
        self.process.signal(Signal::STOP);
        let children = self.children();
        self.process.signal(Signal::KILL);
        self.child.wait().await.expect("a child can be waited for");
        children
    }

    /// The effect of Ctrl-C: `SIGINT` to its process group. It needs [`Home::own_group`].
    ///
    /// # Panics
    /// If it continues for more than ten seconds.
    pub async fn interrupt(mut self) -> ExitStatus {
        let group = Pid::from_raw(self.process.pid).expect("it has a number");
        rustix::process::kill_process_group(group, Signal::INT).expect("it leads a group");
        let ended = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        ended.expect("it stops within ten seconds").expect("a child can be waited for")
    }

    /// `SIGTERM`; returns its exit status, within ten seconds.
    ///
    /// # Panics
    /// If it continues for longer.
    pub async fn terminate(mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        ended.expect("it stops within ten seconds").expect("a child can be waited for")
    }

    /// Calls the API: status and body.
    ///
    /// # Errors
    /// If the server does not respond.
    pub async fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}{path}", self.info["api"].as_str().unwrap_or_default());
        let method = method.parse().context("a method")?;
        let mut request = self.player.http.request(method, url);
        request = request.bearer_auth(self.info["token"].as_str().unwrap_or_default());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    /// Calls the API: status and body.
    ///
    /// # Panics
    /// If the server does not respond.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.try_call(method, path, body).await.expect("the API answers")
    }

    /// Uploads a file under a name, as a page does: the API signs, the store gets the bytes.
    ///
    /// # Panics
    /// If the API or the store rejects a request.
    pub async fn upload(&self, file: &Path, name: &str) -> VideoId {
        self.upload_as(file, json!({ "filename": name, "profile": "small" })).await
    }

    /// As `upload`, with other fields in the request; the size is added.
    ///
    /// # Panics
    /// If the API or the store rejects a request.
    pub async fn upload_as(&self, file: &Path, mut fields: Value) -> VideoId {
        let bytes = std::fs::read(file).expect("the file can be read");
        fields["size"] = json!(bytes.len());
        let (status, created) = self.call("POST", "/v1/uploads", Some(&fields)).await;
        assert_eq!(status, 201, "{created}");
        send_source(&self.player.http, created, bytes).await
    }

    /// The API's representation of a video.
    ///
    /// # Panics
    /// If the API does not return it.
    pub async fn video(&self, video: VideoId) -> Value {
        let (status, body) = self.call("GET", &format!("/v1/videos/{video}"), None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Waits until a condition holds for a video.
    ///
    /// # Panics
    /// If it does not within `limit`, or the video fails before.
    pub async fn until(&self, video: VideoId, limit: Duration, holds: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let now = self.video(video).await;
            if holds(&now) {
                return now;
            }
            assert!(now["state"] != "failed", "the video failed: {}", now["failure"]);
            assert!(started.elapsed() < limit, "after {limit:?} the video is still: {now:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a video is ready.
    ///
    /// # Panics
    /// If it is not within two minutes.
    pub async fn until_ready(&self, video: VideoId) -> Value {
        self.until(video, Duration::from_secs(120), |it| it["state"] == "ready").await
    }

    /// Waits until a video has failed.
    ///
    /// # Panics
    /// If it has not within half a minute.
    pub async fn until_failed(&self, video: VideoId) -> Value {
        let started = Instant::now();
        loop {
            let now = self.video(video).await;
            if now["state"] == "failed" {
                return now;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "the video did not fail: {now:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The paths of all objects of a video that viewers might get.
    ///
    /// # Panics
    /// If the store does not respond.
    pub async fn media_objects(&self, video: VideoId) -> Vec<String> {
        self.objects(video).await.into_iter().filter(|it| it.starts_with("hls/")).collect()
    }

    /// The paths of all objects of a video, in both buckets.
    ///
    /// # Panics
    /// If the store does not respond.
    pub async fn objects(&self, video: VideoId) -> Vec<String> {
        let (store, mut found) = (self.store(), vec![]);
        for prefix in ObjectPrefix::of_video(video) {
            let mut after = None;
            loop {
                let page = store.list(&prefix, after.as_deref()).await.expect("the store lists");
                found.extend(page.entries.into_iter().map(|it| it.path));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// The URL of the master playlist, with a grant.
    ///
    /// # Panics
    /// If the video cannot be watched.
    pub async fn hls_url(&self, video: VideoId) -> String {
        let (status, body) = self.call("GET", &format!("/v1/videos/{video}/stream"), None).await;
        assert_eq!(status, 200, "{body}");
        body["hls_url"].as_str().expect("an address").to_owned()
    }

    /// A store client with the owner's credentials.
    ///
    /// # Panics
    /// If `dev.json` does not contain them.
    pub fn store(&self) -> S3Store {
        let word = |name: &str| self.info["s3"][name].as_str().expect("how to reach the store").to_owned();
        S3Store::new(&S3StoreConfig {
            endpoint: word("endpoint"),
            public_endpoint: None,
            region: "auto".to_owned(),
            access_key_id: word("access_key_id"),
            secret_access_key: Secret::new(word("secret_access_key")),
            private_bucket: word("private_bucket"),
            media_bucket: word("media_bucket"),
            force_path_style: true,
        })
    }
}

/// All files below a directory, as relative paths.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap_or(&path).to_owned());
            }
        }
    }
    found.sort();
    found
}
