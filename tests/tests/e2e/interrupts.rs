//! Ctrl-C at many moments: it stops the program, and does not affect the videos.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use e2e::dev::Home;
use e2e::media::make_film;
use e2e::processes::all_gone;
use e2e::program::text;

/// The number of moments at which the program is interrupted, one per start.
const MOMENTS: u64 = 20;

/// The number of videos: each is interrupted about three times.
const VIDEOS: usize = 7;

/// Slows ffprobe down, so that many interruptions hit a running one: a program of the same name
/// that executes it.
fn slow_down(home: &mut Home) {
    let folder = home.folder.path().join("tools");
    std::fs::create_dir(&folder).unwrap();
    for (name, wait) in [
        ("ffmpeg", ""),
        ("ffprobe", "case \"$*\" in *http*) sleep 0.2 ;; esac\n"),
    ] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&path).map(|it| it.join(name));
        let real = found
            .find(|it| it.is_file())
            .expect("FFmpeg is missing: install it, or run `make test`");
        let path = folder.join(name);
        std::fs::write(
            &path,
            format!("#!/bin/sh\n{wait}exec {} \"$@\"\n", real.display()),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    home.environment
        .push(("EDGEREEL_FFMPEG_DIR".to_owned(), text(&folder)));
    // A confined script cannot start `sleep`.
    home.environment
        .push(("EDGEREEL_CONFINEMENT".to_owned(), "off".to_owned()));
}

#[tokio::test]
async fn an_interrupted_program_fails_no_video() {
    let mut home = Home::new();
    home.own_group = true;
    slow_down(&mut home);
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "25",
        3.0,
        &[],
    );
    let mut videos = vec![];
    for moment in 0..MOMENTS {
        let dev = home.start().await;
        if moment == 0 {
            // A released job goes to the end of the queue, and is delivered five times at most.
            for number in 0..VIDEOS {
                videos.push(dev.upload(&film, &format!("{number}.mp4")).await);
            }
        }
        tokio::time::sleep(Duration::from_millis(40 * moment)).await;
        let children = dev.children();
        let status = dev.interrupt().await;
        assert!(status.success(), "{status}: {}", home.log());
        all_gone(&children, Duration::from_secs(5)).await;
    }
    let dev = home.start().await;
    for video in videos {
        let state = dev.until_ready(video).await;
        assert!(state["failure"].is_null(), "{state}");
    }
}

/// The same if only FFmpeg is ended: the video is transcoded all the same.
#[tokio::test]
async fn an_ffprobe_that_was_ended_says_nothing_about_the_source() {
    let mut home = Home::new();
    slow_down(&mut home);
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "25",
        2.0,
        &[],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    let mut ended = 0;
    for _ in 0..200 {
        let probing = |it: &&e2e::processes::Process| {
            it.command_line().iter().any(|it| it.ends_with("ffprobe"))
        };
        if let Some(child) = dev.children().iter().find(probing) {
            child.signal(rustix::process::Signal::TERM);
            ended += 1;
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ended, 1, "no ffprobe was seen");
    dev.until_ready(video).await;
}
