//! Measured bit rates, as playlists must declare them.

use crate::TICKS_PER_SECOND;

/// The bit rates of a rendition or of a whole variant, bit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Bandwidth {
    /// BANDWIDTH: the peak segment bit rate.
    pub peak: u64,
    /// AVERAGE-BANDWIDTH: all bits divided by the whole duration.
    pub average: u64,
}

impl Bandwidth {
    /// Measures a rendition from its segments: `(duration in ticks, bytes as stored)`, in order.
    ///
    /// The peak is the largest bit rate of any contiguous set of segments that lasts 0.5 to 1.5 times the target
    /// duration (RFC 8216, 4.1). Where no set does (a video shorter than half a target duration) it is the
    /// average. `target_duration` is in seconds. No segments: no bandwidth.
    pub fn measure(segments: &[(u64, u64)], target_duration: u32) -> Self {
        let target = u64::from(target_duration) * TICKS_PER_SECOND;
        let (shortest, longest) = (target / 2, target + target / 2);
        let mut peak = 0;
        for first in 0..segments.len() {
            let (mut ticks, mut bytes) = (0_u64, 0_u64);
            for (duration, size) in &segments[first..] {
                ticks = ticks.saturating_add(*duration);
                bytes = bytes.saturating_add(*size);
                if ticks > longest {
                    break;
                }
                if ticks >= shortest {
                    peak = peak.max(bit_rate(ticks, bytes));
                }
            }
        }
        let (ticks, bytes) =
            segments
                .iter()
                .fold((0_u64, 0_u64), |(ticks, bytes), (duration, size)| {
                    (ticks.saturating_add(*duration), bytes.saturating_add(*size))
                });
        let average = bit_rate(ticks, bytes);
        Self {
            peak: peak.max(average),
            average,
        }
    }

    /// The bandwidth of a variant that plays this rendition with any one of `others` (an audio group): the largest
    /// sum of peaks, and of averages (Apple HLS authoring specification, 9.13).
    pub fn with_any_of(self, others: impl IntoIterator<Item = Self>) -> Self {
        let (peak, average) = others
            .into_iter()
            .fold((0, 0), |(peak, average), it: Self| {
                (it.peak.max(peak), it.average.max(average))
            });
        Self {
            peak: self.peak.saturating_add(peak),
            average: self.average.saturating_add(average),
        }
    }
}

/// Rounded up, because the declared rate must not be lower than the actual one.
fn bit_rate(ticks: u64, bytes: u64) -> u64 {
    if ticks == 0 {
        return 0;
    }
    let bits = u128::from(bytes) * 8 * u128::from(TICKS_PER_SECOND);
    u64::try_from(bits.div_ceil(u128::from(ticks))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measure(segments: &[(f64, u64)]) -> (u64, u64) {
        let segments: Vec<_> = segments
            .iter()
            .map(|(s, bytes)| ((s * 90_000.0) as u64, *bytes))
            .collect();
        let Bandwidth { peak, average } = Bandwidth::measure(&segments, 6);
        (peak, average)
    }

    #[test]
    fn a_short_segment_counts_only_together_with_its_neighbours() {
        assert_eq!(measure(&[(6.0, 600_000)]), (800_000, 800_000));
        assert_eq!(
            measure(&[(6.0, 600_000), (6.0, 1_200_000)]),
            (1_600_000, 1_200_000)
        );
        // One second at 8 Mbit/s is not a peak by itself, but 7 s with its neighbour are.
        assert_eq!(
            measure(&[(6.0, 600_000), (1.0, 1_000_000)]),
            (1_828_572, 1_828_572)
        );
        assert_eq!(
            measure(&[(3.0, 600_000), (3.0, 300_000)]),
            (1_600_000, 1_200_000)
        );
    }

    #[test]
    fn a_video_shorter_than_any_set_has_its_average() {
        assert_eq!(measure(&[(1.0, 100_000)]), (800_000, 800_000));
        assert_eq!(measure(&[]), (0, 0));
        assert_eq!(measure(&[(0.0, 10)]), (0, 0));
    }

    #[test]
    fn a_variant_needs_the_largest_sum() {
        let of = |peak, average| Bandwidth { peak, average };
        assert_eq!(
            of(1000, 900).with_any_of([of(128, 120), of(160, 100)]),
            of(1160, 1020)
        );
        assert_eq!(of(1000, 900).with_any_of([]), of(1000, 900));
    }

    proptest! {
        #[test]
        fn the_peak_is_never_below_the_average(segments in prop::collection::vec((0_u64..2_000_000, any::<u64>()), 0..30), target in 0_u32..20) {
            let Bandwidth { peak, average } = Bandwidth::measure(&segments, target);
            prop_assert!(peak >= average);
        }
    }
}
