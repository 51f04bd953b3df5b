//! Hardening of this process.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, set_dumpable_behavior, umask};

use crate::args::Command;

/// Protects the memory and the environment of this process from other processes of the same user, and new files of
/// servers from other users. Must be called before threads are started.
pub fn harden(command: &Command) {
    // It fails only for invalid values.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if keeps_private_files(command) {
        umask(Mode::RWXG | Mode::RWXO);
    }
}

/// Whether the files of a command are private: the output of `transcode` may be for a web server.
fn keeps_private_files(command: &Command) -> bool {
    match command {
        Command::Dev(_) | Command::Api(_) | Command::Transcoder(_) | Command::Keys(_) | Command::Demo(_) => true,
        Command::Upload(_) | Command::Transcode(_) | Command::Check(_) | Command::Doctor(_) | Command::Grant(_) => {
            false
        }
    }
}
