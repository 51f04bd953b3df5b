//! Protects the program itself.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, set_dumpable_behavior, umask};

/// Who may read the files that a program creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Only the user of the program.
    Private,
    /// Whom the user's own settings allow.
    AsUsual,
}

/// Protects the memory and the environment of this process from other processes of the same user, and its new files
/// from other users. Must be called before threads are started.
pub fn harden_this_process(files: Files) {
    // It fails only for invalid values.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if files == Files::Private {
        umask(Mode::RWXG | Mode::RWXO);
    }
}
