//! Hardening of this process.

use confine::Files;

use crate::args::Command;

/// Who may read the files of a command: the output of `transcode` may be for a web server.
pub fn files_of(command: &Command) -> Files {
    match command {
        Command::Dev(_)
        | Command::Serve(_)
        | Command::Api(_)
        | Command::Migrate(_)
        | Command::Edge(_)
        | Command::Ingest(_)
        | Command::Transcoder(_)
        | Command::Keys(_)
        | Command::Demo(_) => Files::Private,
        Command::Upload(_)
        | Command::Convert(_)
        | Command::Import(_)
        | Command::Transcode(_)
        | Command::Check(_)
        | Command::Doctor(_)
        | Command::Healthcheck(_)
        | Command::Grant(_)
        | Command::Ls(_)
        | Command::Show(_)
        | Command::Rm(_)
        | Command::Redrive(_)
        | Command::Cost(_)
        | Command::Completions(_)
        | Command::Man(_) => Files::AsUsual,
    }
}
