//! Measures the frame rate of a video during motion, from the presentation times of its frames.

use crate::ts::TICKS_PER_SECOND;

/// Number of frame intervals that are measured together: the jitter of a phone is as large as half an interval.
const WINDOW: usize = 8;

/// The frame rate during motion, frames per second, from presentation times in ticks, increasing.
///
/// `None` for fewer than two distinct times.
pub fn motion_rate(times: &[u64]) -> Option<f64> {
    let window = WINDOW.min(times.len().checked_sub(1)?);
    let local = |it: &[u64]| {
        let ticks = it.last()?.checked_sub(*it.first()?).filter(|it| *it > 0)?;
        Some(window as f64 * TICKS_PER_SECOND as f64 / ticks as f64)
    };
    let mut rates: Vec<f64> = times.windows(window + 1).filter_map(local).collect();
    rates.sort_by(|a, b| b.total_cmp(a));
    // A camera that catches up after a stall writes a few frames at once: they do not define a rate.
    let rank = 12.max(rates.len() / 200).min(rates.len() / 4);
    let fast = *rates.get(rank)?;
    let moving = rates.partition_point(|it| *it >= fast * 0.9);
    // The rates above `fast` are as many as may be glitches.
    rates.get(rank + (moving - rank) / 2).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frame times of sections of (frames, frames per second).
    fn times(stretches: &[(u32, f64)]) -> Vec<u64> {
        let mut at = 0.0;
        let mut times = vec![];
        for (frames, rate) in stretches {
            for _ in 0..*frames {
                times.push((at * TICKS_PER_SECOND as f64) as u64);
                at += 1.0 / rate;
            }
        }
        times
    }

    #[track_caller]
    fn check_motion(stretches: &[(u32, f64)], expected: f64) {
        let found = motion_rate(&times(stretches)).unwrap();
        assert!(
            (found / expected - 1.0).abs() < 0.02,
            "{found} instead of {expected}"
        );
    }

    #[test]
    fn motion_is_measured_where_there_is_some() {
        check_motion(&[(300, 30.0)], 30.0);
        check_motion(&[(90, 30.0), (12, 1.0)], 30.0);
        check_motion(
            &[
                (15, 30.0),
                (29, 1.0),
                (15, 30.0),
                (29, 1.0),
                (15, 30.0),
                (29, 1.0),
            ],
            30.0,
        );
        check_motion(&[(3600, 1.0), (60, 60.0)], 60.0);
        check_motion(&[(60, 1.0)], 1.0);
        check_motion(&[(4, 1.0 / 30.0)], 1.0 / 30.0);
        check_motion(&[(60, 30.0), (1, 0.01), (60, 30.0)], 30.0);
        check_motion(
            &[(1000, 24_000.0 / 1001.0), (200, 30_000.0 / 1001.0)],
            29.97,
        );
        // A stall of a second, followed by a burst.
        check_motion(&[(300, 30.0), (1, 1.0), (10, 1000.0), (300, 30.0)], 30.0);
        assert_eq!(motion_rate(&[]), None);
        assert_eq!(motion_rate(&[900]), None);
        assert_eq!(motion_rate(&[900, 900, 900]), None);
    }

    proptest! {
        /// A constant rate is recovered in spite of a jitter of up to a third of an interval.
        #[test]
        fn jitter_does_not_change_the_rate(fps in 5.0..120.0f64, seeds in prop::collection::vec(0.0..1.0f64, 60..400)) {
            let interval = TICKS_PER_SECOND as f64 / fps;
            let times: Vec<u64> =
                seeds.iter().zip(0..).map(|(it, n)| ((f64::from(n) + it / 3.0) * interval) as u64).collect();
            let found = motion_rate(&times).unwrap();
            prop_assert!((found / fps - 1.0).abs() < 0.05, "{} instead of {}", found, fps);
        }
    }
}
