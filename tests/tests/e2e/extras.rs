//! Optional images: the two sizes of the storyboard; and a video whose images cannot be created is
//! ready all the same, at the first attempt, and reports it.

use std::os::unix::fs::PermissionsExt as _;

use e2e::dev::Home;
use e2e::media::{make_film, probe};
use e2e::player::Player;
use e2e::program::text;
use serde_json::json;

/// An FFmpeg that cannot encode JPEG once a file called `fail` is beside it: it passes the trial at
/// the start.
const WITHOUT_JPEG: &str = r#"#!/bin/sh
for argument in "$@"; do
    if [ "$argument" = mjpeg ] && [ -e "$(dirname "$0")/fail" ]; then
        echo "[error] no picture today" >&2
        exit 1
    fi
done
exec REAL "$@"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_extra_is_a_warning() {
    let mut home = Home::new();
    let tools = home.folder.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for name in ["ffmpeg", "ffprobe"] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let real = std::env::split_paths(&path)
            .map(|it| it.join(name))
            .find(|it| it.is_file())
            .expect("FFmpeg is there");
        let script = tools.join(name);
        std::fs::write(&script, WITHOUT_JPEG.replace("REAL", &text(&real))).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    home.environment
        .push(("EDGEREEL_FFMPEG_DIR".to_owned(), text(&tools)));
    // A confined script cannot start another program.
    home.environment
        .push(("EDGEREEL_CONFINEMENT".to_owned(), "off".to_owned()));
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "24",
        6.0,
        &[],
    );
    let dev = home.start().await;
    std::fs::write(tools.join("fail"), "").unwrap();
    let video = dev.upload(&film, "film.mp4").await;
    let ready = dev.until_ready(video).await;
    assert_eq!(
        ready["attempts"].as_array().map(Vec::len),
        Some(1),
        "{ready:#}"
    );
    let mut missing: Vec<_> = ready["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["missing"].as_str().unwrap_or("").to_owned())
        .collect();
    missing.sort();
    assert_eq!(
        json!(missing),
        json!(["poster", "storyboard", "thumbnails"]),
        "{ready:#}"
    );
    assert!(dev.terminate().await.success());
}

/// Both sheets come from the same frames.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storyboard_has_two_sizes() {
    let mut home = Home::new();
    let folder = home.folder.path().to_owned();
    let film = make_film(&folder.join("film.mp4"), "640x360", "24", 6.0, &[]);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    let (_, stream) = dev
        .call("GET", &format!("/v1/videos/{video}/stream"), None)
        .await;
    let player = Player::new();
    for (field, name, tile) in [
        ("storyboard_url", "storyboard", (160, 90)),
        ("large_storyboard_url", "storyboard-large", (320, 180)),
    ] {
        let url = stream[field].as_str().unwrap();
        let (status, index) = player.get(url).await.unwrap();
        assert_eq!(status, 200, "{field}");
        let index = String::from_utf8(index).unwrap();
        assert_eq!(
            index.matches(&format!("\n{name}.jpg#xywh=")).count(),
            6,
            "{index}"
        );
        let last = format!("#xywh={},0,{},{}\n", 5 * tile.0, tile.0, tile.1);
        assert!(index.ends_with(&last), "{index}");
        let sheet = url.replace(".vtt", ".jpg");
        let (status, sheet) = player.get(&sheet).await.unwrap();
        assert_eq!(status, 200, "{field}");
        let file = folder.join(format!("{name}.jpg"));
        std::fs::write(&file, sheet).unwrap();
        let found = &probe(&text(&file))["streams"][0];
        assert_eq!(
            (&found["codec_name"], &found["width"], &found["height"]),
            (&json!("mjpeg"), &json!(6 * tile.0), &json!(tile.1))
        );
    }
    assert!(dev.terminate().await.success());
}
