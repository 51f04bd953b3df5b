//! Third-party players, with the programs of `docs/players.md`, in Chromium.

use std::time::Duration;

use domain::ids::VideoId;
use e2e::browser;
use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::program::profile_with_one_sound;
use serde_json::{Value, json};

const PLAYERS: [&str; 4] = ["hls", "videojs", "shaka", "native"];

/// Lifetime of passes, seconds: much shorter than the film.
const LIFE: &str = "8";

/// Duration of the film, seconds: longer than players buffer, so that they send requests after
/// their passes have expired.
const FILM: f64 = 60.0;

async fn start(home: &mut Home) -> (Dev, VideoId) {
    // Without B-frames: the start of the video is not under test here.
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "25",
        FILM,
        &["-bf", "0"],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    (dev, video)
}

/// All players in parallel, each in its own browser.
async fn watch(
    dev: &Dev,
    home: &Home,
    video: VideoId,
    renews: &str,
    limit: &str,
) -> [Value; PLAYERS.len()] {
    let secrets = std::fs::read(home.data().join("secrets.json")).unwrap();
    let secrets: Value = serde_json::from_slice(&secrets).unwrap();
    let (edge, key) = (
        dev.info["edge"].as_str().unwrap(),
        secrets["grant_keys"].as_str().unwrap(),
    );
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
    report
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .sum()
}

/// Passes expire repeatedly while a film plays. A page that renews them plays to the end without a
/// stall; without new grants, the player reports an error and stops sending requests.
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
        assert_eq!(
            (&report["ended"], count(&report["refused"])),
            (&json!(true), 0),
            "{report:#}"
        );
        assert!(report["renewals"].as_u64().unwrap() >= 6, "{report:#}");
        assert!(
            count(&report["late"]) > 5,
            "it asked for too little after the first pass had ended: {report:#}"
        );
        // One key per rendition; the browser's native player has no option for that.
        assert!(
            player == "native" || report["asked"]["key"].as_u64().unwrap() <= 4,
            "{report:#}"
        );
        assert_eq!(
            report["cmcd"],
            player == "hls" || player == "shaka",
            "{report:#}"
        );
    }
    for report in watch(&dev, &home, video, "no", "80").await {
        assert_ne!(report["errors"], json!([]), "{report:#}");
        assert_eq!(
            (&report["ended"], &report["renewals"]),
            (&json!(false), &json!(0)),
            "{report:#}"
        );
        assert!(count(&report["refused"]) <= 20, "{report:#}");
        assert!(
            report["lastRefusal"].as_f64().is_none_or(|it| it < 65.0),
            "it goes on asking: {report:#}"
        );
    }
    assert!(dev.terminate().await.success());
}
