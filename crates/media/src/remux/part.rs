//! A part of a presentation: the frames of each segment that belong to it.

use std::ops::Range;

/// Audio before the start that a decoder needs for correct output, ticks: two frames at 44.1 kHz.
const PREROLL: i64 = 4_200;

/// A part of a presentation, on the clock of its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Start, 90 kHz.
    pub start: u64,
    /// End, 90 kHz.
    pub end: u64,
    /// Whether the file is shown from `start` to `end` exactly, by an edit list. Otherwise it begins
    /// with the keyframe at `start` or before, and may end some frames after `end`.
    pub exact: bool,
}

impl Part {
    /// The frames of a segment that belong to the part: from the last sync frame at its start or
    /// before, to the last frame before its end, with those between them in decoding order.
    ///
    /// `frames`: presentation time, and whether it is a sync frame, in decoding order. `is_begun`:
    /// earlier segments have the start.
    pub(super) fn frames(self, frames: &[(i64, bool)], is_begun: bool) -> Range<usize> {
        let at_start = |(time, is_sync): &(i64, bool)| *is_sync && *time <= self.start as i64;
        let first = match is_begun {
            true => 0,
            false => frames.iter().rposition(at_start).unwrap_or(0),
        };
        let last = frames.iter().rposition(|it| it.0 < self.end as i64);
        first..last.map_or(first, |it| (it + 1).max(first))
    }

    /// The times of the audio frames that belong to the part. `origin`: where the file begins.
    pub(super) fn audio(self, origin: i64) -> Range<i64> {
        origin - PREROLL..self.end as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_begins_with_a_sync_frame_and_keeps_what_is_decoded_between() {
        // I P B B, twice: in decoding order, the frames between two keyframes are out of order.
        let frames: Vec<_> = [0, 3, 1, 2, 4, 7, 5, 6]
            .map(|it| (it * 10, it % 4 == 0))
            .to_vec();
        for (start, end, is_begun, expected) in [
            (0, 80, false, 0..8),
            (39, 80, false, 0..8),
            (40, 80, false, 4..8),
            // Frame 5 needs frame 7, which is decoded before.
            (40, 51, false, 4..7),
            (40, 50, false, 4..5),
            (0, 40, true, 0..4),
            (100, 200, true, 0..8),
            // After the end.
            (0, 0, true, 0..0),
        ] {
            let part = Part {
                start,
                end,
                exact: true,
            };
            assert_eq!(part.frames(&frames, is_begun), expected, "{part:?}");
        }
        let part = Part {
            start: 5,
            end: 9,
            exact: true,
        };
        assert_eq!(part.frames(&[], false), 0..0);
        assert_eq!(part.frames(&[(50, true)], false), 0..0);
    }
}
