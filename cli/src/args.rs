//! The command-line arguments. The doc comments are the text of `--help`.

mod cloud;
mod convert;
mod cost;
mod dev;
mod grant;
mod import;
mod ingest;
mod keys;
mod manual;
mod program;
mod redrive;
mod serve;
mod videos;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use config::ProfileArgs;
use config::logging::LogArgs;
use domain::job::Mode;
use platform::secret::Secret;
use transcoder::settings::FfmpegArgs;

pub use cloud::{ApiServerArgs, MigrateArgs, TranscoderArgs};
pub use convert::{ConvertArgs, ExternalIdArg};
pub use cost::{CostArgs, CostsByArg};
pub use dev::{ClientArgs, DevArgs};
pub use grant::GrantArgs;
pub use import::{ImportArgs, ImportCommand, ImportOptions, MuxArgs, StreamArgs};
pub use ingest::{HealthcheckArgs, IngestArgs};
pub use keys::{KeysArgs, KeysCommand, RewrapArgs, RotateArgs, RotatedKeys};
pub use manual::{CompletionsArgs, ManArgs};
pub use redrive::RedriveArgs;
pub use serve::{EdgeServerArgs, ServeArgs};
pub use videos::{LsArgs, RmArgs, ShowArgs};

/// Turn a bucket into a private video service.
///
/// Clients upload videos straight to the bucket. The transcoder converts them to adaptive, encrypted HLS. The edge
/// checks who may watch. `edgereel dev` runs everything on this machine, without a cloud account. Version 0.1 is not
/// released yet: names and settings may change.
#[derive(Debug, Parser)]
#[command(
    name = "edgereel",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = "\
First steps:
  edgereel doctor                 check the prerequisites
  edgereel dev                    run the whole system in this terminal
  edgereel upload film.mp4 --wait in a second terminal: upload a video and get its playback URL

Exit codes: 0 success, 1 failure, 2 usage error, 3 a limit that you set ended it.")]
pub struct Args {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Logging.
    #[command(flatten)]
    pub logging: LogArgs,
}

/// The variables of all options, by the heading under which `--help` lists the option.
pub fn variables() -> BTreeSet<(String, String)> {
    fn of(command: &clap::Command, found: &mut BTreeSet<(String, String)>) {
        for arg in command.get_arguments() {
            let Some(name) = arg.get_env().map(|it| it.to_string_lossy().into_owned()) else {
                continue;
            };
            let heading = arg.get_help_heading().unwrap_or("Commands").to_owned();
            found.insert((heading, name));
        }
        command.get_subcommands().for_each(|it| of(it, found));
    }
    let mut found = BTreeSet::new();
    of(&Args::command(), &mut found);
    found.retain(|(_, name)| name.starts_with("EDGEREEL_"));
    found
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "each says it at its arguments, which become the help"
)]
pub enum Command {
    Dev(Box<DevArgs>),
    Serve(Box<ServeArgs>),
    Api(Box<ApiServerArgs>),
    Transcoder(Box<TranscoderArgs>),
    Migrate(MigrateArgs),
    Edge(Box<EdgeServerArgs>),
    Ingest(Box<IngestArgs>),
    Upload(UploadArgs),
    Convert(Box<ConvertArgs>),
    Import(ImportArgs),
    Ls(LsArgs),
    Show(ShowArgs),
    Rm(RmArgs),
    Redrive(RedriveArgs),
    Cost(CostArgs),
    Transcode(TranscodeArgs),
    Check(CheckArgs),
    Doctor(DoctorArgs),
    Grant(GrantArgs),
    Keys(KeysArgs),
    Healthcheck(HealthcheckArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    #[command(hide = true)]
    Demo(DemoArgs),
}

impl Command {
    /// Whether the output is JSON.
    pub fn wants_json(&self) -> bool {
        match self {
            Self::Dev(it) => it.json,
            Self::Serve(it) => it.json,
            Self::Edge(it) => it.json,
            Self::Ingest(it) => it.json,
            Self::Api(it) => it.json,
            Self::Transcoder(it) => it.json,
            Self::Migrate(it) => it.json,
            Self::Upload(it) => it.json,
            Self::Convert(it) => it.json,
            Self::Import(it) => it.wants_json(),
            Self::Ls(it) => it.json,
            Self::Show(it) => it.json,
            Self::Rm(it) => it.json,
            Self::Redrive(it) => it.json,
            Self::Cost(it) => it.json,
            Self::Transcode(it) => it.json,
            Self::Check(it) => it.json,
            Self::Doctor(it) => it.json,
            Self::Grant(it) => it.json,
            Self::Keys(it) => it.wants_json(),
            Self::Healthcheck(_) | Self::Completions(_) | Self::Man(_) | Self::Demo(_) => false,
        }
    }
}

/// The API to call.
#[derive(Debug, Clone, clap::Args)]
pub struct ApiClientArgs {
    /// The data directory of a running `edgereel dev`; provides the URL of the API and its token.
    #[arg(
        long,
        env = "EDGEREEL_DATA",
        default_value = ".edgereel",
        value_name = "DIR"
    )]
    pub data: PathBuf,
    /// The base URL of an API that runs elsewhere.
    #[arg(long, env = "EDGEREEL_API_URL", value_name = "URL", requires = "token")]
    pub api: Option<String>,
    /// The API token. Prefer the environment variable: other users can see the command line.
    #[arg(
        long,
        env = "EDGEREEL_API_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub token: Option<Secret>,
}

/// Upload a video straight to the bucket.
///
/// Files larger than 64 MiB are uploaded in parts, several at a time. To resume an interrupted upload, upload the same
/// file again.
#[derive(Debug, Clone, clap::Args)]
pub struct UploadArgs {
    /// The video file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Wait until the video is ready, and print its playback URL.
    #[arg(long)]
    pub wait: bool,
    /// The title. Default: the file name.
    #[arg(long)]
    pub title: Option<String>,
    /// The encoding profile. Default: the profile of the installation.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Encode a ladder of rungs (video qualities), or remux a single one. Default: the mode of the installation.
    #[arg(long, value_name = "MODE")]
    pub mode: Option<ModeArg>,
    /// Store the video, and transcode it on its first view. With --wait, this command is the first view.
    #[arg(long)]
    pub on_first_view: bool,
    /// Start a new upload instead of resuming an interrupted one.
    #[arg(long)]
    pub restart: bool,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
}

/// Transcode one file without any services. Writes the HLS tree to `DIR/hls`.
#[derive(Debug, Clone, clap::Args)]
pub struct TranscodeArgs {
    /// The video file.
    pub input: PathBuf,
    /// The output directory.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The encoding profile: a TOML file, or `auto` for the built-in one with per-title encoding. Default: `default`.
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Encode a ladder of rungs (video qualities), or remux a single one.
    #[arg(long, default_value = "abr", value_name = "MODE")]
    pub mode: ModeArg,
    /// Encrypt the segments. The keys are stored unencrypted beside the playlists: for tests, not for publishing.
    #[arg(long)]
    pub encrypt: bool,
    /// Keep the output if the run fails, instead of removing it.
    #[arg(long)]
    pub keep_failed: bool,
    /// Number of concurrent encoders. Default: the number of processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub encoders: Option<u16>,
    /// Print one JSON object at the end.
    #[arg(long)]
    pub json: bool,
    /// How FFmpeg runs.
    #[command(flatten)]
    pub ffmpeg: FfmpegArgs,
}

/// Check HLS against RFC 8216 and Apple's rules: a playlist, a directory tree or a URL.
///
/// Reads the playlist and everything that it refers to: other playlists, segments and keys. Exits with 1 if the HLS
/// violates a MUST. The report includes rules for some kinds of devices, which never cause a failure.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel check film                             a directory tree: master.m3u8, hls/master.m3u8
  edgereel check film/hls/master.m3u8             a playlist file
  edgereel check https://cdn.example/master.m3u8  a URL")]
pub struct CheckArgs {
    /// A playlist file, a directory tree (with `master.m3u8` or `hls/master.m3u8` in it, such as the output of
    /// `edgereel transcode`), or the URL of a playlist.
    #[arg(value_name = "PATH|URL")]
    pub target: String,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Check the prerequisites: FFmpeg, the kernel, the data directory and the port; or the services of an installation.
///
/// If the environment names buckets, or `edgereel dev` is running, also checks that browsers can upload to the bucket.
///
/// With `--cloud`, checks what the variables of `edgereel api` name instead: database, buckets, queues, edge, API, and
/// the way of the bucket's events. It writes a few small objects and removes them.
#[derive(Debug, Clone, clap::Args)]
pub struct DoctorArgs {
    /// Check the services that the environment names, instead of this machine.
    #[arg(long)]
    pub cloud: bool,
    /// With --cloud: how long to wait for the event of an upload; 0s: do not check events.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = humantime::parse_duration)]
    pub event_wait: Duration,
    /// The data directory of `edgereel dev`.
    #[arg(
        long,
        env = "EDGEREEL_DATA",
        default_value = ".edgereel",
        value_name = "DIR"
    )]
    pub data: PathBuf,
    /// The address that `edgereel dev` listens on.
    #[arg(
        long,
        env = "EDGEREEL_LISTEN",
        default_value = "127.0.0.1:8787",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    /// Check that pages of this origin can upload. Default: the origins in `EDGEREEL_CORS_ORIGINS`. Can be repeated.
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// The profiles whose encoders in hardware are tested.
    #[command(flatten)]
    pub profiles: ProfileArgs,
    /// How FFmpeg runs.
    #[command(flatten)]
    pub ffmpeg: FfmpegArgs,
}

/// Demonstrate the whole system on one video (used by `make demo`).
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The video file. Default: a generated sample.
    #[arg(long, env = "VIDEO")]
    pub video: Option<PathBuf>,
    /// The directory of `ffmpeg` and `ffprobe`. Default: those on the path.
    #[arg(long, env = "EDGEREEL_FFMPEG_DIR", value_name = "DIR")]
    pub ffmpeg_dir: Option<PathBuf>,
    /// The data directory.
    #[arg(long, default_value = ".edgereel/demo", value_name = "DIR")]
    pub data: PathBuf,
    /// Exit at the end instead of continuing to serve.
    #[arg(long, env = "DEMO_EXIT", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0..=1, default_missing_value = "1")]
    pub exit: bool,
}

/// A ladder of rungs, or one remuxed rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// Encode a ladder of rungs.
    Abr,
    /// Remux a single rung: repackage the video without encoding.
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
    use super::*;

    /// The variables in the tables of the documentation, with the heading of the table.
    fn documented() -> BTreeSet<(String, String)> {
        let page = include_str!("../../docs/configuration.md");
        let mut heading = "";
        let mut found = BTreeSet::new();
        for line in page.lines() {
            heading = line.strip_prefix("## ").unwrap_or(heading);
            if let Some((name, _)) = line
                .strip_prefix("| `EDGEREEL_")
                .and_then(|it| it.split_once('`'))
            {
                found.insert((heading.to_owned(), format!("EDGEREEL_{name}")));
            }
        }
        found
    }

    #[test]
    fn the_documentation_lists_every_variable_under_the_heading_of_the_help() {
        let shown = |(heading, name): (String, String)| match heading.as_str() {
            "Connections" | "FFmpeg" | "Health" | "Logging" | "Worker" => {
                ("Commands".to_owned(), name)
            }
            _ => (heading, name),
        };
        assert_eq!(documented(), variables().into_iter().map(shown).collect());
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn an_invalid_grant_lifetime_is_a_usage_error() {
        let life = |text: &str| {
            Args::try_parse_from([
                "edgereel",
                "grant",
                "vid_018bcfe5680077078707070707070707",
                "--for",
                text,
            ])
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
        let args = Args::parse_from([
            "edgereel", "upload", "x.mp4", "--api", "http://x", "--token", "hunter2",
        ]);
        assert!(!format!("{args:?}").contains("hunter2"));
    }
}
