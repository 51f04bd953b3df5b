//! `edgereel grant`.

use api_types::streams::{Stream, StreamParams};
use serde_json::json;

use crate::Result;
use crate::api::Api;
use crate::args::GrantArgs;
use crate::output::{CommandError, Output};

/// Requests a playback URL from the API.
pub async fn run(args: GrantArgs, output: &Output) -> Result {
    let api = Api::of(&args.api)?;
    let params = StreamParams {
        viewer: args.viewer,
        expires_in: args.life.map(|it| it.as_secs()),
        max_height: args.max_height,
    };
    let info = match api.stream(args.video, &params).await? {
        Stream::Playable(info) => info,
        Stream::Processing(info) => {
            let waiting = anyhow::anyhow!(
                "the video is {} and not playable yet: retry shortly",
                info.status
            );
            return Err(CommandError::failed("not-playable-yet", waiting));
        }
    };
    output.object(&json!(info));
    output.line(info.hls_url.expose());
    Ok(())
}
