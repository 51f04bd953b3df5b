//! The findings of a check, for people and programs.

use serde::Serialize;

use crate::rules::{Level, Rule};

/// The outcome of a check. Its JSON form is stable: fields are added, never changed.
///
/// ```json
/// { "target": "…/master.m3u8", "ok": false,
///   "checked": { "playlists": 4, "segments": 12, "bytes": 812344, "seconds": 54.0, "keys": 3 },
///   "summary": { "must": 1, "should": 0, "device": 1 },
///   "findings": [ { "rule": "Apple-9.14", "level": "must", "requirement": "AVERAGE-BANDWIDTH is on every variant.",
///     "place": { "playlist": "master.m3u8", "line": 5, "segment": null },
///     "message": "EXT-X-STREAM-INF has no AVERAGE-BANDWIDTH", "fix": "Add AVERAGE-BANDWIDTH=812000.", "more": 0 } ] }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The checked target, without query and credentials.
    pub target: String,
    /// Whether no MUST rule is violated.
    pub ok: bool,
    /// The amount of checked data.
    pub checked: Counts,
    /// Findings by level, repetitions counted.
    pub summary: Summary,
    /// The worst first, then by playlist and line.
    pub findings: Vec<Finding>,
}

/// The amount of checked data.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Counts {
    /// Playlists read, the master included.
    pub playlists: u64,
    /// Segments (and I-frames) that were read completely.
    pub segments: u64,
    /// Bytes of segments and initialisation sections, as stored.
    pub bytes: u64,
    /// Seconds of media, all renditions together.
    pub seconds: f64,
    /// Number of distinct keys that were read.
    pub keys: u64,
}

/// Findings by level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Violated MUST rules: the check fails.
    pub must: u64,
    /// Violated SHOULD rules.
    pub should: u64,
    /// Remarks for one kind of device.
    pub device: u64,
}

/// A location in a playlist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Path relative to the target's directory.
    pub playlist: String,
    /// Line number, from 1; `None`: the playlist as a whole.
    pub line: Option<u32>,
    /// URI as written, with the byte range if there is one.
    pub segment: Option<String>,
}

/// A violation of one rule at one location.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Id of the rule.
    pub rule: &'static str,
    /// Severity.
    pub level: Level,
    /// Requirement of the rule.
    pub requirement: &'static str,
    /// The first location that violates it.
    pub place: Place,
    /// The problem, with the numbers.
    pub message: String,
    /// The suggested fix.
    pub fix: String,
    /// Number of further locations in the same playlist with the same violation.
    pub more: u64,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let level = match self.level {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::Device => "device",
        };
        write!(f, "{level} {} {}", self.rule, self.place.playlist)?;
        if let Some(line) = self.place.line {
            write!(f, ":{line}")?;
        }
        if let Some(segment) = &self.place.segment {
            write!(f, " {segment}")?;
        }
        write!(f, ": {}. {}", self.message, self.fix)?;
        if self.more > 0 {
            write!(f, " ({} more)", self.more)?;
        }
        Ok(())
    }
}

/// Collects findings; those that only repeat another are counted, not listed.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
}

/// Maximum number of detailed findings per rule and playlist.
const DETAILS: usize = 3;

impl Findings {
    pub(crate) fn add(
        &mut self,
        rule: &'static Rule,
        place: Place,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let same = |it: &&mut Finding| it.rule == rule.id && it.place.playlist == place.playlist;
        if self.found.iter_mut().filter(same).count() >= DETAILS
            && let Some(last) = self.found.iter_mut().rfind(|it| same(it))
        {
            last.more += 1;
            return;
        }
        self.found.push(Finding {
            rule: rule.id,
            level: rule.level,
            requirement: rule.message,
            place,
            message: message.into(),
            fix: fix.into(),
            more: 0,
        });
    }

    pub(crate) fn into_report(self, target: String, checked: Counts) -> Report {
        let mut findings = self.found;
        findings.sort_by(|a, b| (a.level, &a.place, a.rule).cmp(&(b.level, &b.place, b.rule)));
        let count = |level| {
            findings
                .iter()
                .filter(|it| it.level == level)
                .map(|it| 1 + it.more)
                .sum()
        };
        let summary = Summary {
            must: count(Level::Must),
            should: count(Level::Should),
            device: count(Level::Device),
        };
        Report {
            target,
            ok: summary.must == 0,
            checked,
            summary,
            findings,
        }
    }
}
