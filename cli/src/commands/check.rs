//! `edgereel check`.

use std::collections::BTreeMap;
use std::time::Duration;

use check::{Finding, Level, Options, Progress, Report, Target};
use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Result;
use crate::args::CheckArgs;
use crate::output::{CommandError, Output, bytes};

/// Checks and reports. Exits with 1 if a MUST is violated.
pub async fn run(args: CheckArgs, output: &Output) -> Result {
    let report = check_target(&args.target, output).await?;
    output.object(&report);
    print(&report, output);
    if report.ok {
        Ok(())
    } else {
        Err(CommandError::Reported)
    }
}

/// Checks a target.
///
/// # Errors
/// If the target itself cannot be read.
pub async fn check_target(target: &str, output: &Output) -> Result<Report> {
    let target: Target = target
        .parse()
        .map_err(|it: check::TargetError| CommandError::Usage(it.to_string()))?;
    let draw = if output.has_bars() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{spinner} Checking {bar:40} {pos}/{len} segments");
    let bar = ProgressBar::with_draw_target(Some(0), draw)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    let progress = |progress: Progress| {
        if let Progress::Segments { done, total } = progress {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    };
    let report = Box::pin(check::run(&target, &Options::default(), &progress)).await;
    bar.finish_and_clear();
    report.map_err(|it| CommandError::failed("unreadable", it))
}

/// Number of findings per rule in the text output.
const FINDINGS_PER_RULE: usize = 4;
/// A longer path segment is a token, which is unreadable and a secret.
const LONGEST_PART: usize = 40;

/// Shortens tokens in paths.
fn short(text: &str) -> String {
    let parts: Vec<String> = text
        .split('/')
        .map(|part| match part.char_indices().nth(LONGEST_PART) {
            Some(_) if !part.contains(' ') => {
                format!("{}...", part.chars().take(6).collect::<String>())
            }
            _ => part.to_owned(),
        })
        .collect();
    parts.join("/")
}

/// The text report: findings by rule, and how to fix them.
pub fn print(report: &Report, output: &Output) {
    let mut by_rule: BTreeMap<(Level, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_rule
            .entry((finding.level, finding.rule))
            .or_default()
            .push(finding);
    }
    for ((level, rule), findings) in by_rule {
        let word = match level {
            Level::Must => style("MUST  ").red().bold(),
            Level::Should => style("SHOULD").yellow(),
            Level::Device => style("device").dim(),
        };
        output.line(format!(
            "{word} {}  {}",
            style(rule).bold(),
            findings.first().map_or("", |it| it.requirement)
        ));
        let mut advice = "";
        for finding in findings.iter().take(FINDINGS_PER_RULE) {
            let line = finding
                .place
                .line
                .map_or_else(String::new, |it| format!(":{it}"));
            let segment = finding
                .place
                .segment
                .as_ref()
                .map_or_else(String::new, |it| format!(" {}", short(it)));
            let more = if finding.more > 0 {
                format!(" (and {} more)", finding.more)
            } else {
                String::new()
            };
            let (playlist, what) = (short(&finding.place.playlist), short(&finding.message));
            output.line(format!("       {playlist}{line}{segment}: {what}{more}"));
            if advice != finding.fix {
                advice = &finding.fix;
                output.line(format!("       {} {}", style("do:").cyan(), short(advice)));
            }
        }
        if let Some(more) = findings
            .len()
            .checked_sub(FINDINGS_PER_RULE)
            .filter(|it| *it > 0)
        {
            output.line(format!("       and {more} more (--json lists all)"));
        }
    }
    let counts = &report.checked;
    output.line(format!(
        "Read {} playlists and {} segments: {}, {:.0} s of media, {} keys.",
        counts.playlists,
        counts.segments,
        bytes(counts.bytes),
        counts.seconds,
        counts.keys
    ));
    let summary = &report.summary;
    let verdict = match report.ok {
        true => style("Conforming: no MUST is violated.").green().bold(),
        false => style("Not conforming.").red().bold(),
    };
    output.line(format!(
        "{verdict} {} MUST, {} SHOULD, {} for some devices.",
        summary.must, summary.should, summary.device
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_cut_short() {
        let pass = "AXMDZGV2AaH-c0rXcGOrZB0qZy0xr3YJSnZBP5eYw6biBTxAGPAAAAAAAAAAAAAAAABrAd86";
        assert_eq!(
            short(&format!(
                "`/s/{pass}/76094a76413f9798/1080p/1080p.m3u8` is odd"
            )),
            "`/s/AXMDZG.../76094a76413f9798/1080p/1080p.m3u8` is odd"
        );
        let message = "A message of more than forty characters, and a path: a/b.m3u8";
        assert_eq!(short(message), message);
    }
}
