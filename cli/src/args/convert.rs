//! Arguments of `edgereel convert`.

use std::path::PathBuf;

use clap::ValueEnum;
use domain::time::UnixMillis;

use super::{ApiClientArgs, ModeArg};
use crate::amounts::{parse_bytes, parse_since};

/// Convert objects that are in the private bucket already into videos.
///
/// Every object whose name is that of a video or audio file is converted, unless a filter leaves it out. An object that
/// is the source of a video, or has the size and ETag of another object, is not converted again. The objects stay where
/// they are.
///
/// Not seen are objects whose keys begin or end with `/`, have a step `.` or `..` or a control character, or are in
/// archive/, captions/, hls/, keys/, manifests/, posters/, `uploads/vid_*` or `downloads/vid_*`.
///
/// The API knows what was converted, so a run that was killed or stopped is continued by the same command: no object is
/// converted twice. What was sent goes on in the installation meanwhile. The videos have the priority `bulk`: uploads
/// come first.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel convert --prefix films/ --dry-run                 what it would convert, and the estimated cost
  edgereel convert --prefix films/ --report films.csv        convert it, and write what became of each object
  edgereel convert --include '*.mov' --exclude 'drafts/**'   all QuickTime files outside a folder
  edgereel convert --prefix films/ --budget 25 --rate 8      stop sending at 25 USD, 8 videos at once

Estimates: by the receipts of the objects that were converted, or else of up to 20 of the newest videos with the same
--profile and --mode. Without any, by the default prices, 6 Mbit/s of source, and the default profile.

Exit codes: 0 all videos are ready; 1 a video failed, or the run did; 2 usage error; 3 the budget ended the run.")]
pub struct ConvertArgs {
    /// The beginning of the keys: `films/2024/`. Default: the whole bucket.
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Only objects that match: `*` and `?` within a name, `**` also across folders, `{a,b}`; in any case. A pattern
    /// without `/` matches the name in any folder. Can be repeated. Default: names of video and audio files.
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// No objects that match. Can be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Only objects that were written within this time (`30d`), or after a time in UTC (`2026-01-31`).
    #[arg(long, value_name = "AGE|TIME", value_parser = parse_since)]
    pub newer_than: Option<UnixMillis>,
    /// Only objects with more bytes: `500000`, `1.5GB`.
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub larger_than: Option<u64>,
    /// Convert nothing: print what would be converted, and the estimated cost.
    #[arg(long)]
    pub dry_run: bool,
    /// Send no more objects when the cost would exceed this: the receipt of the newest video of each object, for its
    /// current version, those of earlier runs included, and the estimates of those in flight. Without storage.
    #[arg(long, value_name = "USD", value_parser = parse_usd)]
    pub budget: Option<f64>,
    /// Number of videos in flight at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub rate: u16,
    /// The file for what became of each object, `.csv` or `.json`. It is replaced as a whole, at most once a second.
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
    /// The external id of each video.
    #[arg(long, value_name = "ID", default_value = "key")]
    pub external_id: ExternalIdArg,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
}

/// The external id of a converted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExternalIdArg {
    /// The key of the object.
    Key,
    /// None.
    None,
}

pub(super) fn parse_usd(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(usd) if usd.is_finite() && usd >= 0.0 => Ok(usd),
        _ => Err("use an amount in US dollars, such as `25` or `0.5`".to_owned()),
    }
}
