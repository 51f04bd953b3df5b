//! The whole system in one process, on one folder.

mod pump;
mod wiring;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use platform::database::Database;
use s3_server::S3Server;
use serve::ServeLimits;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transcoder::worker::Worker;

use crate::Result;
use crate::args::DevArgs;
use crate::background::Background;
use crate::data_dir::{DataDir, DevInfo};
use crate::listen;
use wiring::Parts;

/// Everything, open and listening, but not yet at work.
pub struct System {
    folder: DataDir,
    info: DevInfo,
    ffmpeg: String,
    database: Database,
    s3: S3Server,
    s3_listener: TcpListener,
    router: axum::Router,
    listener: TcpListener,
    clients: ServeLimits,
    pump: pump::Pump,
    background: Background,
    worker: Worker,
}

/// How long requests that have begun may take once everything stops.
const LAST_REQUESTS: Duration = Duration::from_secs(3);
/// One in so many descriptors may be a client's connection: a request of a player also takes two for the store's connection
/// and one for its file.
const CONNECTIONS_SHARE: usize = 6;

impl System {
    /// Opens the folder and everything in it, and takes the ports. What an earlier run had in hand when
    /// it was killed is free again.
    ///
    /// # Errors
    /// What is missing, in use, or cannot be opened.
    pub async fn start(args: &DevArgs) -> Result<Self> {
        let encoders = args.encoders.map_or_else(crate::commands::transcode::default_encoders, usize::from);
        let tools = crate::commands::transcode::tried_tools(&args.confinement, encoders).await?;
        let ffmpeg = tools.version.clone();
        let folder = DataDir::open(&args.data)?;
        let (listener, s3_listener) = listen::both(args.listen).await?;
        let parts = Parts { folder: &folder, listener: &listener, s3_listener: &s3_listener, args, tools };
        let wired = Box::pin(wiring::wire(parts)).await?;
        Ok(Self {
            folder,
            info: wired.info,
            ffmpeg,
            database: wired.database,
            s3: wired.s3,
            s3_listener,
            router: wired.router,
            listener,
            clients: args.clients.limits(CONNECTIONS_SHARE, false),
            pump: wired.pump,
            background: wired.background,
            worker: wired.worker,
        })
    }

    /// How to reach it.
    pub fn info(&self) -> &DevInfo {
        &self.info
    }

    /// The folder of everything.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// What FFmpeg calls itself.
    pub fn ffmpeg(&self) -> &str {
        &self.ffmpeg
    }

    /// Works until `stop`, then ends in order: the worker gives its job back, requests that have begun
    /// end, and the store goes last.
    ///
    /// # Errors
    /// If a part of it ended by itself.
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

        self.folder.announce(&self.info)?;
        tokio::select! {
            // First: whoever hears of it sooner than we do has not ended by itself.
            biased;
            () = stop.cancelled() => {}
            ended = serving.join_next() => unexpected("the API", ended)?,
            ended = store.join_next() => unexpected("the store", ended)?,
            ended = work.join_next() => unexpected("the worker", ended.map(|it| it.map(Ok)))?,
        }
        stop.cancel();
        while work.join_next().await.is_some() {}
        stop_serving.cancel();
        // What will not end by itself is dropped with its set.
        let _ = tokio::time::timeout(LAST_REQUESTS, async { while serving.join_next().await.is_some() {} }).await;
        stop_store.cancel();
        let _ = tokio::time::timeout(LAST_REQUESTS, async { while store.join_next().await.is_some() {} }).await;
        self.database.close().await;
        Ok(())
    }
}

/// None of these ends before it is told to.
fn unexpected(
    what: &str,
    ended: Option<std::result::Result<std::io::Result<()>, tokio::task::JoinError>>,
) -> anyhow::Result<()> {
    match ended {
        Some(Ok(Err(error))) => Err(error).with_context(|| format!("{what} failed")),
        Some(Err(panic)) => Err(panic).with_context(|| format!("{what} failed")),
        Some(Ok(Ok(()))) | None => Err(anyhow::anyhow!("{what} ended by itself")),
    }
}
