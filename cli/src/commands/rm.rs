//! `edgereel rm`.

use std::io::IsTerminal as _;

use serde_json::json;

use crate::Result;
use crate::api::{Api, ApiError};
use crate::args::RmArgs;
use crate::output::{CommandError, Output, confirm};
use crate::table::visible;

/// Deletes videos, one after the other. Those that do not exist do not keep the others from being
/// deleted.
pub async fn run(args: RmArgs, output: &Output) -> Result {
    if !args.yes && (args.json || !std::io::stdin().is_terminal()) {
        return Err(CommandError::Usage(
            "add --yes: this deletes the videos and their sources, and there is nobody to ask"
                .to_owned(),
        ));
    }
    let api = Api::of(&args.api)?;
    if !args.yes {
        ask(&api, &args).await?;
    }
    let mut failed = false;
    for video in &args.videos {
        match api.delete_video(*video).await {
            Ok(()) => {
                output.object(&json!({ "id": video, "deleted": true }));
                output.line(format!("deleted {video}"));
            }
            Err(error) => {
                failed = true;
                output.print_error(&error.into());
            }
        }
    }
    match failed {
        true => Err(CommandError::Reported),
        false => Ok(()),
    }
}

/// Asks on the terminal whether to delete these videos.
async fn ask(api: &Api, args: &RmArgs) -> Result {
    let mut question = String::new();
    for video in &args.videos {
        let title = match api.video(*video).await {
            Ok(video) => video.summary.title.or(video.summary.source.filename),
            Err(ApiError::Problem { detail, .. }) => Some(detail),
            Err(error) => return Err(error.into()),
        };
        question += &format!("  {video}  {}\n", visible(&title.unwrap_or_default()));
    }
    let count = args.videos.len();
    let what = if count == 1 {
        "this video and its source"
    } else {
        "these videos and their sources"
    };
    confirm(&format!("{question}Delete {what}?"), "nothing was deleted")
}
