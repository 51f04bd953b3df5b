//! The entry point: hardening before threads start, arguments, logging, and the runtime.

use std::process::ExitCode;

use edgereel::args::Args;
use edgereel::hardening::files_of;
use edgereel::output::{CommandError, Output};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|it| it == confine::SUBCOMMAND) {
        return confine::run_or_report(arguments);
    }
    let args: Args = match config::command_line::parse() {
        Ok(args) => args,
        Err(invalid) => {
            let output = Output::new(std::env::args_os().any(|it| it == "--json"));
            return fail(output, &CommandError::Usage(invalid.to_string()));
        }
    };
    let output = Output::new(args.command.wants_json());
    confine::harden_this_process(files_of(&args.command));
    let program = args.command.program();
    let traces = match config::logging::start(&args.logging, config::logging::QUIET, program) {
        Ok(traces) => traces,
        Err(error) => return fail(output, &CommandError::Usage(error.to_string())),
    };
    if let Err(error) = serve::raise_descriptor_limit() {
        tracing::debug!(%error, "cannot raise the limit of file descriptors");
    }
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(async {
            let code = edgereel::run(args).await;
            traces.end().await;
            code
        }),
        Err(error) => fail(output, &anyhow::Error::new(error).into()),
    }
}

fn fail(output: Output, error: &CommandError) -> ExitCode {
    output.print_error(error);
    error.exit_code()
}
