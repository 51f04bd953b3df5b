//! A running `edgereel dev`, and its API as clients use it.

mod home;

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
use tokio::process::Child;

pub use self::home::Home;
use crate::player::Player;
use crate::processes::{Process, children};
use crate::upload::send_source;

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
        ended
            .expect("it stops within ten seconds")
            .expect("a child can be waited for")
    }

    /// `SIGTERM`; returns its exit status, within ten seconds.
    ///
    /// # Panics
    /// If it continues for longer.
    pub async fn terminate(mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        ended
            .expect("it stops within ten seconds")
            .expect("a child can be waited for")
    }

    /// Calls the API: status and body.
    ///
    /// # Errors
    /// If the server does not respond.
    pub async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}{path}", self.info["api"].as_str().unwrap_or_default());
        let method = method.parse().context("a method")?;
        let mut request = self.player.http.request(method, url);
        request = request.bearer_auth(self.info["token"].as_str().unwrap_or_default());
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        Ok((
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        ))
    }

    /// Calls the API: status and body.
    ///
    /// # Panics
    /// If the server does not respond.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.try_call(method, path, body)
            .await
            .expect("the API answers")
    }

    /// Uploads a file under a name, as a page does: the API signs, the store gets the bytes.
    ///
    /// # Panics
    /// If the API or the store rejects a request.
    pub async fn upload(&self, file: &Path, name: &str) -> VideoId {
        self.upload_as(file, json!({ "filename": name, "profile": "small" }))
            .await
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
    pub async fn until(
        &self,
        video: VideoId,
        limit: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let started = Instant::now();
        loop {
            let now = self.video(video).await;
            if holds(&now) {
                return now;
            }
            assert!(
                now["state"] != "failed",
                "the video failed: {}",
                now["failure"]
            );
            assert!(
                started.elapsed() < limit,
                "after {limit:?} the video is still: {now:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a video is ready.
    ///
    /// # Panics
    /// If it is not within two minutes.
    pub async fn until_ready(&self, video: VideoId) -> Value {
        self.until(video, Duration::from_secs(120), |it| it["state"] == "ready")
            .await
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
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "the video did not fail: {now:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The paths of all objects of a video that viewers might get.
    ///
    /// # Panics
    /// If the store does not respond.
    pub async fn media_objects(&self, video: VideoId) -> Vec<String> {
        self.objects(video)
            .await
            .into_iter()
            .filter(|it| it.starts_with("hls/"))
            .collect()
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
                let page = store
                    .list(&prefix, after.as_deref())
                    .await
                    .expect("the store lists");
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
        let (status, body) = self
            .call("GET", &format!("/v1/videos/{video}/stream"), None)
            .await;
        assert_eq!(status, 200, "{body}");
        body["hls_url"].as_str().expect("an address").to_owned()
    }

    /// A store client with the owner's credentials.
    ///
    /// # Panics
    /// If `dev.json` does not contain them.
    pub fn store(&self) -> S3Store {
        let word = |name: &str| {
            self.info["s3"][name]
                .as_str()
                .expect("how to reach the store")
                .to_owned()
        };
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
