//! The names of the programs that one binary contains.

use super::Command;

impl Command {
    /// The name of the program in traces.
    pub fn program(&self) -> &'static str {
        match self {
            Self::Dev(_) => "edgereel-dev",
            Self::Serve(_) => "edgereel-serve",
            Self::Api(_) => "edgereel-api",
            Self::Transcoder(_) => "edgereel-transcoder",
            Self::Edge(_) => "edgereel-edge",
            Self::Ingest(_) => "edgereel-ingest",
            Self::Migrate(_)
            | Self::Upload(_)
            | Self::Convert(_)
            | Self::Import(_)
            | Self::Ls(_)
            | Self::Show(_)
            | Self::Rm(_)
            | Self::Redrive(_)
            | Self::Cost(_)
            | Self::Transcode(_)
            | Self::Check(_)
            | Self::Doctor(_)
            | Self::Grant(_)
            | Self::Keys(_)
            | Self::Healthcheck(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Demo(_) => "edgereel",
        }
    }
}
