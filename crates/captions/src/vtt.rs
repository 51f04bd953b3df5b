//! WebVTT (<https://www.w3.org/TR/webvtt1/>): a header, and blocks separated by empty lines.

use crate::parse::{CaptionError, Cues, Reason};
use crate::{clock, settings};

const EXAMPLE: &str = "`00:00:01.000 --> 00:00:04.000`";

pub(crate) fn read(text: &str, cues: &mut Cues) -> Result<(), CaptionError> {
    let text = text.trim_end();
    let mut blocks = Blocks {
        lines: text.lines().enumerate().collect(),
        at: 0,
    };
    let header = blocks.next().unwrap_or_default();
    for (at, line) in header {
        if line.starts_with("X-TIMESTAMP-MAP") {
            cues.warn(
                Some(at + 1),
                "X-TIMESTAMP-MAP was ignored: times count from the start of the video",
            );
        }
    }
    while let Some(block) = blocks.next() {
        let Some((at, first)) = block.first().copied() else {
            continue;
        };
        let times = block.iter().take(2).position(|it| it.1.contains("-->"));
        match times {
            Some(times) => cue(&block[times..], cues)?,
            None if is_head(first, "NOTE") => {}
            None if is_head(first, "STYLE") || is_head(first, "REGION") => {
                cues.warn(
                    Some(at + 1),
                    format!("the block `{}` was removed", first.trim()),
                );
            }
            None => cues.warn(Some(at + 1), "text without a time line was left out"),
        }
    }
    Ok(())
}

fn is_head(line: &str, word: &str) -> bool {
    let rest = line.strip_prefix(word);
    rest.is_some_and(|it| it.is_empty() || it.starts_with([' ', '\t', ':']))
}

/// Reads a cue from its time line on.
fn cue(block: &[(usize, &str)], cues: &mut Cues) -> Result<(), CaptionError> {
    let Some(((at, time_line), lines)) = block.split_first() else {
        return Ok(());
    };
    let number = at + 1;
    let (start, end, list) = clock::range(time_line)
        .ok_or_else(|| Reason::time(time_line.trim(), EXAMPLE).at(number))?;
    let (settings, all) = settings::clean(list);
    if !all {
        cues.warn(Some(number), "invalid cue settings were left out");
    }
    let text: Vec<&str> = lines.iter().map(|it| it.1).collect();
    cues.add(number, (start, end), settings, &text.join("\n"))
}

/// Lines with their positions, block by block.
struct Blocks<'a> {
    lines: Vec<(usize, &'a str)>,
    at: usize,
}

impl<'a> Blocks<'a> {
    fn next(&mut self) -> Option<Vec<(usize, &'a str)>> {
        let is_empty = |it: &(usize, &str)| it.1.trim().is_empty();
        let start = self.at
            + self
                .lines
                .get(self.at..)?
                .iter()
                .take_while(|it| is_empty(it))
                .count();
        if start >= self.lines.len() {
            return None;
        }
        let length = self.lines[start..]
            .iter()
            .take_while(|it| !is_empty(it))
            .count();
        self.at = start + length;
        Some(self.lines[start..self.at].to_vec())
    }
}
