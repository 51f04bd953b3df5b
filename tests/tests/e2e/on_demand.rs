//! Work on request: at the first view, of objects that are in the bucket already, and cancellation.

use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::ids::VideoId;
use domain::object_key::{ExternalPath, ObjectKey};
use e2e::dev::Home;
use e2e::media::make_film;
use e2e::processes::all_gone;
use e2e::program::check;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::{Value, json};

/// A recording that may never be watched: stored unchanged, and remuxed at the first view.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_is_transcoded_at_its_first_view() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("meeting.mp4"),
        "1280x720",
        "25",
        120.0,
        &["-crf", "38"],
    );
    let dev = home.start().await;
    let fields = json!({ "filename": "meeting.mp4", "profile": "small", "mode": "copy", "generate": "on_first_view" });
    let video = dev.upload_as(&film, fields).await;
    dev.until(video, Duration::from_secs(10), |it| it["state"] == "stored")
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        dev.media_objects(video).await,
        Vec::<String>::new(),
        "there was no view yet"
    );

    let (looked, stream) = (Instant::now(), format!("/v1/videos/{video}/stream"));
    let playing = loop {
        let (status, body) = dev.call("GET", &stream, None).await;
        match status {
            200 => break body,
            202 => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => panic!("{status}: {body}"),
        }
        assert!(
            looked.elapsed() < Duration::from_secs(60),
            "nothing plays: {body}"
        );
    };
    println!(
        "playable {:.2} s after the first look",
        looked.elapsed().as_secs_f64()
    );
    let ready = dev.until_ready(video).await;
    let rungs: Vec<&Value> = ready["renditions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["kind"] == "video")
        .collect();
    assert!(rungs.len() == 1 && rungs[0]["copied"] == true, "{ready:#}");
    assert_eq!(
        ready["attempts"].as_array().unwrap().len(),
        1,
        "one run for all requests"
    );
    check(playing["hls_url"].as_str().unwrap(), &home.temporary()).await;
    assert!(dev.terminate().await.success());
}

/// An object that existed before Edgereel is read in place, and stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_in_the_bucket_is_converted() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "25",
        6.0,
        &[],
    );
    let dev = home.start().await;
    let path = ExternalPath::try_from("catalogue/1999/Der Film.mp4".to_owned()).unwrap();
    let key = ObjectKey::External {
        video: VideoId::new(1, [1; 10]),
        path: path.clone(),
    };
    let bytes = Bytes::from(std::fs::read(&film).unwrap());
    dev.store()
        .put(&key, bytes, PutCondition::Always)
        .await
        .unwrap();

    let fields = json!({ "key": path.as_str(), "external_id": "film-7", "profile": "small" });
    let (status, created) = dev.call("POST", "/v1/videos", Some(&fields)).await;
    assert_eq!(status, 201, "{created}");
    let video: VideoId = created["id"].as_str().unwrap().parse().unwrap();
    dev.until_ready(video).await;
    check(&dev.hls_url(video).await, &home.temporary()).await;
    let (status, again) = dev.call("POST", "/v1/videos", Some(&fields)).await;
    assert_eq!((status, &again["id"]), (200, &created["id"]));

    assert_eq!(
        dev.call("DELETE", &format!("/v1/videos/{video}"), None)
            .await
            .0,
        204
    );
    assert_eq!(dev.objects(video).await, Vec::<String>::new());
    assert!(
        dev.store().head(&key).await.is_ok(),
        "the customer's own object is not ours to delete"
    );
    assert!(dev.terminate().await.success());
}

/// Cancelling a job stops its FFmpeg within seconds; a retry resumes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_job_stops_within_seconds() {
    let mut home = Home::new();
    // The gap between keyframes is too long for remuxing: everything is encoded.
    let options = [
        "-g",
        "3000",
        "-keyint_min",
        "3000",
        "-sc_threshold",
        "0",
        "-crf",
        "38",
    ];
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "1920x1080",
        "30",
        100.0,
        &options,
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until(video, Duration::from_secs(60), |it| {
        it["stage"] == "encode" || it["stage"] == "audio"
    })
    .await;
    let working = dev.children();
    let (status, body) = dev
        .call("POST", &format!("/v1/videos/{video}/cancel"), None)
        .await;
    assert_eq!(
        (status, &body["state"]),
        (200, &json!("cancelled")),
        "{body}"
    );
    all_gone(&working, Duration::from_secs(8)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(dev.children().is_empty(), "FFmpeg goes on");

    let (status, body) = dev
        .call("POST", &format!("/v1/videos/{video}/retry"), None)
        .await;
    assert_eq!(status, 202, "{body}");
    dev.until_ready(video).await;
    check(&dev.hls_url(video).await, &home.temporary()).await;
    assert!(dev.terminate().await.success());
}
