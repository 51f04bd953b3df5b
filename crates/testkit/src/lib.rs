//! Real servers for tests, each with a folder and a port of its own, gone when the test ends, however it ends.
//!
//! They are not part of the checkout: `scripts/setup.sh --services` installs them. Where one is missing,
//! `start` says so and answers `None`, and the test passes without having tested anything; `make test` repeats
//! at its end what was skipped. All functions panic with a sentence where something else is wrong.

mod cases;
mod localstack;
mod postgres;
mod server;

use std::io::Write as _;
use std::path::PathBuf;

pub use cases::{Case, together};
pub use localstack::LocalStack;
pub use postgres::Postgres;

/// Names the file that collects what was skipped.
const NOTES: &str = "EDGEREEL_TEST_NOTES";

/// A program of a Python environment that `scripts/setup.sh --services` makes; says so where it is missing.
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

/// Says that what needs `server` was not tested.
fn skipped(server: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let note = format!("SKIPPED {test}: {server} is not installed, see scripts/setup.sh --services\n");
    // Past the test harness, which keeps to itself what a test prints that passes.
    let _ = std::io::stderr().write_all(note.as_bytes());
    if let Some(path) = std::env::var_os(NOTES) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut it| it.write_all(note.as_bytes())).expect("the file of notes can be written");
    }
}
