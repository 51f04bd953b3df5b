use std::time::Duration;

use domain::probe::HighDynamicRange;
use proptest::prelude::*;

use super::*;
use crate::testing::transport::{AUDIO, FrameKind, Transport, VIDEO, VIDEO_CODEC};
use crate::testing::{encoded_plan, name, objects_of, planned_segment, remuxed_plan, stored};

const COST: Cost = Cost {
    cpu: Duration::from_millis(70),
    wall: Duration::from_millis(90),
};

/// What a lane delivers, in the order of its plan.
fn delivered(plan: &EncodePlan, lane: Lane) -> Vec<Stored> {
    let objects = objects_of(plan, lane).into_iter();
    objects
        .map(|(name, index)| stored(&name, index, &planned_segment(plan, lane, &name, index)))
        .collect()
}

/// Adds all of these, and takes each chunk as soon as it is complete.
fn assembled(
    plan: &EncodePlan,
    lane: Lane,
    chunks: &[ChunkPlan],
    all: &[&Stored],
) -> Option<Vec<ChunkRecord>> {
    let mut assembly = Assembly::new(plan, lane, chunks);
    let mut records = vec![];
    for one in all {
        assembly.add(plan, one).unwrap();
        while let Some(chunk) = assembly.take_complete(Cost {
            cpu: Duration::ZERO,
            ..COST
        }) {
            records.push(chunk);
        }
    }
    records.extend(assembly.take_rest(COST, plan)?);
    Some(records)
}

/// What must be true of the chunks of a lane, however its segments came.
fn assert_all(plan: &EncodePlan, lane: Lane, records: &[ChunkRecord]) {
    let indices: Vec<_> = records.iter().map(|it| it.index).collect();
    assert_eq!(
        indices,
        (0..plan.chunks(lane).len() as u32).collect::<Vec<_>>()
    );
    let mut objects: Vec<_> = records
        .iter()
        .flat_map(|it| &it.segments)
        .map(|it| (it.rendition.clone(), it.index))
        .collect();
    objects.sort();
    let mut planned = objects_of(plan, lane);
    planned.sort();
    assert_eq!(objects, planned, "each object once");
    for record in records {
        assert_eq!(
            record.codecs.keys().cloned().collect::<Vec<_>>(),
            sorted(plan.renditions(lane))
        );
    }
}

fn sorted(renditions: Vec<&Rendition>) -> Vec<RenditionName> {
    let mut names: Vec<_> = renditions.into_iter().map(|it| it.name.clone()).collect();
    names.sort();
    names
}

#[test]
fn a_lane_that_comes_in_order_becomes_its_chunks() {
    for (plan, lane) in [
        (remuxed_plan(), Lane::Copy),
        (encoded_plan(), Lane::Audio),
        (encoded_plan(), Lane::Encode),
    ] {
        let all = delivered(&plan, lane);
        let records = assembled(
            &plan,
            lane,
            plan.chunks(lane),
            &all.iter().collect::<Vec<_>>(),
        )
        .unwrap();
        assert_all(&plan, lane, &records);
        // The run is paid for once, with its last chunk.
        let cpu: Vec<_> = records.iter().map(|it| it.cpu_ms).collect();
        assert_eq!(
            (cpu.iter().sum::<u64>(), cpu.last()),
            (70, Some(&70)),
            "{lane:?}"
        );
    }
}

#[test]
fn chunks_are_complete_one_after_the_other() {
    let plan = remuxed_plan();
    let all = delivered(&plan, Lane::Copy);
    let of = |name: &str, index: u32| {
        all.iter()
            .find(|it| it.record.rendition.as_str() == name && it.record.index == index)
            .unwrap()
    };
    let mut assembly = Assembly::new(&plan, Lane::Copy, plan.chunks(Lane::Copy));
    // The second chunk is there before the first: it waits.
    for index in 2..10 {
        assembly.add(&plan, of("source", index)).unwrap();
        assembly.add(&plan, of("audio-source", index)).unwrap();
    }
    assert!(!assembly.is_complete());
    assert_eq!(assembly.take_complete(COST), None);
    for (name, index) in [("source", 0), ("source", 1), ("audio-source", 1)] {
        assembly.add(&plan, of(name, index)).unwrap();
        assert_eq!(assembly.take_complete(COST), None, "{name} {index}");
    }
    assembly.add(&plan, of("audio-source", 0)).unwrap();
    assert!(assembly.is_complete());
    let first = assembly.take_complete(COST).unwrap();
    assert_eq!(
        (first.index, first.segments.len(), first.wall_ms),
        (0, 4, 90)
    );
    assert_eq!(
        assembly.take_complete(COST),
        None,
        "the last one carries the cost of the run"
    );
    let rest = assembly.take_rest(COST, &plan).unwrap();
    assert_eq!(
        rest.iter()
            .map(|it| (it.index, it.segments.len()))
            .collect::<Vec<_>>(),
        [(1, 16)]
    );
}

#[test]
fn a_chunk_of_its_own_need_not_wait_for_the_end() {
    let plan = encoded_plan();
    let chunk = &plan.encode_chunks[2..=2];
    let all = delivered(&plan, Lane::Encode);
    let own = all.iter().filter(|it| it.record.index == 2);
    let mut assembly = Assembly::new(&plan, Lane::Encode, chunk);
    assert!(!assembly.is_complete());
    for one in own {
        assert_eq!(assembly.take_complete(COST), None);
        assembly.add(&plan, one).unwrap();
    }
    let record = assembly.take_complete(COST).unwrap();
    assert_eq!(
        (record.lane, record.index, record.cpu_ms),
        (Lane::Encode, 2, 70)
    );
    let names: Vec<_> = record.segments.iter().map(|it| &it.rendition).collect();
    assert_eq!(
        names,
        plan.renditions(Lane::Encode)
            .iter()
            .map(|it| &it.name)
            .collect::<Vec<_>>()
    );
    assert!(assembly.is_complete() && assembly.take_complete(COST).is_none());
}

#[test]
fn a_segment_that_comes_again_replaces_the_first() {
    let plan = encoded_plan();
    let chunk = &plan.encode_chunks[1..=1];
    let mut all: Vec<_> = delivered(&plan, Lane::Encode)
        .into_iter()
        .filter(|it| it.record.index == 1)
        .collect();
    let bytes = planned_segment(&plan, Lane::Encode, &name("720p"), 1);
    let mut again = stored(&name("720p"), 1, &bytes);
    again.record.sha256 = "again".to_owned();
    all.push(again);
    let mut assembly = Assembly::new(&plan, Lane::Encode, chunk);
    for one in &all {
        assembly.add(&plan, one).unwrap();
    }
    let record = assembly.take_complete(COST).unwrap();
    assert_eq!(record.segments.len(), plan.renditions(Lane::Encode).len());
    let own = record
        .segments
        .iter()
        .find(|it| it.rendition.as_str() == "720p")
        .unwrap();
    assert_eq!(own.sha256, "again");
}

#[test]
fn the_first_segment_says_what_codec_it_is() {
    let plan = encoded_plan();
    let mut assembly = Assembly::new(&plan, Lane::Encode, &plan.encode_chunks[0..=0]);
    let bytes = planned_segment(&plan, Lane::Encode, &name("720p"), 0);
    let one = stored(&name("720p"), 0, &bytes);
    match assembly.add(&plan, &one).unwrap() {
        LaneOutput::Segment { record, codecs } => {
            assert_eq!((record.index, codecs.as_str()), (0, VIDEO_CODEC));
            assert_eq!(record.duration, 540_000, "as it was verified");
        }
        other @ LaneOutput::Chunk(_) => panic!("{other:?}"),
    }
    // A segment that begins well, but whose parameter sets cannot be read.
    let mut unreadable = stored(&name("480p"), 0, &bytes);
    unreadable.measured.video.as_mut().unwrap().codec = None;
    let problem = assembly.add(&plan, &unreadable).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "verification failed: 480p does not say what codec it is"
    );
    // Sound without a header of ADTS.
    let plan = encoded_plan();
    let mut assembly = Assembly::new(&plan, Lane::Audio, plan.chunks(Lane::Audio));
    let mut mute = stored(
        &name("audio-128k"),
        0,
        &Transport::new(&[AUDIO]).audio(0, 1, 48_000).into_bytes(),
    );
    mute.measured.audio.as_mut().unwrap().codec = None;
    assert!(assembly.add(&plan, &mute).is_err());
}

#[test]
fn what_is_wrong_is_not_taken() {
    let plan = encoded_plan();
    let mut assembly = Assembly::new(&plan, Lane::Encode, &plan.encode_chunks[0..=0]);
    let inter = Transport::new(&[VIDEO])
        .frame(FrameKind::Inter, 0, 0)
        .into_bytes();
    assert!(matches!(
        assembly.add(&plan, &stored(&name("720p"), 0, &inter)),
        Err(TranscodeError::Verification(_))
    ));
    assert!(!assembly.is_complete());
    assert_eq!(assembly.take_rest(COST, &plan), None);
}

/// A plan whose last segment is a rest of so many ticks.
fn with_rest(ticks: u64) -> EncodePlan {
    let mut plan = encoded_plan();
    let last = plan.boundaries.last_mut().unwrap();
    last.ticks = 54 * TICKS_PER_SECOND + ticks;
    last.frame = plan.frame_rate.frame_at(last.ticks);
    plan
}

#[test]
fn a_very_short_rest_may_be_missing() {
    for (ticks, is_excused) in [
        (SHORTEST - 3_000, true),
        (SHORTEST, true),
        (SHORTEST + 3_000, false),
    ] {
        let plan = with_rest(ticks);
        for lane in [Lane::Encode, Lane::Audio] {
            let is_last =
                |it: &Stored| !plan.is_iframes(&it.record.rendition) && it.record.index == 9;
            let all = delivered(&plan, lane);
            let without: Vec<_> = all.iter().filter(|it| !is_last(it)).collect();
            let records = assembled(&plan, lane, plan.chunks(lane), &without);
            assert_eq!(records.is_some(), is_excused, "{lane:?} {ticks}");
            // Another segment is never excused.
            let without: Vec<_> = without
                .into_iter()
                .filter(|it| it.record.index != 4)
                .collect();
            assert_eq!(assembled(&plan, lane, plan.chunks(lane), &without), None);
        }
    }
}

#[test]
fn the_only_segment_is_never_excused() {
    let mut plan = with_rest(0);
    plan.boundaries.truncate(2);
    plan.boundaries[1].ticks = SHORTEST / 2;
    plan.encode_chunks.truncate(1);
    let assembly = Assembly::new(&plan, Lane::Encode, &plan.encode_chunks);
    assert_eq!(assembly.take_rest(COST, &plan), None);
}

#[test]
fn a_run_that_goes_on_later_makes_the_later_chunks_only() {
    let plan = encoded_plan();
    let all = delivered(&plan, Lane::Audio);
    let later: Vec<_> = all.iter().filter(|it| it.record.index >= 2).collect();
    let records = assembled(&plan, Lane::Audio, &plan.audio_chunks[1..], &later).unwrap();
    assert_eq!(
        records
            .iter()
            .map(|it| (it.index, it.segments.len()))
            .collect::<Vec<_>>(),
        [(1, 8)]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// In any order, with any of them twice, the same chunks come out.
    #[test]
    fn the_order_does_not_matter(
        order in Just((0..20_usize).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..20_usize, 0..12),
    ) {
        let plan = remuxed_plan();
        let all = delivered(&plan, Lane::Copy);
        prop_assert_eq!(all.len(), 20);
        // Those that come again do so while their chunk is open: after that, nothing waits for them.
        let sequence: Vec<&Stored> = order.iter().flat_map(|it| {
            std::iter::repeat_n(&all[*it], 1 + again.iter().filter(|again| *again == it).count())
        }).collect();
        let records = assembled(&plan, Lane::Copy, plan.chunks(Lane::Copy), &sequence).unwrap();
        assert_all(&plan, Lane::Copy, &records);
    }

    /// Without any one of them, nothing is complete.
    #[test]
    fn none_may_be_missing(missing in 0..20_usize) {
        let plan = remuxed_plan();
        let all = delivered(&plan, Lane::Copy);
        let rest: Vec<_> = all.iter().enumerate().filter(|(it, _)| *it != missing).map(|it| it.1).collect();
        prop_assert_eq!(assembled(&plan, Lane::Copy, plan.chunks(Lane::Copy), &rest), None);
    }
}

/// An encoder that knows 8 bits only, or loses the tags, does not fail by itself.
#[test]
fn a_segment_has_the_range_of_its_plan() {
    let mut plan = encoded_plan();
    let bytes = planned_segment(&plan, Lane::Encode, &name("720p"), 0);
    let segment = |depth, transfer: u8| {
        let mut one = stored(&name("720p"), 0, &bytes);
        let video = one.measured.video.as_mut().unwrap();
        (video.bit_depth, video.color) = (Some(depth), Some((9, transfer, 9)));
        one
    };
    let verified = |plan: &EncodePlan, one: &Stored| {
        let result = verify::segment(plan, Lane::Encode, one);
        result.map(|_| ()).map_err(|it| it.to_string())
    };
    assert_eq!(verified(&plan, &segment(8, 1)), Ok(()));
    let mut problems = String::new();
    for (planned, depth, transfer) in [
        (None, 10, 16),
        (Some(HighDynamicRange::Pq), 10, 1),
        (Some(HighDynamicRange::Hlg), 10, 16),
        (Some(HighDynamicRange::Hlg), 8, 18),
    ] {
        let mut rungs = plan.rungs.iter_mut();
        rungs
            .find(|it| it.rendition.name == name("720p"))
            .unwrap()
            .hdr = planned;
        problems += &verified(&plan, &segment(depth, transfer)).unwrap_err();
        problems += "\n";
    }
    assert_eq!(verified(&plan, &segment(10, 18)), Ok(()));
    insta::assert_snapshot!(problems, @"
    verification failed: segment 0 of 720p is smpte2084 instead of sdr
    verification failed: segment 0 of 720p is sdr instead of smpte2084
    verification failed: segment 0 of 720p is smpte2084 instead of arib-std-b67
    verification failed: segment 0 of 720p has 8 bits: HDR needs 10
    ");
}
