//! Tests that cannot run on this machine: reported, or failures where everything has to be installed.

use std::ffi::OsStr;
use std::io::Write as _;

/// Names the file that collects the notes about skipped tests. `make test` prints it at its end.
const NOTES: &str = "EDGEREEL_TEST_NOTES";
/// Makes a missing program a failure of the test that needs it. `.ci/run` sets it.
const REQUIRE: &str = "EDGEREEL_REQUIRE_SERVICES";

/// Reports that a program is not installed, so that the running test is skipped. `install` is the command that installs it.
///
/// # Panics
/// If `EDGEREEL_REQUIRE_SERVICES` is set to anything but `0`, or the file that collects these notes cannot be written.
pub fn missing(program: &str, install: &str) {
    let required = is_required(std::env::var_os(REQUIRE).as_deref());
    assert!(
        !required,
        "{program} is not installed, and {REQUIRE} requires it: run {install}"
    );
    skipped(&format!("{program} is not installed, see {install}"));
}

/// Reports that the running test is skipped for a reason that no installation changes, such as an old kernel.
///
/// # Panics
/// If the file that collects these notes cannot be written.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let note = format!("SKIPPED {test}: {why}\n");
    // Past the test harness, which hides the output of tests that pass.
    let _ = std::io::stderr().write_all(note.as_bytes());
    if let Some(path) = std::env::var_os(NOTES) {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        file.and_then(|mut it| it.write_all(note.as_bytes()))
            .expect("the file of notes can be written");
    }
}

fn is_required(value: Option<&OsStr>) -> bool {
    value.is_some_and(|it| !it.is_empty() && it != "0")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Asks the test below to report a missing program.
    const CHILD: &str = "EDGEREEL_TEST_MISSING";

    #[test]
    fn only_a_set_switch_requires() {
        for (value, required) in [
            (None, false),
            (Some(""), false),
            (Some("0"), false),
            (Some("1"), true),
            (Some("true"), true),
        ] {
            assert_eq!(is_required(value.map(OsStr::new)), required, "{value:?}");
        }
    }

    #[test]
    fn a_missing_program_is_a_failure_where_it_is_required() {
        if std::env::var_os(CHILD).is_some() {
            return missing("PostgreSQL", "scripts/setup.sh --services");
        }
        let run = |required: &str| {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args([
                "--exact",
                "skip::tests::a_missing_program_is_a_failure_where_it_is_required",
                "--nocapture",
            ]);
            let output = child
                .env(CHILD, "1")
                .env(REQUIRE, required)
                .env_remove(NOTES)
                .output()
                .unwrap();
            (
                output.status.success(),
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )
        };
        let (passed, said) = run("0");
        assert!(
            passed && said.contains("PostgreSQL is not installed, see scripts/setup.sh --services"),
            "{said}"
        );
        let (passed, said) = run("1");
        assert!(
            !passed && said.contains("requires it: run scripts/setup.sh --services"),
            "{said}"
        );
    }
}
