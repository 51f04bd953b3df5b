//! `edgereel dev`.

use console::style;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Result;
use crate::args::DevArgs;
use crate::dev::System;
use crate::output::Output;

/// Runs the system until a signal, or until a part of it fails.
pub async fn run(args: DevArgs, output: &Output) -> Result {
    let stop = CancellationToken::new();
    // Before anything begins: from here on a signal means an orderly end.
    stop_on_signals(&stop)?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let system = Box::pin(System::start(&args)).await?;
    let info = system.info();
    output.object(&json!({
        "event": "listening", "api": info.api, "edge": info.edge, "s3": info.s3.endpoint, "data": system.data(),
    }));
    output.line(format!("{}  {}", style("Edgereel runs.").green().bold(), system.ffmpeg()));
    output.line(format!("  API     {}/v1   (token: {})", info.api, system.data().join("dev.json").display()));
    output.line(format!("  Edge    {}/v/...", info.edge));
    output.line(format!("  Bucket  {}", info.s3.endpoint));
    output.line(format!("  Data    {}", system.data().display()));
    output.line("Try in another terminal: edgereel upload VIDEO --wait      (Ctrl-C ends this)");

    let ended = Box::pin(system.run(stop)).await;
    output.object(&json!({ "event": "stopped" }));
    Ok(ended?)
}

/// The first signal ends it in order; a second one at once.
fn stop_on_signals(stop: &CancellationToken) -> Result {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            }
        };
        next().await;
        tracing::info!("stopping; once more to stop at once");
        stop.cancel();
        let code = next().await;
        std::process::exit(code);
    });
    Ok(())
}

fn stop_when_stdin_ends(stop: CancellationToken) {
    // A thread of its own: a blocking read would keep the runtime from ending.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop.cancel();
    });
}
