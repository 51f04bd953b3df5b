//! Components that run separately and are configured by environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::ConfinementArgs;

/// Run the API, with the database, queue and buckets from environment variables.
///
/// Also sends webhooks, processes dead letters and cleans up. Several instances may run at the same time.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Required variables:
  EDGEREEL_DATABASE               postgres://USER:PASSWORD@HOST/NAME, or sqlite:PATH
  EDGEREEL_QUEUE                  sqs:URL of a queue (optional; default: the database)
  EDGEREEL_S3_ENDPOINT            URL of the S3 API
  EDGEREEL_S3_ACCESS_KEY_ID       S3 credentials, with EDGEREEL_S3_SECRET_ACCESS_KEY
  EDGEREEL_PRIVATE_BUCKET         bucket of sources and wrapped keys
  EDGEREEL_MEDIA_BUCKET           bucket of published videos
  EDGEREEL_API_TOKEN              token with full access
  EDGEREEL_EDGE_URL               public URL of the edge
  EDGEREEL_GRANT_KEYS             keys that sign grants: ID:HS256:BASE64
  EDGEREEL_KEY_ENCRYPTION_KEYS    keys that encrypt webhook secrets: ID:BASE64 of 32 bytes

Generate a key: echo \"k1:$(openssl rand -base64 32)\"
Optional variables (limits, identity provider, CORS, ...): docs/configuration.md.
An upload becomes a job when the client completes it or when the API finds it in the bucket.
`edgereel transcoder` processes the jobs. Bucket events are optional: POST /v1/events, or the Lambda function `ingest`.")]
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

/// Run a transcoder, with the database, queue and buckets from environment variables.
///
/// A transcoder processes the jobs of the queue. Any number may run, on any number of machines. On SIGTERM it
/// releases its jobs immediately; another transcoder continues them after the chunks that are finished.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Required variables:
  EDGEREEL_DATABASE               postgres://USER:PASSWORD@HOST/NAME, or sqlite:PATH
  EDGEREEL_QUEUE                  sqs:URL of a queue (optional; default: the database)
  EDGEREEL_S3_ENDPOINT            URL of the S3 API
  EDGEREEL_S3_ACCESS_KEY_ID       S3 credentials, with EDGEREEL_S3_SECRET_ACCESS_KEY
  EDGEREEL_PRIVATE_BUCKET         bucket of sources and wrapped keys
  EDGEREEL_MEDIA_BUCKET           bucket of published videos
  EDGEREEL_KEY_ENCRYPTION_KEYS    keys that wrap content keys: ID:BASE64 of 32 bytes; the same as at the edge

Optional variables: docs/configuration.md. FFmpeg is required too: edgereel doctor.")]
pub struct TranscoderArgs {
    /// Number of concurrent encoders per job. Default: the number of processors.
    #[arg(long, env = "EDGEREEL_ENCODERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub encoders: Option<u16>,
    /// Number of concurrent jobs.
    #[arg(long, env = "EDGEREEL_JOBS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// Number of concurrent imports, in addition to jobs: an import mostly waits for the remote server.
    #[arg(long, env = "EDGEREEL_IMPORTS", value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub imports: u16,
    /// Profile (TOML file) that jobs may select, besides `default`. Can be repeated.
    #[arg(long = "profile", value_name = "FILE")]
    pub profiles: Vec<PathBuf>,
    /// A directory of profiles (TOML files) that jobs may select.
    #[arg(long, env = "EDGEREEL_PROFILES_DIR", value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
    /// Name in the catalog and in logs; must be unique among running transcoders. Default: the host name and a number.
    #[arg(long, env = "EDGEREEL_WORKER", value_name = "NAME")]
    pub name: Option<String>,
    /// Confinement of FFmpeg.
    #[command(flatten)]
    pub confinement: ConfinementArgs,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Exit when standard input is closed (for supervising processes).
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
}
