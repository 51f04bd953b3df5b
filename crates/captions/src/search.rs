//! Search in the text of cues, without regard to case, accents and line ends.

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::markup::plain;
use crate::{Cue, Track};

/// A cue with a searched text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// When the cue appears, milliseconds.
    pub start_ms: u64,
    /// When the cue disappears, milliseconds.
    pub end_ms: u64,
    /// The words of the cue, without markup, in one line.
    pub text: String,
}

/// Folds a text for comparisons: without case and accents (Unicode, 3.13), and with one space
/// between words.
pub fn fold(text: &str) -> String {
    let without_accents = text.chars().nfkd().filter(|it| !is_combining_mark(*it));
    let folded: String = without_accents.default_case_fold().nfkc().collect();
    let words: Vec<&str> = folded.split_whitespace().collect();
    words.join(" ")
}

impl Track {
    /// The folded words of all cues, in which [`fold`]ed texts are found; at most `max_bytes`.
    pub fn search_text(&self, max_bytes: usize) -> String {
        let mut out = String::new();
        for cue in &self.cues {
            let words = fold(&words(cue));
            if words.is_empty() {
                continue;
            }
            if out.len() + words.len() + 1 > max_bytes {
                break;
            }
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(&words);
        }
        out
    }

    /// The cues in which a text begins, at most `limit`. A text may continue in the next cue.
    pub fn find(&self, text: &str, limit: usize) -> Vec<Found> {
        let sought = fold(text);
        if sought.is_empty() {
            return vec![];
        }
        // All words, and where each cue begins in them.
        let (mut all, mut starts) = (String::new(), vec![]);
        for cue in &self.cues {
            if !all.is_empty() {
                all.push(' ');
            }
            starts.push(all.len());
            all.push_str(&fold(&words(cue)));
        }
        let mut found: Vec<Found> = vec![];
        let mut next = 0;
        while let Some(at) = all.get(next..).and_then(|it| it.find(&sought)) {
            let cue = starts
                .partition_point(|it| *it <= next + at)
                .saturating_sub(1);
            if found.len() == limit {
                break;
            }
            found.extend(self.cues.get(cue).map(|it| Found {
                start_ms: it.start_ms,
                end_ms: it.end_ms,
                text: words(it),
            }));
            // Each cue is found once.
            match starts.get(cue + 1) {
                Some(start) => next = *start,
                None => break,
            }
        }
        found
    }
}

/// The words of a cue in one line.
fn words(cue: &Cue) -> String {
    plain(&cue.text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
