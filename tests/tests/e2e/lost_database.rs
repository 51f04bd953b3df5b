//! The database of an installation is lost: the program reports it, published videos keep playing,
//! and `--rebuild` lists them again.

use std::time::Duration;

use e2e::dev::Home;
use e2e::media::make_film;
use e2e::player::Player;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_rebuilt_from_the_buckets() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "24",
        8.0,
        &[],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    let before = dev.until_ready(video).await;
    assert!(dev.terminate().await.success());

    for name in ["edgereel.db", "edgereel.db-wal", "edgereel.db-shm"] {
        let _ = std::fs::remove_file(home.data().join(name));
    }
    let dev = home.start().await;
    let path = format!("/v1/videos/{video}");
    assert_eq!(dev.call("GET", &path, None).await.0, 404);
    let mut waited = 0;
    while !home.log().contains("--rebuild") {
        assert!(waited < 100, "it says nothing: {}", home.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
        waited += 1;
    }
    assert!(dev.terminate().await.success());

    home.options.push("--rebuild".to_owned());
    let dev = home.start().await;
    let mut waited = 0;
    while dev.call("GET", &path, None).await.0 != 200 {
        assert!(waited < 100, "it is not rebuilt: {}", home.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
        waited += 1;
    }
    let after = dev.until_ready(video).await;
    assert_eq!(after["title"], "film.mp4");
    let names = |video: &serde_json::Value| {
        let renditions = video["renditions"].as_array().unwrap().iter();
        let mut names: Vec<String> = renditions
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&after), names(&before));
    let player = Player::new();
    let presentation = player
        .presentation(&dev.hls_url(video).await)
        .await
        .unwrap()
        .unwrap();
    assert!(!presentation.media.is_empty());
    // It can be used like any other video.
    let (status, answer) = dev
        .call(
            "POST",
            &format!("{path}/reencode"),
            Some(&serde_json::json!({})),
        )
        .await;
    assert_eq!(status, 202, "{answer}");
    assert!(dev.terminate().await.success());
}
