//! `edgereel completions` and `edgereel man`.

use std::io::Write as _;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::Result;
use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::output::Output;

/// Prints the completions of a shell.
pub fn completions(args: &CompletionsArgs) -> Result {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut Args::command(), "edgereel", &mut script);
    // A closed pipe (`| head`) is not an error.
    let _ = std::io::stdout().lock().write_all(&script);
    Ok(())
}

/// Writes the manual pages.
pub fn pages(args: &ManArgs, output: &Output) -> Result {
    let directory = &args.directory;
    let failed = || format!("cannot write into `{}`", directory.display());
    std::fs::create_dir_all(directory).with_context(failed)?;
    // Otherwise each command has a second page, that of `edgereel help COMMAND`.
    let command = Args::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, directory).with_context(failed)?;
    output.line(format!(
        "Wrote the manual pages into {}. Read them with: man -l {}/edgereel.1",
        directory.display(),
        directory.display()
    ));
    Ok(())
}
