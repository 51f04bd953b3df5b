//! The arguments. What stands here is what `--help` teaches.

mod cloud;
mod confinement;

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use domain::grant::Origin;
use domain::ids::VideoId;
use domain::job::Mode;
use functions::playback::GRANT_SECONDS;
use platform::secret::Secret;
use serve::ServeLimits;

use crate::logging::LogArgs;

pub use cloud::{ServeApiArgs, TranscoderArgs};
pub use confinement::ConfinementArgs;

/// Turns a bucket into a private video service.
///
/// Uploads go straight to the bucket; the bucket's own event starts the work; adaptive, encrypted HLS
/// comes back; the edge decides who may watch. `edgereel dev` runs all of it here, with no account.
#[derive(Debug, Parser)]
#[command(name = "edgereel", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
First steps:
  edgereel doctor                 is everything there?
  edgereel dev                    run the whole system in this terminal
  edgereel upload film.mp4 --wait and, in another one, upload a video and get its address

Exit codes: 0 done, 1 failed, 2 wrongly used.")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How much to log.
    #[command(flatten)]
    pub logging: LogArgs,
}

/// Reads the command line; ends the program where that asks for help, or is wrong. An empty variable counts as missing,
/// where clap would take it for a value.
pub fn parse() -> Args {
    let matches = without_empty_variables(Args::command(), &|name| std::env::var_os(name)).get_matches();
    Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// A variable that nobody sets.
const NEVER_SET: &str = "EDGEREEL_EMPTY";

fn without_empty_variables(command: clap::Command, lookup: &dyn Fn(&OsStr) -> Option<OsString>) -> clap::Command {
    let is_empty =
        |it: &clap::Arg| it.get_env().and_then(lookup).is_some_and(|it| it.to_string_lossy().trim().is_empty());
    let command = command.mut_args(|it| if is_empty(&it) { it.env(NEVER_SET) } else { it });
    command.mut_subcommands(|it| without_empty_variables(it, lookup))
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "each says it at its arguments, which become the help")]
pub enum Command {
    Dev(DevArgs),
    Api(ServeApiArgs),
    Transcoder(TranscoderArgs),
    Upload(UploadArgs),
    Transcode(TranscodeArgs),
    Check(CheckArgs),
    Doctor(DoctorArgs),
    Grant(GrantArgs),
    #[command(hide = true)]
    Demo(DemoArgs),
}

impl Command {
    /// Whether programs read the answer.
    pub fn wants_json(&self) -> bool {
        match self {
            Self::Dev(it) => it.json,
            Self::Api(it) => it.json,
            Self::Transcoder(it) => it.json,
            Self::Upload(it) => it.json,
            Self::Transcode(it) => it.json,
            Self::Check(it) => it.json,
            Self::Doctor(it) => it.json,
            Self::Grant(it) => it.json,
            Self::Demo(_) => false,
        }
    }
}

/// Runs the whole system in one process: bucket, events, queue, transcoder, API and edge.
///
/// Everything it keeps stands in one folder, and survives a restart. Programs find it by the file
/// `dev.json` in that folder, which is there as long as it listens.
#[derive(Debug, Clone, clap::Args)]
pub struct DevArgs {
    /// The folder of everything that is kept.
    #[arg(long, env = "EDGEREEL_DATA", default_value = ".edgereel", value_name = "DIR")]
    pub data: PathBuf,
    /// Where API and edge listen. Port 0 takes a free one; the bucket takes the next free one.
    #[arg(long, env = "EDGEREEL_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Keep the catalog, the queue and the accounts in this database instead of a file in the folder: `postgres://...` or
    /// `sqlite:PATH`. It must belong to this folder alone.
    // Not from the environment: the same variable names the database of an installation.
    #[arg(long, value_name = "ADDRESS")]
    pub database: Option<String>,
    /// Encoders that run side by side; by default as many as there are processors.
    #[arg(long, env = "EDGEREEL_ENCODERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub encoders: Option<u16>,
    /// Profiles (TOML files) that uploads may name, beside `default`.
    #[arg(long = "profile", value_name = "FILE")]
    pub profiles: Vec<PathBuf>,
    /// Fetch sources from this machine and its network too, where the API is given a URL.
    #[arg(long, env = "EDGEREEL_ALLOW_PRIVATE_IMPORTS")]
    pub allow_private_imports: bool,
    /// List the published videos of the folder again, after its database was lost. Titles and metadata are not rebuilt.
    #[arg(long)]
    pub rebuild: bool,
    /// How many clients are served.
    #[command(flatten)]
    pub clients: ClientArgs,
    /// Close the buckets to pages until a CORS rule is set, as new buckets of R2 and S3 are. A rule that was set
    /// (`aws s3api put-bucket-cors`) decides in any case.
    #[arg(long, env = "EDGEREEL_STRICT_CORS")]
    pub strict_cors: bool,
    /// Pages of these origins, separated by commas, may send the cookie `edgereel_grant` to the edge.
    #[arg(
        long = "credential-origins",
        env = "EDGEREEL_CREDENTIAL_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    #[arg(value_parser = origin)]
    pub credential_origins: Vec<Origin>,
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

/// How many clients a server takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ClientArgs {
    /// Connections that are open at once, those of the bucket apart; by default a part of the file descriptors that the
    /// system allows, and at most 4,096. A new one takes the place of the one that has been idle for longest.
    #[arg(long, env = "EDGEREEL_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: Option<u32>,
    /// The same, of one address (of one /64 of IPv6); 0: no limit, for a proxy in front. By default half of all. This
    /// machine's own addresses have none.
    #[arg(long, env = "EDGEREEL_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    pub connections_per_address: Option<u32>,
}

impl ClientArgs {
    /// The limits of a server whose connections may have one of `share` parts of the descriptors. Behind a proxy all clients
    /// have one address, which only a limit that was asked for holds for.
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

/// Where the API is.
#[derive(Debug, Clone, clap::Args)]
pub struct ApiArgs {
    /// The folder of a running `edgereel dev`, whose address and token are used.
    #[arg(long, env = "EDGEREEL_DATA", default_value = ".edgereel", value_name = "DIR")]
    pub data: PathBuf,
    /// The address of the API, for one that runs elsewhere.
    #[arg(long, env = "EDGEREEL_API", value_name = "URL", requires = "token")]
    pub api: Option<String>,
    /// Its token; better given in the environment than on the command line, where others can see it.
    #[arg(long, env = "EDGEREEL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<Secret>,
}

/// Uploads a video straight to the bucket.
///
/// Files of more than 64 MiB go in parts, several at once; an upload that broke off goes on where it
/// was when the same file is uploaded again.
#[derive(Debug, Clone, clap::Args)]
pub struct UploadArgs {
    /// The video.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Follow the video until it is ready, and print its address.
    #[arg(long)]
    pub wait: bool,
    /// Its title; by default the name of the file.
    #[arg(long)]
    pub title: Option<String>,
    /// The profile to encode by; by default that of the installation.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// A ladder of rungs, or one remuxed rung; by default that of the installation.
    #[arg(long, value_name = "MODE")]
    pub mode: Option<ModeArg>,
    /// Store it, and make it when somebody wants to watch it for the first time; with --wait, at once.
    #[arg(long)]
    pub on_first_view: bool,
    /// Begin anew, also where an earlier upload of this file broke off.
    #[arg(long)]
    pub fresh: bool,
    /// Where to.
    #[command(flatten)]
    pub api: ApiArgs,
    /// Say what happens as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
}

/// Transcodes one file, without services: the tree that would be published goes to `DIR/hls`.
#[derive(Debug, Clone, clap::Args)]
pub struct TranscodeArgs {
    /// The video.
    pub input: PathBuf,
    /// The folder that gets `hls`.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Ladder and settings, as a TOML file; by default the built-in profile.
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// A ladder of rungs, or one remuxed rung.
    #[arg(long, default_value = "abr", value_name = "MODE")]
    pub mode: ModeArg,
    /// Encrypt. The keys stand beside the playlists in clear: for a trial, not for publishing.
    #[arg(long)]
    pub encrypt: bool,
    /// Leave in place what was made before a failure.
    #[arg(long)]
    pub keep_going: bool,
    /// Encoders that run side by side; by default as many as there are processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub encoders: Option<u16>,
    /// What FFmpeg may do.
    #[command(flatten)]
    pub confinement: ConfinementArgs,
    /// Print one JSON object at the end.
    #[arg(long)]
    pub json: bool,
}

/// Checks a playlist and all it names, by the rules of RFC 8216 and of Apple.
///
/// Reads the media as well as the playlists. Ends with 1 if a MUST is broken; rules for one kind of
/// device are reported and never fail.
#[derive(Debug, Clone, clap::Args)]
pub struct CheckArgs {
    /// A playlist, or a folder with a `master.m3u8`, or the URL of a playlist.
    #[arg(value_name = "PATH|URL")]
    pub target: String,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

fn origin(text: &str) -> Result<Origin, String> {
    text.trim().parse().map_err(|()| "an origin is a scheme and a host: `https://app.example`".to_owned())
}

/// Looks whether everything that is needed is there.
///
/// Where the environment names buckets, or `edgereel dev` runs, it also asks the private bucket whether pages can upload.
#[derive(Debug, Clone, clap::Args)]
pub struct DoctorArgs {
    /// The folder that `edgereel dev` would use.
    #[arg(long, env = "EDGEREEL_DATA", default_value = ".edgereel", value_name = "DIR")]
    pub data: PathBuf,
    /// Where `edgereel dev` would listen.
    #[arg(long, env = "EDGEREEL_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Pages of this origin shall upload: ask the bucket whether they can. By default those of `EDGEREEL_CORS_ORIGINS`.
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
    /// What FFmpeg may do.
    #[command(flatten)]
    pub confinement: ConfinementArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Gives out an address that plays a video, for as long as its grant lives.
#[derive(Debug, Clone, clap::Args)]
pub struct GrantArgs {
    /// The video: `vid_...`.
    #[arg(value_name = "ID")]
    pub video: VideoId,
    /// How long it may be watched, `1m` to `7d`: `15m`, `4h`. By default longer than the video, by four hours.
    #[arg(long = "for", visible_alias = "ttl", value_name = "TIME", value_parser = grant_life)]
    pub life: Option<Duration>,
    /// Who watches, in your system.
    #[arg(long)]
    pub viewer: Option<String>,
    /// No rung taller than this many pixels.
    #[arg(long, value_name = "PIXELS")]
    pub max_height: Option<u32>,
    /// Where the API is.
    #[command(flatten)]
    pub api: ApiArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

fn grant_life(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if GRANT_SECONDS.contains(&life.as_secs()) { Ok(life) } else { Err("a grant lives for `1m` to `7d`".to_owned()) }
}

/// Shows the whole way of a video: what `make demo` runs.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The video to show; by default a sample is made.
    #[arg(long, env = "VIDEO")]
    pub video: Option<PathBuf>,
    /// The folder of everything that is kept.
    #[arg(long, default_value = ".edgereel/demo", value_name = "DIR")]
    pub data: PathBuf,
    /// End after the show instead of serving on.
    #[arg(long, env = "DEMO_EXIT", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0..=1, default_missing_value = "1")]
    pub exit: bool,
}

/// A ladder of rungs, or one remuxed rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// A ladder of rungs.
    Abr,
    /// One rung, remuxed: nothing is encoded.
    Copy,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Abr => Self::Abr,
            ModeArg::Copy => Self::Copy,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_grant_that_cannot_live_so_long_is_refused_by_its_option() {
        let life = |text: &str| {
            Args::try_parse_from(["edgereel", "grant", "vid_018bcfe5680077078707070707070707", "--for", text])
        };
        for good in ["1m", "7d", "90s"] {
            assert!(life(good).is_ok(), "{good}");
        }
        for bad in ["10s", "8d", "soon"] {
            let error = life(bad).unwrap_err().to_string();
            assert!(error.contains("--for"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let args = Args::parse_from(["edgereel", "upload", "x.mp4", "--api", "http://x", "--token", "hunter2"]);
        assert!(!format!("{args:?}").contains("hunter2"));
    }
}
