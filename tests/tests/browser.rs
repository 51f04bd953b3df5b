//! In a real browser, as viewers and uploaders have it.

#![cfg(test)]

use std::time::Duration;

use e2e::browser;
use e2e::dev::Home;
use e2e::media::make_film;
use serde_json::json;

/// hls.js in Chromium plays what we publish to its end, decrypts it, and switches rungs, without one error event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hls_js_plays_it_to_the_end() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::new();
    let film = make_film(&home.folder.path().join("film.mp4"), "1280x720", "25", 24.0, &["-g", "50"]);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;

    let told = browser::run("play.mjs", &[&dev.hls_url(video).await], Duration::from_secs(120)).await;
    assert_eq!(told["errors"], json!([]), "{told:#}");
    assert_eq!(told["ended"], true, "{told:#}");
    assert!((told["duration"].as_f64().unwrap() - 24.0).abs() < 0.2, "{told:#}");
    let levels = told["levels"].as_array().unwrap();
    assert_eq!(levels.len(), 3, "{told:#}");
    let played = told["played"].as_array().unwrap();
    assert!(levels.iter().all(|it| played.contains(it)), "not every rung was shown: {told:#}");
    assert!(told["frames"].as_u64().unwrap() > 300, "{told:#}");
    assert!(dev.terminate().await.success());
}
