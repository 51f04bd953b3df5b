//! A transcoder as a program: connects to the services, and works until it is stopped.

use catalog::connect::ConnectError;
use config::{Installation, KeyArgs, ServiceArgs, SourceArgs};
use tokio_util::sync::CancellationToken;

use crate::settings::{FfmpegArgs, WorkerArgs};
use crate::setup::{SetupError, verified_tools};
use crate::worker::Worker;

/// All settings of a transcoder.
#[derive(Debug, Clone, clap::Args)]
pub struct TranscoderArgs {
    /// What it does at once.
    #[command(flatten)]
    pub worker: WorkerArgs,
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
    /// A service cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// A transcoder that is connected to its services.
pub struct Transcoder {
    installation: Installation,
    worker: Worker,
}

impl Transcoder {
    /// Checks FFmpeg and connects to the services.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(args: TranscoderArgs) -> Result<Self, StartError> {
        let config = args.worker.config(&args.sources)?;
        let profiles = config.profiles.values();
        args.ffmpeg.check_memory(profiles, config.jobs)?;
        let tools = verified_tools(&args.ffmpeg, config.jobs).await?;
        let installation =
            Box::pin(Installation::connect(args.services.into(), &config.name)).await?;
        let worker = Worker::new(&installation, args.keys.key_encryption_keys, tools, config);
        Ok(Self {
            installation,
            worker,
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

    /// Processes jobs until `stop` is cancelled; then it releases its jobs and returns.
    pub async fn run(self, stop: CancellationToken) {
        let Self {
            installation,
            worker,
        } = self;
        worker.run(stop).await;
        drop(worker);
        installation.close().await;
    }
}
