//! Files that are made on request: a thumbnail of a frame, an animated preview of a span, a rung as an
//! MP4 file, and audio as an M4A file.

use std::path::Path;
use std::time::Duration;

use domain::object_key::ObjectPrefix;
use e2e::dev::{Dev, Home};
use e2e::media::{ffmpeg, make_film, probe};
use e2e::player::Player;
use e2e::program::text;
use futures::future::join_all;
use platform::object_store::uploads::UploadSigner as _;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

/// Remuxes that film too.
const PROFILE: &str = "[source_rung]\nmax_kbps = 40000\n";

/// Two seconds each.
const SHORT_SEGMENTS: &str = "segment_seconds = 2.0\n";

/// A film of some 18 MB, so that its file has several parts.
const LARGE: [&str; 8] = [
    "-vf",
    "noise=c0s=60:c0f=t",
    "-b:v",
    "18M",
    "-maxrate",
    "18M",
    "-bufsize",
    "9M",
];

/// Status, `Location` or the code of the problem.
async fn redirect(dev: &Dev, path: &str) -> (u16, String) {
    let client = reqwest::Client::builder().redirect(Policy::none());
    let url = format!("{}{path}", dev.info["api"].as_str().unwrap());
    let request = client.build().unwrap().get(url);
    let request = request.bearer_auth(dev.info["token"].as_str().unwrap());
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let location = answer.headers().get("location");
    let text = match location {
        Some(location) => location.to_str().unwrap().to_owned(),
        None => answer.json::<Value>().await.unwrap()["code"].to_string(),
    };
    (status, text)
}

/// A hash of every decoded frame.
fn frames(file: &Path, folder: &Path) -> Vec<String> {
    let hashes = folder.join("frames.txt");
    let map = ["-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5"];
    let (input, output) = (text(file), text(&hashes));
    let arguments = [&["-i", input.as_str()][..], &map, &["-y", output.as_str()]];
    ffmpeg(&arguments.concat());
    let text = std::fs::read_to_string(hashes).unwrap();
    let lines = text.lines().filter(|it| !it.starts_with('#'));
    lines
        .map(|it| it.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

/// The first file of the list, once it is written.
async fn written(dev: &Dev, downloads: &str) -> Value {
    let mut download = Value::Null;
    for _ in 0..300 {
        let (_, listed) = dev.call("GET", downloads, None).await;
        download = listed["downloads"][0].clone();
        if download["status"] != "pending" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    download
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_and_a_file_are_made_on_request() {
    let mut home = Home::with_profile(PROFILE);
    let folder = home.folder.path().to_owned();
    let film = make_film(&folder.join("film.mp4"), "1280x720", "24", 8.0, &LARGE);
    let mut dev = home.start().await;
    let fields = json!({ "filename": "film.mp4", "title": "Lesson 1", "mode": "copy" });
    let video = dev.upload_as(&film, fields).await;
    dev.until_ready(video).await;

    // Many callers at once get one image.
    let path = format!("/v1/videos/{video}/thumbnail");
    let wanted = format!("{path}?time=5.03&width=600");
    let answers = join_all((0..50).map(|_| redirect(&dev, &wanted))).await;
    let (status, url) = &answers[0];
    assert_eq!(*status, 302, "{url}");
    assert!(answers.iter().all(|it| it == &answers[0]), "{answers:?}");
    let (status, image) = Player::new().get(url).await.unwrap();
    assert_eq!(status, 200);
    let file = folder.join("frame.jpg");
    std::fs::write(&file, image).unwrap();
    let found = &probe(&text(&file))["streams"][0];
    assert_eq!(
        (&found["codec_name"], &found["width"], &found["height"]),
        (&json!("mjpeg"), &json!(640), &json!(360))
    );
    for (query, status) in [("time=-1", 302), ("time=1e9", 302), ("time=nan", 400)] {
        let found = redirect(&dev, &format!("{path}?{query}")).await;
        assert_eq!(found.0, status, "{query}: {}", found.1);
    }

    // The file is written although the program is killed while it works.
    let downloads = format!("/v1/videos/{video}/downloads");
    let asked = dev.call("POST", &downloads, Some(&json!({}))).await;
    assert_eq!(
        (asked.0, &asked.1["status"]),
        (202, &json!("pending")),
        "{}",
        asked.1
    );
    tokio::time::sleep(Duration::from_millis(150)).await;
    dev.kill().await;
    dev = home.start().await;
    let download = written(&dev, &downloads).await;
    assert_eq!(
        (&download["status"], &download["filename"]),
        (&json!("ready"), &json!("Lesson 1.mp4")),
        "{download}"
    );
    let url = download["url"].as_str().unwrap();
    let (status, bytes) = Player::new().get(url).await.unwrap();
    assert_eq!(
        (status, Some(bytes.len() as u64)),
        (200, download["size"].as_u64())
    );
    assert!(
        bytes.len() > 16 << 20,
        "it has several parts: {}",
        bytes.len()
    );
    let file = folder.join("download.mp4");
    std::fs::write(&file, bytes).unwrap();
    let found = probe(&text(&file));
    let stream = |kind: &str| {
        let streams = found["streams"].as_array().unwrap();
        streams
            .iter()
            .find(|it| it["codec_type"] == kind)
            .unwrap()
            .clone()
    };
    let number = |it: &Value| it.as_str().unwrap().parse::<f64>().unwrap();
    let (picture, sound) = (stream("video"), stream("audio"));
    assert_eq!(
        (
            &picture["codec_name"],
            &picture["nb_frames"],
            &sound["codec_name"]
        ),
        (&json!("h264"), &json!("192"), &json!("aac"))
    );
    for it in [&picture, &sound] {
        assert!(number(&it["start_time"]).abs() < 0.001, "{it}");
        assert!((number(&it["duration"]) - 8.0).abs() < 0.03, "{it}");
    }
    // The remuxed rung: every frame is that of the source.
    assert_eq!(frames(&file, &folder), frames(&film, &folder));
    ffmpeg(&["-xerror", "-i", &text(&file), "-f", "null", "-"]);

    let family = ObjectPrefix::Downloads(video);
    let left = dev.store().list_unfinished(&family).await.unwrap();
    assert_eq!(left, [], "no upload is left behind");
    dev.call("DELETE", &format!("/v1/videos/{video}"), None)
        .await;
    assert_eq!(dev.objects(video).await, [""; 0]);
    assert_eq!(redirect(&dev, &wanted).await.0, 404);
    assert!(dev.terminate().await.success());
}

/// The size of the canvas, how often it plays (0: without end), and of each frame its duration in
/// milliseconds and its bitstream (RIFF container of WebP: `VP8X`, `ANIM`, `ANMF`).
struct Animation {
    size: (u32, u32),
    loops: u32,
    frames: Vec<(u32, Vec<u8>)>,
}

impl Animation {
    fn read(file: &[u8]) -> Self {
        assert_eq!((&file[..4], &file[8..12]), (&b"RIFF"[..], &b"WEBP"[..]));
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |sum, it| sum << 8 | u32::from(*it))
        };
        assert_eq!(number(&file[4..8]) as usize, file.len() - 8);
        let mut found = Self {
            size: (0, 0),
            loops: u32::MAX,
            frames: vec![],
        };
        let mut rest = &file[12..];
        while !rest.is_empty() {
            let (name, length) = (&rest[..4], number(&rest[4..8]) as usize);
            let chunk = &rest[8..8 + length];
            match name {
                b"VP8X" => found.size = (number(&chunk[4..7]) + 1, number(&chunk[7..10]) + 1),
                b"ANIM" => found.loops = number(&chunk[4..6]),
                b"ANMF" => {
                    let frame = (number(&chunk[12..15]), chunk[16..].to_vec());
                    found.frames.push(frame);
                }
                other => panic!("{}", String::from_utf8_lossy(other)),
            }
            rest = &rest[8 + length + length % 2..];
        }
        found
    }

    fn length_ms(&self) -> u32 {
        self.frames.iter().map(|it| it.0).sum()
    }

    /// The first frame, which covers the canvas, as an image of its own.
    fn first_frame(&self) -> Vec<u8> {
        let bitstream = &self.frames[0].1;
        let length = (bitstream.len() + 4) as u32;
        [b"RIFF", &length.to_le_bytes()[..], b"WEBP", bitstream].concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_is_made_on_request() {
    let mut home = Home::with_profile(SHORT_SEGMENTS);
    let folder = home.folder.path().to_owned();
    let film = make_film(&folder.join("film.mp4"), "640x360", "24", 6.0, &[]);
    let dev = home.start().await;
    let fields = json!({ "filename": "film.mp4", "mode": "copy" });
    let video = dev.upload_as(&film, fields).await;
    dev.until_ready(video).await;

    // Over a boundary of segments; requests at the same time get one image.
    let path = format!("/v1/videos/{video}/preview");
    let wanted = format!("{path}?start=1.5&duration=3&width=300");
    let answers = join_all((0..20).map(|_| redirect(&dev, &wanted))).await;
    let (status, url) = &answers[0];
    assert_eq!(*status, 302, "{url}");
    assert!(answers.iter().all(|it| it == &answers[0]), "{answers:?}");
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["content-type"], "image/webp");
    let image = answer.bytes().await.unwrap();
    assert!(image.len() < 300_000, "{} bytes", image.len());
    let animation = Animation::read(&image);
    assert_eq!((animation.size, animation.loops), ((320, 180), 0));
    assert_eq!((animation.frames.len(), animation.length_ms()), (30, 3_000));
    let file = folder.join("frame.webp");
    std::fs::write(&file, animation.first_frame()).unwrap();
    let found = &probe(&text(&file))["streams"][0];
    assert_eq!(
        (&found["codec_name"], &found["width"], &found["height"]),
        (&json!("webp"), &json!(320), &json!(180))
    );
    ffmpeg(&["-xerror", "-i", &text(&file), "-f", "null", "-"]);

    // The end of the video, at the width of the film; and outside of what there is.
    let (status, url) = redirect(&dev, &format!("{path}?start=99&duration=1&width=640")).await;
    assert_eq!(status, 302, "{url}");
    let (_, image) = Player::new().get(&url).await.unwrap();
    let animation = Animation::read(&image);
    assert_eq!(animation.size, (640, 360));
    assert_eq!((animation.frames.len(), animation.length_ms()), (10, 1_000));
    assert_eq!(redirect(&dev, &format!("{path}?start=inf")).await.0, 400);

    let is_preview = |it: &&String| it.contains("/previews/");
    let made = dev.objects(video).await;
    assert_eq!(made.iter().filter(is_preview).count(), 2, "{made:?}");
    dev.call("DELETE", &format!("/v1/videos/{video}"), None)
        .await;
    assert_eq!(dev.objects(video).await, [""; 0]);
    assert_eq!(redirect(&dev, &wanted).await.0, 404);
    assert!(dev.terminate().await.success());
}

/// Quiet audio is brought to the loudness of the profile, and downloaded as viewers hear it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_is_downloaded_as_it_is_heard() {
    let mut home = Home::with_profile("[loudness]\nnormalise = true\n");
    let folder = home.folder.path().to_owned();
    let source = folder.join("lesson.flac");
    let noise = "anoisesrc=r=48000:d=9:a=0.2:c=pink:seed=7";
    ffmpeg(&["-f", "lavfi", "-i", noise, "-ac", "2", &text(&source)]);
    let dev = home.start().await;
    let fields = json!({ "filename": "lesson.flac" });
    let video = dev.upload_as(&source, fields).await;
    let shown = dev.until_ready(video).await;
    let track = &shown["receipt"]["loudness"][0];
    let (before, gain) = (
        track["integrated_lufs"].as_f64().unwrap(),
        track["gain_db"].as_f64().unwrap(),
    );
    assert!((before + gain + 16.0).abs() < 0.05, "{track}");
    assert!(gain > 10.0, "{track}");

    let downloads = format!("/v1/videos/{video}/downloads");
    let asked = dev.call("POST", &downloads, Some(&json!({}))).await;
    assert_eq!((asked.0, &asked.1["rung"]), (202, &json!("audio-128k")));
    let download = written(&dev, &downloads).await;
    assert_eq!(
        (&download["status"], &download["filename"]),
        (&json!("ready"), &json!("lesson.m4a")),
        "{download}"
    );
    let url = download["url"].as_str().unwrap();
    let (status, bytes) = Player::new().get(url).await.unwrap();
    assert_eq!(status, 200);
    let file = folder.join("download.m4a");
    std::fs::write(&file, bytes).unwrap();
    let found = probe(&text(&file));
    let streams = found["streams"].as_array().unwrap();
    let [sound] = &streams[..] else {
        panic!("{found}")
    };
    assert_eq!(
        (&sound["codec_name"], &sound["channels"]),
        (&json!("aac"), &json!(2))
    );
    let seconds: f64 = sound["duration"].as_str().unwrap().parse().unwrap();
    assert!((seconds - 9.0).abs() < 0.03, "{sound}");
    ffmpeg(&["-xerror", "-i", &text(&file), "-f", "null", "-"]);
    assert!(dev.terminate().await.success());
}
