//! Trees made by FFmpeg, whole and with planted faults.

mod build;
mod edit;
mod faults;
mod fragments;
mod good;
mod http;

use std::path::Path;

use crate::{Level, Options, Report, Target, run};

/// Checks the tree whose master (or only) playlist is `path`.
fn check(path: &Path) -> Report {
    let target: Target = path.to_str().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&target, &Options::default(), &|_| {})).unwrap()
}

/// Ids of the rules of that level that are broken, each once.
fn broken(report: &Report, level: Level) -> Vec<&'static str> {
    let mut rules: Vec<_> = report.findings.iter().filter(|it| it.level == level).map(|it| it.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn listing(report: &Report) -> String {
    report.findings.iter().map(|it| format!("  {it}\n")).collect()
}
