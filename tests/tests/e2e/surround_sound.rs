//! 5.1 beside stereo: conformance, playback, and files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::browser;
use e2e::dev::Home;
use e2e::media::{complaints_of_decoding, ffmpeg, probe};
use e2e::player::Player;
use e2e::program::{check, text, transcode};
use serde_json::json;

/// The remuxed source, and a rung.
const PROFILE: &str = "
name = \"small\"
segment_seconds = 2.0
thumbnails = 3

[encoder]
preset = \"ultrafast\"

[surround]
enabled = true

[[rung]]
name = \"120p\"
width = 214
height = 120
video_kbps = 200
audio_kbps = 128
";

/// A film with a track in 5.1 and one in stereo.
fn make_film(file: &Path, seconds: u32) -> PathBuf {
    let picture = format!("testsrc2=size=320x180:rate=25:duration={seconds}");
    let tone = |frequency: u32| format!("0.2*sin({frequency}*2*PI*t)");
    let tones = [440, 660, 880, 60, 1320, 1760].map(tone);
    let surround = format!("aevalsrc='{}':c=5.1:s=48000:d={seconds}", tones.join("|"));
    let stereo = format!("aevalsrc='{}|{}':s=48000:d={seconds}", tones[0], tones[1]);
    let mut arguments = vec![];
    for input in [&picture, &surround, &stereo] {
        arguments.extend(["-f", "lavfi", "-i", input]);
    }
    arguments.extend(["-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264"]);
    arguments.extend(["-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p"]);
    arguments.extend(["-c:a:0", "ac3", "-b:a:0", "448k", "-c:a:1", "aac"]);
    arguments.extend(["-metadata:s:a:0", "language=eng"]);
    arguments.extend(["-metadata:s:a:1", "language=deu"]);
    let output = text(file);
    arguments.push(&output);
    ffmpeg(&arguments);
    file.to_owned()
}

/// Every codec and container, encrypted, with a track that has no surround.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_codec_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let film = make_film(&folder.path().join("film.mkv"), 5);
    for (codec, format) in [
        ("aac", "mpeg-ts"),
        ("aac", "fmp4"),
        ("ac-3", "mpeg-ts"),
        ("ac-3", "fmp4"),
        ("ec-3", "mpeg-ts"),
        ("ec-3", "fmp4"),
    ] {
        let name = format!("{codec}-{format}");
        let enabled = format!("enabled = true\ncodec = \"{codec}\"");
        let profile = format!("segment_format = \"{format}\"\n{PROFILE}");
        let profile = profile.replace("enabled = true", &enabled);
        let out = folder.path().join(&name);
        let settings = folder.path().join(format!("{name}-profile.toml"));
        std::fs::write(&settings, profile).unwrap();
        let options = ["--encrypt", "--profile", &text(&settings)];
        let answer = transcode(&film, &out, &temporary, &options).await;
        assert_eq!(answer.code, Some(0), "{name}: {}", answer.stderr);
        check(&text(&out), &temporary).await;
        let master = out.join("hls/master.m3u8");
        assert_eq!(complaints_of_decoding(&text(&master)), "", "{name}");
        let written = std::fs::read_to_string(&master).unwrap();
        let members = |channels: &str| {
            let media = written.lines().filter(|it| it.contains("TYPE=AUDIO"));
            media.filter(|it| it.contains(channels)).count()
        };
        assert_eq!(
            (members("CHANNELS=\"6\""), members("CHANNELS=\"2\"")),
            (1, 3),
            "{written}"
        );
    }
}

/// Chromium plays AAC in both groups, and files hold stereo.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn surround_is_played_and_files_are_in_stereo() {
    let mut home = Home::with_profile(PROFILE);
    let folder = home.folder.path().to_owned();
    let film = make_film(&folder.join("film.mkv"), 16);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mkv").await;
    // While it grows, the playlist names both groups.
    dev.until(video, Duration::from_secs(60), |it| it["playable"] == true)
        .await;
    let url = dev.hls_url(video).await;
    let (_, growing) = Player::new().get(&url).await.unwrap();
    let growing = String::from_utf8(growing).unwrap();
    assert_eq!(
        growing.matches("GROUP-ID=\"audio-surround\"").count(),
        2,
        "{growing}"
    );
    let ready = dev.until_ready(video).await;
    let renditions = ready["renditions"].as_array().unwrap();
    let has = |name: &str| renditions.iter().any(|it| it["name"] == name);
    assert!(
        has("audio-surround") && !has("audio-surround-2"),
        "{ready:#}"
    );
    let url = dev.hls_url(video).await;
    check(&url, &home.temporary()).await;

    if browser::is_there() {
        // As the player plays it on a computer and on a home cinema.
        for (loudspeakers, group) in [("2", "audio-128k 2"), ("6", "audio-surround 6")] {
            let arguments = [url.as_str(), loudspeakers];
            let report = browser::run("play.mjs", &arguments, Duration::from_secs(180)).await;
            browser::played_without_an_error(&report);
            assert_eq!(report["ended"], true, "{report:#}");
            assert_eq!(report["groups"], json!([group]), "{report:#}");
            assert_eq!(report["levels"], json!([120, 180]), "{report:#}");
            assert_eq!(report["tracks"], json!(["English en", "Deutsch de"]));
        }
    }

    let downloads = format!("/v1/videos/{video}/downloads");
    let request = json!({ "rung": "audio-surround" });
    let refused = dev.call("POST", &downloads, Some(&request)).await;
    assert_eq!(refused.0, 422, "{}", refused.1);
    let mut download = json!({ "status": "pending" });
    for _ in 0..150 {
        (_, download) = dev.call("POST", &downloads, Some(&json!({}))).await;
        if download["status"] != "pending" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(download["status"], "ready", "{download}");
    let address = download["url"].as_str().unwrap();
    let (_, bytes) = Player::new().get(address).await.unwrap();
    let file = folder.join("download.mp4");
    std::fs::write(&file, bytes).unwrap();
    let found = probe(&text(&file));
    assert_eq!(found["streams"][1]["channels"], 2, "{found:#}");

    // A clip is cut out of the segments in stereo.
    let request = json!({ "clip": { "video": video, "start": 3, "end": 8 } });
    let (status, created) = dev.call("POST", "/v1/videos", Some(&request)).await;
    assert_eq!(status, 201, "{created}");
    let clip = created["id"].as_str().unwrap().parse().unwrap();
    let ready = dev.until_ready(clip).await;
    let renditions = ready["renditions"].as_array().unwrap();
    let audio = renditions.iter().filter(|it| it["kind"] == "audio");
    assert_eq!(audio.count(), 1, "{ready:#}");
    assert!(dev.terminate().await.success());
}
