//! Videos: list, get, play and delete.

use catalog::{RenditionKind, RenditionRecord, RenditionState};
use domain::failure::{Failure, FailureCode};
use domain::job::Stage;
use domain::receipt::Receipt;
use http::StatusCode;
use platform::clock;
use serde_json::json;

use crate::world::World;

pub(super) fn rendition() -> RenditionRecord {
    RenditionRecord {
        name: "720p".parse().unwrap(),
        kind: RenditionKind::Video,
        width: Some(1280),
        height: Some(720),
        copied: true,
        frame_rate: Some(25.0),
        codecs: Some("avc1.640028".to_owned()),
        hdr: None,
        bandwidth: Some(2_000_000),
        average_bandwidth: Some(1_500_000),
        state: RenditionState::Complete,
    }
}

#[tokio::test]
async fn a_video_has_its_progress() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let path = format!("/v1/videos/{id}");
    let stream = format!("{path}/stream");

    let waiting = world.get(&stream).await;
    assert_eq!(
        (waiting.status, &waiting.body["status"]),
        (StatusCode::ACCEPTED, &json!("queued"))
    );
    assert_eq!(waiting.headers["retry-after"], "1");

    let claim = world.claim(id).await;
    world
        .catalog
        .set_renditions(&claim, &[rendition()], clock::now())
        .await
        .unwrap();
    world
        .catalog
        .set_progress(&claim, Stage::Encode, 42, clock::now())
        .await
        .unwrap();
    let working = world.get(&path).await.body;
    assert_eq!(
        (&working["state"], &working["stage"], &working["percent"]),
        (&json!("processing"), &json!("encode"), &json!(42))
    );
    assert_eq!(
        working["renditions"][0]["name"], "720p",
        "known before it plays"
    );
    assert_eq!(world.get(&stream).await.body["percent"], 42);

    world
        .catalog
        .mark_playable(&claim, clock::now())
        .await
        .unwrap();
    let playing = world.get(&stream).await;
    assert_eq!(
        (playing.status, &playing.body["status"]),
        (StatusCode::OK, &json!("playable"))
    );
    let url = playing.body["hls_url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("https://edge.example/v/{id}/master.m3u8?grant=")),
        "{url}"
    );
    assert_eq!(
        (&playing.body["poster_url"], &playing.body["storyboard_url"]),
        (&json!(null), &json!(null))
    );

    let receipt = Receipt {
        cpu_ms: 3_600_000,
        bytes_out: 1_000_000_000,
        ..Receipt::default()
    };
    world
        .catalog
        .mark_ready(&claim, &receipt, clock::now())
        .await
        .unwrap();
    let ready = world.get(&path).await.body;
    assert_eq!(
        (&ready["state"], &ready["percent"], &ready["playable"]),
        (&json!("ready"), &json!(100), &json!(true))
    );
    assert_eq!(ready["receipt"]["cpu_ms"], 3_600_000);
    for part in ["compute_usd", "egress_usd"] {
        assert!(
            ready["receipt"]["cost"][part].as_f64().unwrap() > 0.0,
            "{part}"
        );
    }
    assert!(ready["ready_at"].as_str().unwrap().ends_with('Z'));
    let streamed = world.get(&stream).await.body;
    let poster = streamed["poster_url"].as_str().unwrap();
    assert!(
        poster.starts_with("https://edge.example/s/") && poster.ends_with("/poster.jpg"),
        "{poster}"
    );
}

/// With a limit below the smallest rung, nothing would be playable.
#[tokio::test]
async fn a_limit_leaves_a_rung() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let low = RenditionRecord {
        name: "360p".parse().unwrap(),
        width: Some(640),
        height: Some(360),
        copied: false,
        ..rendition()
    };
    world
        .catalog
        .set_renditions(&claim, &[rendition(), low], clock::now())
        .await
        .unwrap();
    world
        .catalog
        .mark_playable(&claim, clock::now())
        .await
        .unwrap();
    let stream = async |limit: u32| {
        world
            .get(&format!("/v1/videos/{id}/stream?max_height={limit}"))
            .await
    };
    assert_eq!(stream(720).await.status, StatusCode::OK);
    assert_eq!(
        stream(360).await.status,
        StatusCode::ACCEPTED,
        "the rung is not published yet"
    );
    let refused = stream(359).await;
    assert_eq!(refused.problem(), (422, "invalid-field"));
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("360 pixels"),
        "{}",
        refused.body
    );

    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    assert_eq!(stream(360).await.status, StatusCode::OK);
    let shares = format!("/v1/videos/{id}/shares");
    assert_eq!(
        world
            .post(&shares, json!({ "max_height": 240 }))
            .await
            .problem(),
        (422, "invalid-field")
    );
    assert_eq!(
        world
            .post(&shares, json!({ "max_height": 360 }))
            .await
            .status,
        StatusCode::CREATED
    );
}

/// Browsers save the source under its original name.
#[tokio::test]
async fn a_source_is_downloaded_under_its_own_name() {
    let world = World::new().await;
    let upload = json!({ "filename": "C:\\Filme\\Über uns & mehr.mp4", "size": 3 });
    let created = world.post("/v1/uploads", upload).await;
    assert!(
        world
            .put(&created.body["upload"]["request"], b"abc".to_vec())
            .await
            .status()
            .is_success()
    );
    world.pump().await;
    let source = world
        .get(&format!("/v1/videos/{}/source", created.video()))
        .await
        .body;
    assert_eq!(source["filename"], "Über uns & mehr.mp4");
    let answer = world
        .http
        .get(source["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    let expected = "attachment; filename=\"_ber uns & mehr.mp4\"; filename*=UTF-8''%C3%9Cber%20uns%20&%20mehr.mp4";
    assert_eq!(answer.headers()["content-disposition"], expected);
    assert_eq!(answer.text().await.unwrap(), "abc");
}

#[tokio::test]
async fn a_failed_video_says_why() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let failure = Failure::of(FailureCode::NotAVideo);
    world
        .catalog
        .fail(&claim, &failure, false, "the log is private", clock::now())
        .await
        .unwrap();

    let stream = world.get(&format!("/v1/videos/{id}/stream")).await;
    assert_eq!(stream.problem(), (409, "video-failed"));
    let message = json!({ "class": "source", "code": "not-a-video", "message": failure.message });
    assert_eq!(
        (&stream.body["detail"], &stream.body["failure"]),
        (&json!(failure.message), &message)
    );
    let read = world.get(&format!("/v1/videos/{id}")).await.body;
    assert_eq!(
        (&read["state"], &read["failure"]),
        (&json!("failed"), &message)
    );
    assert!(!read.to_string().contains("private"));
}

#[tokio::test]
async fn a_grant_has_limits() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let long = "v".repeat(201);
    for query in [
        "expires_in=0",
        "expires_in=99999999",
        "max_height=0",
        "viewer=",
        &format!("viewer={long}"),
    ] {
        let answer = world.get(&format!("/v1/videos/{id}/stream?{query}")).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{query}");
    }
}
