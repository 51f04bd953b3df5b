//! The built-in profile `auto`: conformance, and the choices in the API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::dev::Home;
use e2e::media::{complaints_of_decoding, ffmpeg};
use e2e::player::Player;
use e2e::program::{check, text, transcode};
use serde_json::{Value, json};

/// Flat colours that move, which need few bits. The codec cannot be remuxed.
fn make_film(file: &Path) -> PathBuf {
    let picture = "color=c=0x3060a0:s=854x480:r=25[sky];color=c=0xf0c020:s=140x200:r=25[sun];\
                   [sky][sun]overlay=x='mod(t*60,700)':y=120";
    let tone = "sine=frequency=440:sample_rate=48000";
    let output = text(file);
    let mut arguments = vec!["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone];
    arguments.extend(["-t", "6", "-c:v", "mpeg4", "-q:v", "2", "-g", "25"]);
    arguments.extend(["-pix_fmt", "yuv420p", "-c:a", "aac", &output]);
    ffmpeg(&arguments);
    file.to_owned()
}

/// The names of the video renditions or rungs in a list that fit.
fn names(list: &Value, fit: impl Fn(&Value) -> bool) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    let name = |it: &Value| it["name"].as_str().unwrap().to_owned();
    items.filter(|it| fit(it)).map(name).collect()
}

/// Whether the choices of a receipt are those of flat colours, and those that were published.
fn assert_chosen(measured: &Value, published: &[String]) {
    assert_eq!(measured["samples"], 1, "{measured:#}");
    let kept = names(&measured["rungs"], |it| it["same_as"].is_null());
    assert_eq!(kept, published, "{measured:#}");
    for rung in measured["rungs"].as_array().unwrap() {
        let crf = rung["crf"].as_u64().unwrap();
        assert!((24..=34).contains(&crf), "{rung:#}");
        assert_eq!(rung["trials"].as_array().unwrap().len(), 3);
        assert!(
            rung["kbps"].as_u64() <= rung["profile_kbps"].as_u64(),
            "{rung:#}"
        );
    }
    assert!(measured["cpu_ms"].as_u64() > Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_built_in_profile_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let film = make_film(&folder.path().join("film.mkv"));
    let out = folder.path().join("out");
    let answer = transcode(&film, &out, &temporary, &["--encrypt", "--profile", "auto"]).await;
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    check(&text(&out), &temporary).await;
    let master = text(&out.join("hls/master.m3u8"));
    assert_eq!(complaints_of_decoding(&master), "");
    let report = answer.last();
    let published = names(&report["rungs"], |_| true);
    assert_chosen(&report["per_title"], &published);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_shows_the_choices() {
    let mut home = Home::new();
    let folder = home.folder.path().to_owned();
    let film = make_film(&folder.join("film.mkv"));
    let dev = home.start().await;
    let (_, session) = dev.call("GET", "/v1/session", None).await;
    assert_eq!(session["profiles"], json!(["default", "auto", "small"]));
    let fields = json!({ "filename": "film.mkv", "profile": "auto" });
    let video = dev.upload_as(&film, fields).await;
    let ready = dev.until_ready(video).await;
    let published = names(&ready["renditions"], |it| it["kind"] == "video");
    let receipt = &ready["receipt"];
    assert_chosen(&receipt["per_title"], &published);
    let stages = receipt["stages"].as_array().unwrap();
    let measuring = stages.iter().find(|it| it["stage"] == "measure").unwrap();
    assert_eq!(measuring["wall_ms"], receipt["per_title"]["wall_ms"]);
    let url = dev.hls_url(video).await;
    let (status, _) = Player::new().get(&url).await.unwrap();
    assert_eq!(status, 200);

    // A rung that is re-encoded by a plain profile has the CRF of that profile; the others keep theirs.
    let path = format!("/v1/videos/{video}/reencode");
    let rung = published.last().unwrap();
    let (status, answer) = dev
        .call(
            "POST",
            &path,
            Some(&json!({ "rungs": [rung], "profile": "default" })),
        )
        .await;
    assert_eq!(status, 202, "{answer}");
    let again = dev
        .until(video, Duration::from_secs(60), |it| {
            it["receipt"]["per_title"]["cpu_ms"] == 0
        })
        .await;
    let measured = &again["receipt"]["per_title"];
    let left = names(&measured["rungs"], |_| true);
    assert!(!left.is_empty() && !left.contains(rung), "{measured:#}");
    assert!(dev.terminate().await.success());
}
