//! The decoding time at which a segment ends: that of the first frame of the next segment.

use crate::ts::TICKS_PER_SECOND;

/// Deviation of times that is put down to rounding, ticks.
const ROUNDING: i64 = 1;

/// Frame rates, as fractions, that are tried if the stream declares none that fits.
const COMMON_RATES: [(u32, u32); 9] = [
    (24_000, 1_001),
    (24, 1),
    (25, 1),
    (30_000, 1_001),
    (30, 1),
    (50, 1),
    (60_000, 1_001),
    (60, 1),
    (15, 1),
];

/// The times of a segment, ticks.
pub(super) struct Times {
    /// Presentation times, sorted.
    pub(super) pts: Vec<i64>,
    /// Presentation and decoding time of the frame that is decoded first.
    pub(super) first: (i64, i64),
    /// Decoding time of the frame that is decoded last.
    pub(super) last_dts: i64,
}

impl Times {
    /// End of the presentation. `end`: from the caller, who may err. `frame_rate`: from the stream,
    /// which may declare anything.
    pub(super) fn end(&self, end: Option<i64>, frame_rate: Option<(u32, u32)>) -> i64 {
        let (Some(first), Some(last)) = (self.pts.first(), self.pts.last()) else {
            return self.last_dts;
        };
        if let Some(end) = end.filter(|it| it > last) {
            return end;
        }
        let ticks = |(frames, seconds): (u32, u32)| {
            f64::from(seconds) * TICKS_PER_SECOND as f64 / f64::from(frames)
        };
        let frame = frame_rate.filter(|it| it.0 > 0 && it.1 > 0).map(ticks);
        // AV1 declares no rate, as a rule.
        let common = COMMON_RATES.iter().map(|it| ticks(*it));
        let common = common.filter(|_| first < last);
        let mut fitting = frame.into_iter().chain(common);
        if let Some(end) = fitting.find_map(|it| self.end_of_grid(*first, it)) {
            return end;
        }
        let before = self.pts.iter().rfind(|it| *it < last);
        match (before, frame) {
            (Some(before), _) => last + (last - before),
            (None, Some(frame)) => last + (frame.round() as i64).max(1),
            (None, None) => last + (last - self.first.1).max(3_000),
        }
    }

    /// The end if all frames have a duration of `frame` ticks and their times are rounded: the
    /// phase of the grid is the middle of the interval to which all times restrict it.
    fn end_of_grid(&self, first: i64, frame: f64) -> Option<i64> {
        let (mut low, mut high) = (-0.5_f64, 0.5_f64);
        for (number, pts) in (0..).zip(&self.pts) {
            let phase = (pts - first) as f64 - f64::from(number) * frame;
            low = low.max(phase - 0.5);
            high = high.min(phase + 0.5);
        }
        // A time that is exactly between two ticks is rounded up.
        let grid = (low + high) / 2.0 + self.pts.len() as f64 * frame;
        (low <= high + 1e-6).then(|| first + grid.round() as i64)
    }

    /// Decoding time of the first frame of the next segment, if the presentation ends at `end`. It
    /// is after the last decoding time.
    pub(super) fn next_dts(&self, end: i64) -> i64 {
        // The frame that is presented when the last one is decoded.
        let presented = self
            .pts
            .partition_point(|it| *it <= self.last_dts + ROUNDING)
            .checked_sub(1)
            .map(|it| (self.pts[it], self.pts.get(it + 1).copied().unwrap_or(end)));
        let next = match presented {
            Some((pts, next)) if (self.last_dts - pts).abs() <= ROUNDING => {
                // A last frame without reordering ends with the presentation.
                let rounding = if next == end { 0 } else { self.last_dts - pts };
                next + rounding
            }
            _ => end - (self.first.0 - self.first.1),
        };
        next.max(self.last_dts + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pts: &[i64], delay: i64, last_dts: i64) -> Times {
        Times {
            pts: pts.to_vec(),
            first: (pts[0], pts[0] - delay),
            last_dts,
        }
    }

    /// Rounded as FFmpeg rounds: half a tick goes up.
    fn grid(frames: std::ops::Range<i64>, rate: (i64, i64)) -> Vec<i64> {
        frames
            .map(|it| 900_000 + (it * 90_000 * rate.1 * 2 + rate.0).div_euclid(rate.0 * 2))
            .collect()
    }

    #[test]
    fn the_declared_rate_ends_a_segment_to_the_tick() {
        for (frames, seconds) in [
            (24_000_u32, 1_001_u32),
            (24, 1),
            (25, 1),
            (30_000, 1_001),
            (60_000, 1_001),
            (60, 1),
            (120, 1),
            (7, 1),
        ] {
            let rate = (i64::from(frames), i64::from(seconds));
            for begin in [0, 1, 47, 48, 50, 143_856] {
                for count in [4, 5, 48, 144, 150] {
                    let all = grid(begin..begin + count + 1, rate);
                    let (next, own) = all.split_last().unwrap();
                    let times = times(own, 0, *own.last().unwrap());
                    let found = times.end(None, Some((frames, seconds)));
                    // Few frames do not show all phases of 7 frames per second.
                    let error = if frames == 7 { 1 } else { 0 };
                    assert!((found - next).abs() <= error, "{frames} {begin} {count}");
                    // Nothing is declared.
                    let found = times.end(None, None);
                    assert!((found - next).abs() <= error, "{frames} {begin} {count}");
                    assert_eq!(times.next_dts(*next), *next);
                }
            }
        }
    }

    #[test]
    fn another_rate_than_the_declared_one_is_seen() {
        let times = times(&[0, 3_000, 9_000, 10_000], 0, 10_000);
        assert_eq!(times.end(None, Some((30, 1))), 11_000);
        assert_eq!(times.end(Some(12_500), Some((30, 1))), 12_500);
        // The caller is wrong.
        assert_eq!(times.end(Some(10_000), Some((30, 1))), 11_000);
        let single = self::times(&[9_000], 0, 9_000);
        assert_eq!(single.end(None, Some((25, 1))), 12_600);
        assert_eq!(single.end(None, Some((0, 0))), 12_000);
        assert_eq!(single.end(None, None), 12_000);
    }

    #[test]
    fn decoding_goes_on_where_the_next_segment_begins() {
        // Two frames of delay, at a variable rate.
        let variable = [100, 150, 250, 260, 290];
        assert_eq!(times(&variable, 60, 250).next_dts(300), 260);
        // The times of decoding are rounded in another way.
        assert_eq!(times(&variable, 60, 251).next_dts(300), 261);
        assert_eq!(times(&variable, 60, 249).next_dts(300), 259);
        // No delay: the rounding ends with the presentation.
        assert_eq!(times(&variable, 0, 290).next_dts(300), 300);
        assert_eq!(times(&variable, 1, 289).next_dts(300), 300);
        // The segment is shorter than the delay.
        assert_eq!(times(&[100], 60, 40).next_dts(110), 50);
        // Decoding times that fit no presentation time.
        assert_eq!(times(&variable, 60, 205).next_dts(300), 240);
        // A delay that leaves no time for the last frame.
        assert_eq!(times(&variable, 200, 270).next_dts(300), 271);
    }
}
