//! Optional images cannot be created: the video is ready all the same, at the first attempt, and
//! reports it.

use std::os::unix::fs::PermissionsExt as _;

use e2e::dev::Home;
use e2e::media::make_film;
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
