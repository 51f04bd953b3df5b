use std::process::Command;
use std::sync::Arc;

use domain::failure::FailureCode;

use super::*;
use crate::ffmpeg::probe::streams;
use crate::loopback::Loopback;
use crate::stills::InMemory;

/// Six seconds at 25 frames per second with a keyframe every two, made by FFmpeg.
fn film(extra: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=25",
        "-f",
        "lavfi",
        "-i",
        "sine",
    ]);
    ffmpeg
        .args([
            "-t",
            "6",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "50",
            "-c:a",
            "aac",
        ])
        .args(extra);
    assert!(ffmpeg.arg(&path).status().unwrap().success());
    std::fs::read(path).unwrap()
}

fn blocks(bytes: Vec<u8>) -> Blocks {
    Blocks::new(Arc::new(InMemory(bytes.into())))
}

async fn index_of(bytes: Vec<u8>) -> Option<Indexed> {
    let tools = Tools::find(None, None).unwrap();
    let blocks = blocks(bytes);
    let loopback = Loopback::start(blocks.clone()).await.unwrap();
    let url = loopback.source_url();
    let found = streams(&tools, "matroska", &url, None)
        .await
        .unwrap()
        .of_video();
    index(&tools, &blocks, &url, &found).await.unwrap()
}

#[tokio::test]
async fn cues_and_the_last_packets_make_an_index() {
    let Indexed {
        index,
        frame_times,
        video,
        audio,
        unseekable,
        ..
    } = index_of(film(&[])).await.unwrap();
    assert_eq!(index.keyframes, [0, 180_000, 360_000]);
    // Times of Matroska are whole milliseconds.
    assert!(index.video_end.abs_diff(540_000) <= 90, "{index:?}");
    assert_eq!(
        (frame_times.len(), frame_times[1], unseekable),
        (150, 3_600, None)
    );
    assert!((video.end - video.start - 6.0).abs() < 0.002, "{video:?}");
    let audio = audio.unwrap();
    assert!((5.9..6.1).contains(&(audio.end - audio.start)), "{audio:?}");
    assert_eq!(
        (index.gop_bytes.len(), index.seeking, index.closed_gops),
        (0, Seeking::Indexed, true)
    );
}

#[tokio::test]
async fn times_count_from_the_first_frame() {
    let later = index_of(film(&[
        "-output_ts_offset",
        "3",
        "-cluster_time_limit",
        "500",
    ]))
    .await
    .unwrap();
    assert!((later.video.start - 3.0).abs() < 0.1, "{:?}", later.video);
    assert_eq!(later.index.keyframes, [0, 180_000, 360_000]);
    assert!(
        later.index.video_end.abs_diff(540_000) <= 90,
        "{:?}",
        later.index
    );
}

#[tokio::test]
async fn without_cues_every_packet_has_to_be_read() {
    assert!(index_of(film(&["-live", "1"])).await.is_none());
}

#[tokio::test]
async fn damage_is_left_to_ffmpeg_and_a_stump_is_refused() {
    let film = film(&["-t", "1"]);
    let code = read(&blocks(film[..60].to_vec()))
        .await
        .map(drop)
        .unwrap_err()
        .failure()
        .code;
    assert_eq!(code, FailureCode::Truncated);
    assert!(
        read(&blocks(b"this is not Matroska".to_vec()))
            .await
            .unwrap()
            .is_none()
    );
    let whole = read(&blocks(film)).await.unwrap().unwrap();
    assert_eq!(whole.tracks.len(), 2);
}
