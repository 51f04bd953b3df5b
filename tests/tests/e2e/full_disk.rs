//! The disk of `edgereel dev` is full for a while: it reports that, and continues by itself when
//! there is space again.

use std::time::{Duration, Instant};

use e2e::dev::Home;
use e2e::media::make_film;
use e2e::small_disk::SmallDisk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn costs_no_video_and_no_restart() {
    let Some(disk) = SmallDisk::mount(96) else {
        return;
    };
    let mut home = Home::new();
    home.place = Some(disk.path().join("data"));
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "24",
        12.0,
        &["-g", "600"],
    );
    let dev = home.start().await;
    let mut videos = vec![];
    for number in 0..6 {
        videos.push(dev.upload(&film, &format!("film-{number}.mp4")).await);
    }
    dev.until(videos[0], Duration::from_secs(60), |it| {
        it["percent"].as_u64() > Some(0) || it["state"] == "ready"
    })
    .await;
    let filler = disk.fill();
    let began = Instant::now();
    let mut said_so = false;
    while began.elapsed() < Duration::from_secs(20) {
        let answer = dev.try_call("GET", "/readyz", None).await;
        said_so |= answer.is_ok_and(|(status, body)| status == 503 && body["catalog"] == "failing");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(said_so, "a process that cannot write says that it is ready");
    std::fs::remove_file(filler).unwrap();
    let began = Instant::now();
    for video in &videos {
        dev.until_ready(*video).await;
    }
    println!(
        "all ready {:?} after the disk had space again",
        began.elapsed()
    );
    let (status, body) = dev.call("GET", "/readyz", None).await;
    assert_eq!(
        (status, &body["status"]),
        (200, &serde_json::json!("ok")),
        "{body}"
    );
    assert!(dev.terminate().await.success());
}
