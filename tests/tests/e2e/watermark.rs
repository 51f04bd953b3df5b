//! The image in the frames of all rungs, from real FFmpeg, and the name of the viewer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::ids::VideoId;
use e2e::browser;
use e2e::dev::{Dev, Home, files};
use e2e::ffmpegs::FFmpeg;
use e2e::media::{complaints_of_decoding, ffmpeg};
use e2e::player::Player;
use e2e::program::{check, edgereel, text, transcode, transcode_with};
use serde_json::{Value, json};

use self::films::{RED, film, is_marked, logo, size_of, turned};

mod films;

/// A ladder with a first rung, and the watermark.
const PROFILE: &str = r#"
name = "small"
segment_seconds = 2.0
thumbnails = 2

[encoder]
preset = "ultrafast"
crf = 18

[watermark]
image = "logo.png"
corner = "bottom-right"
width = 25
margin = 5
opacity = 0.5
viewer = "moving"

[[rung]]
name = "720p"
width = 1280
height = 720
video_kbps = 2000
audio_kbps = 64

[[rung]]
name = "360p"
width = 640
height = 360
video_kbps = 800
audio_kbps = 64

[[rung]]
name = "180p"
width = 320
height = 180
video_kbps = 300
audio_kbps = 64
"#;

/// Every rung, the I-frames, the thumbnails and the poster of every shape have the image in the same
/// corner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_frame_has_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let temporary = path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    logo(&path("logo.png"), 255, 0);
    let profile = path("marked.toml");
    std::fs::write(&profile, PROFILE).unwrap();
    let landscape = film(&path("landscape.mp4"), "1280x720", 5, &[]);
    let flat = film(&path("flat.mp4"), "640x360", 3, &[]);
    let films = [
        (landscape, 3),
        (film(&path("portrait.mp4"), "360x640", 3, &[]), 2),
        (turned(&flat, &path("turned.mp4")), 2),
        (
            film(&path("odd.mp4"), "641x361", 3, &["-pix_fmt", "yuv444p"]),
            2,
        ),
        // It is read from its beginning through a normaliser.
        (film(&path("elementary.h264"), "640x360", 3, &[]), 2),
    ];
    for (film, count) in films {
        let name = film.file_stem().unwrap().to_string_lossy().into_owned();
        let out = path(&format!("{name}-out"));
        let options = ["--profile", &text(&profile)];
        let answer = transcode(&film, &out, &temporary, &options).await;
        assert_eq!(answer.code, Some(0), "{name}: {}", answer.stderr);
        let rungs = answer.last()["rungs"].as_array().unwrap();
        assert_eq!(rungs.len(), count, "{name}: {rungs:?}");
        assert!(rungs.iter().all(|it| it["copied"] == false), "{name}");
        check(&text(&out), &temporary).await;
        let mut seen = vec![];
        for file in files(&out.join("hls")) {
            let target = text(&out.join("hls").join(&file));
            let is_rung = target.ends_with("p.m3u8");
            let is_image = target.ends_with(".jpg") && !target.contains("storyboard");
            if is_rung || is_image || target.ends_with("iframes.m3u8") {
                // From the first chunk, and from a later one.
                let times: &[f64] = if is_rung { &[0.0, 9.0] } else { &[9.0] };
                for seconds in times {
                    is_marked(&target, *seconds, size_of(&target), RED);
                }
                seen.push(file);
            }
        }
        // The rungs, the I-frames, two thumbnails and the poster.
        assert_eq!(seen.len(), count + 4, "{name}: {seen:?}");
        let master = text(&out.join("hls/master.m3u8"));
        assert_eq!(complaints_of_decoding(&master), "", "{name}");
        let written = std::fs::read_to_string(&master).unwrap();
        let value = "#EXT-X-SESSION-DATA:DATA-ID=\"com.edgereel.viewer\",VALUE=\"moving\"\n";
        assert!(written.contains(value), "{written}");
    }
    // Nothing is left of the temporary images.
    assert_eq!(files(&temporary), Vec::<PathBuf>::new());
}

/// Other versions of FFmpeg draw the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_draws_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let temporary = path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    logo(&path("logo.png"), 255, 0);
    // Lossless, so that the colours are those of the PNG.
    let webp = [
        "-c:v",
        "libwebp",
        "-lossless",
        "1",
        &text(&path("logo.webp")),
    ]
    .map(str::to_owned);
    let png = text(&path("logo.png"));
    ffmpeg(&[&["-i".to_owned(), png][..], &webp].concat());
    let film = film(&path("film.mp4"), "640x360", 3, &[]);
    for version in [
        Some(FFmpeg::on_path()),
        FFmpeg::installed("8.1"),
        FFmpeg::installed("9.0"),
    ]
    .into_iter()
    .flatten()
    {
        for image in ["logo.png", "logo.webp"] {
            // Small builds lack some decoders: the start of the program reports it.
            let is_known = version.has("decoders", &image[5..]);
            let profile = path("marked.toml");
            std::fs::write(&profile, PROFILE.replace("logo.png", image)).unwrap();
            let out = path(&format!("out-{}-{image}", version.name));
            let options = ["--encrypt", "--profile", &text(&profile)];
            let environment = version.environment();
            let answer = transcode_with(&environment, &film, &out, &temporary, &options).await;
            let context = format!("FFmpeg {}, {image}", version.name);
            if !is_known {
                let error = &answer.last()["error"];
                assert_eq!(error["code"], "invalid-profile", "{context}: {error}");
                continue;
            }
            assert_eq!(answer.code, Some(0), "{context}: {}", answer.stderr);
            check(&text(&out), &temporary).await;
            is_marked(
                &text(&out.join("hls/master.m3u8")),
                9.0,
                size_of(&text(&out.join("hls/master.m3u8"))),
                RED,
            );
        }
    }
}

/// An image that cannot be used ends the program before the first video.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unusable_images_are_reported_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("tmp")).unwrap();
    let film = film(&path("film.mp4"), "320x180", 2, &[]);
    let profile = path("marked.toml");
    std::fs::write(&profile, PROFILE).unwrap();
    let mut problems = vec![];
    // Missing, of another format, and damaged behind its header.
    for image in [None, Some(&b"GIF89a"[..]), Some(&b"damaged"[..])] {
        match image {
            None => {}
            Some(b"damaged") => {
                logo(&path("logo.png"), 255, 0);
                let mut bytes = std::fs::read(path("logo.png")).unwrap();
                bytes.truncate(40);
                std::fs::write(path("logo.png"), bytes).unwrap();
            }
            Some(bytes) => std::fs::write(path("logo.png"), bytes).unwrap(),
        }
        let options = ["--profile", &text(&profile)];
        let answer = transcode(&film, &path("out"), &path("tmp"), &options).await;
        assert_ne!(answer.code, Some(0), "{image:?}");
        let error = answer.last()["error"].clone();
        assert_eq!(error["code"], "invalid-profile", "{image:?}: {error:#}");
        problems.push(error["message"].to_string());
    }
    for (problem, expected) in problems.iter().zip([
        "`logo.png` cannot be used: No such file",
        "`logo.png` cannot be used: it is not a PNG or WebP image",
        "failed the test encode of the watermark of profile `small`",
    ]) {
        assert!(problem.contains(expected), "{problem}");
    }
}

/// Waits until attempt number `count` has ended, and returns its outcome.
async fn until_attempt(dev: &Dev, video: VideoId, count: usize) -> Value {
    let ended = |it: &Value| {
        let attempts = it["attempts"].as_array();
        attempts.is_some_and(|it| it.len() >= count && !it[count - 1]["ended_at"].is_null())
    };
    dev.until(video, Duration::from_secs(120), ended).await["attempts"][count - 1].clone()
}

/// The segments of the generation that plays, decrypted, in files: of each rung the first one.
async fn first_segments(dev: &Dev, video: VideoId, folder: &Path) -> (String, Vec<PathBuf>) {
    let (player, url) = (Player::new(), dev.hls_url(video).await);
    let presentation = player.presentation(&url).await.unwrap().unwrap();
    let mut found = vec![];
    let mut generation = String::new();
    for (name, media) in &presentation.media {
        if name.ends_with('p') {
            let segment = player.clear_segment(media, 0).await;
            let file = folder.join(format!("{name}.ts"));
            std::fs::write(&file, segment).unwrap();
            found.push(file);
            let url = Player::segment_url(media, 0);
            generation = url.path_segments().unwrap().nth(2).unwrap().to_owned();
        }
    }
    (generation, found)
}

/// From the upload to the segment: the image, another image, and the modes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_image_is_another_generation() {
    let mut home = Home::with_profile(PROFILE);
    let folder = home.folder.path().to_owned();
    let image = folder.join("logo.png");
    logo(&image, 255, 0);
    let film = film(&folder.join("film.mp4"), "640x360", 4, &[]);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    let ready = dev.until_ready(video).await;
    assert_eq!(
        ready["watermark"],
        json!({ "image": true, "viewer": true }),
        "{ready:#}"
    );
    let renditions = ready["renditions"].as_array().unwrap();
    let copied = renditions
        .iter()
        .filter(|it| it["kind"] == "video" && it["copied"] == true);
    assert_eq!(copied.count(), 0, "{ready:#}");
    check(&dev.hls_url(video).await, &home.temporary()).await;
    let (first, segments) = first_segments(&dev, video, &folder).await;
    assert_eq!(segments.len(), 2);
    for segment in &segments {
        is_marked(&text(segment), 0.0, size_of(&text(segment)), RED);
    }

    // A request for a remux gets one encoded rung with the image.
    let fields = json!({ "filename": "film.mp4", "profile": "small", "mode": "copy" });
    let other = dev.upload_as(&film, fields).await;
    dev.until_ready(other).await;
    let (_, rungs) = first_segments(&dev, other, &folder).await;
    assert_eq!(rungs.len(), 1, "{rungs:?}");
    is_marked(&text(&rungs[0]), 0.0, (640, 360), RED);
    assert!(dev.terminate().await.success());

    logo(&image, 0, 255);
    let dev = home.start().await;
    // A single rung would have another image than the others.
    let reencode = format!("/v1/videos/{video}/reencode");
    let single = json!({ "rungs": ["180p"] });
    assert_eq!(dev.call("POST", &reencode, Some(&single)).await.0, 202);
    let outcome = until_attempt(&dev, video, 2).await;
    assert_eq!(
        outcome["failure"]["code"], "rungs-do-not-fit",
        "{outcome:#}"
    );
    assert_eq!(
        first_segments(&dev, video, &folder).await.0,
        first,
        "it still plays"
    );
    assert_eq!(dev.call("POST", &reencode, Some(&json!({}))).await.0, 202);
    until_attempt(&dev, video, 3).await;
    dev.until_ready(video).await;
    let (second, segments) = first_segments(&dev, video, &folder).await;
    assert_ne!(second, first);
    for segment in segments {
        is_marked(
            &text(&segment),
            0.0,
            size_of(&text(&segment)),
            [64, 64, 191],
        );
    }
    // A single rung again, now with the image of the others.
    assert_eq!(dev.call("POST", &reencode, Some(&single)).await.0, 202);
    let outcome = until_attempt(&dev, video, 4).await;
    assert_eq!(outcome["failure"], Value::Null, "{outcome:#}");
    let (_, segments) = first_segments(&dev, video, &folder).await;
    for segment in segments {
        is_marked(
            &text(&segment),
            0.0,
            size_of(&text(&segment)),
            [64, 64, 191],
        );
    }
}

/// The player draws the name of the viewer in Chromium: on every page, in full screen, and after a
/// script has removed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_player_draws_the_name_of_the_viewer() {
    if !browser::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let film = e2e::media::make_film(
        &folder.path().join("film.mp4"),
        "640x360",
        "25",
        40.0,
        &["-bf", "0"],
    );
    let (program, film) = (text(&edgereel()), text(&film));
    let arguments = [program.as_str(), &film];
    browser::run("web/viewer.mjs", &arguments, Duration::from_secs(300)).await;
}
