//! The progress of the work in percent: finished chunks only, weighted by their cost.

use domain::plan::EncodePlan;
use domain::segment::Lane;

use crate::records::Records;

/// The maximum before publishing: the work is complete only when it is published.
const BEFORE_PUBLISHING: u64 = 98;

/// The percentage of the planned work that is recorded.
pub(super) fn percent(plan: &EncodePlan, records: &Records) -> u8 {
    let chunks = Lane::ALL
        .into_iter()
        .flat_map(|lane| plan.chunks(lane).iter().map(move |it| (lane, it.index)));
    let (mut done, mut total) = (0, 0);
    for (lane, index) in chunks {
        let weight = weight(plan, lane, index);
        total += weight;
        done += if records.has(lane, index) { weight } else { 0 };
    }
    (done * BEFORE_PUBLISHING / total.max(1)) as u8
}

/// The approximate number of pixels to encode; remuxing and audio cost next to nothing in
/// comparison.
fn weight(plan: &EncodePlan, lane: Lane, index: u32) -> u64 {
    let Some(chunk) = plan.chunks(lane).get(index as usize) else {
        return 0;
    };
    let span = plan.span(&chunk.segments);
    let frames = span.end.frame - span.start.frame;
    let pixels: u64 = plan
        .rungs_of(lane)
        .map(|it| u64::from(it.size.width) * u64::from(it.size.height))
        .sum();
    match lane {
        Lane::First | Lane::Encode => frames * (pixels + 10_000),
        Lane::Copy | Lane::Audio => frames * 20_000,
    }
}

#[cfg(test)]
mod tests {
    use domain::segment::ChunkRecord;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{encoded_plan, name, remuxed_plan};

    fn chunk(lane: Lane, index: u32) -> ChunkRecord {
        ChunkRecord {
            lane,
            index,
            cpu_ms: 0,
            wall_ms: 0,
            segments: vec![],
            codecs: Default::default(),
            traffic: None,
        }
    }

    fn all(plan: &EncodePlan) -> Vec<ChunkRecord> {
        Lane::ALL
            .iter()
            .flat_map(|lane| plan.chunks(*lane).iter().map(|it| chunk(*lane, it.index)))
            .collect()
    }

    fn percent_of(plan: &EncodePlan, chunks: &[ChunkRecord]) -> u8 {
        let mut records = Records::default();
        chunks.iter().for_each(|it| records.add(it));
        percent(plan, &records)
    }

    #[test]
    fn finished_work_is_98_percent_until_it_is_published() {
        for plan in [remuxed_plan(), encoded_plan()] {
            assert_eq!(
                (percent_of(&plan, &[]), percent_of(&plan, &all(&plan))),
                (0, 98)
            );
        }
    }

    #[test]
    fn copies_and_audio_weigh_little() {
        let plan = remuxed_plan();
        let copies: Vec<_> = all(&plan)
            .into_iter()
            .filter(|it| it.lane == Lane::Copy)
            .collect();
        let percent = percent_of(&plan, &copies);
        assert!((1..5).contains(&percent), "{percent}");
        // Copy mode has nothing else but I-frames.
        let only_copy = EncodePlan {
            rungs: vec![],
            ..plan
        };
        let percent = percent_of(&only_copy, &copies);
        assert!((60..70).contains(&percent), "{percent}");
    }

    #[test]
    fn chunks_weigh_as_much_as_they_are_long() {
        let plan = encoded_plan();
        let first = percent_of(&plan, &[chunk(Lane::Encode, 0)]);
        let last = plan.encode_chunks.last().unwrap();
        assert_eq!(last.segments.len(), 2);
        let double = percent_of(&plan, &[chunk(Lane::Encode, last.index)]);
        assert!(double.abs_diff(2 * first) <= 1, "{first} {double}");
    }

    #[test]
    fn unplanned_chunks_weigh_nothing() {
        let plan = remuxed_plan();
        assert_eq!(
            percent_of(
                &plan,
                &[
                    chunk(Lane::Audio, 0),
                    chunk(Lane::Encode, 99),
                    chunk(Lane::Copy, 9)
                ]
            ),
            0
        );
        let single = plan.only(&[name("360p")]);
        assert!(percent_of(&single, &[chunk(Lane::Encode, 0)]) > 0);
        let empty = EncodePlan {
            copy_chunks: vec![],
            encode_chunks: vec![],
            audio_chunks: vec![],
            ..plan
        };
        assert_eq!(percent_of(&empty, &[]), 0, "nothing divided by nothing");
    }

    proptest! {
        #[test]
        fn progress_never_goes_back(order in Just(all(&remuxed_plan())).prop_shuffle()) {
            let plan = remuxed_plan();
            let mut records = Records::default();
            let mut before = 0;
            for it in order.iter().chain(&order[..1]) {
                records.add(it);
                let next = percent(&plan, &records);
                prop_assert!(next >= before && next <= 98);
                before = next;
            }
            prop_assert_eq!(before, 98, "a chunk that is recorded again counts once");
        }
    }
}
