//! Which profiles are accepted, and what a profile leaves out.

use super::*;

#[test]
fn the_default_ladder() {
    let profile = Profile::default();
    let names: Vec<_> = profile
        .rungs
        .iter()
        .filter(|it| it.enabled)
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["2160p", "1440p", "1080p", "720p", "480p", "360p"]);
}

#[test]
fn what_is_left_out_is_as_by_default() {
    let profile = Profile::parse("name = \"fast\"\n[encoder]\npreset = \"superfast\"\n").unwrap();
    let mut expected = Profile {
        name: "fast".parse().unwrap(),
        ..Profile::default()
    };
    expected.encoder.preset = Preset::Superfast;
    assert_eq!(profile, expected);
}

#[test]
fn every_setting_changes_the_generation() {
    let base = Profile::default();
    assert_ne!(base.fingerprint(Mode::Abr), base.fingerprint(Mode::Copy));
    assert_ne!(
        base.fingerprint(Mode::Abr),
        Profile {
            encrypt: false,
            ..base.clone()
        }
        .fingerprint(Mode::Abr)
    );
    assert_eq!(
        base.fingerprint(Mode::Abr),
        Profile::default().fingerprint(Mode::Abr)
    );
    let with = |text: &str| Profile::parse(text).unwrap().fingerprint(Mode::Abr);
    let normalising = with("[loudness]\nnormalise = true");
    assert_ne!(base.fingerprint(Mode::Abr), normalising);
    assert_ne!(
        with("[loudness]\nnormalise = true\ntarget_lufs = -23"),
        normalising
    );
    let surround = with("[surround]\nenabled = true");
    assert_ne!(base.fingerprint(Mode::Abr), surround);
    assert_ne!(
        with("[surround]\nenabled = true\ncodec = \"ac-3\""),
        surround
    );
    let per_title = with("[per_title]\nenabled = true");
    assert_ne!(base.fingerprint(Mode::Abr), per_title);
    assert_ne!(
        with("[per_title]\nenabled = true\ntarget_vmaf = 90"),
        per_title
    );
    // Settings that have no effect.
    assert_eq!(
        base.fingerprint(Mode::Abr),
        with("[per_title]\ntarget_vmaf = 90")
    );
    assert_eq!(
        base.fingerprint(Mode::Abr),
        with("[surround]\ncodec = \"ac-3\"")
    );
    assert_eq!(
        base.fingerprint(Mode::Abr),
        with("[loudness]\ntarget_lufs = -23")
    );
}

#[test]
fn bad_profiles_are_refused_with_a_sentence() {
    let mut table = String::new();
    for text in [
        "segment_seconds = 60.0",
        "segment_second = 6.0",
        "keyframe_seconds = 8.0",
        "encrypt = \"yes\"",
        "segments_per_key = 9",
        "segments_per_key = 10\n[[rung]]\nname = \"a-k2\"\nwidth = 640\nheight = 360\nvideo_kbps = 800\naudio_kbps = 64",
        "rung = []",
        "[encoder]\npreset = \"warp\"",
        "[encoder]\nname = \"amf\"",
        "[av1]\nname = \"videotoolbox\"",
        "[loudness]\ntarget_lufs = 16",
        "[loudness]\nmax_peak_dbtp = 1",
        "[surround]\ncodec = \"dts\"",
        "[surround]\nkbps = 1000",
        "[surround]\ncodec = \"ac-3\"\nkbps = 400",
        "[[rung]]\nname = \"a\"\nwidth = 1\nheight = 360\nvideo_kbps = 800\naudio_kbps = 64",
        "[[rung]]\nname = \"source\"\nwidth = 640\nheight = 360\nvideo_kbps = 800\naudio_kbps = 64",
    ] {
        let error = Profile::parse(text).unwrap_err().to_string();
        table += &format!("{}\n", error.lines().last().unwrap_or_default());
    }
    insta::assert_snapshot!(table, @r#"
    `segment_seconds` must be 2 to 10
    the profile cannot be read: unknown field `segment_second`, expected one of `name`, `segment_seconds`, `keyframe_seconds`, `segment_format`, `encrypt`, `segments_per_key`, `max_frame_rate`, `source_policy`, `thumbnails`, `encoder`, `hevc`, `av1`, `per_title`, `loudness`, `surround`, `watermark`, `copy_top`, `fan_out`, `source_rung`, `limits`, `rung`
    `keyframe_seconds` must not be longer than a segment: every segment begins with a keyframe
    the profile cannot be read: invalid type: string "yes", expected a boolean in `encrypt`
    `segments_per_key` must be 0, or at least 10: players load every key by itself
    `rung a-k2: name` must have at most 26 characters and not end in -k and a number, because of segments_per_key
    `rung` needs at least one with H.264 that is enabled: every player plays it
    the profile cannot be read: unknown variant `warp`, expected one of `ultrafast`, `superfast`, `veryfast`, `faster`, `fast`, `medium`, `slow`, `slower`, `veryslow` in `encoder.preset`
    the profile cannot be read: unknown variant `amf`, expected one of `auto`, `x264`, `nvenc`, `vaapi`, `qsv`, `videotoolbox` in `encoder.name`
    the profile cannot be read: unknown variant `videotoolbox`, expected one of `auto`, `nvenc`, `vaapi`, `qsv` in `av1.name`
    `loudness.target_lufs` must be -31 to -10
    `loudness.max_peak_dbtp` must be -9 to 0
    the profile cannot be read: unknown variant `dts`, expected one of `aac`, `ac-3`, `ec-3` in `surround.codec`
    `surround.kbps` must be 160 to 640
    `surround.kbps` must be a rate of AC-3: 192, 224, 256, 320, 384, 448, 512, 576 or 640
    `rung a: width` must be 16 to 8192
    `rung source: name` is taken by another rendition
    "#);
}

const HEVC: &str = "
[[rung]]
name = \"720p\"
width = 1280
height = 720
video_kbps = 3000
audio_kbps = 128

[[rung]]
name = \"720p-hevc\"
codec = \"hevc\"
width = 1280
height = 720
video_kbps = 2000
audio_kbps = 128
";

#[test]
fn newer_codecs_need_fragments_and_h264_beside_them() {
    let fragments = |rungs: &str| format!("segment_format = \"fmp4\"\n{rungs}");
    assert!(Profile::parse(&fragments(HEVC)).is_ok());
    let mut table = String::new();
    for text in [
        HEVC.to_owned(),
        fragments(&HEVC.replace("\nname = \"720p\"", "\nname = \"720p\"\ncodec = \"av1\"")),
        fragments(&HEVC.replace("hevc\"\nwidth", "vp9\"\nwidth")),
        "segment_format = \"web-vtt\"".to_owned(),
        "[av1]\npreset = 0".to_owned(),
        "[hevc]\ncrf = 52".to_owned(),
    ] {
        let error = Profile::parse(&text).unwrap_err().to_string();
        table += &format!("{error}\n");
    }
    insta::assert_snapshot!(table, @r#"
    `rung 720p-hevc: codec` needs segment_format = "fmp4", unless it is "h264"
    `rung` needs at least one with H.264 that is enabled: every player plays it
    the profile cannot be read: unknown variant `vp9`, expected one of `h264`, `hevc`, `av1` in `rung.codec`
    the profile cannot be read: unknown variant `web-vtt`, expected `mpeg-ts` or `fmp4` in `segment_format`
    `av1.preset` must be 1 to 13
    `hevc.crf` must be 0 to 51
    "#);
}

/// A generation that exists is found again after an update.
#[test]
fn a_setting_with_its_default_does_not_change_the_generation() {
    let explicit = "segment_format = \"mpeg-ts\"\n[hevc]\ncrf = 26\n[av1]\npreset = 8\n";
    let settings = |it: &Profile| serde_json::to_string(it).unwrap();
    let found = settings(&Profile::parse(explicit).unwrap());
    assert_eq!(found, settings(&Profile::default()));
    for newer in [
        "segment_format",
        "hevc",
        "av1",
        "codec",
        "hdr",
        "surround",
        "per_title",
    ] {
        assert!(!found.contains(newer), "{newer}");
    }
}

#[test]
fn newer_codecs_keep_hdr_unless_the_rung_says_otherwise() {
    let rungs = format!("segment_format = \"fmp4\"\n{HEVC}");
    let kept = |text: &str| {
        let profile = Profile::parse(text).unwrap();
        let rungs = profile.rungs.iter();
        let rungs: Vec<bool> = rungs.map(Rung::keeps_hdr).collect();
        (rungs, profile.fingerprint(Mode::Abr))
    };
    let of_hevc =
        |hdr: &str| kept(&rungs.replace("\"hevc\"", &format!("\"hevc\"\nhdr = \"{hdr}\"")));
    let (default, keep, mapped) = (kept(&rungs), of_hevc("keep"), of_hevc("tone_map"));
    assert_eq!(default.0, [false, true]);
    assert_eq!(keep, default);
    assert_eq!(mapped.0, [false, false]);
    assert_ne!(mapped.1, default.1);
    let of_h264 = |hdr: &str| {
        let text = rungs.replace("\"720p\"", &format!("\"720p\"\nhdr = \"{hdr}\""));
        Profile::parse(&text).map_err(|it| it.to_string())
    };
    assert!(of_h264("tone_map").is_ok());
    let mut table = String::new();
    for problem in [
        of_h264("keep").unwrap_err(),
        of_h264("always").unwrap_err(),
        Profile::parse(&format!(
            "{}\n[encoder]\nrate_control = \"cbr\"",
            rungs.replace("\"hevc\"", "\"av1\"")
        ))
        .unwrap_err()
        .to_string(),
    ] {
        table += &format!("{problem}\n");
    }
    insta::assert_snapshot!(table, @r#"
    `rung 720p: hdr` cannot be "keep" with codec = "h264", which is always SDR
    the profile cannot be read: unknown variant `always`, expected `keep` or `tone_map` in `rung.hdr`
    `encoder.rate_control` must be "capped-crf" with rungs of AV1: SVT-AV1 has a constant rate for live video only
    "#);
}

#[test]
fn hardware_is_chosen_by_name_for_each_codec() {
    let text = |head: &str| format!("segment_format = \"fmp4\"\n{head}\n{HEVC}");
    let tone_mapped =
        |head: &str| text(head).replace("hevc\"\nwidth", "hevc\"\nhdr = \"tone_map\"\nwidth");
    let found = |text: &str| Profile::parse(text).unwrap().hardware();
    for (head, expected) in [
        ("[encoder]\nname = \"auto\"", vec![]),
        (
            "[encoder]\nname = \"qsv\"",
            vec![(VideoCodec::H264, Hardware::Qsv)],
        ),
        ("[hevc]\nname = \"x265\"", vec![]),
        // Without a rung of its codec, a setting needs no hardware.
        ("[av1]\nname = \"nvenc\"", vec![]),
        (
            "[encoder]\nname = \"nvenc\"\n[hevc]\nname = \"vaapi\"",
            vec![
                (VideoCodec::H264, Hardware::Nvenc),
                (VideoCodec::Hevc, Hardware::Vaapi),
            ],
        ),
    ] {
        assert_eq!(found(&tone_mapped(head)), expected, "{head}");
    }
    let refused = Profile::parse(&text("[hevc]\nname = \"nvenc\"")).unwrap_err();
    insta::assert_snapshot!(refused, @r#"`rung 720p-hevc: hdr` must be "tone_map" with an encoder in hardware, which does not write the metadata of HDR"#);
}

/// Generations of profiles from before hardware encoders stay valid.
#[test]
fn a_name_that_is_left_out_does_not_change_the_generation() {
    let settings = |text: &str| {
        serde_json::to_string(
            &Profile::parse(&format!("segment_format = \"fmp4\"\n{text}\n{HEVC}")).unwrap(),
        )
        .unwrap()
    };
    let changed = settings("[hevc]\ncrf = 30\n[av1]\ncrf = 40");
    assert!(
        changed.contains(r#""hevc":{"preset":"fast","crf":30},"av1":{"preset":8,"crf":40}"#),
        "{changed}"
    );
    let fingerprint = |name: &str| {
        Profile::parse(&format!("[encoder]\nname = \"{name}\""))
            .unwrap()
            .fingerprint(Mode::Abr)
    };
    assert_ne!(fingerprint("x264"), fingerprint("nvenc"));
}

#[test]
fn frames_of_unusual_sizes_are_not_for_hardware() {
    for (codec, width, height, accepted) in [
        (VideoCodec::H264, 640, 360, true),
        (VideoCodec::H264, 202, 360, false),
        (VideoCodec::Av1, 256, 128, true),
        (VideoCodec::Av1, 256, 126, false),
        (VideoCodec::H264, 7680, 4320, false),
        (VideoCodec::Hevc, 7680, 4320, true),
    ] {
        assert_eq!(
            Hardware::accepts(codec, width, height),
            accepted,
            "{codec:?} {width}x{height}"
        );
    }
}
