//! A child process `edgereel dev`, which exits with this process in any case.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use domain::ids::VideoId;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::Result;
use crate::data_dir::DevInfo;
use crate::output::CommandError;

/// Timeout of start and exit.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct DevServer {
    child: Child,
    /// The child exits when this pipe closes, also when this process is killed.
    stdin: ChildStdin,
    info: DevInfo,
    /// The URL that signs one browser in, if the server has pages.
    sign_in: Option<String>,
}

impl DevServer {
    /// Starts the server on a free port and waits until it listens.
    pub(super) async fn start(data: &Path) -> Result<Self> {
        let program =
            std::env::current_exe().context("cannot determine the path of this program")?;
        let mut command = Command::new(program);
        command.arg("dev").arg("--data").arg(data);
        command.args(["--listen", "127.0.0.1:0", "--json", "--until-stdin-ends"]);
        if std::env::var_os("RUST_LOG").is_none() {
            // The demonstration reports successes itself.
            command.env("RUST_LOG", "warn");
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().context("cannot start `edgereel dev`")?;
        let stdin = child
            .stdin
            .take()
            .context("`edgereel dev` has no standard input")?;
        let stdout = child
            .stdout
            .take()
            .context("`edgereel dev` has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(TIMEOUT, lines.next_line()).await;
        let first = first
            .context("`edgereel dev` did not start in time")??
            .unwrap_or_default();
        // Read the rest of its output, so that the pipe does not fill up.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });

        let said: serde_json::Value = serde_json::from_str(&first).unwrap_or_default();
        if let Some(error) = said.get("error") {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            return Err(CommandError::failed(
                text("code"),
                anyhow::anyhow!(text("message")),
            ));
        }
        let info = wait_for_info(data, &said).await?;
        let sign_in = said["sign_in"].as_str().map(str::to_owned);
        Ok(Self {
            child,
            stdin,
            info,
            sign_in,
        })
    }

    pub(super) fn info(&self) -> &DevInfo {
        &self.info
    }

    /// The URL that signs one browser in and opens the page of a video.
    pub(super) fn page_of(&self, video: VideoId) -> Option<String> {
        self.sign_in
            .as_ref()
            .map(|it| format!("{it}&to=/watch/{video}"))
    }

    /// Waits for a signal or the exit of the server (the terminal sends Ctrl-C to both processes).
    pub(super) async fn until_interrupted(&self) {
        let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    /// Stops the server and waits for its exit.
    pub(super) async fn stop(mut self) {
        drop(self.stdin);
        if tokio::time::timeout(TIMEOUT, self.child.wait())
            .await
            .is_err()
        {
            // Dropping the child kills it.
            tracing::warn!("`edgereel dev` did not exit in time: killing it");
        }
    }
}

/// The file appears shortly after the server has reported that it listens.
async fn wait_for_info(data: &Path, said: &serde_json::Value) -> Result<DevInfo> {
    for _ in 0..100 {
        if let Some(info) = DevInfo::read(data)?
            && said["api"] == info.api.as_str()
        {
            return Ok(info);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(CommandError::failed(
        "not-running",
        anyhow::anyhow!("`edgereel dev` did not report its URLs"),
    ))
}
