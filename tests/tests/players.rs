//! Other people's players, with the programs of `docs/players.md`, in Chromium.

#![cfg(test)]

use std::time::Duration;

use domain::ids::VideoId;
use e2e::browser;
use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::program::profile_with_one_sound;
use serde_json::{Value, json};

const PLAYERS: [&str; 4] = ["hls", "videojs", "shaka", "native"];

/// How long passes live, seconds: much shorter than the film.
const LIFE: &str = "8";

/// Seconds that the film lasts: longer than what players load ahead, so that they ask for more when their passes are over.
const FILM: f64 = 60.0;

async fn start(home: &mut Home) -> (Dev, VideoId) {
    // Without B-frames: this is not about how the picture begins.
    let film = make_film(&home.folder.path().join("film.mp4"), "640x360", "25", FILM, &["-bf", "0"]);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    (dev, video)
}

/// All players side by side, each in a browser of its own.
async fn watch(dev: &Dev, home: &Home, video: VideoId, renews: &str, limit: &str) -> [Value; PLAYERS.len()] {
    let secrets = std::fs::read(home.data().join("secrets.json")).unwrap();
    let secrets: Value = serde_json::from_slice(&secrets).unwrap();
    let (edge, key) = (dev.info["edge"].as_str().unwrap(), secrets["grant_keys"].as_str().unwrap());
    let video = video.to_string();
    futures::future::join_all(PLAYERS.map(async |player| {
        let arguments = [player, edge, &video, key, LIFE, renews, limit];
        browser::run("players.mjs", &arguments, Duration::from_secs(200)).await
    }))
    .await
    .try_into()
    .unwrap()
}

fn count(report: &Value) -> u64 {
    report.as_object().unwrap().values().filter_map(Value::as_u64).sum()
}

/// Passes end again and again while a film plays. A page that renews them plays to the end without a stall; without fresh
/// grants, the player reports an error and leaves the edge alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_go_on_with_fresh_grants_and_stop_without_them() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::with_profile(&profile_with_one_sound());
    let (dev, video) = start(&mut home).await;
    for report in watch(&dev, &home, video, "yes", "150").await {
        let player = report["player"].as_str().unwrap();
        assert_eq!(report["errors"], json!([]), "{report:#}");
        assert_eq!(report["stalls"], json!([]), "{report:#}");
        assert_eq!((&report["ended"], count(&report["refused"])), (&json!(true), 0), "{report:#}");
        assert!(report["renewals"].as_u64().unwrap() >= 6, "{report:#}");
        assert!(count(&report["late"]) > 5, "it asked for too little after the first pass had ended: {report:#}");
        // A key for each rendition; the browser's own player has no option for that.
        assert!(player == "native" || report["asked"]["key"].as_u64().unwrap() <= 4, "{report:#}");
        assert_eq!(report["cmcd"], player == "hls" || player == "shaka", "{report:#}");
    }
    for report in watch(&dev, &home, video, "no", "80").await {
        assert_ne!(report["errors"], json!([]), "{report:#}");
        assert_eq!((&report["ended"], &report["renewals"]), (&json!(false), &json!(0)), "{report:#}");
        assert!(count(&report["refused"]) <= 20, "{report:#}");
        assert!(report["lastRefusal"].as_f64().is_none_or(|it| it < 65.0), "it goes on asking: {report:#}");
    }
    assert!(dev.terminate().await.success());
}
