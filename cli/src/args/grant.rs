//! Arguments of `edgereel grant`.

use std::time::Duration;

use api::playback::GRANT_SECONDS;
use domain::ids::VideoId;

use super::ApiClientArgs;

/// Print a playback URL of a video, which is valid until its grant expires.
#[derive(Debug, Clone, clap::Args)]
pub struct GrantArgs {
    /// The id of the video: `vid_...`.
    #[arg(value_name = "ID")]
    pub video: VideoId,
    /// Lifetime of the grant, `1m` to `7d`, for example `15m` or `4h`. Default: the length of the video plus four
    /// hours.
    #[arg(long = "for", visible_alias = "ttl", value_name = "TIME", value_parser = grant_life)]
    pub life: Option<Duration>,
    /// The viewer's id in your system.
    #[arg(long)]
    pub viewer: Option<String>,
    /// Limit playback to rungs of at most this height.
    #[arg(long, value_name = "PIXELS")]
    pub max_height: Option<u32>,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

fn grant_life(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if GRANT_SECONDS.contains(&life.as_secs()) {
        Ok(life)
    } else {
        Err("the lifetime of a grant must be `1m` to `7d`".to_owned())
    }
}
