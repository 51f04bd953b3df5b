//! The whole system in one process, with one data directory.

mod pump;
mod wiring;

use std::path::Path;
use std::time::Duration;

use api::session::SignInLink;
use s3_server::S3Server;
use serve::ServeLimits;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transcoder::setup::verified_tools;

use crate::Result;
use crate::args::DevArgs;
use crate::data_dir::{DataDir, DevInfo};
use crate::listen;
use crate::output::Output;
use crate::system::{Beside, Front, System as Components, unexpected};
use wiring::DevInputs;

/// The system with all resources open, before it runs.
pub struct System {
    data_dir: DataDir,
    info: DevInfo,
    sign_in: SignInLink,
    ffmpeg: String,
    system: Components,
    s3: S3Server,
    s3_listener: TcpListener,
    listener: TcpListener,
    clients: ServeLimits,
    pump: pump::Pump,
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
            system: built.system,
            s3: built.s3,
            s3_listener,
            listener,
            clients: args.clients.limits(CONNECTIONS_SHARE, false),
            pump: built.pump,
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
        let stop_store = CancellationToken::new();
        let mut store = JoinSet::new();
        let s3_ends = stop_store.clone().cancelled_owned();
        let s3_limits = ServeLimits::with_share(CONNECTIONS_SHARE);
        store.spawn(s3_limits.serve(self.s3_listener, self.s3.router(), s3_ends));
        let mut beside = Beside {
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
        };
        let (pump, pump_stop) = (self.pump, beside.stop.clone());
        beside.tasks.spawn(async move {
            pump.run(pump_stop).await;
            Ok(())
        });
        let front = Front {
            listener: self.listener,
            limits: self.clients,
            grace: GRACE_PERIOD,
        };
        self.data_dir.announce(&self.info)?;
        tokio::select! {
            ended = self.system.run(front, beside, stop) => ended?,
            ended = store.join_next() => unexpected("the store", ended)?,
        }
        stop_store.cancel();
        let _ = tokio::time::timeout(GRACE_PERIOD, async {
            while store.join_next().await.is_some() {}
        })
        .await;
        Ok(())
    }
}
