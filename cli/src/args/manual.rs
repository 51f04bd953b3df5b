//! Arguments of the commands that write completions and manual pages.

use std::path::PathBuf;

use clap_complete::Shell;

/// Print a script with which a shell completes commands and options.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel completions bash > /etc/bash_completion.d/edgereel
  edgereel completions zsh > \"${fpath[1]}/_edgereel\"
  edgereel completions fish > ~/.config/fish/completions/edgereel.fish")]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: Shell,
}

/// Write the manual pages: `edgereel.1`, and one for each command.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel man /usr/local/share/man/man1")]
pub struct ManArgs {
    /// The directory. Created if it does not exist.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}
