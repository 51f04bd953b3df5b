//! Arguments of `edgereel import`.

use std::path::PathBuf;

use domain::time::UnixMillis;

use super::convert::parse_usd;
use super::{ApiClientArgs, ModeArg};
use crate::amounts::parse_since;

/// Import the videos of another service: Mux or Cloudflare Stream.
///
/// The command lists the assets of an account, has the service prepare a file of each, and gives the URL of the file to
/// the API. The transcoder fetches it. Each video keeps the title, and the old ids as metadata. Its external id is
/// `mux:ASSET_ID` or `stream:UID`, so a run that was killed or stopped is continued by the same command: no asset is
/// imported twice.
///
/// Nothing is deleted at the service.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// The service.
    #[command(subcommand)]
    pub service: ImportCommand,
}

/// The services.
#[derive(Debug, Clone, clap::Subcommand)]
#[expect(
    missing_docs,
    reason = "each says it at its arguments, which become the help"
)]
pub enum ImportCommand {
    Mux(Box<MuxArgs>),
    Stream(Box<StreamArgs>),
}

impl ImportArgs {
    /// Whether the output is JSON.
    pub fn wants_json(&self) -> bool {
        match &self.service {
            ImportCommand::Mux(it) => it.common.json,
            ImportCommand::Stream(it) => it.common.json,
        }
    }
}

/// Import the assets of a Mux environment.
///
/// The variables `MUX_TOKEN_ID` and `MUX_TOKEN_SECRET` have an access token of the environment with the permissions
/// `Mux Video: Read` and `Write`. The command enables temporary access to the master of each asset, the file in its best
/// quality. Mux removes the access after a day.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel import mux --dry-run                     what it would import, and the estimated cost
  edgereel import mux --limit 10 --report mux.csv   ten assets as a trial, with their old and new ids
  edgereel import mux --budget 25 --rate 8          stop sending at 25 USD, 8 assets at once

Exit codes: 0 all assets are imported; 1 an asset failed, or the run did; 2 usage error; 3 --budget or --limit ended it.")]
pub struct MuxArgs {
    /// Also import assets that Mux plays only with DRM. Edgereel encrypts their videos, without DRM.
    #[arg(long)]
    pub include_drm: bool,
    /// How assets are imported.
    #[command(flatten)]
    pub common: ImportOptions,
}

/// Import the videos of a Cloudflare Stream account.
///
/// The variables `CLOUDFLARE_API_TOKEN` and `CLOUDFLARE_ACCOUNT_ID` have an API token with the permission `Stream: Edit`,
/// and the account. The command enables the MP4 download of each video, the file in its best quality. Stream does not
/// return the uploaded file itself.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel import stream --dry-run                        what it would import, and the estimated cost
  edgereel import stream --limit 10 --report stream.csv   ten videos as a trial, with their old and new ids
  edgereel import stream --since 30d                      only videos of the last 30 days

Exit codes: 0 all videos are imported; 1 a video failed, or the run did; 2 usage error; 3 --budget or --limit ended it.")]
pub struct StreamArgs {
    /// How videos are imported.
    #[command(flatten)]
    pub common: ImportOptions,
}

/// Options of all services.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportOptions {
    /// Only assets that were created within this time (`30d`), or after a time in UTC (`2026-01-31`).
    #[arg(long, visible_alias = "since", value_name = "AGE|TIME", value_parser = parse_since)]
    pub newer_than: Option<UnixMillis>,
    /// Import nothing: print what would be imported, and the estimated cost.
    #[arg(long)]
    pub dry_run: bool,
    /// Send at most this number of assets in this run.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Send no more assets when the cost in this installation would exceed this: the receipts of the assets that are
    /// imported already, and the estimates of those in flight. Without storage, and without the prices of the service.
    #[arg(long, visible_alias = "max-usd", value_name = "USD", value_parser = parse_usd)]
    pub budget: Option<f64>,
    /// Number of assets in flight at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub rate: u16,
    /// The file for what became of each asset, with its old and new ids: `.csv` or `.json`. It is replaced as a whole, at
    /// most once a second.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The encoding profile. Default: the profile of the installation.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Encode a ladder of rungs (video qualities), or remux a single one. Default: the mode of the installation.
    #[arg(long, value_name = "MODE")]
    pub mode: Option<ModeArg>,
    /// The owner of the videos. Default: the installation.
    #[arg(long)]
    pub owner: Option<String>,
    /// The creator that the service names for an asset becomes the owner of its video. --owner is for the others.
    #[arg(long)]
    pub creators_are_owners: bool,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// The base URL of another server with the API of the service, for tests.
    #[arg(long, value_name = "URL", hide = true)]
    pub service_url: Option<String>,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Command};

    #[test]
    fn the_names_of_limits_are_those_of_convert_and_others() {
        for names in [["--budget", "--newer-than"], ["--max-usd", "--since"]] {
            let args = Args::parse_from([
                "edgereel",
                "import",
                "mux",
                names[0],
                "2.5",
                names[1],
                "2026-01-31",
            ]);
            let Command::Import(args) = args.command else {
                panic!("{args:?}")
            };
            let ImportCommand::Mux(args) = args.service else {
                panic!("{args:?}")
            };
            assert_eq!(args.common.budget, Some(2.5));
            assert_eq!(
                args.common.newer_than,
                Some(UnixMillis::new(1_769_817_600_000))
            );
        }
    }
}
