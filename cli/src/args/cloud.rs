//! The parts that run apart, put together from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::ConfinementArgs;

/// Runs the API alone, on the database, queue and buckets that the environment names.
///
/// Sends webhooks, settles dead letters and sweeps what is overdue as well. Several may run side by side.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
It needs these variables:
  EDGEREEL_DATABASE               postgres://USER:PASSWORD@HOST/NAME, or sqlite:PATH
  EDGEREEL_QUEUE                  sqs:URL of a queue; by default the jobs wait in the database
  EDGEREEL_S3_ENDPOINT            where the buckets are, with EDGEREEL_S3_ACCESS_KEY_ID and _SECRET_ACCESS_KEY
  EDGEREEL_PRIVATE_BUCKET         sources and wrapped keys
  EDGEREEL_MEDIA_BUCKET           what viewers get
  EDGEREEL_API_TOKEN              opens everything
  EDGEREEL_EDGE_URL               where players find the edge
  EDGEREEL_GRANT_KEYS             sign grants: NAME:HS256:BASE64
  EDGEREEL_KEY_ENCRYPTION_KEYS    seal the secrets of webhooks: NAME:BASE64 of 32 bytes

Make a key: echo \"k1:$(openssl rand -base64 32)\"
The others (limits, identity provider, CORS, ...): docs/configuration.md.
Uploads become jobs when they are completed, or when they are found in the bucket; `edgereel transcoder` does the work.
Where the bucket sends events, POST /v1/events and the Lambda function `ingest` take them.")]
pub struct ServeApiArgs {
    /// Where it listens; port 0 takes a free one.
    #[arg(long, env = "EDGEREEL_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Only answer: others (scheduled functions, another `edgereel api`) send webhooks and sweep.
    #[arg(long)]
    pub no_background: bool,
    /// List the published videos of the buckets again, after the database was lost. Titles, owners and metadata are not
    /// rebuilt.
    #[arg(long, conflicts_with = "no_background")]
    pub rebuild: bool,
    /// How many clients are served.
    #[command(flatten)]
    pub clients: super::ClientArgs,
    /// Say what happens as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Stop when standard input ends: for whoever starts this and might be killed.
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
}

/// Runs a transcoder alone: takes jobs from the queue that the environment names, and does them.
///
/// As many may run as there is work, on as many machines. On SIGTERM it gives its job back at once, with all finished
/// chunks kept; whoever takes the job next goes on there.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
It needs these variables:
  EDGEREEL_DATABASE               postgres://USER:PASSWORD@HOST/NAME, or sqlite:PATH
  EDGEREEL_QUEUE                  sqs:URL of a queue; by default the jobs wait in the database
  EDGEREEL_S3_ENDPOINT            where the buckets are, with EDGEREEL_S3_ACCESS_KEY_ID and _SECRET_ACCESS_KEY
  EDGEREEL_PRIVATE_BUCKET         sources and wrapped keys
  EDGEREEL_MEDIA_BUCKET           what viewers get
  EDGEREEL_KEY_ENCRYPTION_KEYS    wrap content keys: NAME:BASE64 of 32 bytes; the edge has the same

The others: docs/configuration.md. It also needs FFmpeg: edgereel doctor.")]
pub struct TranscoderArgs {
    /// Encoders that run side by side, for each job; by default as many as there are processors.
    #[arg(long, env = "EDGEREEL_ENCODERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub encoders: Option<u16>,
    /// Jobs at the same time.
    #[arg(long, env = "EDGEREEL_JOBS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// Imports at the same time, beside the jobs: an import mostly waits for the server that it fetches from.
    #[arg(long, env = "EDGEREEL_IMPORTS", value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub imports: u16,
    /// Profiles (TOML files) that jobs may name, beside `default`.
    #[arg(long = "profile", value_name = "FILE")]
    pub profiles: Vec<PathBuf>,
    /// A folder whose TOML files are all such profiles.
    #[arg(long, env = "EDGEREEL_PROFILES_DIR", value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
    /// Names it in the catalog and in logs; no other that runs may have this name. By default the host's, and a number.
    #[arg(long, env = "EDGEREEL_WORKER", value_name = "NAME")]
    pub name: Option<String>,
    /// What FFmpeg may do.
    #[command(flatten)]
    pub confinement: ConfinementArgs,
    /// Say what happens as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Stop when standard input ends: for whoever starts this and might be killed.
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
}
