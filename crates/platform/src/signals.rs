//! Shutdown signals.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that the first signal cancels, for a graceful shutdown; a second signal ends the process immediately. Call
/// it before anything else starts.
///
/// # Errors
/// If signals cannot be caught.
pub fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            }
        };
        next().await;
        tracing::info!("stopping; signal again to stop immediately");
        token.cancel();
        let code = next().await;
        std::process::exit(code);
    });
    Ok(stop)
}

/// Cancels the token when standard input is closed.
pub fn stop_when_stdin_ends(stop: CancellationToken) {
    // A separate thread: a blocking read would prevent the runtime from shutting down.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop.cancel();
    });
}
