//! The edge worker in workerd, with R2, KV and a queue: runs `tests/edge/serve.mjs`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use domain::ids::VideoId;
use platform::testing::PRIVATE;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::memory::resident;
use crate::processes::children;

/// A running edge. It ends when nobody commands it any more: killed, it would leave its workerd behind.
pub struct Edge {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// `127.0.0.1:PORT`
    pub address: String,
}

/// Time limit for one command.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program that runs scripts.
fn node() -> &'static str {
    "node"
}

impl Edge {
    /// Starts the worker with variables and secrets; `None`, and a note, if it is not built or
    /// cannot be run.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(bindings: Value) -> Option<Self> {
        Self::launch(json!({ "bindings": bindings })).await
    }

    /// Starts the worker with a configuration of `tests/edge/serve.mjs`.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn launch(configuration: Value) -> Option<Self> {
        let (modules, build) = (
            root().join("tests/edge/node_modules"),
            root().join("edge-worker/build/index.js"),
        );
        if !modules.is_dir() || !build.is_file() {
            testkit::missing(
                "the edge worker or what runs it",
                "scripts/setup.sh --edge and make edge",
            );
            return None;
        }
        let mut child = tokio::process::Command::new(node())
            .arg(root().join("tests/edge/serve.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let commands = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut edge = Self {
            child,
            commands,
            answers,
            address: String::new(),
        };
        let started = edge.say(configuration).await;
        edge.address = started["address"].as_str().expect("an address").to_owned();
        Some(edge)
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The present resident memory of workerd, bytes.
    pub fn resident(&self) -> u64 {
        let node = self.child.id().unwrap_or_default();
        let pids = children(node as i32).into_iter().map(|it| it.pid);
        pids.map(|it| resident(it, "VmRSS:")).sum()
    }

    /// Sends a command and waits for its result.
    ///
    /// # Panics
    /// If it fails.
    pub async fn say(&mut self, command: Value) -> Value {
        let line = format!("{command}\n");
        self.commands
            .write_all(line.as_bytes())
            .await
            .expect("it listens");
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line())
            .await
            .expect("it answers in time");
        let answer = answer.expect("it can be read").expect("it is alive");
        let answer: Value = serde_json::from_str(&answer).expect("it answers in JSON");
        assert!(
            answer["error"].is_null(),
            "{command}: {}",
            answer["error"].as_str().unwrap_or_default()
        );
        answer
    }

    /// Uploads all files below a directory to a bucket, by relative path.
    pub async fn fill(&mut self, bucket: &str, folder: &Path) {
        self.say(json!({ "do": "fill", "bucket": bucket, "folder": folder }))
            .await;
    }

    /// Sends a batch to the queue handler; returns the outcome of each message.
    pub async fn queue(&mut self, bodies: &[Value]) -> Value {
        self.say(json!({ "do": "queue", "bodies": bodies })).await
    }
}

/// R2's event of an object.
pub fn event(action: &str, bucket: &str, key: &str) -> Value {
    json!({ "account": "a", "action": action, "bucket": bucket, "eventTime": "2026-01-01T00:00:00Z",
        "object": { "key": key, "size": 5, "eTag": "e" } })
}

/// R2's event of an upload, one video for each number.
pub fn upload(number: u64) -> Value {
    let key = format!("uploads/{}/film.mp4", VideoId::new(number, [1; 10]));
    event("PutObject", PRIVATE, &key)
}

/// The positions of the messages of a batch that were acknowledged, and of those that are retried.
///
/// # Panics
/// If the queue handler failed.
pub fn outcome(report: &Value) -> (Vec<String>, Vec<String>) {
    assert_eq!(report["outcome"], "ok", "{report:#}");
    let all = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    let text = |it: &Value| it.as_str().map(str::to_owned);
    (
        all("explicitAcks").iter().filter_map(text).collect(),
        all("retryMessages")
            .iter()
            .filter_map(|it| text(&it["msgId"]))
            .collect(),
    )
}
