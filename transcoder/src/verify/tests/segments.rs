//! Segments that differ from their plan.

use super::*;

#[test]
fn a_segment_that_differs_from_the_plan_is_refused() {
    let (copied, encoded) = (remuxed_plan(), encoded_plan());
    let start = 6 * TICKS_PER_SECOND;
    let both = Transport::new(&[VIDEO, AUDIO])
        .frame(FrameKind::Idr, start, 0)
        .audio(start, 4, 48_000)
        .into_bytes();
    let no_idr = (0..180).fold(Transport::new(&[VIDEO]), |stream, it| {
        stream.frame(
            if it == 0 {
                FrameKind::Intra
            } else {
                FrameKind::Inter
            },
            start + it * FRAME,
            0,
        )
    });
    let no_idr = no_idr.into_bytes();
    let tables = Transport::new(&[]).into_bytes();
    // The tables come after the first picture.
    let mut late_tables = video(start, 180, FRAME);
    let picture = late_tables[2 * 188..3 * 188].to_vec();
    late_tables.splice(0..0, picture);
    for (plan, lane, rendition, index, bytes, expected) in [
        (
            &copied,
            Lane::Copy,
            "source",
            1,
            &both,
            "segment 1 of source has 2 streams",
        ),
        (
            &copied,
            Lane::Copy,
            "source",
            1,
            &tables,
            "segment 1 of source has 0 streams",
        ),
        (
            &encoded,
            Lane::Encode,
            "720p",
            10,
            &video(start, 180, FRAME),
            "segment 10 of 720p was not planned",
        ),
        (
            &encoded,
            Lane::Audio,
            "audio-128k",
            10,
            &audio(0, 9, 48_000),
            "segment 10 of audio-128k was not planned",
        ),
        // The beginning.
        (
            &copied,
            Lane::Copy,
            "source",
            1,
            &video(start + 1_501, 180, FRAME),
            "begins at 6.017 s instead of 6.000 s",
        ),
        (
            &copied,
            Lane::Copy,
            "source",
            1,
            &video(0, 180, FRAME),
            "begins at 0.000 s instead of 6.000 s",
        ),
        (
            &encoded,
            Lane::Encode,
            "480p",
            1,
            &video(start + 3, 180, FRAME),
            "segment 1 of 480p begins at 6.000 s",
        ),
        (
            &encoded,
            Lane::Encode,
            "480p",
            1,
            &video(start - FRAME, 180, FRAME),
            "begins at 5.967 s",
        ),
        (
            &encoded,
            Lane::Audio,
            "audio-128k",
            1,
            &audio(start + 2_092, 281, 48_000),
            "begins at 6.023 s",
        ),
        (
            &copied,
            Lane::Copy,
            "audio-source",
            2,
            &audio(start, 281, 48_000),
            "begins at 6.000 s instead of 12.000 s",
        ),
        // Where decoding begins.
        (
            &copied,
            Lane::Copy,
            "source",
            1,
            &no_idr,
            "not copyable: at 6.000 s it has no instantaneous refresh",
        ),
        (
            &copied,
            Lane::Copy,
            "source",
            1,
            &late_tables,
            "not copyable: at 6.000 s",
        ),
        (
            &encoded,
            Lane::Encode,
            "360p",
            1,
            &no_idr,
            "segment 1 of 360p does not begin with an IDR frame",
        ),
        (
            &encoded,
            Lane::Encode,
            "360p",
            1,
            &late_tables,
            "does not begin with an IDR frame",
        ),
        // Its length.
        (
            &encoded,
            Lane::Encode,
            "360p",
            1,
            &video(start, 179, FRAME),
            "has 179 frames instead of 180",
        ),
        (
            &encoded,
            Lane::Encode,
            "360p",
            1,
            &video(start, 181, FRAME),
            "has 181 frames instead of 180",
        ),
        (
            &encoded,
            Lane::Encode,
            "360p",
            9,
            &video(9 * start, 171, FRAME),
            "has 171 frames instead of 180",
        ),
        (
            &encoded,
            Lane::Encode,
            "360p",
            9,
            &video(9 * start, 181, FRAME),
            "has 181 frames instead of 180",
        ),
        (
            &copied,
            Lane::Copy,
            "source",
            9,
            &video(9 * start, 90, FRAME),
            "segment 9 of source ends 3.000 s early",
        ),
        // Something else entirely.
        (
            &encoded,
            Lane::Audio,
            "audio-128k",
            1,
            &video(start, 180, FRAME),
            "audio-128k holds no audio",
        ),
        (
            &encoded,
            Lane::Encode,
            "iframes",
            1,
            &video(start, 180, FRAME),
            "iframes is not all I-frames",
        ),
        (
            &encoded,
            Lane::Encode,
            "iframes",
            1,
            &audio(start, 9, 48_000),
            "iframes is not all I-frames",
        ),
        (
            &encoded,
            Lane::Encode,
            "iframes",
            8,
            &iframes(&[start]),
            "iframes is not all I-frames",
        ),
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
        assert!(
            verdict(&copied, Lane::Copy, "source", 1, &video(early, 180, FRAME)).is_ok(),
            "{early}"
        );
    }
    for near in [start - 2, start + 2] {
        assert!(
            verdict(&encoded, Lane::Encode, "720p", 1, &video(near, 180, FRAME)).is_ok(),
            "{near}"
        );
    }
    for near in [start - AUDIO_UNIT, start + AUDIO_UNIT] {
        assert!(
            verdict(
                &encoded,
                Lane::Audio,
                "audio-128k",
                1,
                &audio(near, 281, 48_000)
            )
            .is_ok(),
            "{near}"
        );
    }
    // A source that ends a quarter of a second early, in each kind of video: the last segment may lack that much.
    let frames = |count| {
        verdict(
            &encoded,
            Lane::Encode,
            "720p",
            9,
            &video(last, count, FRAME),
        )
        .map(|it| it.duration)
    };
    assert_eq!(frames(172), Ok(172 * FRAME));
    assert!(frames(171).is_err());
    let frames = |count| {
        verdict(&copied, Lane::Copy, "source", 9, &video(last, count, FRAME)).map(|it| it.duration)
    };
    assert_eq!(
        frames(172),
        Ok(180 * FRAME),
        "the index knows how long its last frame is shown"
    );
    assert!(frames(171).is_err());
}
