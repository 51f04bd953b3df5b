//! The whole service with other versions of FFmpeg than the one on the path.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::dev::Home;
use e2e::ffmpegs::FFmpeg;
use e2e::media::{complaints_of_decoding, ffmpeg, film, has_encoder, make_film, shared_media};
use e2e::pattern::numbers;
use e2e::program::{check, text};
use serde_json::json;

/// `doctor` finds no problem; an upload becomes ready in one attempt and plays to its end through
/// the edge.
async fn serves(version: &'static str) {
    let Some(ffmpeg) = FFmpeg::installed(version) else {
        return;
    };
    let mut home = Home::new();
    let data = text(&home.data());
    let arguments = ["doctor", "--json", "--data", &data];
    let answer = ffmpeg
        .edgereel(&arguments, &home.temporary(), Duration::from_secs(60))
        .await;
    assert_eq!(
        (answer.code, &answer.last()["ok"]),
        (Some(0), &json!(true)),
        "{:#}",
        answer.last()
    );

    home.environment = ffmpeg.environment();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "1280x720",
        "25",
        14.0,
        &[],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    let ready = dev.until_ready(video).await;
    assert_eq!(ready["attempts"].as_array().unwrap().len(), 1, "{ready:#}");
    let url = dev.hls_url(video).await;
    assert_eq!(complaints_of_decoding(&url), "");
    assert_eq!(numbers(&url, "null").len(), 350, "pictures");
    check(&url, &home.temporary()).await;
    assert!(dev.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_8_1_serves() {
    serves("8.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_9_0_serves() {
    serves("9.0").await;
}

/// An HDR film: a third-party one if available, else a generated one.
fn hdr(folder: &Path) -> Option<PathBuf> {
    if let Some(found) = shared_media()
        .map(|it| it.join("hevc-hlg10.mp4"))
        .filter(|it| it.is_file())
    {
        return Some(found);
    }
    if !has_encoder("libx265") {
        testkit::missing("FFmpeg with libx265", "scripts/setup.sh");
        return None;
    }
    let path = folder.join("hdr.mp4");
    let (input, shown) = (film("640x360", "25", 2.0), text(&path));
    let tags = "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc";
    let mut arguments: Vec<&str> = input[..4].iter().map(String::as_str).collect();
    arguments.extend([
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p10le",
        "-tag:v",
        "hvc1",
    ]);
    arguments.extend([
        "-color_primaries",
        "bt2020",
        "-color_trc",
        "arib-std-b67",
        "-colorspace",
        "bt2020nc",
    ]);
    arguments.extend(["-x265-params", tags, &shown]);
    ffmpeg(&arguments);
    Some(path)
}

/// Many builds lack zscale: HDR does not need it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hdr_needs_no_zscale() {
    let Some(ffmpeg) = FFmpeg::installed("8.1") else {
        return;
    };
    assert!(
        !ffmpeg.has("filters", "zscale"),
        "this FFmpeg has zscale: the test needs another one"
    );
    let mut home = Home::new();
    let Some(film) = hdr(home.folder.path()) else {
        return;
    };
    home.environment = ffmpeg.environment();
    let dev = home.start().await;
    let video = dev.upload(&film, "hdr.mp4").await;
    let ready = dev.until_ready(video).await;
    assert_eq!(ready["attempts"].as_array().unwrap().len(), 1, "{ready:#}");
    assert_eq!(ready["warnings"], serde_json::json!([]), "{ready:#}");
    assert!(dev.terminate().await.success());
}
