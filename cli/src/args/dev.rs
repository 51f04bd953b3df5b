//! The arguments of `edgereel dev`.

use std::net::SocketAddr;
use std::path::PathBuf;

use config::{
    CorsArgs, IdentityArgs, PlaybackArgs, PriceArgs, ProfileArgs, RateArgs, SourceArgs, UploadArgs,
};
use serve::ServeLimits;
use transcoder::settings::{FfmpegArgs, TranscriberArgs};

/// Run the whole system in one process: bucket, events, queue, transcoder, API and edge.
///
/// All data is in one directory and survives a restart. While the system runs, the file `dev.json` in that directory
/// contains its URLs and its API token, for other programs.
#[derive(Debug, Clone, clap::Args)]
pub struct DevArgs {
    /// The data directory.
    #[arg(
        long,
        env = "EDGEREEL_DATA",
        default_value = ".edgereel",
        value_name = "DIR"
    )]
    pub data: PathBuf,
    /// Address that the API and the edge listen on. Port 0 chooses a free port. The S3 server uses the next free port.
    #[arg(
        long,
        env = "EDGEREEL_LISTEN",
        default_value = "127.0.0.1:8787",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    /// Use this database instead of a file in the data directory: `postgres://...` or `sqlite:PATH`. Use each database
    /// with one data directory only.
    // No `env`: that variable names the database of an installation.
    #[arg(long, value_name = "ADDRESS")]
    pub database: Option<String>,
    /// Number of concurrent encoders. Default: the number of processors.
    #[arg(long, env = "EDGEREEL_ENCODERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub encoders: Option<u16>,
    /// Rebuild a lost database from the published videos in the directory. Titles and metadata are not restored.
    #[arg(long)]
    pub rebuild: bool,
    /// Reject cross-origin requests to the buckets until a CORS rule is set, as new buckets of R2 and S3 do. A rule
    /// that was set (`aws s3api put-bucket-cors`) always applies.
    #[arg(long, env = "EDGEREEL_STRICT_CORS")]
    pub strict_cors: bool,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Exit when standard input is closed (for supervising processes).
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
    /// The profiles that requests may select.
    #[command(flatten)]
    pub profiles: ProfileArgs,
    /// Prices for the costs of videos.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// Limits on sources.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Limits on uploads.
    #[command(flatten)]
    pub uploads: UploadArgs,
    /// Rate limits.
    #[command(flatten)]
    pub rates: RateArgs,
    /// The identity provider whose JWTs are accepted.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// Which pages may call the API. Default: all, because they need a token anyway.
    #[command(flatten)]
    pub cors: CorsArgs,
    /// How viewers are served.
    #[command(flatten)]
    pub playback: PlaybackArgs,
    /// Limits on clients.
    #[command(flatten)]
    pub clients: ClientArgs,
    /// How FFmpeg runs.
    #[command(flatten)]
    pub ffmpeg: FfmpegArgs,
    /// What makes captions of audio.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
}

/// Limits on the clients of a server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connections")]
pub struct ClientArgs {
    /// Maximum number of open connections, without those of the bucket. Default: a share of the file descriptors that
    /// the system allows, at most 4,096. At the limit, a new connection replaces the one that has been idle longest.
    #[arg(long, env = "EDGEREEL_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: Option<u32>,
    /// Maximum number of connections per client address (per /64 for IPv6); 0: unlimited, for use behind a proxy.
    /// Default: half of all connections. Addresses of this machine are not limited.
    #[arg(long, env = "EDGEREEL_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    pub connections_per_address: Option<u32>,
}

impl ClientArgs {
    /// The limits of a server that may use one `share`-th of the file descriptors for connections. Behind a proxy all
    /// clients have one address, so the limit per address applies only if it was set explicitly.
    pub(crate) fn limits(&self, share: usize, behind_proxy: bool) -> ServeLimits {
        let mut limits = ServeLimits::with_share(share);
        if let Some(connections) = self.connections {
            limits.connections = connections as usize;
        }
        limits.per_address = match self.connections_per_address {
            Some(0) => None,
            Some(most) => Some(most as usize),
            None if behind_proxy => None,
            None => Some(limits.connections.div_ceil(2)),
        };
        limits
    }
}
