//! The progress of the work in percent: finished chunks only, weighted by their cost.

use domain::plan::EncodePlan;
use domain::segment::{ChunkRecord, Lane};

/// Adds up the finished work.
pub(super) struct ProgressMeter {
    done: u64,
    total: u64,
    plan: EncodePlan,
}

/// The maximum before publishing: the work is complete only when it is published.
const BEFORE_PUBLISHING: u64 = 98;

impl ProgressMeter {
    pub(super) fn new(plan: &EncodePlan, finished: &[ChunkRecord]) -> Self {
        let lanes = [Lane::Copy, Lane::Encode, Lane::Audio];
        let total =
            lanes.iter().flat_map(|lane| plan.chunks(*lane).iter().map(|it| weight(plan, *lane, it.index))).sum();
        let mut meter = Self { done: 0, total, plan: plan.clone() };
        for chunk in finished {
            meter.finished(chunk);
        }
        meter
    }

    /// Adds a finished chunk; returns the percentage.
    pub(super) fn finished(&mut self, chunk: &ChunkRecord) -> u8 {
        self.done += weight(&self.plan, chunk.lane, chunk.index);
        self.percent()
    }

    pub(super) fn percent(&self) -> u8 {
        (self.done * BEFORE_PUBLISHING / self.total.max(1)).min(BEFORE_PUBLISHING) as u8
    }
}

/// The approximate number of pixels to encode; remuxing and audio cost next to nothing in
/// comparison.
fn weight(plan: &EncodePlan, lane: Lane, index: u32) -> u64 {
    let Some(chunk) = plan.chunks(lane).get(index as usize) else { return 0 };
    let span = plan.span(&chunk.segments);
    let frames = span.end.frame - span.start.frame;
    let pixels: u64 = plan.rungs.iter().map(|it| u64::from(it.size.width) * u64::from(it.size.height)).sum();
    match lane {
        Lane::Encode => frames * (pixels + 10_000),
        Lane::Copy | Lane::Audio => frames * 20_000,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{encoded_plan, name, remuxed_plan};

    const LANES: [Lane; 3] = [Lane::Copy, Lane::Encode, Lane::Audio];

    fn chunk(lane: Lane, index: u32) -> ChunkRecord {
        ChunkRecord { lane, index, cpu_ms: 0, wall_ms: 0, segments: vec![], codecs: Default::default() }
    }

    fn all(plan: &EncodePlan) -> Vec<ChunkRecord> {
        LANES.iter().flat_map(|lane| plan.chunks(*lane).iter().map(|it| chunk(*lane, it.index))).collect()
    }

    #[test]
    fn finished_work_is_98_percent_until_it_is_published() {
        for plan in [remuxed_plan(), encoded_plan()] {
            let mut meter = ProgressMeter::new(&plan, &[]);
            assert_eq!(meter.percent(), 0);
            let last = all(&plan).iter().map(|it| meter.finished(it)).last();
            assert_eq!((last, meter.percent()), (Some(98), 98));
            assert_eq!(ProgressMeter::new(&plan, &all(&plan)).percent(), 98, "an earlier attempt did it");
        }
    }

    #[test]
    fn copies_and_sound_weigh_little() {
        let plan = remuxed_plan();
        let copies: Vec<_> = all(&plan).into_iter().filter(|it| it.lane == Lane::Copy).collect();
        let percent = ProgressMeter::new(&plan, &copies).percent();
        assert!((1..5).contains(&percent), "{percent}");
        // Copy mode has nothing else but I-frames.
        let only_copy = EncodePlan { rungs: vec![], ..plan };
        let percent = ProgressMeter::new(&only_copy, &copies).percent();
        assert!((60..70).contains(&percent), "{percent}");
    }

    #[test]
    fn chunks_weigh_as_much_as_they_are_long() {
        let plan = encoded_plan();
        let first = ProgressMeter::new(&plan, &[chunk(Lane::Encode, 0)]).percent();
        let last = plan.encode_chunks.last().unwrap();
        assert_eq!(last.segments.len(), 2);
        let double = ProgressMeter::new(&plan, &[chunk(Lane::Encode, last.index)]).percent();
        assert!(double.abs_diff(2 * first) <= 1, "{first} {double}");
    }

    #[test]
    fn what_is_not_planned_weighs_nothing() {
        let plan = remuxed_plan();
        let mut meter = ProgressMeter::new(&plan, &[chunk(Lane::Audio, 0), chunk(Lane::Encode, 99)]);
        assert_eq!(meter.percent(), 0);
        assert_eq!(meter.finished(&chunk(Lane::Copy, 9)), 0);
        let single = plan.only(&[name("360p")]);
        assert!(ProgressMeter::new(&single, &[chunk(Lane::Encode, 0)]).percent() > 0);
        let empty = EncodePlan { copy_chunks: vec![], encode_chunks: vec![], audio_chunks: vec![], ..plan };
        assert_eq!(ProgressMeter::new(&empty, &[]).percent(), 0, "nothing divided by nothing");
    }

    proptest! {
        #[test]
        fn progress_never_goes_back(order in Just(all(&remuxed_plan())).prop_shuffle(), before in 0_usize..8) {
            let plan = remuxed_plan();
            let (earlier, rest) = order.split_at(before.min(order.len()));
            let mut meter = ProgressMeter::new(&plan, earlier);
            let mut percent = meter.percent();
            for it in rest {
                let next = meter.finished(it);
                prop_assert!(next >= percent && next <= 98);
                percent = next;
            }
            prop_assert_eq!(percent, 98);
            prop_assert_eq!(meter.finished(&order[0]), 98, "one that is counted twice");
        }
    }
}
