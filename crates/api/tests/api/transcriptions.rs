//! Requests for captions of the audio.

use std::time::Duration;

use catalog::{RenditionKind, RenditionRecord, RenditionState};
use domain::failure::{Failure, FailureCode};
use domain::job::{JobMessage, TranscriptionJob};
use http::{Method, StatusCode};
use platform::clock;
use serde_json::{Value, json};

use crate::sweeping::sweeper;
use crate::thumbnails::ready_with;
use crate::world::World;

/// The jobs of transcriptions since the last call.
async fn jobs(world: &World) -> Vec<TranscriptionJob> {
    let job = |it| match it {
        JobMessage::TranscriptionV1(job) => Some(job),
        _ => None,
    };
    let messages = world.messages().await;
    messages.into_iter().filter_map(job).collect()
}

fn rendition(name: &str, kind: RenditionKind) -> RenditionRecord {
    RenditionRecord {
        name: name.parse().unwrap(),
        kind,
        width: None,
        height: None,
        copied: false,
        frame_rate: None,
        codecs: None,
        hdr: None,
        bandwidth: Some(96_000),
        average_bandwidth: None,
        state: RenditionState::Complete,
    }
}

fn english() -> Value {
    json!({ "language": "en" })
}

#[tokio::test]
async fn captions_of_the_audio_are_requested_listed_and_withdrawn() {
    let world = World::new().await;
    let waiting = world.upload_small().await;
    let early = world
        .post(&format!("/v1/videos/{waiting}/captions"), english())
        .await;
    assert_eq!(early.problem(), (409, "conflict"));
    world.messages().await;

    let audio = vec![rendition("audio-96k", RenditionKind::Audio)];
    let (id, _) = ready_with(&world, &audio).await;
    let path = format!("/v1/videos/{id}/captions");
    let wrong = world
        .post(&path, json!({ "language": "english language" }))
        .await;
    assert_eq!(wrong.problem().0, 422);
    for _ in 0..2 {
        let asked = world.post(&path, json!({ "language": "EN" })).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
        let expected = json!({ "language": "en", "status": "pending", "failure": null });
        assert_eq!(asked.body, expected);
    }
    let job = TranscriptionJob::new(id, "en".parse().unwrap());
    assert_eq!(jobs(&world).await, std::slice::from_ref(&job), "one job");

    // It fails, and is requested again.
    let failure = Failure::of(FailureCode::NoTranscriber);
    world
        .catalog
        .fail_transcription(&job, &failure)
        .await
        .unwrap();
    let listed = world.get(&path).await.body;
    let shown = &listed["transcriptions"][0];
    assert_eq!(
        (
            &shown["status"],
            &shown["failure"]["code"],
            &listed["captions"]
        ),
        (&json!("failed"), &json!("no-transcriber"), &json!([]))
    );
    world.post(&path, english()).await;
    assert_eq!(jobs(&world).await, std::slice::from_ref(&job));

    // Its message is lost.
    let later = clock::now() + Duration::from_secs(16 * 60);
    sweeper(&world).sweep(later).await;
    assert_eq!(jobs(&world).await, std::slice::from_ref(&job));

    let deleted = world
        .call(Method::DELETE, &format!("{path}/en"), None)
        .await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&path).await.body["transcriptions"], json!([]));
}

#[tokio::test]
async fn captions_of_people_are_not_replaced() {
    let world = World::new().await;
    let (silent, _) = ready_with(&world, &[rendition("720p", RenditionKind::Video)]).await;
    let refused = world
        .post(&format!("/v1/videos/{silent}/captions"), english())
        .await;
    assert_eq!(refused.problem(), (409, "conflict"));
    assert_eq!(refused.body["detail"], "the video has no audio");

    let audio = vec![rendition("audio-96k", RenditionKind::Audio)];
    let (id, _) = ready_with(&world, &audio).await;
    let path = format!("/v1/videos/{id}/captions");
    let upload = |query: &'static str| {
        let request = http::Request::put(format!("{path}/en{query}"))
            .header("authorization", format!("Bearer {}", crate::world::TOKEN));
        request
            .body(axum::body::Body::from(
                "WEBVTT\n\n00:01.000 --> 00:02.000\ntext\n",
            ))
            .unwrap()
    };
    // Captions of another kind are no obstacle.
    world.send(upload("?forced=true")).await;
    assert_eq!(
        world.post(&path, english()).await.status,
        StatusCode::ACCEPTED
    );
    world.send(upload("")).await;
    let refused = world.post(&path, english()).await;
    assert_eq!(refused.problem(), (409, "conflict"));
}

#[tokio::test]
async fn a_video_has_so_many_captions() {
    let world = World::new().await;
    let audio = vec![rendition("audio-96k", RenditionKind::Audio)];
    let (id, _) = ready_with(&world, &audio).await;
    let path = format!("/v1/videos/{id}/captions");
    for number in 1..=50 {
        let asked = world
            .post(&path, json!({ "language": format!("en-x-{number}") }))
            .await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    }
    let refused = world.post(&path, english()).await;
    assert_eq!(refused.problem(), (409, "conflict"));
    let again = world.post(&path, json!({ "language": "en-x-7" })).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.body);
}
