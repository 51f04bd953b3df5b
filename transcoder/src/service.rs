//! A transcoder as a program: connects to the services, and works until it is stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use catalog::connect::ConnectError;
use config::{
    Installation, InvalidQueueSettings, KeyArgs, PriceArgs, ProfileArgs, ReleaseError, ServiceArgs,
    SourceArgs,
};
use health::{Health, HealthArgs, HealthServer, PortError, Services};
use metrics::Program;
use metrics::otlp::Exporter;
use tokio_util::sync::CancellationToken;

use crate::settings::{FfmpegArgs, WorkerArgs};
use crate::setup::{SetupError, verified_tools, verify_codecs};
use crate::worker::{Worker, WorkerConfig};

/// All settings of a transcoder.
#[derive(Debug, Clone, clap::Args)]
pub struct TranscoderArgs {
    /// What it does at once.
    #[command(flatten)]
    pub worker: WorkerArgs,
    /// End with exit code 0 when no job came for this many seconds and none is running. For transcoders that are started
    /// when there is work. The queue must respond: an outage does not count.
    #[arg(
        long,
        env = "EDGEREEL_UNTIL_IDLE_SECONDS",
        value_name = "SECONDS",
        help_heading = "Worker"
    )]
    pub until_idle: Option<u32>,
    /// The profiles that jobs may select.
    #[command(flatten)]
    pub profiles: ProfileArgs,
    /// Prices, for profiles with `copy_top = "until_encoded"`.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// Where it reports its health.
    #[command(flatten)]
    pub health: HealthArgs,
    /// How FFmpeg runs.
    #[command(flatten)]
    pub ffmpeg: FfmpegArgs,
    /// Where the database, the queue and the buckets are.
    #[command(flatten)]
    pub services: ServiceArgs,
    /// Keys that wrap content keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Which sources may be imported.
    #[command(flatten)]
    pub sources: SourceArgs,
}

/// Why a transcoder cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its settings or FFmpeg.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Settings of the queue contradict each other.
    #[error(transparent)]
    Queue(#[from] InvalidQueueSettings),
    /// A service cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The leases of an earlier run cannot be released.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The port for health cannot be opened.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A transcoder that is connected to its services.
pub struct Transcoder {
    installation: Installation,
    worker: Worker,
    health: Option<HealthServer>,
    exporter: Exporter,
}

impl Transcoder {
    /// Checks FFmpeg and connects to the services.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(args: TranscoderArgs) -> Result<Self, StartError> {
        let config = WorkerConfig {
            until_idle: args.until_idle.map(|it| Duration::from_secs(it.into())),
            prices: args.prices.prices(),
            ..args.worker.config(&args.profiles, &args.sources)?
        };
        let profiles = config.profiles.values();
        args.ffmpeg.check_memory(profiles, config.jobs)?;
        let tools = verified_tools(&args.ffmpeg, config.jobs).await?;
        verify_codecs(&tools, config.profiles.values()).await?;
        let installation = Box::pin(Installation::connect(
            args.services.try_into()?,
            &config.name,
        ))
        .await?;
        // A name that was chosen is unique among running transcoders, and stays after a crash.
        if args.worker.name.is_some() {
            installation.release_stale(&config.name).await?;
        }
        let worker = Worker::new(&installation, args.keys.key_encryption_keys, tools, config);
        let metrics = Arc::new(installation.database.metrics().clone());
        metrics.begin(Program::Transcoder);
        let health = Health {
            services: Services::of(&installation),
            metrics: metrics.clone(),
        };
        let health = args.health.start(health).await?;
        Ok(Self {
            installation,
            worker,
            health,
            exporter: Exporter::start(Program::Transcoder, metrics),
        })
    }

    /// The name of the worker, the number of its encoders, and the version of FFmpeg, for a person.
    pub fn describe(&self) -> String {
        let Worker { config, tools, .. } = &self.worker;
        format!(
            "Name: `{}`, {} encoders, {}",
            config.name, config.encoders, tools.version
        )
    }

    /// The name of the worker.
    pub fn name(&self) -> &str {
        &self.worker.config.name
    }

    /// The address of the port for health, if it is open.
    pub fn health(&self) -> Option<SocketAddr> {
        self.health.as_ref().map(HealthServer::address)
    }

    /// Processes jobs until `stop` is cancelled, or until it is idle for as long as configured; then it releases its jobs
    /// and returns.
    pub async fn run(self, stop: CancellationToken) {
        let Self {
            installation,
            worker,
            health,
            exporter,
        } = self;
        worker.run(stop).await;
        exporter.finish().await;
        drop((worker, health));
        installation.close().await;
    }
}
