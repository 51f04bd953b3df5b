//! Unusual inputs: each output is upright, even, decodable, and conforms.

mod case;

use std::path::{Path, PathBuf};

use case::{Case, Expected, STEREO, expected, find, silent};
use e2e::media::{
    H264, complaints_of_decoding, ffmpeg, film, has_encoder, make_film, probe, shared_media,
    try_ffmpeg,
};
use e2e::program::{check, text, transcode};
use serde_json::Value;

#[tokio::test]
async fn rotated() {
    let case = Case::new();
    let flat = make_film(&case.path("flat.mp4"), "640x360", "24", 5.0, &[]);
    let turned = case.path("turned.mp4");
    let modern = [
        "-display_rotation",
        "90",
        "-i",
        &text(&flat),
        "-c",
        "copy",
        &text(&turned),
    ]
    .map(str::to_owned);
    if !try_ffmpeg(&modern).status.success() {
        // FFmpeg before 6.0: the same by the tag that older muxers accept.
        ffmpeg(
            &[
                "-i",
                &text(&flat),
                "-c",
                "copy",
                "-metadata:s:v:0",
                "rotate=90",
                &text(&turned),
            ]
            .map(str::to_owned),
        );
    }
    assert!(
        probe(&text(&turned))["streams"][0]["side_data_list"][0]["rotation"].is_i64(),
        "it is not turned"
    );
    case.check(&turned, expected((360, 640), Some(1), 5.0))
        .await;
}

#[tokio::test]
async fn portrait() {
    let case = Case::new();
    let film = make_film(&case.path("portrait.mp4"), "360x640", "30", 5.0, &[]);
    case.check(&film, expected((360, 640), Some(1), 5.0)).await;
}

#[tokio::test]
async fn odd_sizes() {
    let case = Case::new();
    let options = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv444p",
        "-c:a",
        "aac",
    ];
    let film = case.make("odd.mp4", &film("641x361", "25", 4.0), &options);
    case.check(&film, expected((640, 360), Some(1), 4.0)).await;
}

#[tokio::test]
async fn no_audio() {
    let case = Case::new();
    let film = case.make("silent.mp4", &silent("640x360", "24", 4.0), &H264[..8]);
    case.check(&film, expected((640, 360), None, 4.0)).await;
}

#[tokio::test]
async fn six_channels() {
    let case = Case::new();
    let film = make_film(&case.path("film.mp4"), "320x180", "24", 6.0, &["-ac", "6"]);
    case.check(&film, expected((320, 180), STEREO, 6.0)).await;
}

#[tokio::test]
async fn mono_at_44100() {
    let case = Case::new();
    let film = make_film(
        &case.path("film.mp4"),
        "320x180",
        "24",
        6.0,
        &["-ac", "1", "-ar", "44100"],
    );
    case.check(&film, expected((320, 180), Some(1), 6.0)).await;
}

#[tokio::test]
async fn audio_that_begins_late() {
    let case = Case::new();
    let mut inputs = silent("320x180", "24", 6.0);
    inputs.extend(
        [
            "-itsoffset",
            "0.5",
            "-f",
            "lavfi",
            "-i",
            "sine=duration=5.5:sample_rate=48000",
        ]
        .map(str::to_owned),
    );
    let film = case.make("late.mp4", &inputs, &H264);
    case.check(&film, expected((320, 180), Some(1), 6.0)).await;
}

#[tokio::test]
async fn audio_that_ends_early() {
    let case = Case::new();
    let mut inputs = silent("320x180", "24", 8.0);
    inputs.extend(["-f", "lavfi", "-i", "sine=duration=3:sample_rate=48000"].map(str::to_owned));
    let film = case.make("short-sound.mp4", &inputs, &H264);
    case.check(&film, expected((320, 180), Some(1), 8.0)).await;
}

#[tokio::test]
async fn variable_frame_rate() {
    let case = Case::new();
    let mut options = H264.to_vec();
    options.extend(["-vf", "select='gt(mod(n,5),1)'", "-fps_mode", "vfr"]);
    let film = case.make("variable.mkv", &film("320x180", "30", 8.0), &options);
    case.check(&film, expected((320, 180), Some(1), 8.0)).await;
}

#[tokio::test]
async fn interlaced_mpeg2() {
    let case = Case::new();
    let mut options = vec![
        "-vf",
        "tinterlace=interleave_top,fieldorder=tff",
        "-c:v",
        "mpeg2video",
        "-b:v",
        "2M",
    ];
    options.extend([
        "-flags",
        "+ildct+ilme",
        "-g",
        "12",
        "-c:a",
        "mp2",
        "-f",
        "mpegts",
    ]);
    let film = case.make("interlaced.ts", &film("720x576", "50", 6.0), &options);
    case.check(&film, expected((450, 360), Some(1), 6.0)).await;
}

#[tokio::test]
async fn hdr_in_ten_bits() {
    if !has_encoder("libx265") {
        testkit::missing("FFmpeg with libx265", "scripts/setup.sh");
        return;
    }
    let case = Case::new();
    let mut options = vec![
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p10le",
        "-tag:v",
        "hvc1",
    ];
    options.extend([
        "-color_primaries",
        "bt2020",
        "-color_trc",
        "arib-std-b67",
        "-colorspace",
        "bt2020nc",
    ]);
    options.extend([
        "-x265-params",
        "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc",
        "-c:a",
        "aac",
    ]);
    let film = case.make("hdr.mp4", &film("640x360", "25", 4.0), &options);
    case.check(&film, expected((640, 360), Some(1), 4.0)).await;
}

#[tokio::test]
async fn webm_without_cues() {
    if !has_encoder("libvpx-vp9") {
        testkit::missing("FFmpeg with libvpx-vp9", "scripts/setup.sh");
        return;
    }
    let case = Case::new();
    let options = [
        "-c:v",
        "libvpx-vp9",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
        "-c:a",
        "libopus",
        "-live",
        "1",
    ];
    let film = case.make("live.webm", &film("320x180", "30", 5.0), &options);
    case.check(&film, expected((320, 180), Some(1), 5.0)).await;
}

#[tokio::test]
async fn avi_of_another_age() {
    let case = Case::new();
    let options = [
        "-c:v",
        "mpeg4",
        "-q:v",
        "5",
        "-bf",
        "2",
        "-c:a",
        "libmp3lame",
        "-ar",
        "44100",
    ];
    let film = case.make("old.avi", &film("480x200", "25", 5.0), &options);
    case.check(&film, expected((432, 180), Some(1), 5.0)).await;
}

#[tokio::test]
async fn one_frame() {
    let case = Case::new();
    let mut options = H264.to_vec();
    options.extend(["-frames:v", "1", "-an"]);
    let film = case.make("one.mp4", &silent("320x180", "25", 1.0), &options);
    case.check(
        &film,
        Expected {
            seconds: (0.04, 0.05),
            ..expected((320, 180), None, 0.0)
        },
    )
    .await;
}

#[tokio::test]
async fn a_third_of_a_second() {
    let case = Case::new();
    let film = make_film(&case.path("short.mp4"), "320x180", "30", 0.3, &[]);
    case.check(
        &film,
        Expected {
            seconds: (0.3, 0.08),
            ..expected((320, 180), Some(1), 0.0)
        },
    )
    .await;
}

#[tokio::test]
async fn high_frame_rate_is_halved() {
    let case = Case::new();
    let film = make_film(
        &case.path("fast.mp4"),
        "320x180",
        "120",
        4.0,
        &["-r", "120000/1001", "-video_track_timescale", "120000"],
    );
    case.check(
        &film,
        Expected {
            rate: "FRAME-RATE=59.940",
            ..expected((320, 180), Some(1), 4.0)
        },
    )
    .await;
}

/// Files that were joined without encoding have overlapping audio at every join: copied audio must
/// not drift.
#[tokio::test]
async fn joined_files_stay_in_time() {
    let case = Case::new();
    let piece = make_film(
        &case.path("piece.mp4"),
        "320x180",
        "24",
        3.0,
        &["-preset", "veryfast", "-bf", "3"],
    );
    let inputs = ["-stream_loop", "19", "-i", &text(&piece)].map(str::to_owned);
    let joined = case.make("joined.mp4", &inputs, &["-c", "copy"]);
    case.check(
        &joined,
        Expected {
            seconds: (60.0, 1.0),
            ..expected((320, 180), Some(1), 60.0)
        },
    )
    .await;
}

/// Remuxing an open GOP would show broken frames after a seek: it has to be encoded.
#[tokio::test]
async fn open_groups_of_pictures_are_not_remuxed() {
    let case = Case::new();
    let options = [
        "-c:v",
        "libx264",
        "-preset",
        "fast",
        "-pix_fmt",
        "yuv420p",
        "-x264-params",
        "open-gop=1:keyint=48:bframes=3",
        "-c:a",
        "aac",
    ];
    let film = case.make("open.mkv", &film("640x360", "24", 10.0), &options);
    case.check(&film, expected((640, 360), Some(1), 10.0)).await;
}

/// Third-party files, if they are available: ready and decodable, or refused with a message.
#[tokio::test]
async fn files_of_others() {
    let Some(folder) = shared_media() else {
        testkit::skipped("there is no directory of shared media beside the checkout");
        return;
    };
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    names.retain(|it| {
        it.extension().is_some_and(|it| it != "md") && it.metadata().unwrap().len() < 3_000_000
    });
    // A file of six minutes is for benchmarks.
    names.retain(|it| !it.ends_with("standard-1080p-6min.mp4"));
    names.sort();
    for input in names {
        let case = Case::new();
        let (out, temporary) = (case.path("out"), case.path("tmp"));
        std::fs::create_dir_all(&temporary).unwrap();
        let answer = transcode(&input, &out, &temporary, &[]).await;
        let report = answer.last();
        println!(
            "{}: {:?} in {:?}",
            input.display(),
            answer.code,
            answer.took
        );
        assert_eq!(
            answer.code,
            Some(0),
            "{}: {report}\n{}",
            input.display(),
            answer.stderr
        );
        for rendition in report["rungs"]
            .as_array()
            .unwrap()
            .iter()
            .chain(report["audio"].as_array().unwrap())
        {
            let playlist = find(
                &out.join("hls"),
                &format!("{}.m3u8", rendition["name"].as_str().unwrap()),
            );
            assert_eq!(
                complaints_of_decoding(&text(&playlist)),
                "",
                "{}: {}",
                input.display(),
                playlist.display()
            );
        }
        check(report["master"].as_str().unwrap(), &temporary).await;
    }
}
