//! The `edgereel` command: the whole system in one process, and the operator's tools.

mod amounts;
pub mod api;
pub mod args;
mod background;
pub mod catalogue;
pub mod commands;
pub mod convert;
mod csv;
pub mod data_dir;
pub mod dev;
pub mod hardening;
pub mod import;
mod listen;
pub mod output;
mod random;
mod system;
mod table;
pub mod upload;
mod views;

use std::process::ExitCode;

use args::{Args, Command};
use output::{CommandError, Output};

/// Runs a command and returns its exit code: 0 success, 1 failure, 2 usage error, 3 ended by a limit that the caller set.
pub async fn run(args: Args) -> ExitCode {
    let output = Output::new(args.command.wants_json());
    let result = match args.command {
        Command::Dev(args) => Box::pin(commands::dev::run(*args, &output)).await,
        Command::Serve(args) => Box::pin(commands::serve::run(*args, &output)).await,
        Command::Edge(args) => Box::pin(commands::edge::run(*args, &output)).await,
        Command::Ingest(args) => Box::pin(commands::ingest::run(*args, &output)).await,
        Command::Healthcheck(args) => Box::pin(commands::healthcheck::run(args)).await,
        Command::Api(args) => Box::pin(commands::api::run(*args, &output)).await,
        Command::Migrate(args) => commands::migrate::run(args, &output).await,
        Command::Transcoder(args) => Box::pin(commands::transcoder::run(*args, &output)).await,
        Command::Upload(args) => Box::pin(commands::upload::run(args, &output)).await,
        Command::Convert(args) => Box::pin(commands::convert::run(*args, &output)).await,
        Command::Import(args) => Box::pin(commands::import::run(args, &output)).await,
        Command::Ls(args) => Box::pin(commands::ls::run(args, &output)).await,
        Command::Show(args) => Box::pin(commands::show::run(args, &output)).await,
        Command::Rm(args) => Box::pin(commands::rm::run(args, &output)).await,
        Command::Redrive(args) => Box::pin(commands::redrive::run(args, &output)).await,
        Command::Cost(args) => Box::pin(commands::cost::run(args, &output)).await,
        Command::Transcode(args) => Box::pin(commands::transcode::run(args, &output)).await,
        Command::Check(args) => Box::pin(commands::check::run(args, &output)).await,
        Command::Doctor(args) => Box::pin(commands::doctor::run(args, &output)).await,
        Command::Grant(args) => Box::pin(commands::grant::run(args, &output)).await,
        Command::Keys(args) => Box::pin(commands::keys::run(args, &output)).await,
        Command::Completions(args) => commands::manual::completions(&args),
        Command::Man(args) => commands::manual::pages(&args, &output),
        Command::Demo(args) => Box::pin(commands::demo::run(args, &output)).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            output.print_error(&stop);
            stop.exit_code()
        }
    }
}

/// The result of a command.
pub type Result<T = ()> = std::result::Result<T, CommandError>;
