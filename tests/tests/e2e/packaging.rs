//! Fragmented MP4, and rungs of other codecs than H.264.

use std::time::Duration;

use e2e::browser;
use e2e::dev::Home;
use e2e::ffmpegs::FFmpeg;
use e2e::media::{complaints_of_decoding, ffmpeg, make_film, probe};
use e2e::player::Player;
use e2e::program::{check, text, transcode, transcode_with};
use serde_json::{Value, json};

/// The remuxed source, two rungs of H.264, and one of HEVC.
const PROFILE: &str = r#"
name = "small"
segment_seconds = 2.0
segment_format = "fmp4"
thumbnails = 3

[encoder]
preset = "ultrafast"

[hevc]
preset = "ultrafast"

[[rung]]
name = "180p"
width = 320
height = 180
video_kbps = 300
audio_kbps = 64

[[rung]]
name = "120p"
width = 214
height = 120
video_kbps = 200
audio_kbps = 64

[[rung]]
name = "180p-hevc"
codec = "hevc"
width = 320
height = 180
video_kbps = 200
audio_kbps = 64
"#;

/// Codecs of the variants, by name of the rendition.
fn codecs(video: &Value, name: &str) -> String {
    let all = video["renditions"].as_array().unwrap();
    let one = all.iter().find(|it| it["name"] == name);
    one.map_or(String::new(), |it| {
        it["codecs"].as_str().unwrap_or_default().to_owned()
    })
}

/// Encrypted, published after a kill, played by hls.js, and as thumbnail and file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragmented_mp4_is_played_and_downloaded() {
    let mut home = Home::with_profile(PROFILE);
    let folder = home.folder.path().to_owned();
    let film = make_film(
        &folder.join("film.mp4"),
        "640x360",
        "25",
        9.0,
        &["-g", "50"],
    );
    let mut dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until(video, Duration::from_secs(60), |it| it["playable"] == true)
        .await;
    dev.kill().await;
    dev = home.start().await;
    let ready = dev.until_ready(video).await;
    assert!(codecs(&ready, "180p").starts_with("avc1."), "{ready:#}");
    assert!(
        codecs(&ready, "180p-hevc").starts_with("hvc1."),
        "{ready:#}"
    );

    let url = dev.hls_url(video).await;
    check(&url, &home.temporary()).await;
    assert_eq!(complaints_of_decoding(&url), "");
    let named = dev.media_objects(video).await;
    assert!(
        named
            .iter()
            .any(|it| it.ends_with("/180p_init.mp4") || it.ends_with("/180p_init-2.mp4")),
        "{named:?}"
    );
    assert!(!named.iter().any(|it| it.ends_with(".ts")), "{named:?}");

    if browser::is_there() {
        let report = browser::run("play.mjs", &[&url], Duration::from_secs(120)).await;
        browser::played_without_an_error(&report);
        assert_eq!(report["ended"], true, "{report:#}");
        assert!(
            (report["duration"].as_f64().unwrap() - 9.0).abs() < 0.2,
            "{report:#}"
        );
        assert!(report["frames"].as_u64().unwrap() > 200, "{report:#}");
    }

    let path = format!("/v1/videos/{video}/thumbnail?time=3.3&width=320");
    let api = dev.info["api"].as_str().unwrap();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let request = client.build().unwrap().get(format!("{api}{path}"));
    let answer = request.bearer_auth(dev.info["token"].as_str().unwrap());
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
    let image = answer.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(Player::new().get(&image).await.unwrap().0, 200);

    // Only H.264 becomes a file.
    let downloads = format!("/v1/videos/{video}/downloads");
    let asked = dev
        .call("POST", &downloads, Some(&json!({ "rung": "180p-hevc" })))
        .await;
    assert_eq!(asked.0, 422, "{}", asked.1);
    let asked = dev
        .call("POST", &downloads, Some(&json!({ "rung": "180p" })))
        .await;
    assert_eq!(asked.0, 202, "{}", asked.1);
    let mut download = Value::Null;
    for _ in 0..150 {
        let (_, listed) = dev.call("GET", &downloads, None).await;
        download = listed["downloads"][0].clone();
        if download["status"] != "pending" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(download["status"], "ready", "{download}");
    let (_, bytes) = Player::new()
        .get(download["url"].as_str().unwrap())
        .await
        .unwrap();
    let file = folder.join("download.mp4");
    std::fs::write(&file, bytes).unwrap();
    ffmpeg(&["-xerror", "-i", &text(&file), "-f", "null", "-"]);
    let found = probe(&text(&file));
    assert_eq!(found["streams"][0]["nb_frames"], "225", "{found:#}");
    assert!(dev.terminate().await.success());
}

/// AV1 beside H.264, with the versions of FFmpeg that pass keyframes on to SVT-AV1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_versions_of_ffmpeg_encode_av1() {
    let profile = PROFILE.replace("hevc", "av1").replace(
        "[av1]\npreset = \"ultrafast\"",
        "[av1]\npreset = 12\n\n[source_rung]\nenabled = false",
    );
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let settings = folder.path().join("av1.toml");
    std::fs::write(&settings, profile).unwrap();
    let film = make_film(
        &folder.path().join("film.mp4"),
        "320x180",
        "25",
        5.0,
        &["-g", "50"],
    );
    for version in ["8.1", "9.0"] {
        let Some(ffmpeg) = FFmpeg::installed(version) else {
            return;
        };
        let out = folder.path().join(version);
        let options = ["--encrypt", "--profile", &text(&settings)];
        let environment = ffmpeg.environment();
        let answer = transcode_with(&environment, &film, &out, &temporary, &options).await;
        assert_eq!(answer.code, Some(0), "{version}: {}", answer.stderr);
        check(&text(&out), &temporary).await;
        let master = out.join("hls/master.m3u8");
        let written = std::fs::read_to_string(&master).unwrap();
        assert!(written.contains("CODECS=\"av01.0."), "{written}");
        assert_eq!(complaints_of_decoding(&text(&master)), "", "{version}");
    }
}

/// Every container, with and without encryption, remuxed and encoded, conforms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_combination_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let film = make_film(
        &folder.path().join("film.mp4"),
        "320x180",
        "25",
        5.0,
        &["-g", "50"],
    );
    let ogg = folder.path().join("sound.ogg");
    ffmpeg(&["-i", &text(&film), "-vn", "-c:a", "libvorbis", &text(&ogg)]);
    let encoded = PROFILE.to_owned() + "\n[source_rung]\nenabled = false\n";
    for (name, profile, source, options) in [
        ("remuxed", PROFILE, &film, &["--encrypt"][..]),
        ("clear", PROFILE, &film, &[]),
        ("encoded", encoded.as_str(), &film, &["--encrypt"]),
        ("audio", PROFILE, &ogg, &["--encrypt"]),
    ] {
        let (out, settings) = (
            folder.path().join(name),
            folder.path().join(format!("{name}-profile.toml")),
        );
        std::fs::write(&settings, profile).unwrap();
        let settings = text(&settings);
        let more = [options, &["--profile", &settings]].concat();
        let answer = transcode(source, &out, &temporary, &more).await;
        assert_eq!(answer.code, Some(0), "{name}: {}", answer.stderr);
        check(&text(&out), &temporary).await;
        assert_eq!(
            complaints_of_decoding(&text(&out.join("hls/master.m3u8"))),
            "",
            "{name}"
        );
    }
}

/// With several keys for each rendition, in both containers: played by hls.js, as a file, and after a
/// re-encode of one rung.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_keys_take_turns() {
    for format in ["mpeg-ts", "fmp4"] {
        let profile = PROFILE
            .replace("\"fmp4\"", &format!("\"{format}\"\nsegments_per_key = 10"))
            .replace("codec = \"hevc\"", "");
        let mut home = Home::with_profile(&profile);
        let folder = home.folder.path().to_owned();
        let film = folder.join("film.mp4");
        let film = make_film(&film, "640x360", "25", 26.0, &["-g", "50"]);
        let dev = home.start().await;
        let video = dev.upload(&film, "film.mp4").await;
        dev.until_ready(video).await;
        let path = format!("/v1/videos/{video}/reencode");
        let body = json!({ "rungs": ["120p"] });
        let (status, asked) = dev.call("POST", &path, Some(&body)).await;
        assert_eq!(status, 202, "{asked}");
        let is_replaced = |it: &Value| it["attempts"][1]["outcome"] == "ready";
        dev.until(video, Duration::from_secs(90), is_replaced).await;

        let keys = dev.objects(video).await;
        let (first, second) = ("/180p.json", "/180p-k2.json");
        let has = |name: &str| {
            keys.iter()
                .any(|it| it.starts_with("keys/") && it.ends_with(name))
        };
        assert!(
            has(first) && has(second) && has("/iframes-k2.json") && !has("/180p-k3.json"),
            "{keys:?}"
        );
        let url = dev.hls_url(video).await;
        check(&url, &home.temporary()).await;
        assert_eq!(complaints_of_decoding(&url), "", "{format}");
        if browser::is_there() {
            let report = browser::run("play.mjs", &[&url], Duration::from_secs(120)).await;
            browser::played_without_an_error(&report);
            assert_eq!(report["ended"], true, "{report:#}");
            assert!(report["frames"].as_u64().unwrap() > 600, "{report:#}");
        }
        let thumbnail = format!("/v1/videos/{video}/thumbnail?time=24&width=320");
        let (status, _) = dev.call("GET", &thumbnail, None).await;
        assert_eq!(status, 200, "it leads to an image");
    }
}
