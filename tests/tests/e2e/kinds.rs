//! Common kinds of files, generated here, with every FFmpeg.

mod captions;
mod work;

use std::path::{Path, PathBuf};

use e2e::dev::files;
use e2e::ffmpegs::FFmpeg;
use e2e::media::{complaints_of_decoding, probe};
use e2e::pattern::{colour, make, numbers, onsets, pictures, tones};
use e2e::program::{check, text, transcode_with};
use futures::FutureExt as _;
use serde_json::Value;
use work::Work;

const SIZE: (u32, u32) = (640, 360);
const H264: [&str; 6] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
];

/// The expected numbers if a frame is shown until the next one: so many of each.
fn standing(numbers: impl Iterator<Item = (u32, usize)>) -> Vec<u32> {
    numbers
        .flat_map(|(number, times)| vec![number; times])
        .collect()
}

async fn audio_outlasts_the_video(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let inputs = [pictures(SIZE, 30, 2.0, 0), tones(5.0, 1)];
    let film = work.make(
        "film.mp4",
        &inputs.each_ref().map(String::as_str),
        &[&H264[..], &["-c:a", "aac"]].concat(),
    );
    work.ready(&film, 5.0).await;
    work.shows(
        "null",
        &standing((0..60).map(|it| (it, if it == 59 { 91 } else { 1 }))),
    );
    work.sounds(5);
}

async fn video_begins_late(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let inputs = [pictures(SIZE, 30, 3.0, 0), tones(5.0, 1)];
    let late = [
        &["-vf", "setpts=PTS+2/TB", "-fps_mode", "vfr"],
        &H264[..],
        &["-c:a", "aac"],
    ]
    .concat();
    let film = work.make("film.mp4", &inputs.each_ref().map(String::as_str), &late);
    work.ready(&film, 5.0).await;
    work.shows(
        "null",
        &standing((0..90).map(|it| (it, if it == 0 { 61 } else { 1 }))),
    );
    work.sounds(5);
}

async fn transport_streams_are_joined(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let joined = [work.stream("a.ts", SIZE, 0), work.stream("b.ts", SIZE, 60)].concat();
    let film = work.path("film.ts");
    std::fs::write(&film, joined).unwrap();
    work.ready(&film, 4.0).await;
    work.shows("null", &(0..120).collect::<Vec<_>>());
    work.sounds(4);
}

async fn the_size_changes(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let joined = [
        work.stream("a.ts", SIZE, 0),
        work.stream("b.ts", (320, 240), 60),
    ]
    .concat();
    let film = work.path("film.ts");
    std::fs::write(&film, joined).unwrap();
    work.ready(&film, 4.0).await;
    work.shows("trim=end_frame=60", &(0..60).collect::<Vec<_>>());
    // Three quarters as wide, between bars.
    work.shows(
        "trim=start_frame=60,crop=iw*3/4:ih:iw/8:0",
        &(60..120).collect::<Vec<_>>(),
    );
    work.sounds(4);
}

async fn screen_recording(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let inputs = [pictures(SIZE, 30, 5.0, 0), tones(5.0, 1)];
    let moves_at_first = [
        "-vf",
        "select='lt(n,45)+not(mod(n,30))'",
        "-fps_mode",
        "vfr",
    ];
    let options = [&moves_at_first[..], &H264, &["-c:a", "aac"]].concat();
    let film = work.make("film.mp4", &inputs.each_ref().map(String::as_str), &options);
    work.ready(&film, 5.0).await;
    let times = |it: u32| match it {
        44 => 16,
        45.. => 30,
        _ => 1,
    };
    work.shows(
        "null",
        &standing((0..45).chain([60, 90, 120]).map(|it| (it, times(it)))),
    );
    work.sounds(5);
}

async fn twelve_channels(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let inputs = [pictures(SIZE, 30, 3.0, 0), tones(3.0, 12)];
    let options = [&H264[..], &["-c:a", "pcm_s24le"]].concat();
    let film = work.make("film.mov", &inputs.each_ref().map(String::as_str), &options);
    assert_eq!(probe(&text(&film))["streams"][1]["channels"], 12);
    work.ready(&film, 3.0).await;
    let streams = probe(&work.master())["streams"].as_array().unwrap().clone();
    let sound = streams
        .iter()
        .find(|it| it["codec_type"] == "audio")
        .unwrap();
    assert_eq!(sound["channels"], 2, "{sound:#}");
    work.sounds(3);
}

async fn elementary_stream(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let film = work.make(
        "film.h264",
        &[&pictures(SIZE, 25, 4.0, 0)],
        &[&H264[..], &["-g", "50"]].concat(),
    );
    work.ready(&film, 4.0).await;
    work.shows("null", &(0..100).collect::<Vec<_>>());
}

async fn intra_refresh(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let inputs = [pictures(SIZE, 30, 8.0, 0), tones(8.0, 1)];
    let options = [
        &H264[..],
        &["-intra-refresh", "1", "-g", "60", "-c:a", "aac"],
    ]
    .concat();
    let film = work.make("film.mp4", &inputs.each_ref().map(String::as_str), &options);
    work.ready(&film, 8.0).await;
    work.shows("null", &(0..240).collect::<Vec<_>>());
    work.sounds(8);
}

async fn encrypted(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let key = "00112233445566778899aabbccddeeff";
    let lock = [
        "-encryption_scheme",
        "cenc-aes-ctr",
        "-encryption_key",
        key,
        "-encryption_kid",
        key,
    ];
    let film = work.make(
        "film.mp4",
        &[&pictures(SIZE, 30, 2.0, 0)],
        &[&H264[..], &lock].concat(),
    );
    work.refused(&film, "encrypted-source").await;
}

async fn only_audio(ffmpeg: &FFmpeg) {
    for (name, codec) in [
        ("sound.m4a", "aac"),
        ("sound.mp3", "libmp3lame"),
        ("sound.wav", "pcm_s16le"),
    ] {
        let mut work = Work::new(ffmpeg);
        let file = work.make(name, &[&tones(3.0, 1)], &["-c:a", codec]);
        work.ready(&file, 3.0).await;
        assert_eq!(work.rungs(), Vec::<String>::new(), "{name}");
    }
}

async fn slides(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let inputs = [pictures(SIZE, 1, 10.0, 0), tones(10.0, 1)];
    let film = work.make(
        "film.mp4",
        &inputs.each_ref().map(String::as_str),
        &[&H264[..], &["-c:a", "aac"]].concat(),
    );
    work.ready(&film, 10.0).await;
    for rung in work.rungs() {
        let seen = numbers(&rung, "null");
        // A remuxed rung has one frame per slide, an encoded one several.
        let each = seen.len() / 10;
        assert_eq!(
            seen,
            standing((0..10).map(|it| (it, each)))
                .into_iter()
                .map(Some)
                .collect::<Vec<_>>(),
            "{rung}"
        );
    }
    work.sounds(10);
}

async fn hd_that_names_no_colours(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let source = "color=c=0xC82828:s=1280x720:r=25:d=2,format=rgb24,scale=out_color_matrix=bt709,format=yuv420p";
    let film = work.make(
        "film.mp4",
        &[source],
        &[&H264[..], &["-colorspace", "unknown"]].concat(),
    );
    assert_eq!(
        probe(&text(&film))["streams"][0]["color_space"]
            .as_str()
            .unwrap_or("unknown"),
        "unknown"
    );
    work.ready(&film, 2.0).await;
    for rung in work.rungs() {
        let seen = colour(&rung);
        assert!(
            seen.iter()
                .zip([200, 40, 40])
                .all(|(it, right)| it.abs_diff(right) <= 10),
            "{rung}: {seen:?}"
        );
    }
}

async fn judge_all(ffmpeg: &FFmpeg) {
    let mut runs = vec![
        (
            "audio outlasts the video",
            audio_outlasts_the_video(ffmpeg).boxed_local(),
        ),
        (
            "the video begins late",
            video_begins_late(ffmpeg).boxed_local(),
        ),
        (
            "transport streams are joined",
            transport_streams_are_joined(ffmpeg).boxed_local(),
        ),
        ("the size changes", the_size_changes(ffmpeg).boxed_local()),
        ("a screen recording", screen_recording(ffmpeg).boxed_local()),
        ("twelve channels", twelve_channels(ffmpeg).boxed_local()),
        (
            "an elementary stream",
            elementary_stream(ffmpeg).boxed_local(),
        ),
        ("intra refresh", intra_refresh(ffmpeg).boxed_local()),
        ("encrypted", encrypted(ffmpeg).boxed_local()),
        ("only audio", only_audio(ffmpeg).boxed_local()),
        ("slides", slides(ffmpeg).boxed_local()),
        (
            "HD that names no colours",
            hd_that_names_no_colours(ffmpeg).boxed_local(),
        ),
    ];
    runs.extend(captions::runs(ffmpeg));
    testkit::together(runs, 2).await;
}

#[tokio::test]
async fn with_the_ffmpeg_on_the_path() {
    judge_all(&FFmpeg::on_path()).await;
}

#[tokio::test]
async fn with_ffmpeg_8_1() {
    if let Some(ffmpeg) = FFmpeg::installed("8.1") {
        judge_all(&ffmpeg).await;
    }
}

#[tokio::test]
async fn with_ffmpeg_9_0() {
    if let Some(ffmpeg) = FFmpeg::installed("9.0") {
        judge_all(&ffmpeg).await;
    }
}
