//! Estimated rates before everything is measured: upper bounds, since players rely on BANDWIDTH
//! (RFC 8216, 4.3.4.2).

use domain::plan::EncodePlan;
use domain::probe::SourceIndex;
use hls::bandwidth::Bandwidth;

/// Overhead of transport streams over the bytes of the source, percent.
const OVERHEAD: u64 = 6;

/// The rate of a rung or audio rendition that is encoded at most at `kbps`.
pub(super) fn encoded(kbps: u32) -> Bandwidth {
    Bandwidth {
        peak: u64::from(kbps) * 1250,
        average: u64::from(kbps) * 1050,
    }
}

/// Bytes of the source in each segment; empty: unknown.
pub(super) fn segment_bytes(plan: &EncodePlan, index: &SourceIndex) -> Vec<u64> {
    if index.gop_bytes.len() != index.keyframes.len() {
        return vec![];
    }
    plan.boundaries
        .windows(2)
        .map(|pair| {
            let from = index.keyframes.partition_point(|it| *it < pair[0].ticks);
            let to = index.keyframes.partition_point(|it| *it < pair[1].ticks);
            index.gop_bytes[from..to.max(from)].iter().sum()
        })
        .collect()
}

/// The rate of the remuxed rung, from the bytes of the source.
pub(super) fn copied(plan: &EncodePlan, segment_bytes: &[u64]) -> Bandwidth {
    let segments: Vec<(u64, u64)> = plan
        .boundaries
        .windows(2)
        .zip(segment_bytes)
        .map(|(pair, bytes)| {
            (
                pair[1].ticks - pair[0].ticks,
                bytes * (100 + OVERHEAD) / 100,
            )
        })
        .collect();
    if segments.is_empty() {
        // Nothing is known: the maximum that the profile allows.
        return Bandwidth {
            peak: 15_000_000,
            average: 10_000_000,
        };
    }
    Bandwidth::measure(&segments, plan.target_duration)
}

#[cfg(test)]
mod tests {
    use domain::job::Mode;
    use domain::probe::Seeking;
    use domain::probe::cases::standard;
    use domain::profile::Profile;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{encoded_plan, remuxed_plan};

    #[test]
    fn an_encoder_stays_near_its_rate() {
        assert_eq!(
            encoded(800),
            Bandwidth {
                peak: 1_000_000,
                average: 840_000
            }
        );
        assert_eq!(encoded(0), Bandwidth::default());
        assert!(encoded(u32::MAX).peak > u64::from(u32::MAX));
    }

    #[test]
    fn bytes_of_a_source_are_counted_by_segment() {
        let plan = remuxed_plan();
        let mut index = standard().index;
        index.gop_bytes = (1..=30).collect();
        // Three groups of two seconds in each segment.
        let bytes = segment_bytes(&plan, &index);
        assert_eq!(
            (bytes.len(), bytes[0], bytes[1], bytes[9]),
            (10, 1 + 2 + 3, 4 + 5 + 6, 28 + 29 + 30)
        );
        assert_eq!(
            bytes.iter().sum::<u64>(),
            index.gop_bytes.iter().sum::<u64>()
        );
        index.gop_bytes.pop();
        assert_eq!(segment_bytes(&plan, &index), [0; 0], "one is not known");
        index.keyframes.clear();
        index.gop_bytes.clear();
        assert_eq!(
            segment_bytes(&plan, &index),
            [0; 10],
            "nothing of it is copied"
        );
    }

    #[test]
    fn keyframes_that_begin_no_segment_belong_to_the_one_before() {
        let mut probe = standard();
        probe.index.keyframes = vec![0, 90_000, 540_000, 600_000, 1_000_000];
        probe.index.gop_bytes = vec![10, 20, 30, 40, 50];
        let boundaries = [0, 540_000, 1_000_000, 1_200_000];
        let mut plan = encoded_plan();
        plan.boundaries = boundaries
            .map(|ticks| domain::plan::Boundary {
                ticks,
                frame: ticks / 3_000,
            })
            .to_vec();
        assert_eq!(segment_bytes(&plan, &probe.index), [30, 70, 50]);
    }

    #[test]
    fn a_copy_is_as_large_as_its_source_and_the_packets_around_it() {
        let plan = remuxed_plan();
        // 6 s of 750,000 bytes are 1 Mbit/s.
        assert_eq!(
            copied(&plan, &[750_000; 10]),
            Bandwidth {
                peak: 1_060_000,
                average: 1_060_000
            }
        );
        let mut uneven = [750_000; 10];
        uneven[4] *= 3;
        assert_eq!(copied(&plan, &uneven).peak, 3_180_000);
        assert_eq!(
            copied(&plan, &[]),
            Bandwidth {
                peak: 15_000_000,
                average: 10_000_000
            }
        );
    }

    proptest! {
        /// However keyframes lie, no byte is counted twice, and none is lost.
        #[test]
        fn every_byte_is_counted_once(gaps in prop::collection::vec((45_000_u64..500_000, 1_u64..1_000_000), 1..80)) {
            let mut probe = standard();
            let starts = gaps.iter().scan(0, |at, (gap, _)| { let start = *at; *at += gap; Some(start) });
            probe.index.keyframes = starts.collect();
            probe.index.gop_bytes = gaps.iter().map(|it| it.1).collect();
            probe.index.end = gaps.iter().map(|it| it.0).sum();
            probe.index.video_end = probe.index.end;
            probe.index.video_bytes = Some(1);
            let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
            prop_assume!(plan.copy.is_remux() && probe.index.seeking == Seeking::Indexed);
            let bytes = segment_bytes(&plan, &probe.index);
            prop_assert_eq!(bytes.len() as u32, plan.segments());
            prop_assert_eq!(bytes.iter().sum::<u64>(), probe.index.gop_bytes.iter().sum::<u64>());
            let Bandwidth { peak, average } = copied(&plan, &bytes);
            prop_assert!(peak >= average && average > 0);
        }
    }
}
