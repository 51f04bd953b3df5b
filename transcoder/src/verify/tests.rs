mod segments;

use domain::job::Mode;
use domain::probe::Ratio;
use domain::probe::cases::standard;
use domain::profile::Profile;
use proptest::prelude::*;

use super::*;
use crate::testing::transport::{
    AUDIO, AUDIO_CODEC, FrameKind, Transport, VIDEO, VIDEO_CODEC, audio, iframes, video,
};
use crate::testing::{
    encoded_plan, foreign, measured, name, objects_of, plan_with_first_rung, planned_records,
    planned_segment, remuxed_plan, stored,
};

const LANES: [Lane; 4] = Lane::ALL;

/// Ticks of a frame of the plans.
const FRAME: u64 = 3_000;

/// What `segment` says of these bytes.
fn verdict(
    plan: &EncodePlan,
    lane: Lane,
    rendition: &str,
    index: u32,
    bytes: &[u8],
) -> Result<SegmentRecord, String> {
    segment(plan, lane, &stored(&name(rendition), index, bytes)).map_err(|it| match it {
        TranscodeError::Verification(text) => text,
        TranscodeError::NotCopyable(text) => format!("not copyable: {text}"),
        other => panic!("{other:?}"),
    })
}

#[test]
fn all_that_was_planned_passes_and_is_as_long_as_planned() {
    for plan in [remuxed_plan(), encoded_plan(), plan_with_first_rung()] {
        for lane in LANES {
            for (rendition, index) in objects_of(&plan, lane) {
                let bytes = planned_segment(&plan, lane, &rendition, index);
                let record = verdict(&plan, lane, rendition.as_str(), index, &bytes).unwrap();
                let planned = match plan.is_iframes(&rendition) {
                    true => plan.span(&plan.encode_chunks[index as usize].segments),
                    false => plan.span(&(index..index + 1)),
                };
                let planned = planned.end.ticks - planned.start.ticks;
                assert!(
                    record.duration.abs_diff(planned) <= AUDIO_UNIT,
                    "{rendition} {index}: {record:?}"
                );
            }
        }
        generation(&plan, &planned_records(&plan)).unwrap();
    }
}

#[test]
fn copied_video_is_as_long_as_the_index_says() {
    let plan = remuxed_plan();
    // A source of variable rate has few frames, and an index that tells when the next keyframe comes.
    let still = Transport::new(&[VIDEO])
        .frame(FrameKind::Idr, 0, 0)
        .into_bytes();
    assert_eq!(
        verdict(&plan, Lane::Copy, "source", 0, &still)
            .unwrap()
            .duration,
        6 * TICKS_PER_SECOND
    );
}

#[test]
fn sound_is_as_long_as_its_samples() {
    let (copied, encoded) = (remuxed_plan(), encoded_plan());
    let start = 6 * TICKS_PER_SECOND;
    let of = |plan: &EncodePlan, lane, rendition, index, units| {
        let at = u64::from(index) * start;
        verdict(plan, lane, rendition, index, &audio(at, units, 48_000))
            .unwrap()
            .duration
    };
    assert_eq!(of(&encoded, Lane::Audio, "audio-128k", 1, 281), 281 * 1_920);
    assert_eq!(of(&encoded, Lane::Audio, "audio-128k", 9, 100), 100 * 1_920);
    // Copied sound is cut at the boundaries of the picture, and the last of it ends where it ends.
    assert_eq!(of(&copied, Lane::Copy, "audio-source", 1, 281), start);
    assert_eq!(of(&copied, Lane::Copy, "audio-source", 9, 270), 270 * 1_920);
}

#[test]
fn a_hole_in_copied_sound_counts_as_time() {
    let plan = remuxed_plan();
    let last = 54 * TICKS_PER_SECOND;
    let hole = |ticks: u64| {
        let parts = Transport::new(&[AUDIO]).audio(last, 10, 48_000).audio(
            last + 10 * 1_920 + ticks,
            10,
            48_000,
        );
        verdict(&plan, Lane::Copy, "audio-source", 9, &parts.into_bytes())
            .unwrap()
            .duration
    };
    assert_eq!(hole(0), 20 * 1_920);
    assert_eq!(hole(900), 20 * 1_920, "a source that jitters");
    assert_eq!(hole(90_000), 20 * 1_920 + 90_000);
}

#[test]
fn iframes_are_shown_until_the_end_of_their_chunk() {
    let plan = remuxed_plan();
    let chunk = &plan.encode_chunks[1];
    let span = plan.span(&chunk.segments);
    let (start, end) = (span.start.ticks, span.end.ticks);
    let record = verdict(
        &plan,
        Lane::Encode,
        "iframes",
        1,
        &iframes(&[start, start + 90_000]),
    )
    .unwrap();
    let durations: Vec<_> = record.iframes.iter().map(|it| it.duration).collect();
    assert_eq!(durations, [90_000, end - start - 90_000]);
    assert_eq!(record.duration, end - start);
    // One that begins at the very end is shown all the same.
    let record = verdict(&plan, Lane::Encode, "iframes", 1, &iframes(&[end + 9])).unwrap();
    assert_eq!(record.iframes[0].duration, 1);
}

#[test]
fn iframes_that_were_not_cut_out_are_missed() {
    let plan = remuxed_plan();
    let mut stored = stored(&name("iframes"), 0, &iframes(&[0, 90_000]));
    stored.record.iframes.pop();
    assert!(matches!(
        segment(&plan, Lane::Encode, &stored),
        Err(TranscodeError::Verification(_))
    ));
}

#[test]
fn a_bitstream_names_its_codec() {
    let of = |bytes: &[u8]| measured(bytes).lead().and_then(|it| it.codec.clone());
    assert_eq!(of(&video(0, 2, FRAME)).as_deref(), Some(VIDEO_CODEC));
    assert_eq!(of(&audio(0, 2, 48_000)).as_deref(), Some(AUDIO_CODEC));
    assert_eq!(
        of(&Transport::new(&[VIDEO])
            .frame(FrameKind::Inter, 0, 0)
            .into_bytes()),
        None
    );
    assert_eq!(of(&Transport::new(&[AUDIO]).into_bytes()), None);
    assert_eq!(of(&Transport::new(&[]).into_bytes()), None);
}

/// A generation, of which something was changed afterwards.
fn judged(change: impl FnOnce(&mut Vec<SegmentRecord>)) -> Result<(), String> {
    let plan = remuxed_plan();
    let mut records = planned_records(&plan);
    change(&mut records);
    generation(&plan, &records).map_err(|it| it.to_string())
}

#[test]
fn a_generation_is_complete_or_it_is_not_published() {
    let of = |rendition: &'static str, index: u32| {
        move |it: &SegmentRecord| it.rendition.as_str() == rendition && it.index == index
    };
    assert_eq!(judged(|_| ()), Ok(()));
    for rendition in ["source", "audio-source", "720p", "480p", "360p", "iframes"] {
        for index in 0..3 {
            let error =
                judged(|it| it.retain(|it| !of(rendition, index)(it))).expect_err(rendition);
            assert_eq!(
                error,
                format!("verification failed: {rendition} is not complete"),
                "{index}"
            );
        }
        let error =
            judged(|it| it.retain(|it| it.rendition.as_str() != rendition)).expect_err(rendition);
        assert_eq!(
            error,
            format!("verification failed: {rendition} is not complete")
        );
        let twice = |it: &mut Vec<SegmentRecord>| {
            let position = it.iter().position(of(rendition, 1)).unwrap();
            it.insert(position, it[position].clone());
        };
        assert!(judged(twice).is_err(), "{rendition}");
    }
    for rendition in ["audio-source", "720p", "360p"] {
        let error = judged(|it| it.retain(|it| !of(rendition, 9)(it))).expect_err(rendition);
        assert!(error.contains(&format!("{rendition} is 5")), "{error}");
    }
}

/// Nothing can be compared where all renditions are short in the same way.
#[test]
fn a_generation_is_as_long_as_its_plan() {
    let error = judged(|records| {
        let last_iframes = records
            .iter()
            .filter(|it| it.rendition.as_str() == "iframes")
            .count() as u32
            - 1;
        records.retain(|it| match it.rendition.as_str() == "iframes" {
            true => it.index != last_iframes,
            false => it.index != 9,
        });
    });
    let error = error.expect_err("the last segments are missing everywhere");
    assert!(
        error.contains("is 54.000 s long, and the plan 60.000 s"),
        "{error}"
    );
}

#[test]
fn sound_and_picture_end_together() {
    let tolerance = SHORTAGE + 2 * AUDIO_UNIT;
    let longer = |rendition: &'static str, ticks: i64| {
        judged(|records| {
            let last = records
                .iter_mut()
                .rfind(|it| it.rendition.as_str() == rendition)
                .unwrap();
            last.duration = last.duration.checked_add_signed(ticks).unwrap();
        })
    };
    for rendition in ["audio-source", "720p", "480p", "360p"] {
        // The planned sound is an access unit shorter or longer than the picture.
        for ticks in [tolerance as i64 + 2_000, -(tolerance as i64) - 2_000] {
            let error = longer(rendition, ticks).expect_err(rendition);
            assert!(error.contains(&format!("{rendition} is ")), "{error}");
        }
        assert_eq!(longer(rendition, tolerance as i64 - 2_000), Ok(()));
        assert_eq!(longer(rendition, -(tolerance as i64 - 2_000)), Ok(()));
    }
}

#[test]
fn nothing_at_all_is_no_generation() {
    let plan = encoded_plan();
    assert!(generation(&plan, &[]).is_err());
    let empty = EncodePlan {
        first_chunks: vec![],
        encode_chunks: vec![],
        audio_chunks: vec![],
        copy_chunks: vec![],
        ..plan
    };
    let error = generation(&empty, &[]).unwrap_err().to_string();
    assert_eq!(error, "verification failed: nothing was made");
}

proptest! {
    /// Whatever the rate of a source, the segments that an encoder makes for its plan pass, and lie end to end.
    #[test]
    fn encoded_segments_lie_end_to_end(
        rate in prop::sample::select(vec![(24_000, 1_001), (25, 1), (30_000, 1_001), (30, 1), (12, 1)]),
        seconds in 1_u64..40,
    ) {
        let mut probe = foreign();
        probe.video_mut().frame_rate = Ratio { num: rate.0, den: rate.1 };
        probe.index.end = seconds * TICKS_PER_SECOND + 1_234;
        probe.index.video_end = probe.index.end;
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        let rung = plan.rungs[0].rendition.name.clone();
        let mut end = 0;
        for index in 0..plan.segments() {
            let bytes = planned_segment(&plan, Lane::Encode, &rung, index);
            let record = segment(&plan, Lane::Encode, &stored(&rung, index, &bytes)).unwrap();
            prop_assert!(record.start.abs_diff(end) <= 2, "{record:?} after {end}");
            end = record.start + record.duration;
        }
        prop_assert_eq!(end, plan.duration());
    }

    /// However a segment of a copy is moved, it passes exactly if its beginning is within half a frame.
    #[test]
    fn a_copy_begins_within_half_a_frame(moved in -4_000_i64..4_000, index in 1_u32..9) {
        let plan = EncodePlan::new(&standard(), &Profile::default(), Mode::Abr).unwrap();
        let start = plan.boundaries[index as usize].ticks.checked_add_signed(moved).unwrap();
        let verdict = verdict(&plan, Lane::Copy, "source", index, &video(start, 180, FRAME));
        prop_assert_eq!(verdict.is_ok(), moved.abs() <= 1_500, "{:?}", verdict);
    }
}
