//! `edgereel transcoder`.

use console::style;
use platform::signals::{stop_on_signals, stop_when_stdin_ends};
use serde_json::json;
use transcoder::service::Transcoder;

use crate::Result;
use crate::args::TranscoderArgs;
use crate::output::Output;

/// Processes jobs until a signal.
///
/// # Errors
/// An invalid profile; no FFmpeg; a service that cannot be reached.
pub async fn run(args: TranscoderArgs, output: &Output) -> Result {
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let transcoder = Box::pin(Transcoder::start(args.transcoder)).await?;
    output.object(&json!({
        "event": "working", "worker": transcoder.name(), "health": transcoder.health(),
    }));
    let ready = style("Transcoder ready.").green().bold();
    output.line(format!(
        "{ready}  {}      (Ctrl-C to stop)",
        transcoder.describe()
    ));
    transcoder.run(stop).await;
    output.object(&json!({ "event": "stopped" }));
    Ok(())
}
