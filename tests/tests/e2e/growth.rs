//! A video that is watched while it is transcoded: its playlists advance in time, and third-party
//! players play all of it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use domain::ids::VideoId;
use e2e::browser;
use e2e::dev::{Dev, Home};
use e2e::media::{ffmpeg, film, probe};
use e2e::player::Player;
use e2e::program::{check, text};
use serde_json::{Value, json};

/// Segments of four seconds: a playlist may stay unchanged for six.
const PROFILE: &str = r#"
name = "small"
segment_seconds = 4.0
thumbnails = 0

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
video_kbps = 150
audio_kbps = 64
"#;

/// Duration of the film, seconds.
const LENGTH: f64 = 60.0;
/// Four of a second, and fourteen of four seconds.
const SEGMENTS: usize = 18;
const FRAMES: usize = 60 * 25;

/// With two encoders at this speed, the film grows for most of a minute, also on a fast machine.
const SPEED_OF_AN_ENCODER: &str = "0.7";

/// Limits FFmpeg's encoding speed: a program of the same name that executes the real one.
fn slow_down(home: &mut Home) {
    let folder = home.folder.path().join("tools");
    std::fs::create_dir(&folder).unwrap();
    for name in ["ffmpeg", "ffprobe"] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&path).map(|it| it.join(name));
        let real = found
            .find(|it| it.is_file())
            .expect("FFmpeg is missing: install it, or run `make test`");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *libx264*) exec {0} -readrate {SPEED_OF_AN_ENCODER} \"$@\" ;; esac\nexec {0} \"$@\"\n",
            real.display()
        );
        let path = folder.join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    home.environment
        .push(("EDGEREEL_FFMPEG_DIR".to_owned(), text(&folder)));
}

/// The growth of one media playlist.
#[derive(Debug)]
struct Grown {
    began_with: usize,
    segments: usize,
    ended: bool,
    changed: Instant,
    longest_standstill: Duration,
    versions: usize,
}

/// Watches the playlists of a growing video until they have ended.
async fn follow(master: &str) -> BTreeMap<String, Grown> {
    let player = Player::new();
    let mut known = BTreeMap::<String, Grown>::new();
    // Renditions that are named at the end appear with the switch to the finished generation.
    let first = player
        .presentation(master)
        .await
        .unwrap()
        .expect("it is playable");
    assert!(
        first
            .master
            .start
            .is_some_and(|it| it.value.time_offset > 0.0),
        "{}",
        first.text
    );
    let urls: Vec<_> = first
        .media
        .into_iter()
        .map(|(name, media)| (name, media.url))
        .collect();
    while known.len() < urls.len() || known.values().any(|it| !it.ended) {
        for (name, url) in &urls {
            let (status, body) = player.get(url.as_str()).await.unwrap();
            assert_eq!(status, 200, "{name}");
            let playlist = hls::MediaPlaylist::parse(&String::from_utf8(body).unwrap()).playlist;
            let (segments, ended) = (playlist.segments.len(), playlist.end_list.is_some());
            let grown = known.entry(name.clone()).or_insert_with(|| Grown {
                began_with: segments,
                segments,
                ended: false,
                changed: Instant::now(),
                longest_standstill: Duration::ZERO,
                versions: 1,
            });
            assert!(segments >= grown.segments, "{name} became shorter");
            if !grown.ended && (segments > grown.segments || ended) {
                grown.longest_standstill = grown.longest_standstill.max(grown.changed.elapsed());
                (grown.segments, grown.ended, grown.changed) = (segments, ended, Instant::now());
                grown.versions += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    known
}

/// A player in a separate process, which has to end by itself.
fn started(
    program: impl AsRef<std::ffi::OsStr>,
    arguments: &[&str],
) -> tokio::task::JoinHandle<Output> {
    let mut command = Command::new("timeout");
    command
        .arg("150")
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().expect("a player starts"))
}

fn log_of(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_growing_video_moves_in_time_and_is_played_to_its_end() {
    let mut home = Home::with_profile(PROFILE);
    home.options
        .extend(["--encoders".to_owned(), "2".to_owned()]);
    slow_down(&mut home);
    let film = make_old_film(home.folder.path(), LENGTH);
    let dev = home.start().await;
    let begun = Instant::now();
    let video = dev.upload(&film, "film.mp4").await;
    dev.until(video, Duration::from_secs(60), |it| it["playable"] == true)
        .await;
    println!("playable after {:.1} s", begun.elapsed().as_secs_f64());
    let url = dev.hls_url(video).await;

    // By default, these two start three segments before the end of a growing playlist.
    let of_ffmpeg = [
        "-v",
        "error",
        "-live_start_index",
        "0",
        "-i",
        &url,
        "-map",
        "0:v:0",
        "-c",
        "copy",
        "-f",
        "framecrc",
        "-",
    ];
    let by_ffmpeg = started("ffmpeg", &of_ffmpeg);
    let recorded = home.folder.path().join("streamlink.ts");
    let of_streamlink = [
        "--hls-live-restart",
        "--loglevel",
        "warning",
        "-o",
        recorded.to_str().unwrap(),
        &format!("hls://{url}"),
        "best",
    ];
    let by_streamlink =
        testkit::tool("streamlink", "streamlink").map(|it| started(it, &of_streamlink));
    let of_gstreamer = [
        "-v",
        "playbin3",
        &format!("uri={url}"),
        "video-sink=fakesink silent=false sync=true",
        "audio-sink=fakesink sync=true",
    ];
    let by_gstreamer = started("gst-launch-1.0", &of_gstreamer);

    let grown = follow(&url).await;
    println!(
        "complete after {:.1} s: {grown:#?}",
        begun.elapsed().as_secs_f64()
    );
    assert_eq!(grown.len(), 3, "two rungs and their audio");
    for (name, it) in &grown {
        assert!(it.began_with >= 3, "{name}: {it:?}");
        assert_eq!(it.segments, SEGMENTS, "{name}");
        assert!(it.versions >= 6, "{name} came in leaps: {it:?}");
        // RFC 8216, 6.2.2.
        assert!(
            it.longest_standstill <= Duration::from_secs(6),
            "{name}: {it:?}"
        );
    }

    let output = by_ffmpeg.await.unwrap();
    let frames = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|it| it.starts_with("0,"))
        .count();
    assert!(
        output.status.success() && frames == FRAMES,
        "FFmpeg saw {frames} frames: {}",
        log_of(&output)
    );
    if let Some(by_streamlink) = by_streamlink {
        let output = by_streamlink.await.unwrap();
        assert!(output.status.success(), "Streamlink: {}", log_of(&output));
        let seconds = probe(recorded.to_str().unwrap())["format"]["duration"]
            .as_str()
            .and_then(|it| it.parse::<f64>().ok());
        assert!(
            seconds.is_some_and(|it| (it - LENGTH).abs() < 0.2),
            "Streamlink recorded {seconds:?} s: {}",
            log_of(&output)
        );
    }
    let output = by_gstreamer.await.unwrap();
    if output.status.code() == Some(127) {
        testkit::missing("GStreamer", "scripts/setup.sh --browser");
    } else {
        let log = log_of(&output);
        let frames = log
            .matches("GstFakeSink:fakesink0: last-message = chain")
            .count();
        assert!(
            output.status.success() && log.contains("Got EOS"),
            "GStreamer: {log}"
        );
        assert_eq!(frames, FRAMES, "GStreamer did not show every frame");
    }
    dev.until_ready(video).await;
    check(&url, &home.temporary()).await;
    assert!(dev.terminate().await.success());
}

/// Chromium's own player takes a growing playlist for a live one and skips segments when that runs ahead, so the edge reveals
/// the playlist at the pace of playback, also after the video has become complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_plays_all_of_a_video_that_grows_faster_than_it_plays() {
    if !browser::is_there() {
        return;
    }
    const SECONDS: f64 = 40.0;
    let mut home = Home::with_profile(PROFILE);
    let film = make_old_film(home.folder.path(), SECONDS);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until(video, Duration::from_secs(60), |it| it["playable"] == true)
        .await;
    let playing = play(&dev, &home, "native", video);
    let complete = async {
        let began = Instant::now();
        dev.until_ready(video).await;
        began.elapsed()
    };
    let (report, complete) = tokio::join!(playing, complete);
    println!("complete after {complete:?}");
    assert!(
        complete < Duration::from_secs_f64(SECONDS / 2.0),
        "the video grew too slowly for this test: {complete:?}"
    );
    assert_eq!(
        (&report["errors"], &report["ended"]),
        (&json!([]), &json!(true)),
        "{report:#}"
    );
    assert_eq!(report["skips"], json!([]), "{report:#}");
    // A decoder that was reset decodes some frames again.
    assert!(
        report["frames"].as_u64() >= Some((SECONDS * 25.0) as u64),
        "{report:#}"
    );
    assert!(dev.terminate().await.success());
}

/// The report of a player in Chromium that starts now.
async fn play(dev: &Dev, home: &Home, player: &str, video: VideoId) -> Value {
    let secrets: Value =
        serde_json::from_slice(&std::fs::read(home.data().join("secrets.json")).unwrap()).unwrap();
    let (edge, key) = (
        dev.info["edge"].as_str().unwrap(),
        secrets["grant_keys"].as_str().unwrap(),
    );
    let id = video.to_string();
    let arguments = [player, edge, &id, key, "600", "no", "90"];
    browser::run("players.mjs", &arguments, Duration::from_secs(120)).await
}

/// Viewers start with a small rung that is encoded ahead of a large one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rung_plays_while_the_others_are_encoded() {
    const SECONDS: f64 = 40.0;
    let large = "\n[[rung]]\nname = \"720p\"\nwidth = 1280\nheight = 720\nvideo_kbps = 1500\naudio_kbps = 64\n";
    let mut home = Home::with_profile(&format!("{PROFILE}{large}"));
    let film = make_film(home.folder.path(), "1280x720", SECONDS);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until(video, Duration::from_secs(60), |it| it["playable"] == true)
        .await;
    let url = dev.hls_url(video).await;
    let rungs = async || -> Vec<String> {
        let presentation = Player::new().presentation(&url).await.unwrap();
        let names = presentation.expect("it is playable").media.into_keys();
        names.filter(|it| it.ends_with('p')).collect()
    };
    assert_eq!(rungs().await, ["180p"], "the others are not complete");
    if browser::is_there() {
        let playing = play(&dev, &home, "hls", video);
        let (report, _) = tokio::join!(playing, dev.until_ready(video));
        // hls.js 1.7 may say this of a fragment that is in the buffer; it appends the fragment again.
        let harmless = |it: &&Value| {
            it.as_str()
                .is_some_and(|it| it.starts_with("bufferAppendNoProgress"))
        };
        let errors = report["errors"].as_array().unwrap().iter();
        assert_eq!(errors.filter(|it| !harmless(it)).count(), 0, "{report:#}");
        assert_eq!(
            (&report["stalls"], &report["ended"]),
            (&json!([]), &json!(true)),
            "{report:#}"
        );
        let frames = report["frames"].as_u64();
        assert!(frames >= Some((SECONDS * 25.0) as u64), "{report:#}");
    }
    dev.until_ready(video).await;
    assert_eq!(rungs().await, ["120p", "180p", "720p"]);
    check(&url, &home.temporary()).await;
    assert!(dev.terminate().await.success());
}

/// A small film that cannot be remuxed.
fn make_old_film(folder: &Path, seconds: f64) -> std::path::PathBuf {
    make_film(folder, "640x360", seconds)
}

/// A film of this size that cannot be remuxed.
fn make_film(folder: &Path, size: &str, seconds: f64) -> std::path::PathBuf {
    let path = folder.join("film.mp4");
    let mut arguments = film(size, "25", seconds);
    arguments.extend(["-c:v", "mpeg4", "-q:v", "5", "-g", "50", "-c:a", "aac"].map(str::to_owned));
    arguments.push(text(&path));
    ffmpeg(&arguments);
    path
}
