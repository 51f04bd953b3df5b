//! What this process takes away from others, and from itself.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, set_dumpable_behavior, umask};

use crate::args::Command;

/// Closes the memory and the environment of this process to other processes of the same user, and the files that servers
/// make to other users. Has to be called before there are threads.
pub fn harden(command: &Command) {
    // It only fails for values that do not exist.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if keeps_private_files(command) {
        umask(Mode::RWXG | Mode::RWXO);
    }
}

/// Whether the files of a command are for nothing else: what `transcode` makes may be for a web server.
fn keeps_private_files(command: &Command) -> bool {
    match command {
        Command::Dev(_) | Command::Api(_) | Command::Transcoder(_) | Command::Demo(_) => true,
        Command::Upload(_) | Command::Transcode(_) | Command::Check(_) | Command::Doctor(_) | Command::Grant(_) => {
            false
        }
    }
}
