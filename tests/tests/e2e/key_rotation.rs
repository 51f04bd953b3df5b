//! Keys are replaced while videos stay playable: `edgereel keys rotate` and `edgereel keys rewrap`.

use std::time::Duration;

use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::player::Player;
use e2e::program::{Answer, edgereel_run, text};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);

async fn keys(home: &Home, arguments: &[&str]) -> Answer {
    let data = text(&home.data());
    let arguments: Vec<&str> = ["keys"]
        .iter()
        .chain(arguments)
        .copied()
        .chain(["--json", "--data", &data])
        .collect();
    edgereel_run(&arguments, &home.temporary(), LIMIT).await
}

/// Every rendition gives out the key that decrypts its first segment.
async fn plays(dev: &Dev, video: domain::ids::VideoId) {
    let player = Player::new();
    let seen = player
        .presentation(&dev.hls_url(video).await)
        .await
        .unwrap()
        .expect("it plays");
    assert!(seen.media.len() >= 3, "{:?}", seen.media.keys());
    for (name, media) in seen.media.iter().filter(|it| it.0 != "iframes") {
        let clear = player.clear_segment(media, 0).await;
        assert_eq!(clear.first(), Some(&0x47), "{name}");
    }
}

fn rewrapped(answer: &Answer, what: &str) -> (u64, u64) {
    let counts = &answer.last()[what];
    (
        counts["rewrapped"].as_u64().unwrap(),
        counts["current"].as_u64().unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn videos_stay_playable_while_their_keys_are_wrapped_again() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "25",
        8.0,
        &[],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    let hook = json!({ "url": "https://hooks.example/edgereel" });
    let (status, hook) = dev.call("POST", "/v1/webhooks", Some(&hook)).await;
    assert_eq!(status, 201, "{hook}");
    // The directory belongs to the running program.
    let refused = keys(&home, &["rotate", "key-encryption"]).await;
    assert_eq!(
        (refused.code, &refused.last()["error"]["code"]),
        (Some(1), &json!("data-dir-in-use")),
        "{refused:?}"
    );
    assert!(dev.terminate().await.success());

    for list in ["key-encryption", "webhook"] {
        let rotated = keys(&home, &["rotate", list]).await;
        assert_eq!(
            (rotated.code, &rotated.last()["keys"]),
            (Some(0), &json!(["k1", "dev"])),
            "{rotated:?}"
        );
    }
    let stopped = keys(&home, &["rewrap"]).await;
    assert_eq!(
        (stopped.code, &stopped.last()["error"]["code"]),
        (Some(1), &json!("not-running")),
        "{stopped:?}"
    );

    let dev = home.start().await;
    plays(&dev, video).await;
    let first = keys(&home, &["rewrap"]).await;
    assert_eq!(first.code, Some(0), "{first:?}");
    let (count, current) = rewrapped(&first, "content_keys");
    assert!(count >= 3 && current == 0, "{first:?}");
    assert_eq!(rewrapped(&first, "webhook_secrets"), (1, 0));
    plays(&dev, video).await;
    let second = keys(&home, &["rewrap"]).await;
    assert_eq!(
        (
            rewrapped(&second, "content_keys"),
            rewrapped(&second, "webhook_secrets")
        ),
        ((0, count), (0, 1))
    );
    assert!(dev.terminate().await.success());

    // The old keys are no longer needed: also not to send to the webhook, or to make another video.
    for list in ["key-encryption", "webhook"] {
        let cleaned = keys(&home, &["rotate", list, "--remove-old"]).await;
        assert_eq!(cleaned.last()["keys"], json!(["k1"]), "{cleaned:?}");
    }
    for list in ["grant", "pass"] {
        let rotated = keys(&home, &["rotate", list]).await;
        assert_eq!(rotated.last()["keys"], json!(["k1", "dev"]), "{rotated:?}");
    }
    let dev = home.start().await;
    plays(&dev, video).await;
    let (status, tested) = dev
        .call(
            "POST",
            &format!("/v1/webhooks/{}/test", hook["id"].as_str().unwrap()),
            None,
        )
        .await;
    assert!(status < 300, "{tested}");
    let another = dev.upload(&film, "film.mp4").await;
    dev.until_ready(another).await;
    plays(&dev, another).await;
    assert!(dev.terminate().await.success());
}

/// A key that nothing opens is reported by name. The secrets that opened it are kept, and help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_key_is_reported() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "25",
        4.0,
        &[],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    assert!(dev.terminate().await.success());
    assert_eq!(
        keys(&home, &["rotate", "key-encryption"]).await.code,
        Some(0)
    );
    let removed = keys(&home, &["rotate", "key-encryption", "--remove-old"]).await;
    assert_eq!(removed.code, Some(0), "{removed:?}");
    let dev = home.start().await;
    let answer = keys(&home, &["rewrap"]).await;
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let unreadable = answer
        .objects
        .iter()
        .find_map(|it| it["content_keys"]["unreadable"].as_array())
        .expect("a summary");
    assert!(
        unreadable.len() >= 2
            && unreadable
                .iter()
                .all(|it| it.as_str().unwrap().contains("keys/vid_")),
        "{answer:?}"
    );
    assert_eq!(
        answer.last()["error"]["code"],
        "unreadable-keys",
        "{answer:?}"
    );
    let lost = unreadable.len() as u64;
    assert!(dev.terminate().await.success());

    // The secrets before the removal are kept.
    std::fs::copy(
        removed.last()["old_secrets"].as_str().unwrap(),
        home.data().join("secrets.json"),
    )
    .unwrap();
    let dev = home.start().await;
    let answer = keys(&home, &["rewrap"]).await;
    assert_eq!(
        (answer.code, rewrapped(&answer, "content_keys").0),
        (Some(0), lost),
        "{answer:?}"
    );
    plays(&dev, video).await;
    assert!(dev.terminate().await.success());
}
