//! Players that nobody here wrote, with the programs of `docs/players.md`, in Chromium.

#![cfg(test)]

use std::time::Duration;

use domain::ids::VideoId;
use e2e::browser;
use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::program::profile_with_one_sound;
use serde_json::Value;

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

fn count(told: &Value) -> u64 {
    told.as_object().unwrap().values().filter_map(Value::as_u64).sum()
}

/// A grant that ends again and again while a film plays, and a page that renews it: nobody notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_is_renewed_while_a_film_plays() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::with_profile(&profile_with_one_sound());
    let (dev, video) = start(&mut home).await;
    for told in watch(&dev, &home, video, "yes", "150").await {
        let player = told["player"].as_str().unwrap();
        assert_eq!(told["errors"], serde_json::json!([]), "{told:#}");
        assert_eq!(told["stalls"], serde_json::json!([]), "{told:#}");
        assert_eq!((&told["ended"], count(&told["refused"])), (&Value::Bool(true), 0), "{told:#}");
        assert!(told["renewals"].as_u64().unwrap() >= 6, "{told:#}");
        assert!(count(&told["late"]) > 5, "it was not asked for much when the first pass was over: {told:#}");
        // As the docs say: a key for each rendition, but for the browser's own player, which has no option for it.
        assert!(player == "native" || told["asked"]["key"].as_u64().unwrap() <= 4, "{told:#}");
        assert_eq!(told["cmcd"], player == "hls" || player == "shaka", "{told:#}");
    }
    assert!(dev.terminate().await.success());
}

/// A page that gets no fresh grant: its player says so, and leaves the edge alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_player_whose_grant_has_ended_stops() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::with_profile(&profile_with_one_sound());
    let (dev, video) = start(&mut home).await;
    for told in watch(&dev, &home, video, "no", "80").await {
        assert_ne!(told["errors"], serde_json::json!([]), "{told:#}");
        assert_eq!((&told["ended"], &told["renewals"]), (&Value::Bool(false), &Value::from(0)), "{told:#}");
        assert!(count(&told["refused"]) <= 20, "{told:#}");
        assert!(told["lastRefusal"].as_f64().is_none_or(|it| it < 65.0), "it goes on asking: {told:#}");
    }
    assert!(dev.terminate().await.success());
}
