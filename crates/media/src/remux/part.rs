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
    /// with the keyframe at `start` or before, and ends where no frame after `end` is missing.
    pub exact: bool,
}

impl Part {
    /// The frames of a segment that belong to the part: from the last sync frame at its start or
    /// before, to the last frame before its end, with those between them in decoding order.
    ///
    /// An exact part also has the next frame, which is hidden: it says how long the one before it is
    /// shown. Another part has every frame before the last one that is shown.
    ///
    /// `frames`: presentation time, and whether it is a sync frame, in decoding order. `is_begun`:
    /// earlier segments have the start.
    pub(super) fn frames(self, frames: &[(i64, bool)], is_begun: bool) -> Range<usize> {
        let at_start = |(time, is_sync): &(i64, bool)| *is_sync && *time <= self.start as i64;
        let first = match is_begun {
            true => 0,
            false => frames.iter().rposition(at_start).unwrap_or(0),
        };
        let end_of = |time: i64| {
            frames
                .iter()
                .rposition(|it| it.0 < time)
                .map_or(0, |it| it + 1)
        };
        let mut end = end_of(self.end as i64);
        if end <= first {
            return first..first;
        }
        if self.exact {
            return first..(end + 1).min(frames.len());
        }
        loop {
            let shown = frames[first..end].iter().map(|it| it.0).max();
            let next = end_of(shown.unwrap_or(0));
            if next <= end {
                return first..end;
            }
            end = next;
        }
    }

    /// The times of the audio frames that belong to the part. `origin`: where the file begins;
    /// `video_end`: where its last frame ends.
    pub(super) fn audio(self, origin: i64, video_end: Option<i64>) -> Range<i64> {
        let end = self.end as i64;
        let end = video_end
            .filter(|_| !self.exact)
            .map_or(end, |it| it.max(end));
        origin - PREROLL..end
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
        for (start, end, is_begun, exact, whole) in [
            (0, 80, false, 0..8, 0..8),
            (39, 80, false, 0..8, 0..8),
            (40, 80, false, 4..8, 4..8),
            // Frame 5 needs frame 7, which is decoded before. Then frame 6 must not be missing.
            (40, 51, false, 4..8, 4..8),
            // Frame 7 says how long frame 4 is shown.
            (40, 50, false, 4..6, 4..5),
            (0, 40, true, 0..5, 0..4),
            (0, 15, true, 0..4, 0..4),
            (100, 200, true, 0..8, 0..8),
            // After the end.
            (0, 0, true, 0..0, 0..0),
        ] {
            for (is_exact, expected) in [(true, exact), (false, whole)] {
                let part = Part {
                    start,
                    end,
                    exact: is_exact,
                };
                assert_eq!(part.frames(&frames, is_begun), expected, "{part:?}");
            }
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
