//! Real servers for tests, each with its own folder and port, removed when the test ends, however
//! it ends.
//!
//! They are not part of the checkout: `scripts/setup.sh --services` installs them. If one is
//! missing, `start` prints a note and returns `None`, and the test passes without having tested
//! anything; `make test` lists the skipped tests at its end. All functions panic with a message on
//! any other failure.

mod cases;
mod localstack;
mod postgres;
mod server;

use std::io::Write as _;
use std::path::PathBuf;

pub use cases::{Case, together};
pub use localstack::LocalStack;
pub use postgres::Postgres;

/// The variable with the path of the file that collects skipped tests.
const NOTES: &str = "EDGEREEL_TEST_NOTES";

/// A program in a Python environment that `scripts/setup.sh --services` creates; prints a note if
/// it is missing.
pub fn tool(environment: &str, program: &str) -> Option<PathBuf> {
    let found = in_cache(environment, program).filter(|it| it.is_file());
    if found.is_none() {
        skipped(environment);
    }
    found
}

fn in_cache(environment: &str, program: &str) -> Option<PathBuf> {
    let of_home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|it| !it.is_empty()).map(PathBuf::from).or_else(of_home)?;
    Some(cache.join("edgereel").join(environment).join("bin").join(program))
}

/// Reports that a test of `server` is skipped.
fn skipped(server: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let note = format!("SKIPPED {test}: {server} is not installed, see scripts/setup.sh --services\n");
    // Bypasses the test harness, which hides the output of passing tests.
    let _ = std::io::stderr().write_all(note.as_bytes());
    if let Some(path) = std::env::var_os(NOTES) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut it| it.write_all(note.as_bytes())).expect("the file of notes can be written");
    }
}
