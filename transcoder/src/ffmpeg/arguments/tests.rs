use domain::image::ImageKind;
use domain::job::Mode;
use domain::probe::cases::standard;
use domain::probe::{HighDynamicRange, Seeking};
use domain::profile::{Profile, RateControl};

use super::*;

mod hardware;
mod hdr;
mod samples;
mod tables;
mod watermark;

/// One argument line per input, output or filter, so that a change shows as a line.
fn lines(arguments: &[String]) -> String {
    let mut text = String::new();
    for argument in arguments {
        let begins = argument == "-i"
            || argument == "-map"
            || argument == "-filter_complex"
            || argument == "-f";
        text += if text.is_empty() {
            ""
        } else if begins {
            "\n"
        } else {
            " "
        };
        text += &argument
            .replace(
                ',',
                if argument.starts_with('[') {
                    ",\n    "
                } else {
                    ","
                },
            )
            .replace(';', ";\n    ");
    }
    text
}

struct Paper {
    plan: EncodePlan,
    probe: Probe,
    profile: Profile,
    newer: NewerCodecs,
}

impl Paper {
    fn new(probe: Probe) -> Self {
        Self::by(Profile::default(), probe)
    }

    /// For a profile whose rungs need two audio renditions.
    fn with_two_audio_rates(probe: Probe) -> Self {
        let mut profile = Profile::default();
        profile
            .rungs
            .iter_mut()
            .for_each(|it| it.audio_kbps = if it.height > 360 { 96 } else { 64 });
        Self::by(profile, probe)
    }

    fn by(profile: Profile, probe: Probe) -> Self {
        Self {
            plan: EncodePlan::new(&probe, &profile, Mode::Abr).unwrap(),
            probe,
            newer: NewerCodecs::new(&profile, Av1Library::Svt),
            profile,
        }
    }

    fn arguments(&self, of: impl Fn(&CommandInputs<'_>) -> Vec<String>) -> String {
        let output = |name: &str, file: &str| format!("OUT/{name}/{file}");
        lines(&of(&CommandInputs {
            plan: &self.plan,
            probe: &self.probe,
            encoder: &self.profile.encoder,
            newer: &self.newer,
            device: Path::new("/dev/dri/renderD128"),
            deinterlacer: "bwdif",
            tone_map: self
                .probe
                .video
                .as_ref()
                .and_then(|it| it.hdr)
                .map(|_| Path::new("TABLE.cube")),
            watermark: self.plan.watermark.as_ref().map(|_| WatermarkInput {
                path: Path::new("LOGO.image"),
                kind: ImageKind::Png,
            }),
            source: "SOURCE",
            output: &output,
        }))
    }
}

#[test]
fn the_remuxed_rung_begins_at_the_first_frame() {
    let paper = Paper::new(standard());
    let chunks = copied(&paper);
    insta::assert_snapshot!(paper.arguments(|it| it.copy(&chunks[0])));
}

#[test]
fn the_remuxed_rung_goes_on_at_a_later_chunk() {
    let paper = Paper::new(standard());
    let chunks = copied(&paper);
    insta::assert_snapshot!(paper.arguments(|it| it.copy(&chunks[1])));
}

#[test]
fn audio_begins_at_the_first_frame() {
    let paper = Paper::with_two_audio_rates(standard());
    insta::assert_snapshot!(paper.arguments(|it| it.audio(&it.plan.audio_chunks[0])));
}

#[test]
fn audio_goes_on_at_a_later_chunk() {
    let paper = Paper::with_two_audio_rates(standard());
    insta::assert_snapshot!(paper.arguments(|it| it.audio(&it.plan.audio_chunks[1])));
}

#[test]
fn a_chunk_decodes_once_for_all_rungs() {
    let paper = Paper::new(standard());
    insta::assert_snapshot!(paper.arguments(|it| it.encode(
        Lane::Encode,
        &it.plan.encode_chunks[1..=1],
        1
    )));
}

#[test]
fn interlaced_hdr_without_an_index_takes_every_filter() {
    let mut probe = standard();
    probe.video_mut().interlaced = true;
    probe.video_mut().hdr = Some(HighDynamicRange::Hlg);
    probe.index.seeking = Seeking::Approximate;
    let paper = Paper::new(probe);
    insta::assert_snapshot!(paper.arguments(|it| it.encode(
        Lane::Encode,
        &it.plan.encode_chunks[2..=2],
        1
    )));
}

#[test]
fn the_first_rung_is_encoded_alone_in_one_run() {
    let mut probe = standard();
    probe.video_mut().codec = "hevc".to_owned();
    let paper = Paper::new(probe);
    insta::assert_snapshot!(paper.arguments(|it| it.encode(Lane::First, &it.plan.first_chunks, 2)));
}

#[test]
fn a_source_that_cannot_be_sought_is_encoded_in_one_run() {
    let mut probe = standard();
    probe.index.seeking = Seeking::Sequential;
    probe.index.video_start = 90_000;
    probe.index.end += 90_000;
    let paper = Paper::new(probe);
    insta::assert_snapshot!(paper.arguments(|it| it.encode(
        Lane::Encode,
        &it.plan.encode_chunks,
        2
    )));
}

#[test]
fn many_channels_are_mixed_down() {
    assert_eq!(mixed_down(8), "");
    assert_eq!(
        mixed_down(9),
        "pan=stereo|c0<c0+c2+c4+c6+c8|c1<c1+c3+c5+c7,"
    );
}

#[test]
fn copy_mode_decodes_keyframes_only() {
    let mut paper = Paper::new(standard());
    paper.plan = EncodePlan::new(&paper.probe, &paper.profile, Mode::Copy).unwrap();
    insta::assert_snapshot!(paper.arguments(|it| it.encode(
        Lane::Encode,
        &it.plan.encode_chunks[0..=0],
        1
    )));
}

#[test]
fn a_poster_is_one_frame() {
    let paper = Paper::new(standard());
    insta::assert_snapshot!(paper.arguments(|it| it.poster(
        it.probe.video.as_ref().unwrap(),
        540_000,
        Size {
            width: 1280,
            height: 720
        }
    )));
}

#[test]
fn one_picture_of_whatever_there_is() {
    let still = |demuxer, offset| {
        super::still(
            "IN",
            demuxer,
            Size {
                width: 1280,
                height: 720,
            },
            offset,
            "OUT",
        )
        .join(" ")
    };
    insta::assert_snapshot!([still("png_pipe", 0.0), still("mpegts", 1.5)].join("\n"), @"
    -max_pixels 67108864 -max_streams 256 -protocol_whitelist http,tcp -format_whitelist png_pipe -f png_pipe -threads 1 -i IN -an -sn -dn -map_metadata -1 -vf setpts=PTS-STARTPTS,trim=start=0.000000,scale=1280:1280:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic:out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=range=tv:colorspace=bt470bg,setsar=1,trim=end_frame=1 -frames:v 1 -fps_mode passthrough -c:v mjpeg -q:v 4 -pix_fmt yuvj420p -f image2 OUT
    -max_pixels 67108864 -max_streams 256 -protocol_whitelist http,tcp -format_whitelist mpegts -f mpegts -threads 1 -i IN -an -sn -dn -map_metadata -1 -vf setpts=PTS-STARTPTS,trim=start=1.490000,scale=1280:1280:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic:out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=range=tv:colorspace=bt470bg,setsar=1,trim=end_frame=1 -frames:v 1 -fps_mode passthrough -c:v mjpeg -q:v 4 -pix_fmt yuvj420p -f image2 OUT
    ");
}

#[test]
fn an_animation_has_frames_of_equal_duration() {
    let size = Size {
        width: 320,
        height: 180,
    };
    let text = super::animation("IN", "mpegts", size, (15, 30), "OUT").join(" ");
    insta::assert_snapshot!(text, @"-max_pixels 67108864 -max_streams 256 -protocol_whitelist http,tcp -format_whitelist mpegts -f mpegts -threads 1 -i IN -an -sn -dn -map_metadata -1 -vf setpts=PTS-STARTPTS,fps=10,tpad=stop_mode=clone:stop=45,trim=start_frame=15:end_frame=45,setpts=PTS-STARTPTS,scale=320:180:flags=bicubic:out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=range=tv:colorspace=bt470bg,setsar=1 -fps_mode passthrough -c:v libwebp_anim -quality 60 -compression_level 4 -pix_fmt yuv420p -f image2 OUT");
}

#[test]
fn a_bitrate_that_is_constant_is_filled_up() {
    let mut paper = Paper::new(standard());
    paper.profile.encoder.rate_control = RateControl::Cbr;
    let text = paper.arguments(|it| it.encode(Lane::Encode, &it.plan.encode_chunks[0..=0], 2));
    assert!(
        text.contains(
            "-b:v 800k -minrate 800k -maxrate 800k -bufsize 800k -x264-params nal-hrd=cbr"
        ),
        "{text}"
    );
}

fn copied(paper: &Paper) -> Vec<ChunkPlan> {
    paper.plan.copy_chunks.clone()
}
