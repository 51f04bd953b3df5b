//! Arguments of `edgereel cost`.

use api_types::costs::CostsBy;
use clap::ValueEnum;
use domain::ids::VideoId;
use domain::month::Month;

use super::ApiClientArgs;

/// Show what videos cost: one video, or all of them by month or by owner.
///
/// The costs are computed from receipts, which measure CPU time, bytes and requests, at the prices of the installation.
/// They are estimates, not bills. Delivery to viewers is not included.
///
/// A month contains the versions of videos that became ready in it, in UTC. Deleted videos, and versions that were
/// replaced and removed, have no receipts any more. Callers with an owner see their own videos.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel cost                                          each month
  edgereel cost --by owner --since 2026-01 --until 2026-03   a quarter, the owner with the highest cost first
  edgereel cost --by month --owner acme --csv > acme.csv     for a spreadsheet
  edgereel cost vid_...                                      one video")]
pub struct CostArgs {
    /// The id of a video: `vid_...`.
    #[arg(value_name = "VIDEO", conflicts_with_all = ["by", "since", "until", "owner"])]
    pub video: Option<VideoId>,
    /// The groups.
    #[arg(long, value_name = "GROUP", default_value = "month")]
    pub by: CostsByArg,
    /// Only this month and later: `2026-01`.
    #[arg(long, value_name = "MONTH")]
    pub since: Option<Month>,
    /// Only this month and earlier.
    #[arg(long, value_name = "MONTH")]
    pub until: Option<Month>,
    /// Only videos of this owner.
    #[arg(long)]
    pub owner: Option<String>,
    /// Print one JSON object.
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values.
    #[arg(long)]
    pub csv: bool,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
}

/// By what costs are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CostsByArg {
    /// By owner.
    Owner,
    /// By month.
    Month,
}

impl From<CostsByArg> for CostsBy {
    fn from(by: CostsByArg) -> Self {
        match by {
            CostsByArg::Owner => Self::Owner,
            CostsByArg::Month => Self::Month,
        }
    }
}
