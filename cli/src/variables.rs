//! The known environment variables, by the component that reads them.

use std::cell::RefCell;
use std::collections::BTreeSet;

use api::settings::Environment;
use clap::CommandFactory as _;

use crate::args::Args;

/// Read by the search for FFmpeg.
const OF_FFMPEG: &str = "EDGEREEL_FFMPEG_DIR";
/// Prefix of Edgereel's variables.
const PREFIX: &str = "EDGEREEL_";

/// All known variables.
pub(crate) fn all() -> BTreeSet<String> {
    let mut names = from_commands();
    names.extend(read_by(|it| drop(it.services())));
    names.extend(read_by(|it| drop(it.api())));
    names
}

/// The variables of command-line options, and those that the program reads itself.
fn from_commands() -> BTreeSet<String> {
    let args = Args::command();
    let of_command = |it: &clap::Command| it.get_arguments().filter_map(|it| it.get_env()).map(text).collect();
    let mut names: BTreeSet<String> = args.get_subcommands().flat_map(|it| -> Vec<String> { of_command(it) }).collect();
    names.extend::<Vec<_>>(of_command(&args));
    names.insert(OF_FFMPEG.to_owned());
    names.retain(|it| it.starts_with(PREFIX));
    names
}

fn text(name: &std::ffi::OsStr) -> String {
    name.to_string_lossy().into_owned()
}

/// The variables that a reader looks up in an empty environment.
fn read_by(read: impl FnOnce(&mut Environment<'_>)) -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        None
    };
    read(&mut Environment::new(&lookup));
    asked.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../docs/configuration.md");

    /// The names in the first column of the tables under a heading.
    fn documented(heading: &str) -> BTreeSet<String> {
        let after = PAGE.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no `{heading}`")).1;
        let section = after.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter_map(|it| it.strip_prefix("| `")?.split_once('`'));
        rows.map(|it| it.0.to_owned()).collect()
    }

    #[track_caller]
    fn check(heading: &str, read: &BTreeSet<String>) {
        assert_eq!(documented(heading), *read, "the table under `{heading}` in docs/configuration.md");
    }

    #[test]
    fn the_page_documents_every_variable() {
        let (services, webhooks) = (read_by(|it| drop(it.services())), read_by(|it| drop(it.webhooks())));
        assert!(!services.is_empty() && !webhooks.is_empty());
        check("Where everything is", &services);
        let api: BTreeSet<String> = read_by(|it| drop(it.api())).difference(&webhooks).cloned().collect();
        check("Webhooks", &webhooks);
        check("The API", &api);
        check("The program", &from_commands());
    }
}
