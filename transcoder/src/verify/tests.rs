use domain::job::Mode;
use domain::probe::Ratio;
use domain::probe::cases::standard;
use domain::profile::Profile;
use proptest::prelude::*;

use super::*;
use crate::testing::transport::{AUDIO, AUDIO_CODEC, FrameKind, Transport, VIDEO, VIDEO_CODEC, audio, iframes, video};
use crate::testing::{
    encoded_plan, foreign, measured, name, objects_of, planned_records, planned_segment, remuxed_plan, stored,
};

const LANES: [Lane; 3] = [Lane::Copy, Lane::Encode, Lane::Audio];

/// Ticks of a frame of the plans.
const FRAME: u64 = 3_000;

/// What `segment` says of these bytes.
fn verdict(plan: &EncodePlan, lane: Lane, rendition: &str, index: u32, bytes: &[u8]) -> Result<SegmentRecord, String> {
    segment(plan, lane, &stored(&name(rendition), index, bytes)).map_err(|it| match it {
        TranscodeError::Verification(text) => text,
        TranscodeError::NotCopyable(text) => format!("not copyable: {text}"),
        other => panic!("{other:?}"),
    })
}

#[test]
fn all_that_was_planned_passes_and_is_as_long_as_planned() {
    for plan in [remuxed_plan(), encoded_plan()] {
        for lane in LANES {
            for (rendition, index) in objects_of(&plan, lane) {
                let bytes = planned_segment(&plan, lane, &rendition, index);
                let record = verdict(&plan, lane, rendition.as_str(), index, &bytes).unwrap();
                let planned = match plan.is_iframes(&rendition) {
                    true => plan.span(&plan.encode_chunks[index as usize].segments),
                    false => plan.span(&(index..index + 1)),
                };
                let planned = planned.end.ticks - planned.start.ticks;
                assert!(record.duration.abs_diff(planned) <= AUDIO_UNIT, "{rendition} {index}: {record:?}");
            }
        }
        generation(&plan, &planned_records(&plan)).unwrap();
    }
}

#[test]
fn a_segment_that_differs_from_the_plan_is_refused() {
    let (copied, encoded) = (remuxed_plan(), encoded_plan());
    let start = 6 * TICKS_PER_SECOND;
    let both = Transport::new(&[VIDEO, AUDIO]).frame(FrameKind::Idr, start, 0).audio(start, 4, 48_000).into_bytes();
    let no_idr = (0..180).fold(Transport::new(&[VIDEO]), |stream, it| {
        stream.frame(if it == 0 { FrameKind::Intra } else { FrameKind::Inter }, start + it * FRAME, 0)
    });
    let no_idr = no_idr.into_bytes();
    let tables = Transport::new(&[]).into_bytes();
    // The tables come after the first picture.
    let mut late_tables = video(start, 180, FRAME);
    let picture = late_tables[2 * 188..3 * 188].to_vec();
    late_tables.splice(0..0, picture);
    for (plan, lane, rendition, index, bytes, expected) in [
        (&copied, Lane::Copy, "source", 1, &both, "segment 1 of source has 2 streams"),
        (&copied, Lane::Copy, "source", 1, &tables, "segment 1 of source has 0 streams"),
        (&encoded, Lane::Encode, "720p", 10, &video(start, 180, FRAME), "segment 10 of 720p was not planned"),
        (&encoded, Lane::Audio, "audio-128k", 10, &audio(0, 9, 48_000), "segment 10 of audio-128k was not planned"),
        // The beginning.
        (&copied, Lane::Copy, "source", 1, &video(start + 1_501, 180, FRAME), "begins at 6.017 s instead of 6.000 s"),
        (&copied, Lane::Copy, "source", 1, &video(0, 180, FRAME), "begins at 0.000 s instead of 6.000 s"),
        (&encoded, Lane::Encode, "480p", 1, &video(start + 3, 180, FRAME), "segment 1 of 480p begins at 6.000 s"),
        (&encoded, Lane::Encode, "480p", 1, &video(start - FRAME, 180, FRAME), "begins at 5.967 s"),
        (&encoded, Lane::Audio, "audio-128k", 1, &audio(start + 2_092, 281, 48_000), "begins at 6.023 s"),
        (&copied, Lane::Copy, "audio-source", 2, &audio(start, 281, 48_000), "begins at 6.000 s instead of 12.000 s"),
        // Where decoding begins.
        (&copied, Lane::Copy, "source", 1, &no_idr, "not copyable: at 6.000 s it has no instantaneous refresh"),
        (&copied, Lane::Copy, "source", 1, &late_tables, "not copyable: at 6.000 s"),
        (&encoded, Lane::Encode, "360p", 1, &no_idr, "segment 1 of 360p does not begin with an IDR frame"),
        (&encoded, Lane::Encode, "360p", 1, &late_tables, "does not begin with an IDR frame"),
        // Its length.
        (&encoded, Lane::Encode, "360p", 1, &video(start, 179, FRAME), "has 179 frames instead of 180"),
        (&encoded, Lane::Encode, "360p", 1, &video(start, 181, FRAME), "has 181 frames instead of 180"),
        (&encoded, Lane::Encode, "360p", 9, &video(9 * start, 171, FRAME), "has 171 frames instead of 180"),
        (&encoded, Lane::Encode, "360p", 9, &video(9 * start, 181, FRAME), "has 181 frames instead of 180"),
        (&copied, Lane::Copy, "source", 9, &video(9 * start, 90, FRAME), "segment 9 of source ends 3.000 s early"),
        // Something else entirely.
        (&encoded, Lane::Audio, "audio-128k", 1, &video(start, 180, FRAME), "audio-128k holds no AAC"),
        (&encoded, Lane::Encode, "iframes", 1, &video(start, 180, FRAME), "iframes is not all I-frames"),
        (&encoded, Lane::Encode, "iframes", 1, &audio(start, 9, 48_000), "iframes is not all I-frames"),
        (&encoded, Lane::Encode, "iframes", 8, &iframes(&[start]), "iframes is not all I-frames"),
    ] {
        let verdict = verdict(plan, lane, rendition, index, bytes);
        let reason = verdict.expect_err(expected);
        assert!(reason.contains(expected), "{reason} | {expected}");
    }
}

#[test]
fn tolerances_end_where_they_should() {
    let (copied, encoded) = (remuxed_plan(), encoded_plan());
    let (start, last) = (6 * TICKS_PER_SECOND, 54 * TICKS_PER_SECOND);
    // Half a frame for a copy, rounding for an encoder, an access unit for sound.
    for early in [start - 1_500, start + 1_500] {
        assert!(verdict(&copied, Lane::Copy, "source", 1, &video(early, 180, FRAME)).is_ok(), "{early}");
    }
    for near in [start - 2, start + 2] {
        assert!(verdict(&encoded, Lane::Encode, "720p", 1, &video(near, 180, FRAME)).is_ok(), "{near}");
    }
    for near in [start - AUDIO_UNIT, start + AUDIO_UNIT] {
        assert!(verdict(&encoded, Lane::Audio, "audio-128k", 1, &audio(near, 281, 48_000)).is_ok(), "{near}");
    }
    // A source that ends a quarter of a second early, in each kind of video: the last segment may lack that much.
    let frames = |count| verdict(&encoded, Lane::Encode, "720p", 9, &video(last, count, FRAME)).map(|it| it.duration);
    assert_eq!(frames(172), Ok(172 * FRAME));
    assert!(frames(171).is_err());
    let frames = |count| verdict(&copied, Lane::Copy, "source", 9, &video(last, count, FRAME)).map(|it| it.duration);
    assert_eq!(frames(172), Ok(180 * FRAME), "the index knows how long its last frame is shown");
    assert!(frames(171).is_err());
}

#[test]
fn copied_video_is_as_long_as_the_index_says() {
    let plan = remuxed_plan();
    // A source of variable rate has few frames, and an index that tells when the next keyframe comes.
    let still = Transport::new(&[VIDEO]).frame(FrameKind::Idr, 0, 0).into_bytes();
    assert_eq!(verdict(&plan, Lane::Copy, "source", 0, &still).unwrap().duration, 6 * TICKS_PER_SECOND);
}

#[test]
fn sound_is_as_long_as_its_samples() {
    let (copied, encoded) = (remuxed_plan(), encoded_plan());
    let start = 6 * TICKS_PER_SECOND;
    let of = |plan: &EncodePlan, lane, rendition, index, units| {
        let at = u64::from(index) * start;
        verdict(plan, lane, rendition, index, &audio(at, units, 48_000)).unwrap().duration
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
        let parts = Transport::new(&[AUDIO]).audio(last, 10, 48_000).audio(last + 10 * 1_920 + ticks, 10, 48_000);
        verdict(&plan, Lane::Copy, "audio-source", 9, &parts.into_bytes()).unwrap().duration
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
    let record = verdict(&plan, Lane::Encode, "iframes", 1, &iframes(&[start, start + 90_000])).unwrap();
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
    assert!(matches!(segment(&plan, Lane::Encode, &stored), Err(TranscodeError::Verification(_))));
}

#[test]
fn a_bitstream_names_its_codec() {
    let of = |bytes: &[u8]| measured(bytes).lead().and_then(|it| it.codec.clone());
    assert_eq!(of(&video(0, 2, FRAME)).as_deref(), Some(VIDEO_CODEC));
    assert_eq!(of(&audio(0, 2, 48_000)).as_deref(), Some(AUDIO_CODEC));
    assert_eq!(of(&Transport::new(&[VIDEO]).frame(FrameKind::Inter, 0, 0).into_bytes()), None);
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
            let error = judged(|it| it.retain(|it| !of(rendition, index)(it))).expect_err(rendition);
            assert_eq!(error, format!("verification failed: {rendition} is not complete"), "{index}");
        }
        let error = judged(|it| it.retain(|it| it.rendition.as_str() != rendition)).expect_err(rendition);
        assert_eq!(error, format!("verification failed: {rendition} is not complete"));
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
        let last_iframes = records.iter().filter(|it| it.rendition.as_str() == "iframes").count() as u32 - 1;
        records.retain(|it| match it.rendition.as_str() == "iframes" {
            true => it.index != last_iframes,
            false => it.index != 9,
        });
    });
    let error = error.expect_err("the last segments are missing everywhere");
    assert!(error.contains("is 54.000 s long, and the plan 60.000 s"), "{error}");
}

#[test]
fn sound_and_picture_end_together() {
    let tolerance = SHORTAGE + 2 * AUDIO_UNIT;
    let longer = |rendition: &'static str, ticks: i64| {
        judged(|records| {
            let last = records.iter_mut().rfind(|it| it.rendition.as_str() == rendition).unwrap();
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
    let empty = EncodePlan { encode_chunks: vec![], audio_chunks: vec![], copy_chunks: vec![], ..plan };
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
        probe.video.frame_rate = Ratio { num: rate.0, den: rate.1 };
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
