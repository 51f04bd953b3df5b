//! Wiring: arguments, logging, one runtime.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let args = edgereel::args::parse();
    if let Err(error) = edgereel::logging::start(&args.logging) {
        edgereel::output::Output::new(args.command.wants_json()).stopped(&error);
        return error.exit_code();
    }
    if let Err(error) = platform::serve::raise_descriptor_limit() {
        tracing::debug!(%error, "the limit of descriptors stays as it was");
    }
    edgereel::run(args).await
}
