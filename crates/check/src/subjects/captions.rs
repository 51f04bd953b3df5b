//! Checks WebVTT segments (RFC 8216, 3.5): their clock, and the cues that span segments.

use captions::{Cue, ReadSegment, read_segment};
use hls::parse::MediaType;

use crate::report::Findings;
use crate::rules::{CUES, RFC_3_5};
use crate::tree::{Rendition, Segment, Tree};

/// Rounding tolerance, seconds: cues are written in milliseconds, EXTINF in decimals.
const ROUNDING_S: f64 = 0.01;
const TICKS_PER_SECOND: f64 = 90_000.0;

/// A segment with its cues, in seconds from the start of the presentation.
struct Placed<'a> {
    segment: &'a Segment,
    start: f64,
    end: f64,
    cues: Vec<(f64, f64, Cue)>,
}

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    // The time in the media at which the presentation begins.
    let origin = tree
        .variants()
        .find_map(|(it, _)| it.segments.first()?.measured()?.lead())
        .map(|it| it.start);
    for (rendition, media) in tree.media() {
        if media.media_type == Some(MediaType::Subtitles) {
            check_rendition(rendition, origin, findings);
        }
    }
}

fn check_rendition(rendition: &Rendition, origin: Option<f64>, findings: &mut Findings) {
    let mut start = 0.0;
    let mut before: Option<Placed<'_>> = None;
    for segment in &rendition.segments {
        let end = start + segment.extinf.unwrap_or(0.0);
        let read = read(rendition, segment, findings);
        let placed = read.map(|it| place(it, segment, (start, end), origin));
        if let Some(placed) = &placed {
            outside(rendition, placed, findings);
            if let Some(before) = &before {
                continued(rendition, before, placed, findings);
            }
        }
        before = placed;
        start = end;
    }
}

/// The cues of a segment; `None`: it was not read, or is invalid.
fn read(rendition: &Rendition, segment: &Segment, findings: &mut Findings) -> Option<ReadSegment> {
    let text = segment.received()?.text.as_ref()?;
    let place = || rendition.at_segment(segment);
    match read_segment(text) {
        Ok(read) => {
            if read.map.is_none() {
                let fix = "Begin it with WEBVTT and X-TIMESTAMP-MAP=MPEGTS:...,LOCAL:00:00:00.000.";
                findings.add(&RFC_3_5, place(), "X-TIMESTAMP-MAP is missing", fix);
            }
            Some(read)
        }
        Err(error) => {
            findings.add(&RFC_3_5, place(), error.to_string(), "Write valid WebVTT.");
            None
        }
    }
}

fn place(
    read: ReadSegment,
    segment: &Segment,
    (start, end): (f64, f64),
    origin: Option<f64>,
) -> Placed<'_> {
    // Without a map, cues count from the start of the media.
    let (ticks, local_ms) = read.map.unwrap_or((0, 0));
    let shift = ticks as f64 / TICKS_PER_SECOND - local_ms as f64 / 1000.0;
    let shift = shift - origin.unwrap_or(shift);
    let seconds = |ms: u64| ms as f64 / 1000.0 + shift;
    let cues = read.cues.into_iter();
    Placed {
        segment,
        start,
        end,
        cues: cues
            .map(|it| (seconds(it.start_ms), seconds(it.end_ms), it))
            .collect(),
    }
}

fn outside(rendition: &Rendition, placed: &Placed<'_>, findings: &mut Findings) {
    let is_outside =
        |from: f64, to: f64| from > placed.end + ROUNDING_S || to < placed.start - ROUNDING_S;
    let Some((from, to, _)) = placed.cues.iter().find(|it| is_outside(it.0, it.1)) else {
        return;
    };
    let what = format!(
        "a cue is shown from {from:.3} to {to:.3} s, and the segment lasts from {:.3} to {:.3} s",
        placed.start, placed.end
    );
    let fix =
        "Put each cue into the segments during which it is shown, and correct X-TIMESTAMP-MAP.";
    findings.add(&CUES, rendition.at_segment(placed.segment), what, fix);
}

/// A cue that is still shown when a segment ends is in the next one too: a player may begin there.
fn continued(
    rendition: &Rendition,
    before: &Placed<'_>,
    next: &Placed<'_>,
    findings: &mut Findings,
) {
    let continues = |it: &&(f64, f64, Cue)| it.1 > before.end + ROUNDING_S && it.0 < before.end;
    for (_, to, cue) in before.cues.iter().filter(continues) {
        if next.cues.iter().any(|it| it.2.text == cue.text) {
            continue;
        }
        let what =
            format!("a cue of the previous segment is shown up to {to:.3} s, and is missing here");
        let fix = "Repeat the cue in every segment during which it is shown.";
        findings.add(&RFC_3_5, rendition.at_segment(next.segment), what, fix);
    }
}
