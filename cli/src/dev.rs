//! The whole system in one process, with one data directory.

mod pump;
mod wiring;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use api::session::SignInLink;
use catalog::database::Database;
use s3_server::S3Server;
use serve::ServeLimits;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transcoder::Worker;
use transcoder::setup::verified_tools;

use crate::Result;
use crate::args::DevArgs;
use crate::background::Background;
use crate::data_dir::{DataDir, DevInfo};
use crate::listen;
use crate::output::Output;
use wiring::DevInputs;

/// The system with all resources open, before it runs.
pub struct System {
    data_dir: DataDir,
    info: DevInfo,
    sign_in: SignInLink,
    ffmpeg: String,
    database: Database,
    s3: S3Server,
    s3_listener: TcpListener,
    router: axum::Router,
    live: api::live::LiveVideos,
    listener: TcpListener,
    clients: ServeLimits,
    pump: pump::Pump,
    background: Background,
    worker: Worker,
}

/// How long running requests may take at shutdown.
const GRACE_PERIOD: Duration = Duration::from_secs(3);
/// One in this many file descriptors may be a client connection: each player request also uses two for the connection
/// to the store and one for the file.
const CONNECTIONS_SHARE: usize = 6;

/// Number of concurrent jobs.
const CONCURRENT_JOBS: usize = 1;

impl System {
    /// Opens the data directory and binds the ports. Releases the leases of an earlier run that was
    /// killed.
    ///
    /// # Errors
    /// The resource that is missing, in use, or cannot be opened.
    pub async fn start(args: &DevArgs, output: &Output) -> Result<Self> {
        let tools = verified_tools(&args.ffmpeg, CONCURRENT_JOBS).await?;
        let ffmpeg = tools.version.clone();
        let data_dir = DataDir::open(&args.data)?;
        let (listener, s3_listener) = listen::bind_both(args.listen).await?;
        let inputs = DevInputs {
            data_dir: &data_dir,
            listener: &listener,
            s3_listener: &s3_listener,
            args,
            tools,
            output: *output,
        };
        let built = Box::pin(wiring::build(inputs)).await?;
        Ok(Self {
            data_dir,
            info: built.info,
            sign_in: built.sign_in,
            ffmpeg,
            database: built.database,
            s3: built.s3,
            s3_listener,
            router: built.router,
            live: built.live,
            listener,
            clients: args.clients.limits(CONNECTIONS_SHARE, false),
            pump: built.pump,
            background: built.background,
            worker: built.worker,
        })
    }

    /// The URL that signs one browser in.
    pub fn sign_in_url(&self) -> String {
        format!("{}{}", self.info.api, self.sign_in.path())
    }

    /// Addresses and token.
    pub fn info(&self) -> &DevInfo {
        &self.info
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        self.data_dir.path()
    }

    /// The version of FFmpeg.
    pub fn ffmpeg(&self) -> &str {
        &self.ffmpeg
    }

    /// Runs until `stop` is cancelled, then shuts down in order: the worker releases its job, running requests
    /// finish, and the store stops last.
    ///
    /// # Errors
    /// If a component ended unexpectedly.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let (stop_serving, stop_store) = (CancellationToken::new(), CancellationToken::new());
        let mut work = JoinSet::new();
        let mut serving = JoinSet::new();
        let mut store = JoinSet::new();

        let s3_router = self.s3.router();
        let s3_ends = stop_store.clone().cancelled_owned();
        let s3_limits = ServeLimits::with_share(CONNECTIONS_SHARE);
        store.spawn(s3_limits.serve(self.s3_listener, s3_router, s3_ends));
        let api_ends = stop_serving.clone().cancelled_owned();
        serving.spawn(self.clients.serve(self.listener, self.router, api_ends));
        let (pump, pump_stop) = (self.pump, stop_serving.clone());
        serving.spawn(async move {
            pump.run(pump_stop).await;
            Ok(())
        });
        let (worker, worker_stop) = (self.worker, stop.child_token());
        work.spawn(async move { worker.run(worker_stop).await });
        self.background.start(&mut work, &stop.child_token());

        self.data_dir.announce(&self.info)?;
        tokio::select! {
            // First: components that end after `stop` have not ended unexpectedly.
            biased;
            () = stop.cancelled() => {}
            ended = serving.join_next() => unexpected("the API", ended)?,
            ended = store.join_next() => unexpected("the store", ended)?,
            ended = work.join_next() => unexpected("the worker", ended.map(|it| it.map(Ok)))?,
        }
        stop.cancel();
        while work.join_next().await.is_some() {}
        stop_serving.cancel();
        self.live.end();
        // Dropping the set aborts the remaining tasks.
        let _ = tokio::time::timeout(GRACE_PERIOD, async {
            while serving.join_next().await.is_some() {}
        })
        .await;
        stop_store.cancel();
        let _ = tokio::time::timeout(GRACE_PERIOD, async {
            while store.join_next().await.is_some() {}
        })
        .await;
        self.database.close().await;
        Ok(())
    }
}

/// A component must not end before `stop` is cancelled.
fn unexpected(
    what: &str,
    ended: Option<std::result::Result<std::io::Result<()>, tokio::task::JoinError>>,
) -> anyhow::Result<()> {
    match ended {
        Some(Ok(Err(error))) => Err(error).with_context(|| format!("{what} failed")),
        Some(Err(panic)) => Err(panic).with_context(|| format!("{what} failed")),
        Some(Ok(Ok(()))) | None => Err(anyhow::anyhow!("{what} ended unexpectedly")),
    }
}
