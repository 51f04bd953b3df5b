//! SubRip: a number, a time line and lines of text, separated by empty lines. The format has no
//! specification, so the reader accepts what common tools write.

use crate::clock;
use crate::parse::{CaptionError, Cues, Reason};

const EXAMPLE: &str = "`00:00:01,000 --> 00:00:04,000`";

pub(crate) fn read(text: &str, cues: &mut Cues) -> Result<(), CaptionError> {
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        if lines[at].trim().is_empty() {
            at += 1;
            continue;
        }
        at = cue(&lines, at, cues)?;
    }
    Ok(())
}

/// Whether a cue begins at this line: with its number, or with its time line.
fn begins(lines: &[&str], at: usize) -> bool {
    let is_times = |at: usize| lines.get(at).is_some_and(|it| it.contains("-->"));
    let is_number = lines
        .get(at)
        .is_some_and(|it| clock::number(it.trim()).is_some());
    is_times(at) || is_number && is_times(at + 1)
}

/// Reads a cue, and returns the line after it.
fn cue(lines: &[&str], mut at: usize, cues: &mut Cues) -> Result<usize, CaptionError> {
    if !begins(lines, at) {
        return Err(Reason::ExpectedCue.at(at + 1));
    }
    if !lines[at].contains("-->") {
        at += 1;
    }
    let time_line = lines[at].trim();
    let number = at + 1;
    // Coordinates may follow the times; no player shows them.
    let (start, end, _) =
        clock::range(time_line).ok_or_else(|| Reason::time(time_line, EXAMPLE).at(number))?;
    at += 1;
    let mut text = String::new();
    while let Some(line) = lines.get(at) {
        // An empty line ends the cue, unless its text goes on: some tools write empty lines.
        if line.trim().is_empty() {
            let next = (at..lines.len()).find(|it| !lines[*it].trim().is_empty());
            if next.is_none_or(|it| begins(lines, it)) {
                break;
            }
        } else if begins(lines, at) && !text.is_empty() {
            break;
        }
        text.push_str(line);
        text.push('\n');
        at += 1;
    }
    cues.add(number, (start, end), String::new(), &text)?;
    Ok(at)
}
