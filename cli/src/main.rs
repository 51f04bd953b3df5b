//! The entry point: hardening before threads start, arguments, logging, and the runtime.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|it| it == confine::SUBCOMMAND) {
        return confined(arguments);
    }
    let args = edgereel::args::parse();
    edgereel::hardening::harden(&args.command);
    if let Err(error) = edgereel::logging::start(&args.logging) {
        edgereel::output::Output::new(args.command.wants_json()).print_error(&error);
        return error.exit_code();
    }
    if let Err(error) = serve::raise_descriptor_limit() {
        tracing::debug!(%error, "cannot raise the limit of file descriptors");
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(edgereel::run(args)),
        Err(error) => {
            edgereel::output::Output::new(args.command.wants_json()).print_error(&anyhow::Error::new(error).into());
            ExitCode::FAILURE
        }
    }
}

/// Confines this process and executes FFmpeg or ffprobe.
fn confined(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let Err(stopped) = confine::run(arguments);
    // If standard error is closed, the exit status must suffice.
    drop(writeln!(std::io::stderr(), "[fatal] edgereel {}: {stopped}", confine::SUBCOMMAND));
    ExitCode::from(stopped.exit_code() as u8)
}
