//! Programs that serve viewers: everything in one process, or the edge alone.

use std::net::SocketAddr;

use config::{ApiArgs, EdgeArgs, EventsArgs, KeyArgs, PlaybackArgs, ServiceArgs};
use health::HealthArgs;
use transcoder::settings::{FfmpegArgs, WorkerArgs};

use super::ClientArgs;

const EDGE_URL: &str = "The public URL of the edge. Default: that of the API";
const PASS_KEYS: &str = "Keys that sign the URLs of playlists, segments, keys and images: `NAME:BASE64`, \
    comma-separated. The first one signs. Prefer the variable";
const API_URL: &str =
    "The public URL of this program, `https:` for browsers. Default: the address to listen on";

/// Run everything in one process for production: API, web app, events, transcoder and edge.
///
/// The buckets are those of R2, S3 or another store, and the database is PostgreSQL or a SQLite file. Viewers, clients
/// and browsers use the same address; put a proxy with HTTPS in front. More transcoders may run on other machines, with
/// the same settings.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(override_usage = "edgereel serve [OPTIONS]")]
#[command(after_long_help = "\
First start:
  edgereel keys new > edgereel.env     the secrets; add the database and the buckets to this file
  set -a; . ./edgereel.env; set +a
  edgereel serve                       lists all settings that are missing
docs/programs.md has an example; docs/configuration.md explains the settings.")]
// The edge is this program: without a URL of its own, it has that of the API, and its keys are required.
#[command(mut_arg("edge_url", |it| it.required(false).default_value("").hide_default_value(true).help(EDGE_URL)))]
#[command(mut_arg("pass_keys", |it| it.required(true).help(PASS_KEYS).long_help(PASS_KEYS)))]
#[command(mut_arg("api_url", |it| it.help(API_URL)))]
#[command(mut_arg("migrate", |it| it.default_value("1")))]
pub struct ServeArgs {
    /// Address to listen on. Port 0 chooses a free port.
    #[arg(
        long,
        env = "EDGEREEL_LISTEN",
        default_value = "127.0.0.1:8787",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    /// Rebuild a lost database from the published videos in the buckets. Titles, owners and metadata are not
    /// restored.
    #[arg(long)]
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
    /// The queue with the events of the bucket, if there is one.
    #[command(flatten)]
    pub events: EventsArgs,
    /// Settings of the API.
    #[command(flatten)]
    pub api: ApiArgs,
    /// Keys that wrap content keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// How viewers are served.
    #[command(flatten)]
    pub playback: PlaybackArgs,
    /// What the transcoder does at once.
    #[command(flatten)]
    pub worker: WorkerArgs,
    /// How FFmpeg runs.
    #[command(flatten)]
    pub ffmpeg: FfmpegArgs,
    /// Limits on clients.
    #[command(flatten)]
    pub clients: ClientArgs,
    /// Where it reports its health.
    #[command(flatten)]
    pub health: HealthArgs,
}

/// Run the edge: check grants and serve playlists, segments and keys from any S3 store.
///
/// Does the same as the edge worker on Cloudflare. Any number may run. The list of revocations is in the database, so
/// all of them know a revocation within seconds.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(override_usage = "edgereel edge [OPTIONS]")]
#[command(after_long_help = "\
The grant keys, pass keys and key-encryption keys are those of the API. Put a proxy with HTTPS in front, and name its
header with the client's address (--client-address-header), or grants that are limited to addresses are checked against
the address of the proxy. docs/edge.md explains the settings.")]
pub struct EdgeServerArgs {
    /// Address to listen on. Port 0 chooses a free port.
    #[arg(
        long,
        env = "EDGEREEL_LISTEN",
        default_value = "127.0.0.1:8787",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Exit when standard input is closed (for supervising processes).
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
    /// Where the database and the buckets are.
    #[command(flatten)]
    pub services: ServiceArgs,
    /// Settings of the edge.
    #[command(flatten)]
    pub edge: EdgeArgs,
    /// Limits on clients.
    #[command(flatten)]
    pub clients: ClientArgs,
    /// Where it reports its health.
    #[command(flatten)]
    pub health: HealthArgs,
}
