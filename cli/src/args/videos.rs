//! Arguments of the commands that list, show and delete videos.

use domain::ids::VideoId;
use domain::state::StateName;

use super::ApiClientArgs;

/// List videos, the newest first.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel ls --state failed            videos that failed, and why
  edgereel ls --search holiday          text in the title, file name or external id
  edgereel ls --all --json | jq -r .id  the ids of all videos")]
pub struct LsArgs {
    /// Only videos in these states, separated by commas: `ready,failed`.
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    pub state: Vec<StateName>,
    /// Only videos with this text in the title, file name or external id.
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only videos in whose captions this is said.
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Only videos of this owner.
    #[arg(long)]
    pub owner: Option<String>,
    /// The order: `created_at`, `title`, `duration` or `size`; with `-` before it, descending.
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "-created_at",
        allow_hyphen_values = true
    )]
    pub sort: String,
    /// Maximum number of videos.
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "all")]
    pub limit: u32,
    /// List all videos.
    #[arg(long)]
    pub all: bool,
    /// Print one JSON object per video.
    #[arg(long)]
    pub json: bool,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
}

/// Show a video: its state, its renditions, what went wrong, and what it cost.
#[derive(Debug, Clone, clap::Args)]
pub struct ShowArgs {
    /// The id of the video: `vid_...`.
    #[arg(value_name = "ID")]
    pub video: VideoId,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
}

/// Delete videos with their sources.
#[derive(Debug, Clone, clap::Args)]
pub struct RmArgs {
    /// The ids of the videos: `vid_...`.
    #[arg(value_name = "ID", required = true)]
    pub videos: Vec<VideoId>,
    /// Delete them without a question.
    #[arg(long, short)]
    pub yes: bool,
    /// Print one JSON object per video.
    #[arg(long)]
    pub json: bool,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
}
