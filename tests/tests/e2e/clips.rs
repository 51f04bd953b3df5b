//! Clips: parts of a video as videos of their own, cut out of its segments.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::ids::VideoId;
use e2e::dev::{Dev, Home};
use e2e::look::likeness;
use e2e::media::{make_film, probe};
use e2e::player::Player;
use e2e::program::text;
use serde_json::{Value, json};

/// The film: a keyframe every two seconds, 30 frames per second.
const SIZE: &str = "640x360";
const GOP: [&str; 6] = ["-g", "60", "-keyint_min", "60", "-sc_threshold", "0"];

const PROFILE: &str = "
[encoder]
preset = \"ultrafast\"

[[rung]]
name = \"360p\"
width = 640
height = 360
video_kbps = 1500
audio_kbps = 96
";

/// Creates a clip, and returns it when it is ready.
async fn clip(dev: &Dev, clip: Value) -> (VideoId, Value) {
    let created = dev
        .call("POST", "/v1/videos", Some(&json!({ "clip": clip })))
        .await;
    assert_eq!(created.0, 201, "{}", created.1);
    let id = created.1["id"].as_str().unwrap().parse().unwrap();
    (id, dev.until_ready(id).await)
}

/// Downloads a video as an MP4 file.
async fn download(dev: &Dev, video: VideoId, file: PathBuf) -> PathBuf {
    let path = format!("/v1/videos/{video}/downloads");
    for _ in 0..300 {
        let (_, found) = dev.call("POST", &path, Some(&json!({}))).await;
        if found["status"] == "ready" {
            let bytes = Player::new()
                .get(found["url"].as_str().unwrap())
                .await
                .unwrap()
                .1;
            std::fs::write(&file, bytes).unwrap();
            return file;
        }
        assert_eq!(found["status"], "pending", "{found}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the file was not written");
}

/// The similarity of a clip and of the film from this frame on, decibels.
fn similar(clip: &Path, frame: u32) -> f64 {
    let source = format!("testsrc2=size={SIZE}:rate=30,trim=start_frame={frame},setpts=N/30/TB");
    likeness(clip, &source, (320, 180))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_video_plays_by_itself() {
    let mut home = Home::with_profile(PROFILE);
    let folder = home.folder.path().to_owned();
    let film = make_film(&folder.join("film.mp4"), SIZE, "30", 12.0, &GOP);
    let dev = home.start().await;
    let fields = json!({ "filename": "film.mp4", "title": "Lesson 1" });
    let video = dev.upload_as(&film, fields).await;
    dev.until_ready(video).await;

    // From 5.5 s: in the middle of a group of pictures, whose keyframe is at 4 s.
    for (name, align, first, seconds, is_copied) in [
        ("exact", "exact", 165, 3.5, false),
        ("aligned", "keyframe", 120, 5.0, true),
    ] {
        let request = json!({ "video": video, "start": 5.5, "end": 9, "align": align });
        let (id, ready) = clip(&dev, request).await;
        assert_eq!(ready["title"], "Lesson 1 (0:05 to 0:09)");
        let duration = ready["duration_seconds"].as_f64().unwrap();
        assert!((duration - seconds).abs() < 0.11, "{name}: {duration}");
        let renditions = ready["renditions"].as_array().unwrap();
        let has_copy = renditions
            .iter()
            .any(|it| it["kind"] == "video" && it["copied"] == true);
        assert_eq!(has_copy, is_copied, "{name}: {renditions:?}");

        let file = download(&dev, id, folder.join(format!("{name}.mp4"))).await;
        let streams = probe(&text(&file))["streams"].as_array().unwrap().clone();
        assert_eq!(streams.len(), 2, "{name}: video and audio");
        for stream in streams {
            let lasts: f64 = stream["duration"].as_str().unwrap().parse().unwrap();
            assert!((lasts - seconds).abs() < 0.11, "{name}: {stream}");
        }
        let [before, right, after] = [first - 1, first, first + 1].map(|it| similar(&file, it));
        assert!(
            right > 28.0 && right > before + 2.0 && right > after + 2.0,
            "{name}: {before} {right} {after}"
        );
    }

    // A clip of a video that is gone meanwhile fails, and says why.
    dev.call("DELETE", &format!("/v1/videos/{video}"), None)
        .await;
    let request = json!({ "clip": { "video": video, "start": 1, "end": 3 } });
    let refused = dev.call("POST", "/v1/videos", Some(&request)).await;
    assert_eq!(refused.0, 404, "{}", refused.1);
    assert!(dev.terminate().await.success());
}
