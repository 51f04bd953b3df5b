//! What a check found, as a person and a program read it.

use serde::Serialize;

use crate::rules::{Level, Rule};

/// The outcome of a check. Its JSON form is stable: fields are added, never changed.
///
/// ```json
/// { "target": "…/master.m3u8", "ok": false,
///   "checked": { "playlists": 4, "segments": 12, "bytes": 812344, "seconds": 54.0, "keys": 3 },
///   "summary": { "must": 1, "should": 0, "device": 1 },
///   "findings": [ { "rule": "Apple-9.14", "level": "must", "asks": "AVERAGE-BANDWIDTH is on every variant.",
///     "place": { "playlist": "master.m3u8", "line": 5, "segment": null },
///     "what": "EXT-X-STREAM-INF has no AVERAGE-BANDWIDTH", "fix": "Add AVERAGE-BANDWIDTH=812000.", "more": 0 } ] }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was checked, without query and credentials.
    pub target: String,
    /// Whether no MUST is broken.
    pub ok: bool,
    /// How much was looked at.
    pub checked: Counts,
    /// Findings by level, repetitions counted.
    pub summary: Summary,
    /// The worst first, then by playlist and line.
    pub findings: Vec<Finding>,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Counts {
    /// Playlists read, the master included.
    pub playlists: u64,
    /// Segments (and I-frames) read to their end.
    pub segments: u64,
    /// Bytes of segments and initialisation sections, as stored.
    pub bytes: u64,
    /// Seconds of media, all renditions together.
    pub seconds: f64,
    /// Different keys fetched.
    pub keys: u64,
}

/// Findings by level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Broken MUSTs: the check fails.
    pub must: u64,
    /// Broken SHOULDs.
    pub should: u64,
    /// Remarks for one kind of device.
    pub device: u64,
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Relative to the target's folder.
    pub playlist: String,
    /// From 1; `None`: the playlist as a whole.
    pub line: Option<u32>,
    /// URI as written, and the byte range where there is one.
    pub segment: Option<String>,
}

/// One rule broken at one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Id of the rule.
    pub rule: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// What the rule asks for.
    pub asks: &'static str,
    /// Where it is broken first.
    pub place: Place,
    /// What is wrong, with the numbers.
    pub what: String,
    /// What to do about it.
    pub fix: String,
    /// How many further places of the same playlist break the same rule in the same way.
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
        write!(f, ": {}. {}", self.what, self.fix)?;
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

/// Details kept for one rule in one playlist.
const DETAILS: usize = 3;

impl Findings {
    pub(crate) fn add(&mut self, rule: &'static Rule, place: Place, what: impl Into<String>, fix: impl Into<String>) {
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
            asks: rule.sentence,
            place,
            what: what.into(),
            fix: fix.into(),
            more: 0,
        });
    }

    pub(crate) fn into_report(self, target: String, checked: Counts) -> Report {
        let mut findings = self.found;
        findings.sort_by(|a, b| (a.level, &a.place, a.rule).cmp(&(b.level, &b.place, b.rule)));
        let count = |level| findings.iter().filter(|it| it.level == level).map(|it| 1 + it.more).sum();
        let summary = Summary { must: count(Level::Must), should: count(Level::Should), device: count(Level::Device) };
        Report { target, ok: summary.must == 0, checked, summary, findings }
    }
}
