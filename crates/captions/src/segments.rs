//! A track as the WebVTT segments of an HLS rendition (RFC 8216, 3.5).

use crate::parse::{CaptionError, Cues, Reason};
use crate::{Cue, Track, clock, decode, vtt};

/// How a track is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// Duration of the presentation, milliseconds: cues do not reach beyond it.
    pub total_ms: u64,
    /// Duration of a segment, milliseconds; the last one may be shorter.
    pub length_ms: u64,
    /// The time in the transport streams at which the presentation begins, ticks of 1/90000 s.
    pub begins_at_ticks: u64,
}

impl Segments {
    /// Number of segments; at least one.
    pub fn count(&self) -> u64 {
        self.total_ms.div_ceil(self.length_ms.max(1)).max(1)
    }

    /// Start and end of a segment, milliseconds.
    pub fn range(&self, index: u64) -> (u64, u64) {
        let start = index.saturating_mul(self.length_ms.max(1));
        let end = start.saturating_add(self.length_ms.max(1));
        (start.min(self.total_ms), end.min(self.total_ms))
    }

    /// The texts of all segments. A cue that is shown in several segments is in each of them, with
    /// its whole time.
    pub fn cut(&self, track: &Track) -> Vec<String> {
        let texts = (0..self.count()).map(|index| self.text(track, index));
        texts.collect()
    }

    fn text(&self, track: &Track, index: u64) -> String {
        let (start, end) = self.range(index);
        let mut out = String::from("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:");
        out.push_str(&self.begins_at_ticks.to_string());
        out.push_str(",LOCAL:");
        clock::write(&mut out, 0);
        out.push('\n');
        // Cues are ordered by their start.
        let cues = track.cues.iter().take_while(|it| it.start_ms < end);
        for cue in cues.filter(|it| it.end_ms > start) {
            let end_ms = cue.end_ms.min(self.total_ms);
            let shown = Cue {
                end_ms,
                ..cue.clone()
            };
            shown.write(&mut out);
        }
        out
    }
}

/// A WebVTT segment of a rendition, as others may have written it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSegment {
    /// X-TIMESTAMP-MAP: a time in the transport streams, ticks of 1/90000 s, and the same time in
    /// the cues, milliseconds.
    pub map: Option<(u64, u64)>,
    /// The cues; a segment may have none.
    pub cues: Vec<Cue>,
}

/// Reads a segment.
///
/// # Errors
/// [`CaptionError`] if it is not WebVTT, or has a time or a map that cannot be read.
pub fn read_segment(bytes: &[u8]) -> Result<ReadSegment, CaptionError> {
    let text = decode::decode(bytes).text;
    if !text.starts_with("WEBVTT") {
        return Err(Reason::UnknownFormat.into());
    }
    let mut header = text
        .lines()
        .zip(1..)
        .take_while(|it| !it.0.trim().is_empty());
    let map = header.find_map(|(line, number)| {
        let map = line.strip_prefix("X-TIMESTAMP-MAP=")?;
        Some((read_map(map), number))
    });
    let map = match map {
        Some((Some(map), _)) => Some(map),
        Some((None, line)) => {
            let example = "MPEGTS:900000,LOCAL:00:00:00.000";
            return Err(Reason::time("X-TIMESTAMP-MAP", example).at(line));
        }
        None => None,
    };
    let mut cues = Cues::default();
    vtt::read(&text, &mut cues)?;
    Ok(ReadSegment {
        map,
        cues: cues.into_cues(),
    })
}

/// `MPEGTS:` and `LOCAL:` in any order.
fn read_map(map: &str) -> Option<(u64, u64)> {
    let part = |name: &str| map.split(',').find_map(|it| it.trim().strip_prefix(name));
    let ticks = part("MPEGTS:")?.parse().ok()?;
    Some((ticks, clock::read(part("LOCAL:")?)?))
}
