//! An import from a URL, from the request to the playable video, with a kill in between.

use std::time::Duration;

use bytes::Bytes;
use domain::ids::VideoId;
use e2e::dev::Home;
use e2e::media::make_film;
use e2e::origin::{Origin, Reply};
use e2e::processes::all_gone;
use e2e::program::check;
use serde_json::{Value, json};

/// An MP4 with a trailing box that readers ignore.
fn padded(film: &std::path::Path, bytes: usize) -> Bytes {
    let mut file = std::fs::read(film).unwrap();
    file.extend((bytes as u32 + 8).to_be_bytes());
    file.extend(b"free");
    file.extend((0..bytes).map(|it| (it % 251) as u8));
    file.into()
}

/// From a URL to a playable video; killed half-way, it resumes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_becomes_a_video_in_spite_of_a_kill() {
    let mut home = Home::new();
    home.options.push("--allow-private-imports".to_owned());
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "25",
        6.0,
        &[],
    );
    let file = padded(&film, 30 << 20);
    let size = file.len();
    let origin = Origin::start(move |asked, before| match (asked.path.as_str(), before) {
        ("/page", 0) => Reply::whole(&Bytes::from_static(
            b"<html><body>Please sign in</body></html>",
        )),
        ("/page", _) => Reply::redirect("/film.mp4"),
        // Slow enough to be killed in the middle.
        _ if asked.range_start().is_none() => {
            Reply::of(asked, &file, "\"v1\"").slowly(Duration::from_millis(10))
        }
        _ => Reply::of(asked, &file, "\"v1\""),
    })
    .await;
    let dev = home.start().await;
    let url = format!("{}/page", origin.url);
    let fields =
        json!({ "url": url, "title": "Film", "external_id": "film-7", "profile": "small" });
    let (status, created) = dev.call("POST", "/v1/videos", Some(&fields)).await;
    assert_eq!(
        (status, &created["state"]),
        (201, &json!("uploading")),
        "{created}"
    );
    let video: VideoId = created["id"].as_str().unwrap().parse().unwrap();
    let failed = dev.until_failed(video).await;
    assert_eq!(failed["failure"]["code"], "web-page", "{failed:#}");
    assert!(
        !failed.to_string().contains(&origin.url),
        "the URL may be a permission"
    );

    let (status, again) = dev
        .call("POST", &format!("/v1/videos/{video}/retry"), None)
        .await;
    assert_eq!(
        (status, &again["state"]),
        (202, &json!("uploading")),
        "{again}"
    );
    let is_half_way =
        |it: &Value| it["stage"] == "fetch" && it["percent"].as_u64().is_some_and(|it| it >= 25);
    dev.until(video, Duration::from_secs(30), is_half_way).await;
    let children = dev.kill().await;
    all_gone(&children, Duration::from_secs(5)).await;

    let dev = home.start().await;
    let ready = dev.until_ready(video).await;
    assert_eq!(ready["source"]["size"], json!(size));
    check(&dev.hls_url(video).await, &home.temporary()).await;
    let last = origin.asked().pop().unwrap();
    assert!(
        last.range_start().is_some_and(|it| it >= 8 << 20),
        "it went on: {last:?}"
    );
    assert_eq!(last.headers["if-range"], "\"v1\"");
    let outcomes: Vec<&Value> = ready["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["outcome"])
        .collect();
    assert_eq!(
        outcomes,
        ["failed", "lost", "fetched", "ready"],
        "{ready:#}"
    );

    let (status, known) = dev.call("POST", "/v1/videos", Some(&fields)).await;
    assert_eq!((status, &known["id"]), (200, &created["id"]));
    assert_eq!(
        dev.call("DELETE", &format!("/v1/videos/{video}"), None)
            .await
            .0,
        204
    );
    assert_eq!(dev.objects(video).await, Vec::<String>::new());
    let refused = dev
        .call(
            "POST",
            "/v1/videos",
            Some(&json!({ "url": "ftp://files.example/film.mp4" })),
        )
        .await;
    assert_eq!(
        (refused.0, &refused.1["code"]),
        (422, &json!("url-not-accepted"))
    );
    assert!(!home.log().contains("/page"), "nor in the log");
    assert!(dev.terminate().await.success());
}
