//! Command lines whose options have environment variables.

use clap::error::ErrorKind;
use clap::{Command, Parser};

use crate::variables::{InvalidSettings, Variables};

/// Parses the command line of this process. Exits for `--help`, `--version`, and mistakes on the command line.
///
/// # Errors
/// All missing and invalid variables of the selected command.
pub fn parse<T: Parser>() -> Result<T, InvalidSettings> {
    let variables = Variables::of_process();
    let command = T::command();
    let selected = selected(&command);
    let parsed = variables
        .apply(command)
        .try_get_matches()
        .and_then(|matches| T::from_arg_matches(&matches));
    // A variable that the command line overrides may have any value, but not an unusable file.
    let problems = match &parsed {
        Ok(_) => variables.unusable_files(&selected),
        // The mistake may be in a variable or on the command line, where clap explains it better.
        Err(error)
            if error.kind() == ErrorKind::MissingRequiredArgument
                || variables.has_invalid(&selected) =>
        {
            variables.problems(&selected)
        }
        Err(_) => vec![],
    };
    if !problems.is_empty() {
        return Err(InvalidSettings(problems));
    }
    Ok(parsed.unwrap_or_else(|error| error.exit()))
}

/// The command that the command line selects, of any depth.
fn selected(command: &Command) -> Command {
    let mut selected = command.clone();
    let Ok(matches) = command.clone().ignore_errors(true).try_get_matches() else {
        return selected;
    };
    let mut matches = &matches;
    while let Some((name, below)) = matches.subcommand() {
        let Some(command) = selected.find_subcommand(name).cloned() else {
            break;
        };
        (selected, matches) = (command, below);
    }
    selected
}
