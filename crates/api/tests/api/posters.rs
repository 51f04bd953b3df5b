//! Posters and partial re-encodes: requests and their validation.

use std::time::Duration;

use catalog::{RenditionKind, RenditionRecord, RenditionState};
use domain::ids::VideoId;
use domain::job::{JobMessage, PosterJob};
use domain::object_key::ObjectPrefix;
use domain::receipt::Receipt;
use http::{Method, StatusCode};
use platform::clock;
use platform::job_queue::Wanted;
use platform::object_store::ObjectStore as _;
use serde_json::{Value, json};

use crate::world::World;

fn rendition(name: &str, kind: RenditionKind, copied: bool) -> RenditionRecord {
    RenditionRecord {
        name: name.parse().unwrap(),
        kind,
        width: Some(1280),
        height: Some(720),
        copied,
        frame_rate: Some(25.0),
        codecs: None,
        hdr: None,
        bandwidth: None,
        average_bandwidth: None,
        state: RenditionState::Complete,
    }
}

/// A ready video of twelve seconds.
async fn ready(world: &World) -> VideoId {
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let renditions = [
        rendition("source", RenditionKind::Video, true),
        rendition("720p", RenditionKind::Video, false),
        rendition("360p", RenditionKind::Video, false),
        rendition("audio-96k", RenditionKind::Audio, false),
    ];
    world
        .catalog
        .set_renditions(&claim, &renditions, clock::now())
        .await
        .unwrap();
    let receipt = Receipt {
        source_ms: 12_000,
        ..Receipt::default()
    };
    world
        .catalog
        .mark_ready(&claim, &receipt, clock::now())
        .await
        .unwrap();
    world.jobs().await;
    id
}

async fn posters(world: &World) -> Vec<PosterJob> {
    let mut jobs = Vec::new();
    while let Some(delivery) = world
        .queue
        .receive(Wanted::ALL, Duration::ZERO, Duration::from_secs(60))
        .await
        .unwrap()
    {
        world.queue.ack(&delivery.receipt).await.unwrap();
        match delivery.message.unwrap() {
            JobMessage::PosterV1(job) => jobs.push(job),
            other => panic!("{other:?}"),
        }
    }
    jobs
}

#[tokio::test]
async fn a_position_becomes_the_poster() {
    let world = World::new().await;
    let id = ready(&world).await;
    let path = format!("/v1/videos/{id}/poster");
    let put = async |body: Value| world.call(Method::PUT, &path, Some(body)).await;
    for (body, code) in [
        (json!({ "at": 12.001 }), "poster-not-accepted"),
        (json!({ "at": 1e300 }), "poster-not-accepted"),
        (json!({ "at": -1 }), "poster-not-accepted"),
        (json!({ "moment": 1 }), "poster-not-accepted"),
    ] {
        assert_eq!(put(body.clone()).await.problem(), (422, code), "{body}");
    }
    for _ in 0..2 {
        let asked = put(json!({ "at": 3.5 })).await;
        assert_eq!(
            (asked.status, &asked.body["poster"]["status"]),
            (StatusCode::ACCEPTED, &json!("pending"))
        );
    }
    // The same in the query.
    assert_eq!(
        world
            .call(Method::PUT, &format!("{path}?at=3.5"), None)
            .await
            .status,
        StatusCode::ACCEPTED
    );
    let both = world
        .call(
            Method::PUT,
            &format!("{path}?at=3.5"),
            Some(json!({ "at": 1 })),
        )
        .await;
    assert_eq!(both.problem(), (422, "poster-not-accepted"));
    let job = PosterJob::from_timestamp(id, 3_500);
    assert_eq!(
        posters(&world).await,
        std::slice::from_ref(&job),
        "one message waits"
    );

    world.catalog.show_poster(id, &job.poster).await.unwrap();
    let shown = put(json!({ "at": 3.5 })).await;
    assert_eq!(
        (shown.status, &shown.body["poster"]["status"]),
        (StatusCode::OK, &json!("custom"))
    );
    assert_eq!(posters(&world).await, []);
    let url = world.get(&format!("/v1/videos/{id}/stream")).await.body["poster_url"].clone();
    assert!(
        url.as_str()
            .unwrap()
            .ends_with(&format!("/posters/{}.jpg", job.poster)),
        "{url}"
    );
    assert_eq!(world.delete(&path).await.status, StatusCode::NO_CONTENT);
    let url = world.get(&format!("/v1/videos/{id}/stream")).await.body["poster_url"].clone();
    assert!(url.as_str().unwrap().ends_with("/poster.jpg"), "{url}");
}

#[tokio::test]
async fn an_image_is_stored_in_the_private_bucket() {
    let world = World::new().await;
    // Before the video is playable.
    let id = world.upload_small().await;
    world.jobs().await;
    let path = format!("/v1/videos/{id}/poster");
    let put = async |body: Vec<u8>| {
        let request = http::Request::put(&path)
            .header("authorization", format!("Bearer {}", crate::world::TOKEN));
        world.send(request.body(body.into()).unwrap()).await
    };
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\x68rest".to_vec();
    assert_eq!(put(png.clone()).await.status, StatusCode::ACCEPTED);
    assert_eq!(posters(&world).await, [PosterJob::from_image(id, &png)]);
    let waiting = async || {
        world
            .store
            .list(&ObjectPrefix::PosterImages(id), None)
            .await
            .unwrap()
            .entries
            .len()
    };
    assert_eq!(waiting().await, 1);
    assert_eq!(
        put(vec![0; (4 << 20) + 1]).await.problem(),
        (413, "body-too-large")
    );
    assert_eq!(
        put(b"GIF89a".to_vec()).await.problem(),
        (422, "poster-not-accepted")
    );
    assert_eq!(
        put(b"{\"at\": 1}".to_vec()).await.problem(),
        (409, "conflict")
    );
    world.delete(&path).await;
    assert_eq!(waiting().await, 0);
    put(png).await;
    world.delete(&format!("/v1/videos/{id}")).await;
    assert_eq!(waiting().await, 0);
}

#[tokio::test]
async fn single_rungs_are_made_of_what_plays() {
    let world = World::new().await;
    let waiting = world.upload_small().await;
    let body = json!({ "rungs": ["720p"] });
    assert_eq!(
        world
            .post(&format!("/v1/videos/{waiting}/reencode"), body.clone())
            .await
            .problem(),
        (409, "conflict")
    );
    world.jobs().await;

    let id = ready(&world).await;
    let path = format!("/v1/videos/{id}/reencode");
    for (rungs, code, says) in [
        (json!([]), "invalid-field", "1 to 32"),
        (json!(["1080p"]), "no-such-rung", "it has 720p, 360p"),
        (json!(["audio-96k"]), "no-such-rung", "it has 720p, 360p"),
        (json!(["720p", "source"]), "rung-not-encoded", "remuxed"),
    ] {
        let answer = world.post(&path, json!({ "rungs": rungs })).await;
        assert_eq!(answer.problem(), (422, code));
        assert!(
            answer.body["detail"].as_str().unwrap().contains(says),
            "{}",
            answer.body
        );
    }
    assert_eq!(
        world
            .post(&path, json!({ "rungs": ["../x"] }))
            .await
            .problem(),
        (400, "malformed-request")
    );
    let asked = world
        .post(
            &path,
            json!({ "rungs": ["720p", "360p", "720p"], "profile": "small" }),
        )
        .await;
    assert_eq!(
        (asked.status, &asked.body["state"]),
        (StatusCode::ACCEPTED, &json!("ready"))
    );
    let jobs = world.jobs().await;
    let partial = jobs[0].partial.clone().unwrap();
    let names: Vec<&str> = partial.rungs.iter().map(|it| it.as_str()).collect();
    assert_eq!(
        (names, jobs[0].profile.as_str()),
        (vec!["360p", "720p"], "small")
    );
    assert_eq!(
        Some(partial.base),
        world.catalog.get_video(id).await.unwrap().generation
    );
}
