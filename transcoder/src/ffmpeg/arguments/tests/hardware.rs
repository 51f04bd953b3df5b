//! Command lines of encoders in hardware.

use domain::profile::HevcEncoder;

use super::*;
use crate::testing::foreign;

/// A profile with a rung of each codec in one size, and these encoders and settings.
fn paper(name: &str, control: &str, settings: &str) -> Paper {
    let rung = |codec: &str| {
        format!(
            "[[rung]]\nname = \"{codec}\"\ncodec = \"{codec}\"\nhdr = \"tone_map\"\nwidth = 640\nheight = 360\n\
             video_kbps = 400\naudio_kbps = 128\n"
        )
    };
    // AV1 has no constant rate, and VideoToolbox no AV1.
    let av1 = match (name, control) {
        ("videotoolbox", _) | (_, "cbr") => String::new(),
        _ => rung("av1"),
    };
    let av1_name = if av1.is_empty() { "auto" } else { name };
    let rungs = rung("h264") + &rung("hevc") + &av1;
    let text = format!(
        "segment_format = \"fmp4\"\n[encoder]\nname = \"{name}\"\nrate_control = \"{control}\"\n{settings}\n\
         [hevc]\nname = \"{name}\"\n[av1]\nname = \"{av1_name}\"\n{rungs}"
    );
    Paper::by(Profile::parse(&text).unwrap(), foreign())
}

fn chunk(paper: &Paper) -> String {
    [Lane::First, Lane::Encode]
        .map(|lane| {
            let chunk: Vec<_> = paper.plan.chunks(lane).iter().take(1).cloned().collect();
            match chunk.is_empty() {
                true => String::new(),
                false => paper.arguments(|it| it.encode(lane, &chunk, 2)),
            }
        })
        .join("\n")
}

/// The options of the encoders, from `-c:v` to the keyframes, which are the same for all.
#[test]
fn every_encoder_has_both_rate_controls() {
    let mut table = String::new();
    for name in ["nvenc", "vaapi", "qsv", "videotoolbox"] {
        for control in ["capped-crf", "cbr"] {
            let arguments = chunk(&paper(name, control, ""));
            for encoder in arguments.split("-c:v ").skip(1) {
                let options = encoder.split(" -g ").next().unwrap_or_default();
                if !options.starts_with("libx264") {
                    table += &format!("{control}: {options}\n");
                }
            }
        }
    }
    insta::assert_snapshot!(table, @"
    capped-crf: h264_nvenc -preset p3 -tune hq -profile:v high -rc vbr -cq 23 -b:v 0 -maxrate 400k -bufsize 600k -forced-idr 1 -no-scenecut 1 -bf 0
    capped-crf: hevc_nvenc -preset p4 -tune hq -rc vbr -cq 26 -b:v 0 -maxrate 400k -bufsize 600k -forced-idr 1 -no-scenecut 1 -bf 0
    capped-crf: av1_nvenc -preset p4 -tune hq -rc vbr -cq 35 -b:v 0 -maxrate 400k -bufsize 600k -forced-idr 1 -no-scenecut 1 -bf 0
    cbr: h264_nvenc -preset p3 -tune hq -profile:v high -rc cbr -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -forced-idr 1 -no-scenecut 1 -bf 0
    cbr: hevc_nvenc -preset p4 -tune hq -rc cbr -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -forced-idr 1 -no-scenecut 1 -bf 0
    capped-crf: h264_vaapi -rc_mode QVBR -global_quality 23 -b:v 400k -maxrate 400k -bufsize 600k -idr_interval 0 -bf 0
    capped-crf: hevc_vaapi -rc_mode QVBR -global_quality 26 -b:v 400k -maxrate 400k -bufsize 600k -idr_interval 0 -bf 0
    capped-crf: av1_vaapi -rc_mode QVBR -global_quality 35 -b:v 400k -maxrate 400k -bufsize 600k -idr_interval 0 -bf 0
    cbr: h264_vaapi -rc_mode CBR -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -idr_interval 0 -bf 0
    cbr: hevc_vaapi -rc_mode CBR -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -idr_interval 0 -bf 0
    capped-crf: h264_qsv -preset fast -profile:v high -adaptive_i 0 -global_quality 23 -b:v 300k -maxrate 400k -bufsize 600k -forced_idr 1 -flags +cgop -pix_fmt nv12 -bf 0
    capped-crf: hevc_qsv -preset medium -global_quality 26 -b:v 300k -maxrate 400k -bufsize 600k -forced_idr 1 -flags +cgop -pix_fmt nv12 -bf 0
    capped-crf: av1_qsv -preset medium -global_quality 35 -b:v 300k -maxrate 400k -bufsize 600k -forced_idr 1 -flags +cgop -pix_fmt nv12 -bf 0
    cbr: h264_qsv -preset fast -profile:v high -adaptive_i 0 -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -forced_idr 1 -flags +cgop -pix_fmt nv12 -bf 0
    cbr: hevc_qsv -preset medium -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -forced_idr 1 -flags +cgop -pix_fmt nv12 -bf 0
    capped-crf: h264_videotoolbox -profile:v high -b:v 400k -maxrate 400k -bufsize 600k -allow_sw 0 -pix_fmt nv12 -bf 0
    capped-crf: hevc_videotoolbox -b:v 400k -maxrate 400k -bufsize 600k -allow_sw 0 -pix_fmt nv12 -bf 0
    cbr: h264_videotoolbox -profile:v high -constant_bit_rate 1 -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -allow_sw 0 -pix_fmt nv12 -bf 0
    cbr: hevc_videotoolbox -constant_bit_rate 1 -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -allow_sw 0 -pix_fmt nv12 -bf 0
    ");
}

/// The device, the frames and the keyframes.
#[test]
fn vaapi_receives_uploaded_frames() {
    insta::assert_snapshot!(chunk(&paper("vaapi", "capped-crf", "")));
}

#[test]
fn nvenc_and_qsv_upload_frames_themselves() {
    insta::assert_snapshot!(chunk(&paper("qsv", "cbr", "")));
    let arguments = chunk(&paper("nvenc", "capped-crf", ""));
    assert!(!arguments.contains("hwupload"), "{arguments}");
    assert!(!arguments.contains("_hw_device"), "{arguments}");
}

#[test]
fn presets_are_the_nearest_ones() {
    let mut table = String::new();
    for preset in ["ultrafast", "veryfast", "medium", "veryslow"] {
        for name in ["nvenc", "qsv", "vaapi"] {
            let settings = format!("preset = \"{preset}\"\ncrf = 0");
            let arguments = chunk(&paper(name, "capped-crf", &settings));
            let encoder = arguments.split("-c:v h264_").nth(1).unwrap_or_default();
            let encoder = encoder.split(" -g ").next().unwrap_or_default();
            let words: Vec<&str> = encoder.split(' ').collect();
            let value = |option: &str| {
                let at = words.iter().position(|it| *it == option);
                at.map_or("-", |it| words[it + 1])
            };
            let quality = [value("-cq"), value("-global_quality")].join("");
            table += &format!("{preset}: {name} {} {quality}\n", value("-preset"));
        }
    }
    insta::assert_snapshot!(table, @"
    ultrafast: nvenc p1 1-
    ultrafast: qsv veryfast -1
    ultrafast: vaapi - -1
    veryfast: nvenc p3 1-
    veryfast: qsv fast -1
    veryfast: vaapi - -1
    medium: nvenc p5 1-
    medium: qsv slow -1
    medium: vaapi - -1
    veryslow: nvenc p7 1-
    veryslow: qsv veryslow -1
    veryslow: vaapi - -1
    ");
}

/// Neither software nor lanes without video need a device.
#[test]
fn a_run_names_the_hardware_that_it_uses() {
    let used = |paper: &Paper, lane: Lane| {
        let names = paper.arguments(|it| {
            let hardware = it.hardware(lane);
            hardware.iter().map(|it| it.as_str().to_owned()).collect()
        });
        let names = names.split_whitespace().map(str::to_owned);
        names.collect::<Vec<String>>()
    };
    let mut mixed = paper("nvenc", "capped-crf", "");
    mixed.newer.hevc.name = HevcEncoder::Vaapi;
    let lanes = |paper: &Paper| {
        let both = [Lane::First, Lane::Encode].map(|it| used(paper, it));
        let mut both = both.concat();
        both.sort();
        both.dedup();
        both
    };
    assert_eq!(lanes(&mixed), ["nvenc", "vaapi"]);
    assert_eq!(used(&mixed, Lane::Audio), [""; 0]);
    assert_eq!(lanes(&Paper::new(foreign())), [""; 0]);
}

/// A phone's video has a rung that is too narrow for hardware.
#[test]
fn small_rungs_are_encoded_in_software() {
    let mut paper = paper("nvenc", "capped-crf", "");
    paper.plan.rungs.iter_mut().for_each(|it| {
        it.size = Size {
            width: 202,
            height: 360,
        }
    });
    let arguments = chunk(&paper);
    for encoder in ["libx264", "libx265", "libsvtav1"] {
        assert!(arguments.contains(encoder), "{encoder}");
    }
    assert!(!arguments.contains("nvenc"), "{arguments}");
}
