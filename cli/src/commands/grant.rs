//! `edgereel grant`.

use serde_json::json;

use crate::Result;
use crate::api::Api;
use crate::args::GrantArgs;
use crate::output::{CommandError, Output};

/// Requests a playback URL from the API.
pub async fn run(args: GrantArgs, output: &Output) -> Result {
    let api = Api::of(&args.api)?;
    let mut query = vec![];
    if let Some(life) = args.life {
        query.push(("expires_in", life.as_secs().to_string()));
    }
    if let Some(viewer) = args.viewer {
        query.push(("viewer", viewer));
    }
    if let Some(pixels) = args.max_height {
        query.push(("max_height", pixels.to_string()));
    }
    let answer = api.stream(args.video, &query).await?;
    let Some(url) = answer.hls_url else {
        let waiting = anyhow::anyhow!("the video is {} and not playable yet: retry shortly", answer.status);
        return Err(CommandError::failed("not-playable-yet", waiting));
    };
    output.object(&json!({
        "video": args.video, "status": answer.status, "hls_url": url, "poster_url": answer.poster_url,
        "storyboard_url": answer.storyboard_url, "expires_at": answer.expires_at,
    }));
    output.line(url);
    Ok(())
}
