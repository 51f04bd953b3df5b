//! Arguments of `edgereel redrive`.

use clap::builder::PossibleValuesParser;
use domain::failure::{FailureClass, FailureCode};
use domain::time::UnixMillis;

use super::ApiClientArgs;
use crate::amounts::parse_since;

/// List the dead letters, send them again, or remove them.
///
/// A dead letter is a job that the queue no longer delivers: it failed too often, or cannot be read. Without ids and
/// options that select some, this command lists all of them and changes nothing.
///
/// A job that is sent again has five new attempts, and its video is `queued`. A dead letter is removed instead if its job
/// is obsolete: its video was deleted or cancelled, is ready, or has a newer job.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  edgereel redrive                                     list them: class, code and reason
  edgereel redrive --class infrastructure              send those again that the installation caused
  edgereel redrive --code timed-out --older-than 1h    those of one code, for an hour or longer
  edgereel redrive --all --dry-run                     what would be sent again
  edgereel redrive 0197f0c2a1b4 --purge                remove one; its video stays failed

Classes: source (the file is at fault), infrastructure (the installation, the network or the store is), shutdown.
The codes are those of failed videos: `edgereel ls --state failed`.")]
pub struct RedriveArgs {
    /// The ids of dead letters, from the list.
    #[arg(value_name = "ID", conflicts_with_all = ["all", "class", "code", "older_than"])]
    pub ids: Vec<String>,
    /// Only those of this failure class.
    #[arg(long, value_name = "CLASS", value_parser = PossibleValuesParser::new(FailureClass::ALL.map(FailureClass::as_str)))]
    pub class: Option<String>,
    /// Only those with this failure code.
    #[arg(long, value_name = "CODE")]
    pub code: Option<FailureCode>,
    /// Only those that have been dead letters for this time (`1h`), or since before a time in UTC (`2026-01-31`).
    #[arg(long, value_name = "AGE|TIME", value_parser = parse_since)]
    pub older_than: Option<UnixMillis>,
    /// All of them.
    #[arg(long, conflicts_with_all = ["class", "code", "older_than"])]
    pub all: bool,
    /// Remove them instead. Their jobs are not sent again. A video that still waits for such a job fails.
    #[arg(long)]
    pub purge: bool,
    /// Change nothing: list the selected ones.
    #[arg(long)]
    pub dry_run: bool,
    /// Remove them without a question.
    #[arg(long, short, requires = "purge")]
    pub yes: bool,
    /// Print one JSON object per dead letter.
    #[arg(long)]
    pub json: bool,
    /// The API to call.
    #[command(flatten)]
    pub api: ApiClientArgs,
}
