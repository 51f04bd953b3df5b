//! Components that run separately and are configured by environment variables.

use std::net::SocketAddr;

use config::ServiceArgs;

/// Run the API, with the database, queue and buckets from the environment.
///
/// Also sends webhooks, processes dead letters and cleans up. Several instances may run concurrently.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Generate a key: echo \"k1:$(openssl rand -base64 32)\"
An upload becomes a job when it is completed or found in the bucket; `edgereel transcoder` processes jobs.
Bucket events are received by POST /v1/events or by the Lambda function `ingest`.")]
pub struct ServeApiArgs {
    /// Address to listen on. Port 0 chooses a free port.
    #[arg(long, env = "EDGEREEL_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Only serve requests: scheduled functions or another `edgereel api` send webhooks and clean up.
    #[arg(long)]
    pub no_background: bool,
    /// Rebuild a lost database from the published videos in the buckets. Titles, owners and metadata are not
    /// restored.
    #[arg(long, conflicts_with = "no_background")]
    pub rebuild: bool,
    /// Where the database, the queue and the buckets are.
    #[command(flatten)]
    pub services: ServiceArgs,
    /// Settings of the API.
    #[command(flatten)]
    pub api: config::ApiArgs,
    /// Limits on clients.
    #[command(flatten)]
    pub clients: super::ClientArgs,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Exit when standard input is closed (for supervising processes).
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
}

/// Run a transcoder, which processes the jobs of the queue from the environment.
///
/// Any number may run, on any number of machines. On SIGTERM it releases its job immediately and keeps all finished
/// chunks; the next transcoder resumes the job there.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "FFmpeg is required too: edgereel doctor.")]
pub struct TranscoderArgs {
    /// All settings of the transcoder.
    #[command(flatten)]
    pub transcoder: transcoder::service::TranscoderArgs,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Exit when standard input is closed (for supervising processes).
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
}
