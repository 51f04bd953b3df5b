//! `edgereel-transcoder`: the transcoder alone, for containers. `edgereel transcoder` does the same.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use config::logging::{self, LogArgs, VERBOSE};
use platform::signals::stop_on_signals;
use transcoder::service::{Transcoder, TranscoderArgs};

/// Process the jobs of a queue until a signal, or until it has been idle for as long as `--until-idle` says.
///
/// Any number may run, on any number of machines. On SIGTERM it releases its job immediately and keeps all finished
/// chunks; the next transcoder resumes the job there.
#[derive(Debug, Parser)]
#[command(name = "edgereel-transcoder", version, max_term_width = 100)]
struct Args {
    #[command(flatten)]
    transcoder: TranscoderArgs,
    #[command(flatten)]
    logging: LogArgs,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|it| it == confine::SUBCOMMAND) {
        return confine::run_or_report(arguments);
    }
    confine::harden_this_process(confine::Files::Private);
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, the exit status must suffice.
            drop(writeln!(std::io::stderr(), "error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn start() -> anyhow::Result<()> {
    let args: Args = config::command_line::parse()?;
    let traces = logging::start(&args.logging, VERBOSE, "edgereel-transcoder")?;
    let stop = stop_on_signals()?;
    let transcoder = Box::pin(Transcoder::start(args.transcoder)).await?;
    tracing::info!("transcoder ready. {}", transcoder.describe());
    transcoder.run(stop).await;
    traces.end().await;
    Ok(())
}
