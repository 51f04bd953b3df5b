use proptest::prelude::*;

use super::*;
use crate::probe::cases::standard;
use crate::probe::{AudioStream, HighDynamicRange, Ratio, Seeking};

mod watermark;

const SECOND: u64 = TICKS_PER_SECOND;

fn describe(plan: &EncodePlan) -> String {
    let mut text = match &plan.copy {
        CopyDecision::Remux(copy) => {
            format!(
                "copy {}x{} {:?}\n",
                copy.size.width,
                copy.size.height,
                copy.audio.as_ref().map(|it| it.as_str())
            )
        }
        CopyDecision::Encode(refusal) => format!("no copy: {refusal}\n"),
    };
    for rung in &plan.rungs {
        let audio = rung.audio.as_ref().map_or("silent", |it| it.as_str());
        text += &format!(
            "{} {}x{} {}k {audio}\n",
            rung.rendition.name, rung.size.width, rung.size.height, rung.video_kbps
        );
    }
    let audio: Vec<_> = plan
        .audio
        .iter()
        .map(|it| format!("{}{}", it.rendition.name, if it.copied { "*" } else { "" }))
        .collect();
    let iframes = plan.iframes.as_ref().map_or("none".to_owned(), |it| {
        format!("{}x{}", it.size.width, it.size.height)
    });
    text += &format!("audio {} | iframes {iframes}\n", audio.join(" "));
    let chunks = |lane| {
        plan.chunks(lane)
            .iter()
            .map(|it| it.segments.len().to_string())
            .collect::<Vec<_>>()
            .join("+")
    };
    text += &format!(
        "target {} | segments {} | copy {} first {} encode {} audio {}\n",
        plan.target_duration,
        plan.segments(),
        chunks(Lane::Copy),
        chunks(Lane::First),
        chunks(Lane::Encode),
        chunks(Lane::Audio)
    );
    text
}

fn plan(probe: &Probe) -> String {
    describe(&EncodePlan::new(probe, &Profile::default(), Mode::Abr).unwrap())
}

#[test]
fn standard_input_is_remuxed_and_the_same_rung_dropped() {
    insta::assert_snapshot!(plan(&standard()), @r#"
    copy 1920x1080 Some("audio-source")
    720p 1280x720 3000k audio-source
    480p 854x480 1500k audio-source
    360p 640x360 800k audio-source
    audio audio-source* | iframes 640x360
    target 6 | segments 10 | copy 2+8 first  encode 1+4+4+1 audio
    "#);
}

#[test]
fn a_rich_source_keeps_the_rung_that_saves_a_third() {
    let mut probe = standard();
    probe.index.video_bytes = Some(60 * 9_000_000 / 8);
    insta::assert_snapshot!(plan(&probe), @r#"
    copy 1920x1080 Some("audio-source")
    1080p 1920x1080 5000k audio-source
    720p 1280x720 3000k audio-source
    480p 854x480 1500k audio-source
    360p 640x360 800k audio-source
    audio audio-source* | iframes 640x360
    target 6 | segments 10 | copy 2+8 first  encode 1+4+4+1 audio
    "#);
}

/// A source below the only H.264 rung, whose own size has a rung of another codec.
#[test]
fn a_name_is_used_once() {
    let profile = "segment_format = \"fmp4\"
        [[rung]]
        name = \"360p\"
        width = 640
        height = 360
        video_kbps = 800
        audio_kbps = 128
        [[rung]]
        name = \"240p\"
        codec = \"hevc\"
        width = 426
        height = 240
        video_kbps = 300
        audio_kbps = 128";
    let profile = Profile::parse(profile).unwrap();
    let mut probe = standard();
    probe.video_mut().codec = "vp9".to_owned();
    (probe.video_mut().width, probe.video_mut().height) = (426, 240);
    let plan = EncodePlan::new(&probe, &profile, Mode::Abr).unwrap();
    let rungs: Vec<_> = plan
        .rungs
        .iter()
        .map(|it| (it.rendition.name.as_str(), it.rendition.codec))
        .collect();
    assert_eq!(rungs, [("240p-h264", Codec::H264), ("240p", Codec::Hevc)]);
}

const NEWER: &str = "
segment_format = \"fmp4\"
[[rung]]
name = \"1080p-hevc\"
codec = \"hevc\"
width = 1920
height = 1080
video_kbps = 3000
audio_kbps = 128
[[rung]]
name = \"1080p\"
width = 1920
height = 1080
video_kbps = 5000
audio_kbps = 128
[[rung]]
name = \"480p-av1\"
codec = \"av1\"
width = 854
height = 480
video_kbps = 900
audio_kbps = 128
[[rung]]
name = \"480p\"
width = 854
height = 480
video_kbps = 1500
audio_kbps = 128
";

#[test]
fn newer_codecs_stand_beside_h264() {
    let profile = Profile::parse(NEWER).unwrap();
    let names = |probe: &Probe, mode| -> Vec<String> {
        let plan = EncodePlan::new(probe, &profile, mode).unwrap();
        assert!(
            plan.all_renditions()
                .iter()
                .all(|it| it.format == SegmentFormat::Fmp4)
        );
        let first = plan.first.iter().map(|it| format!("first: {it}"));
        let rungs = plan.rungs.iter().map(|it| it.rendition.name.to_string());
        rungs.chain(first).collect()
    };
    let foreign = || {
        let mut probe = standard();
        probe.video_mut().codec = "hevc".to_owned();
        probe
    };
    let mut small = foreign();
    (small.video_mut().width, small.video_mut().height) = (320, 180);
    for (probe, mode, expected) in [
        // The remuxed rung displaces the one of its own codec only.
        (
            standard(),
            Mode::Abr,
            &["1080p-hevc", "480p", "480p-av1"][..],
        ),
        (
            foreign(),
            Mode::Abr,
            &["1080p", "1080p-hevc", "480p", "480p-av1", "first: 480p"],
        ),
        (foreign(), Mode::Copy, &["1080p"]),
        (small.clone(), Mode::Abr, &["180p"]),
    ] {
        assert_eq!(names(&probe, mode), expected, "{mode:?}");
    }
}

#[test]
fn copy_mode_has_one_rung() {
    insta::assert_snapshot!(describe(&EncodePlan::new(&standard(), &Profile::default(), Mode::Copy).unwrap()), @r#"
    copy 1920x1080 Some("audio-source")
    audio audio-source* | iframes 640x360
    target 6 | segments 10 | copy 2+8 first  encode 1+4+4+1 audio
    "#);
}

#[test]
fn what_is_not_standard_is_encoded_and_says_why() {
    #[expect(clippy::type_complexity, reason = "a table of changes")]
    let changes: [(&str, fn(&mut Probe)); 15] = [
        ("hevc", |it| it.video_mut().codec = "hevc".to_owned()),
        ("10 bit", |it| {
            it.video_mut().pixel_format = "yuv420p10le".to_owned()
        }),
        ("interlaced", |it| it.video_mut().interlaced = true),
        ("rotated", |it| it.video_mut().rotation = 90),
        ("mirrored", |it| it.video_mut().mirrored = true),
        ("anamorphic", |it| {
            it.video_mut().pixel_aspect = Ratio::new(4, 3)
        }),
        ("hdr", |it| it.video_mut().hdr = Some(HighDynamicRange::Hlg)),
        ("rich", |it| it.index.video_bytes = Some(200_000_000)),
        ("fast", |it| {
            it.video_mut().source_rate = Ratio { num: 120, den: 1 }
        }),
        ("no index", |it| it.index.keyframes.clear()),
        ("no seeking", |it| it.index.seeking = Seeking::Approximate),
        ("sparse keyframes", |it| {
            it.index.keyframes = vec![0, 12 * SECOND]
        }),
        ("open", |it| it.index.closed_gops = false),
        ("audio first", |it| it.index.video_start = SECOND),
        ("audio last", |it| it.index.end += 2 * SECOND),
    ];
    let mut table = String::new();
    for (name, change) in changes {
        let mut probe = standard();
        change(&mut probe);
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        let CopyDecision::Encode(refusal) = plan.copy else {
            panic!("{name} is remuxed")
        };
        table += &format!("{name}: {refusal} | {} rungs\n", plan.rungs.len());
    }
    insta::assert_snapshot!(table, @"
    hevc: it is not 8-bit 4:2:0 H.264 | 4 rungs
    10 bit: it is not 8-bit 4:2:0 H.264 | 4 rungs
    interlaced: it is interlaced | 4 rungs
    rotated: it is rotated or mirrored, or its pixels are not square | 4 rungs
    mirrored: it is rotated or mirrored, or its pixels are not square | 4 rungs
    anamorphic: it is rotated or mirrored, or its pixels are not square | 4 rungs
    hdr: it is HDR | 4 rungs
    rich: its bit rate is above the profile's cap | 4 rungs
    fast: its frame rate is above the profile's cap | 4 rungs
    no index: its container has no index of keyframes | 4 rungs
    no seeking: its container has no index of keyframes | 4 rungs
    sparse keyframes: its keyframes are too far apart | 4 rungs
    open: its GOPs are open | 4 rungs
    audio first: its audio begins before the video or ends after it | 4 rungs
    audio last: its audio begins before the video or ends after it | 4 rungs
    ");
}

#[test]
fn shapes_fit_by_the_short_side_and_are_even() {
    let mut table = String::new();
    for (width, height, rotation) in [
        (3840, 2160, 90),
        (1080, 1920, 0),
        (1080, 720, 0),
        (960, 400, 0),
        (1921, 1081, 0),
        (1920, 1072, 0),
        (854, 480, 0),
        (176, 144, 0),
        (64, 4096, 0),
        (1, 1, 0),
    ] {
        let mut probe = standard();
        probe.video_mut().codec = "vp9".to_owned();
        let video = probe.video_mut();
        (video.width, video.height, video.rotation) = (width, height, rotation);
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        let rungs: Vec<_> = plan
            .rungs
            .iter()
            .map(|it| format!("{}={}x{}", it.rendition.name, it.size.width, it.size.height))
            .collect();
        table += &format!("{width}x{height}/{rotation}: {}\n", rungs.join(" "));
    }
    insta::assert_snapshot!(table, @"
    3840x2160/90: 2160p=2160x3840 1440p=1440x2560 1080p=1080x1920 720p=720x1280 480p=480x854 360p=360x640
    1080x1920/0: 1080p=1080x1920 720p=720x1280 480p=480x854 360p=360x640
    1080x720/0: 720p=1080x720 480p=720x480 360p=540x360
    960x400/0: 360p=864x360
    1921x1081/0: 1080p=1920x1080 720p=1280x720 480p=852x480 360p=640x360
    1920x1072/0: 1080p=1920x1072 720p=1290x720 480p=860x480 360p=644x360
    854x480/0: 480p=854x480 360p=640x360
    176x144/0: 144p=176x144
    64x4096/0: 64p=64x4096
    1x1/0: 16p=16x16
    ");
}

#[test]
fn audio_that_cannot_be_passed_on_is_encoded() {
    #[expect(clippy::type_complexity, reason = "a table of changes")]
    let changes: [(&str, fn(&mut AudioStream)); 6] = [
        ("opus", |it| it.codec = "opus".to_owned()),
        ("5.1", |it| it.channels = 6),
        ("mono", |it| it.channels = 1),
        ("late", |it| it.start_seconds = 0.5),
        ("short", |it| it.duration_seconds = Some(50.0)),
        ("96 kHz", |it| it.sample_rate = 96_000),
    ];
    let mut table = String::new();
    for (name, change) in changes {
        let mut probe = standard();
        change(probe.audio_mut());
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        let first = &plan.audio[0];
        table += &format!(
            "{name}: {} {} ch {} Hz copied {}\n",
            first.rendition.name, first.channels, first.sample_rate, first.copied
        );
    }
    insta::assert_snapshot!(table, @"
    opus: audio-128k 2 ch 48000 Hz copied false
    5.1: audio-128k 2 ch 48000 Hz copied false
    mono: audio-source 1 ch 48000 Hz copied true
    late: audio-128k 2 ch 48000 Hz copied false
    short: audio-128k 2 ch 48000 Hz copied false
    96 kHz: audio-128k 2 ch 48000 Hz copied false
    ");
}

#[test]
fn rungs_with_distinct_rates_have_distinct_audio() {
    let mut profile = Profile::default();
    profile
        .rungs
        .iter_mut()
        .filter(|it| it.name.as_str() == "360p")
        .for_each(|it| it.audio_kbps = 64);
    insta::assert_snapshot!(describe(&EncodePlan::new(&standard(), &profile, Mode::Abr).unwrap()), @r#"
    copy 1920x1080 Some("audio-source")
    720p 1280x720 3000k audio-128k
    480p 854x480 1500k audio-128k
    360p 640x360 800k audio-64k
    audio audio-source* audio-128k audio-64k | iframes 640x360
    target 6 | segments 10 | copy 2+8 first  encode 1+4+4+1 audio 2+8
    "#);
}

/// Viewers start as soon as three segments are encoded.
#[test]
fn what_is_encoded_begins_with_short_segments() {
    for (length, profile, starts, lead) in [
        (60, "", vec![0, 1, 2, 3, 6], 4),
        (19, "", vec![0, 1, 2, 3, 6], 4),
        (18, "", vec![0, 6, 12], 1),
        (5, "", vec![0], 1),
        (60, "segment_seconds = 10.0", vec![0, 1, 2, 3, 10], 4),
        (
            60,
            "segment_seconds = 9.0\nkeyframe_seconds = 1.0",
            vec![0, 1, 2, 3, 9],
            4,
        ),
        (60, "segment_seconds = 2.0", vec![0, 1, 2, 3, 4], 2),
    ] {
        let mut probe = standard();
        probe.video_mut().codec = "vp9".to_owned();
        probe.index.end = length * SECOND;
        probe.index.video_end = probe.index.end;
        let plan = EncodePlan::new(&probe, &Profile::parse(profile).unwrap(), Mode::Abr).unwrap();
        let found = plan.boundaries[..plan.boundaries.len() - 1].iter().take(5);
        let found: Vec<_> = found.map(|it| it.ticks / SECOND).collect();
        assert_eq!(found, starts, "{length} s {profile}");
        assert_eq!(
            plan.first_chunks[0].segments,
            0..lead,
            "{length} s {profile}"
        );
    }
}

#[test]
fn chunks_begin_soon_after_a_keyframe_of_the_source() {
    let mut probe = standard();
    probe.video_mut().codec = "hevc".to_owned();
    probe.index.end = 180 * SECOND;
    probe.index.video_end = probe.index.end;
    for (interval, expected) in [
        (6, vec![0, 6, 30, 54, 78, 102, 126, 150, 174]),
        (8, vec![0, 6, 24, 48, 72, 96, 120, 144, 168]),
        (10, vec![0, 6, 30, 60, 90, 120, 150, 174]),
    ] {
        probe.index.keyframes = (0..180 / interval)
            .map(|it| it * interval * SECOND)
            .collect();
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        let starts = plan.encode_chunks.iter();
        let starts: Vec<_> = starts
            .map(|it| plan.boundaries[it.segments.start as usize].ticks / SECOND)
            .collect();
        assert_eq!(starts, expected, "a keyframe every {interval} s");
    }
}

#[test]
fn a_group_of_pictures_that_is_too_large_for_memory_is_encoded() {
    let mut probe = standard();
    probe.index.gop_bytes[3] = LARGEST_COPIED_SEGMENT;
    assert!(
        EncodePlan::new(&probe, &Profile::default(), Mode::Abr)
            .unwrap()
            .copy
            .is_remux()
    );
    probe.index.gop_bytes[3] += 1;
    let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
    assert_eq!(plan.copy, CopyDecision::Encode(CopyRefusal::BitRate));
}

#[test]
fn limits_are_the_sources_fault() {
    let mut profile = Profile::default();
    profile.limits.max_duration_seconds = 59;
    assert!(matches!(
        EncodePlan::new(&standard(), &profile, Mode::Abr),
        Err(SourceProblem::TooLong { seconds: 60, .. })
    ));
    profile = Profile::default();
    profile.limits.max_pixels = 1280 * 720;
    assert!(matches!(
        EncodePlan::new(&standard(), &profile, Mode::Abr),
        Err(SourceProblem::TooManyPixels { .. })
    ));
    // The display size counts: pixels eight times as wide as high.
    let mut wide = standard();
    wide.video_mut().pixel_aspect = Ratio::new(8, 1);
    profile.limits.max_pixels = 1920 * 1080 * 8 - 1;
    let refused = EncodePlan::new(&wide, &profile, Mode::Abr);
    assert!(matches!(
        refused,
        Err(SourceProblem::TooManyPixels {
            width: 15_360,
            height: 1080,
            ..
        })
    ));
    profile = Profile::default();
    profile.limits.max_bytes = 1;
    assert!(matches!(
        EncodePlan::new(&standard(), &profile, Mode::Abr),
        Err(SourceProblem::TooLarge { .. })
    ));
}

proptest! {
    #[test]
    fn any_source_gets_a_valid_plan(
        size in (1_u32..4000, 1_u32..4000),
        rate in prop::sample::select(vec![(24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (60, 1), (7, 1), (1, 1)]),
        gaps in prop::collection::vec(1_u64..1_200_000, 1..80),
        h264 in any::<bool>(),
        mode in prop::sample::select(vec![Mode::Abr, Mode::Copy]),
    ) {
        let mut probe = standard();
        let video = probe.video_mut();
(video.width, video.height) = size;
        probe.video_mut().frame_rate = Ratio { num: rate.0, den: rate.1 };
        if !h264 {
            probe.video_mut().codec = "vp9".to_owned();
        }
        let mut at = 0;
        probe.index.keyframes = gaps.iter().map(|gap| { let start = at; at += gap; start }).collect();
        (probe.index.video_end, probe.index.end) = (at, at);
        let plan = EncodePlan::new(&probe, &Profile::default(), mode).unwrap();

        // There is something to play, nothing is scaled up or odd, names are distinct.
        prop_assert!(plan.copy.is_remux() || !plan.rungs.is_empty());
        let (width, height) = probe.video.as_ref().unwrap().display_size();
        for rung in &plan.rungs {
            prop_assert!(rung.size.width % 2 == 0 && rung.size.height % 2 == 0);
            prop_assert!(rung.size.short_side() <= width.min(height).max(16) + 1);
            prop_assert!(plan.audio.iter().any(|it| Some(&it.rendition.name) == rung.audio.as_ref()));
        }
        prop_assert!(plan.rungs.windows(2).all(|it| it[0].size.short_side() > it[1].size.short_side()));

        // Boundaries increase from 0 to the end, and no segment is longer than the target, rounded.
        prop_assert_eq!(plan.boundaries[0].ticks, 0);
        prop_assert!(plan.boundaries.windows(2).all(|it| it[0].ticks < it[1].ticks && it[0].frame <= it[1].frame));
        for pair in plan.boundaries.windows(2) {
            let rounded = (pair[1].ticks - pair[0].ticks + SECOND / 2) / SECOND;
            prop_assert!(rounded <= u64::from(plan.target_duration));
        }
        if plan.copy.is_remux() {
            let inner = &plan.boundaries[..plan.boundaries.len() - 1];
            prop_assert!(inner.iter().all(|it| probe.index.keyframes.contains(&it.ticks)));
        }

        // Each lane's chunks cover all segments, once, in order.
        for lane in Lane::ALL {
            let chunks = plan.chunks(lane);
            prop_assert!(chunks.iter().enumerate().all(|(place, it)| it.index as usize == place));
            let covered: Vec<u32> = chunks.iter().flat_map(|it| it.segments.clone()).collect();
            prop_assert!(chunks.is_empty() || covered == (0..plan.segments()).collect::<Vec<_>>());
        }
    }
}
