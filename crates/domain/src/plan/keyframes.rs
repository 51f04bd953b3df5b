//! Where the encoder inserts keyframes.

use std::ops::Range;

use crate::plan::{CopyDecision, CopyRefusal, EncodePlan};

/// How much longer than the profile's interval the distance of keyframes may be, percent, in
/// segments that are not a multiple of it. A segment of 6.5 s with an interval of 2 s gets three
/// keyframes instead of four: each costs bits that the other frames need.
const SLACK_PERCENT: u64 = 10;

impl EncodePlan {
    /// Longest distance between two keyframes of the encoded rungs, frames.
    pub fn longest_keyframe_distance(&self) -> u64 {
        if self.has_source_boundaries() {
            self.keyframe_interval * (100 + SLACK_PERCENT) / 100
        } else {
            self.keyframe_interval
        }
    }

    /// The frames in these segments that must become keyframes, so that the encoder, which inserts
    /// one after the longest distance, spreads them evenly. Each segment begins with one.
    pub fn forced_keyframes(&self, segments: Range<u32>) -> Vec<u64> {
        let longest = self.longest_keyframe_distance();
        let mut keyframes = vec![];
        for segment in segments {
            let span = self.span(&(segment..segment + 1));
            let (start, frames) = (span.start.frame, span.end.frame - span.start.frame);
            let is_regular = longest == self.keyframe_interval && frames % longest == 0;
            // The arguments of a run through a film of twelve hours must stay short.
            let count = if is_regular {
                1
            } else {
                frames.div_ceil(longest).max(1)
            };
            keyframes.extend((0..count).map(|it| start + it * frames / count));
        }
        keyframes
    }

    /// Whether segments begin at keyframes of the source, at irregular distances.
    fn has_source_boundaries(&self) -> bool {
        match self.copy {
            CopyDecision::Remux(_) | CopyDecision::Encode(CopyRefusal::Replaced) => true,
            CopyDecision::Encode(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Mode;
    use crate::plan::Boundary;
    use crate::probe::Probe;
    use crate::probe::cases::standard;
    use crate::profile::Profile;

    fn plan(probe: &Probe) -> EncodePlan {
        EncodePlan::new(probe, &Profile::default(), Mode::Abr).unwrap()
    }

    /// A plan beside a remuxed rung with these segments, in frames at 30 per second.
    fn with_segments(lengths: &[u64]) -> EncodePlan {
        let mut end = 0;
        let ends = lengths.iter().map(|it| {
            end += it;
            end
        });
        let boundaries = std::iter::once(0).chain(ends).map(|frame| Boundary {
            ticks: frame * 3_000,
            frame,
        });
        EncodePlan {
            boundaries: boundaries.collect(),
            ..plan(&standard())
        }
    }

    #[test]
    fn keyframes_are_spread_evenly() {
        for (frames, expected) in [
            (180, vec![0, 60, 120]),
            // 6.5 s: 2.17 s instead of 2, 2, 2 and 0.5 s.
            (195, vec![0, 65, 130]),
            (200, vec![0, 50, 100, 150]),
            (66, vec![0]),
            (67, vec![0, 33]),
            (1, vec![0]),
        ] {
            let plan = with_segments(&[frames]);
            assert_eq!(plan.forced_keyframes(0..1), expected, "{frames}");
        }
        let plan = with_segments(&[180, 195]);
        assert_eq!(plan.forced_keyframes(0..2), [0, 60, 120, 180, 245, 310]);
        assert_eq!(plan.forced_keyframes(1..2), [180, 245, 310]);
        assert_eq!(plan.longest_keyframe_distance(), 66);
    }

    /// A remainder at the end of the film is the only irregular segment.
    #[test]
    fn regular_segments_need_no_list() {
        let mut probe = standard();
        probe.video_mut().codec = "hevc".to_owned();
        probe.index.end = 91 * 90_000;
        probe.index.video_end = probe.index.end;
        let plan = plan(&probe);
        assert_eq!(plan.longest_keyframe_distance(), 60);
        let keyframes = plan.forced_keyframes(0..plan.segments());
        let starts: Vec<u64> = plan.boundaries[..plan.segments() as usize]
            .iter()
            .map(|it| it.frame)
            .collect();
        // The segment between the short ones and the regular ones has 3 s.
        let (between, regular): (Vec<u64>, Vec<u64>) =
            keyframes.into_iter().partition(|it| *it == 135);
        assert_eq!(between, [135]);
        assert_eq!(regular, starts, "91 s are fifteen segments and a short one");
        probe.index.end = 95 * 90_000;
        probe.index.video_end = probe.index.end;
        let plan = self::plan(&probe);
        let last = plan.segments() - 1;
        assert_eq!(plan.forced_keyframes(last..last + 1), [2_700, 2_750, 2_800]);
    }
}
