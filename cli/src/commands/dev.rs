//! `edgereel dev`.

use console::style;
use platform::signals::{stop_on_signals, stop_when_stdin_ends};
use serde_json::json;

use crate::Result;
use crate::args::DevArgs;
use crate::dev::System;
use crate::output::Output;

/// Runs the system until a signal or a failure.
pub async fn run(args: DevArgs, output: &Output) -> Result {
    // First: from here on, a signal causes a graceful shutdown.
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let system = Box::pin(System::start(&args, output)).await?;
    let info = system.info();
    output.object(&json!({
        "event": "listening", "api": info.api, "edge": info.edge, "s3": info.s3.endpoint, "data": system.data(),
        "sign_in": system.sign_in_url(),
    }));
    output.line(format!(
        "{}  {}",
        style("Edgereel is running.").green().bold(),
        system.ffmpeg()
    ));
    output.line(format!(
        "  Web     {}   (signs one browser in)",
        system.sign_in_url()
    ));
    output.line(format!(
        "  API     {}/v1   (token: {})",
        info.api,
        system.data().join("dev.json").display()
    ));
    output.line(format!("  Docs    {}/docs", info.api));
    output.line(format!("  Edge    {}/v/...", info.edge));
    output.line(format!("  Bucket  {}", info.s3.endpoint));
    output.line(format!("  Data    {}", system.data().display()));
    output.line("Next, in another terminal: edgereel upload VIDEO --wait      (Ctrl-C to stop)");

    let ended = Box::pin(system.run(stop)).await;
    output.object(&json!({ "event": "stopped" }));
    Ok(ended?)
}
