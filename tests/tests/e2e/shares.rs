//! Share links, as viewers open them.

use std::time::Duration;

use e2e::browser;
use e2e::dev::Home;
use e2e::media::make_film;
use e2e::program::profile_with_one_sound;
use serde_json::json;

/// A link opens a page that plays without third-party resources; when the link is revoked, playback
/// stops.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_plays_in_a_browser_until_it_is_revoked() {
    if !browser::is_there() {
        return;
    }
    let mut home = Home::with_profile(&profile_with_one_sound());
    // Longer than the page buffers.
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "25",
        90.0,
        &["-bf", "0"],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    let (status, share) = dev
        .call(
            "POST",
            &format!("/v1/videos/{video}/shares"),
            Some(&json!({})),
        )
        .await;
    assert_eq!(status, 201, "{share}");
    let (api, token) = (
        dev.info["api"].as_str().unwrap(),
        dev.info["token"].as_str().unwrap(),
    );
    let revoke = format!(
        "{api}/v1/videos/{video}/shares/{}",
        share["id"].as_str().unwrap()
    );
    let arguments = [share["url"].as_str().unwrap(), &revoke, token];

    let report = browser::run("share.mjs", &arguments, Duration::from_secs(200)).await;
    let quiet = json!({ "log": [], "origins": [api] });
    assert_eq!(report["played"], quiet, "{report:#}");
    let note = report["note"].as_str().unwrap_or_default();
    assert!(
        report["status"] == 204 && note.contains("revoked"),
        "{report:#}"
    );
    assert!(
        report["seconds"].as_f64().unwrap() < 60.0 && report["plays"] == false,
        "{report:#}"
    );
    assert!(dev.terminate().await.success());
}
