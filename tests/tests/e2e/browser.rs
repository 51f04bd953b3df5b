//! Playback and uploads in a real browser.

use std::time::Duration;

use e2e::browser;
use e2e::dev::Home;
use e2e::media::{ffmpeg, make_film};
use e2e::program::{check, profile_with_one_sound, text};
use serde_json::json;

/// hls.js in Chromium plays published videos to the end, decrypts them, and switches rungs, without
/// errors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hls_js_plays_it_to_the_end() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::with_profile(&profile_with_one_sound());
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "1280x720",
        "25",
        24.0,
        &["-g", "50"],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;

    let report = browser::run(
        "play.mjs",
        &[&dev.hls_url(video).await],
        Duration::from_secs(300),
    )
    .await;
    browser::played_without_an_error(&report);
    assert_eq!(report["ended"], true, "{report:#}");
    assert!(
        (report["duration"].as_f64().unwrap() - 24.0).abs() < 0.2,
        "{report:#}"
    );
    let levels = report["levels"].as_array().unwrap();
    assert_eq!(levels.len(), 3, "{report:#}");
    let played = report["played"].as_array().unwrap();
    assert!(
        levels.iter().all(|it| played.contains(it)),
        "not every rung was shown: {report:#}"
    );
    // Of 600 frames: a busy machine drops some, and a gap would cost more.
    assert!(report["frames"].as_u64().unwrap() > 540, "{report:#}");
    assert!(dev.terminate().await.success());
}

/// An MP3 plays to its end, and a film lists the languages of its audio.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hls_js_plays_audio_and_lists_languages() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::new();
    let path = |name: &str| home.folder.path().join(name);
    let (song, film, temporary) = (path("song.mp3"), path("film.mkv"), path("tmp"));
    let tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=7"];
    ffmpeg(&[&tone[..], &["-c:a", "libmp3lame", text(&song).as_str()]].concat());
    let picture = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=25:duration=7",
    ];
    let streams = [
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "1",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-c:a",
        "aac",
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=deu",
    ];
    ffmpeg(&[&picture[..], &tone, &streams, &[text(&film).as_str()]].concat());
    let dev = home.start().await;
    let (song, film) = (
        dev.upload(&song, "song.mp3").await,
        dev.upload(&film, "film.mkv").await,
    );
    for (video, tracks) in [
        (song, json!([])),
        (film, json!(["English en", "Deutsch de"])),
    ] {
        dev.until_ready(video).await;
        let url = dev.hls_url(video).await;
        check(&url, &temporary).await;
        let report = browser::run("play.mjs", &[&url], Duration::from_secs(120)).await;
        browser::played_without_an_error(&report);
        assert_eq!(report["ended"], true, "{report:#}");
        assert!(
            (report["duration"].as_f64().unwrap() - 7.0).abs() < 0.2,
            "{report:#}"
        );
        assert_eq!(report["tracks"], tracks, "{report:#}");
    }
    let at = json!({ "at": 2 });
    let path = format!("/v1/videos/{song}/poster");
    let (status, refused) = dev.call("PUT", &path, Some(&at)).await;
    assert_eq!(status, 422, "audio has no frames: {refused}");
    assert!(dev.terminate().await.success());
}

/// An unmodified Uppy: pauses, survives a reload, resumes without sending a part twice, and
/// cancels.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uppy_uploads_resumes_and_cancels() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "1280x720",
        "25",
        30.0,
        &["-b:v", "6M", "-minrate", "6M"],
    );
    let bytes = film.metadata().unwrap().len();
    let dev = home.start().await;
    let key = json!({ "name": "a page", "owner": "ann", "scopes": ["upload"] });
    let (status, key) = dev.call("POST", "/v1/api-keys", Some(&key)).await;
    assert_eq!(status, 201, "{key}");
    let endpoint = format!(
        "{}/u/{}",
        dev.info["api"].as_str().unwrap(),
        key["key"].as_str().unwrap()
    );

    let report = browser::run(
        "upload.mjs",
        &[&endpoint, film.to_str().unwrap()],
        Duration::from_secs(300),
    )
    .await;
    assert_eq!(report["paused"]["parts"], json!([1, 2]), "{report:#}");
    assert_eq!(
        (&report["finished"]["files"], &report["finished"]["failed"]),
        (&json!(["resumed.mp4"]), &json!([]))
    );
    let parts = bytes.div_ceil(5 << 20);
    let rest: Vec<u64> = (3..=parts).collect();
    assert_eq!(
        report["finished"]["parts"],
        json!(rest),
        "what was there is not sent again: {report:#}"
    );
    let (_, listed) = dev
        .call("GET", "/v1/videos?external_id=resumed.mp4", None)
        .await;
    let video = &listed["videos"][0];
    assert_eq!(video["source"]["size"], bytes, "{listed:#}");
    dev.until_ready(video["id"].as_str().unwrap().parse().unwrap())
        .await;

    for whole in report["whole"].as_array().unwrap() {
        let failed = whole["failed"][0].as_str().unwrap_or_default();
        assert!(
            failed.contains("Set shouldUseMultipart: true (or the file is empty)"),
            "{whole}"
        );
    }
    let (_, left) = dev.call("GET", "/v1/videos?state=uploading", None).await;
    assert_eq!(left["videos"], json!([]), "what was refused leaves nothing");
    assert_eq!(report["cancelled"]["files"], 0);
    let (_, cancelled) = dev
        .call("GET", "/v1/videos?external_id=cancelled.mp4", None)
        .await;
    assert_eq!(
        cancelled["videos"],
        json!([]),
        "a cancelled upload leaves nothing"
    );
    assert!(dev.terminate().await.success());
}
