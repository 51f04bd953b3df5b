//! Components that run separately and are configured by environment variables.

use std::net::SocketAddr;

use config::{DatabaseArgs, ServiceArgs};

/// Run the API, with the database, queue and buckets from environment variables.
///
/// Also sends webhooks, processes dead letters and cleans up. Several instances may run at the same time.
#[derive(Debug, Clone, clap::Args)]
#[command(override_usage = "edgereel api [OPTIONS]")]
#[command(after_long_help = "\
docs/configuration.md explains the settings. Those without a default are required, as options or as variables.
Generate a key: echo \"k1:$(openssl rand -base64 32)\"
An upload becomes a job when the client completes it or when the API finds it in the bucket.
`edgereel transcoder` processes the jobs. Bucket events are optional: POST /v1/events, `edgereel ingest`, or the
Lambda function `ingest`.")]
pub struct ApiServerArgs {
    /// Address to listen on. Port 0 chooses a free port.
    #[arg(
        long,
        env = "EDGEREEL_LISTEN",
        default_value = "127.0.0.1:8787",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    /// Only serve requests: scheduled functions or another `edgereel api` send webhooks and clean up.
    #[arg(long)]
    pub no_background: bool,
    /// Rebuild a lost database from the published videos in the buckets. Titles, owners and metadata are not
    /// restored.
    #[arg(long, conflicts_with = "no_background")]
    pub rebuild: bool,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Exit when standard input is closed (for supervising processes).
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
    /// Where the database, the queue and the buckets are.
    #[command(flatten)]
    pub services: ServiceArgs,
    /// Settings of the API.
    #[command(flatten)]
    pub api: config::ApiArgs,
    /// Limits on clients.
    #[command(flatten)]
    pub clients: super::ClientArgs,
    /// Where it reports its health.
    #[command(flatten)]
    pub health: health::HealthArgs,
}

/// Run a transcoder, with the database, queue and buckets from environment variables.
///
/// A transcoder processes the jobs of the queue. Any number may run, on any number of machines. On SIGTERM it
/// releases its jobs immediately; another transcoder continues them after the chunks that are finished.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(override_usage = "edgereel transcoder [OPTIONS]")]
#[command(after_long_help = "\
docs/configuration.md explains the settings. Those without a default are required, as options or as variables.
With --until-idle 300, it ends with exit code 0 when no job came for five minutes.
FFmpeg is required too: edgereel doctor.")]
pub struct TranscoderArgs {
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Exit when standard input is closed (for supervising processes).
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
    /// All settings of the transcoder.
    #[command(flatten)]
    pub transcoder: transcoder::service::TranscoderArgs,
}

/// Create or update the tables of the database.
///
/// Run it before you start a new version. Programs of the previous version work with the new tables, so nothing needs to
/// stop. It needs the right to create tables; the programs do not. Running it again changes nothing.
#[derive(Debug, Clone, clap::Args)]
pub struct MigrateArgs {
    /// Change nothing: print the missing migrations, and exit with 1 if there are any.
    #[arg(long)]
    pub check: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Where the database is.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
