//! Command lines for HDR sources.

use domain::probe::{HdrColors, HdrMatrix, HdrPrimaries, LightLevels, MasteringDisplay};

use super::*;

/// The display and the light levels of the sample in the documentation of x265.
pub(super) fn hdr10() -> HdrColors {
    HdrColors {
        mastering_display: Some(MasteringDisplay {
            red: (34_000, 16_000),
            green: (13_250, 34_500),
            blue: (7_500, 3_000),
            white: (15_635, 16_450),
            min_luminance: 1,
            max_luminance: 10_000_000,
        }),
        light_levels: Some(LightLevels {
            max_content: 1000,
            max_average: 400,
        }),
        ..HdrColors::default()
    }
}

/// Rungs by name, codec and height.
fn profile(rungs: &[(&str, &str, u32)]) -> Profile {
    let rungs = rungs.iter().map(|(name, codec, height)| {
        let width = height * 16 / 9;
        format!(
            "[[rung]]\nname = \"{name}\"\ncodec = \"{codec}\"\nwidth = {width}\nheight = {height}\n\
             video_kbps = 1000\naudio_kbps = 128\n"
        )
    });
    let rungs: String = rungs.collect();
    Profile::parse(&format!("segment_format = \"fmp4\"\n{rungs}")).unwrap()
}

fn paper(rungs: &[(&str, &str, u32)], hdr: HighDynamicRange, colors: HdrColors) -> Paper {
    let mut probe = standard();
    let video = probe.video_mut();
    video.codec = "hevc".to_owned();
    (video.hdr, video.wide_gamut, video.hdr_colors) = (Some(hdr), true, colors);
    Paper::by(profile(rungs), probe)
}

fn chunk(paper: &Paper, lane: Lane) -> String {
    let chunk = paper.plan.chunks(lane)[..1].to_vec();
    paper.arguments(|it| it.encode(lane, &chunk, 1))
}

/// Two chains from one decoder: a tone-mapped one, and one that keeps the colours.
#[test]
fn hdr_and_sdr_rungs_share_a_decoder() {
    let paper = paper(
        &[
            ("1080p", "h264", 1080),
            ("1080p-hevc", "hevc", 1080),
            ("720p-av1", "av1", 720),
            ("480p", "h264", 480),
        ],
        HighDynamicRange::Pq,
        hdr10(),
    );
    insta::assert_snapshot!(chunk(&paper, Lane::Encode));
    let first = chunk(&paper, Lane::First);
    assert!(
        first.contains("lut3d") && !first.contains("smpte2084"),
        "{first}"
    );
}

/// The only rung of H.264 is encoded ahead of the others: the I-frames come from the source.
#[test]
fn iframes_are_sdr_beside_hdr_rungs_alone() {
    let paper = paper(
        &[("720p-hevc", "hevc", 720), ("360p", "h264", 360)],
        HighDynamicRange::Hlg,
        HdrColors::default(),
    );
    assert_eq!(paper.plan.first.as_ref().unwrap().as_str(), "360p");
    insta::assert_snapshot!(chunk(&paper, Lane::Encode));
}

#[test]
fn the_colours_of_the_source_are_kept() {
    let rungs = [("720p-hevc", "hevc", 720), ("720p", "h264", 720)];
    let display = HdrColors {
        primaries: HdrPrimaries::DisplayP3,
        matrix: HdrMatrix::Bt709,
        full_range: true,
        mastering_display: None,
        ..hdr10()
    };
    let text = chunk(&paper(&rungs, HighDynamicRange::Pq, display), Lane::Encode);
    for expected in [
        "out_color_matrix=bt2020:out_range=pc,",
        "setparams=range=pc:colorspace=bt709:color_primaries=smpte432:color_trc=smpte2084,",
        ":hdr10=1:repeat-headers=1:max-cll=1000,400 ",
    ] {
        let text = text.replace("\n    ", "");
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("master-display"), "{text}");
}
