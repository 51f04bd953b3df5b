//! Tests that cannot run on this machine.

use std::io::Write as _;

/// Reports that the running test is skipped, and the reason: now, and again at the end of `make
/// test`.
///
/// # Panics
/// If the file that collects these notes cannot be written.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let note = format!("SKIPPED {test}: {why}\n");
    // Bypasses the test harness, which hides the output of passing tests.
    let _ = std::io::stderr().write_all(note.as_bytes());
    if let Some(path) = std::env::var_os("EDGEREEL_TEST_NOTES") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut it| it.write_all(note.as_bytes())).expect("the file of notes can be written");
    }
}
