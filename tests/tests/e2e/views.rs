//! Views, from the requests of a player to the API.

use std::time::Duration;

use domain::ids::VideoId;
use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::player::Player;
use e2e::program::profile_with_one_sound;
use serde_json::{Value, json};

async fn total(dev: &Dev, video: VideoId) -> Value {
    let path = format!("/v1/videos/{video}/views");
    let (status, body) = dev.call("GET", &path, None).await;
    assert_eq!(status, 200, "{body}");
    body["total"].clone()
}

/// Plays the beginning of a video: playlists, a key, and two segments with CMCD. Returns where the
/// session reports to.
async fn play(dev: &Dev, video: VideoId) -> String {
    let player = Player::new();
    let master = format!("{}&CMCD=ot%3Dm%2Csf%3Dh", dev.hls_url(video).await);
    let presentation = player.presentation(&master).await.unwrap().unwrap();
    let media = presentation
        .media
        .values()
        .find(|it| it.playlist.segments.len() > 1 && !it.text.contains("#EXT-X-I-FRAMES-ONLY"));
    let media = media.expect("a rendition with two segments");
    player.key(media, 0).await;
    for (segment, data) in [
        (0, "br%3D800%2Cd%3D2000%2Cot%3Dv"),
        (1, "br%3D800%2Cbs%2Cd%3D1000%2Cot%3Dv"),
    ] {
        let mut url = Player::segment_url(media, segment);
        url.set_query(Some(&format!("CMCD={data}")));
        let (status, _) = player.get(url.as_str()).await.unwrap();
        assert_eq!(status, 200);
    }
    let segment = Player::segment_url(media, 0);
    let path: Vec<&str> = segment.path().split('/').take(3).collect();
    format!(
        "{}{}/cmcd",
        segment.origin().ascii_serialization(),
        path.join("/")
    )
}

/// A session is one view, however many requests it has; the counts are in the API within seconds,
/// and outlast the program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_are_counted_and_kept() {
    let mut home = Home::with_profile(&profile_with_one_sound());
    let film = home.folder.path().join("film.mp4");
    let film = make_film(&film, "320x180", "25", 15.0, &["-bf", "0"]);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    // A playlist alone is not a view, and the reason of a refusal is counted.
    let master = dev.hls_url(video).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(http.get(&master).send().await.unwrap().status(), 200);
    let without_grant = master.split('?').next().unwrap();
    assert_eq!(http.get(without_grant).send().await.unwrap().status(), 401);

    play(&dev, video).await;
    play(&dev, video).await;
    let mut seen = total(&dev, video).await;
    for _ in 0..100 {
        if seen["watched_seconds"] == 6.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        seen = total(&dev, video).await;
    }
    assert_eq!(
        seen,
        json!({
            "views": 2, "watched_seconds": 6.0, "average_bitrate": 800_000, "startup": null,
            "stalls": 2, "stalled_seconds": 0.0, "stall_ratio": 0.0, "dropped_frames": 0,
            "refusals": { "grant-missing": 1 },
        })
    );

    // What is counted last is stored when the program stops.
    let reports = play(&dev, video).await;
    let report = format!(
        "{reports}?CMCD=br%3D(800)%2Cbsd%3D(500)%2Cedgereel-played%3D4000%2Cmsd%3D300%2Cv%3D2"
    );
    let answer = http
        .post(&report)
        .header("origin", "https://any.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
    assert!(dev.terminate().await.success());
    let dev = home.start().await;
    let seen = total(&dev, video).await;
    assert_eq!(
        (&seen["views"], &seen["watched_seconds"]),
        (&json!(3), &json!(13.0))
    );
    assert_eq!(seen["startup"]["sessions"], 1);
    assert_eq!(
        (&seen["stalls"], &seen["stalled_seconds"]),
        (&json!(4), &json!(0.5))
    );
    assert!(dev.terminate().await.success());
}
