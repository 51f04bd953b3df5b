//! Downloads: requests for MP4 files, and the clean-up.

use std::time::Duration;

use catalog::{RenditionKind, RenditionRecord, RenditionState};
use domain::failure::{Failure, FailureCode};
use domain::job::{DownloadJob, JobMessage};
use domain::object_key::ObjectPrefix;
use http::StatusCode;
use platform::clock;
use platform::object_store::uploads::UploadSigner as _;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::{Value, json};

use crate::sweeping::{DAY, sweeper};
use crate::thumbnails::{ready, ready_with};
use crate::world::World;

/// The jobs of downloads since the last call.
async fn jobs(world: &World) -> Vec<DownloadJob> {
    let job = |it| match it {
        JobMessage::DownloadV1(job) => job,
        other => panic!("{other:?}"),
    };
    world.messages().await.into_iter().map(job).collect()
}

#[tokio::test]
async fn a_download_is_requested_listed_and_replaced() {
    let world = World::new().await;
    let waiting = world.upload_small().await;
    let path = format!("/v1/videos/{waiting}/downloads");
    let early = world.post(&path, json!({})).await;
    assert_eq!(early.problem(), (409, "conflict"));
    assert_eq!(world.get(&path).await.body, json!({ "downloads": [] }));
    world.jobs().await;

    let (id, generation) = ready(&world).await;
    let path = format!("/v1/videos/{id}/downloads");
    let unknown = world.post(&path, json!({ "rung": "480p" })).await;
    assert_eq!(unknown.problem(), (422, "no-such-rung"));
    let detail = unknown.body["detail"].as_str().unwrap();
    assert!(detail.ends_with("it has 720p"), "{detail}");
    let body = json!({ "rung": "../x" });
    let malformed = world.post(&path, body).await;
    assert_eq!(malformed.problem(), (400, "malformed-request"));

    // The best rung up to 1080p, and then by its name: one job.
    for body in [json!({}), json!({ "rung": "720p" })] {
        let asked = world.post(&path, body).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
        assert_eq!(
            (&asked.body["status"], &asked.body["url"]),
            (&json!("pending"), &Value::Null)
        );
    }
    let rung = "720p".parse().unwrap();
    let job = DownloadJob::new(id, generation, rung);
    assert_eq!(jobs(&world).await, std::slice::from_ref(&job));

    // It fails, and is requested again.
    let failure = Failure::of(FailureCode::Internal);
    world.catalog.fail_download(&job, &failure).await.unwrap();
    let listed = world.get(&path).await.body["downloads"][0].clone();
    assert_eq!(
        (&listed["status"], &listed["failure"]["code"]),
        (&json!("failed"), &json!("internal"))
    );
    world.post(&path, json!({})).await;
    assert_eq!(jobs(&world).await, std::slice::from_ref(&job));

    let title = json!({ "title": "Lesson 1: groups" });
    let changed = world
        .call(
            http::Method::PATCH,
            &format!("/v1/videos/{id}"),
            Some(title),
        )
        .await;
    assert_eq!(changed.status, StatusCode::OK);
    let object = job.object();
    let written = world
        .store
        .put(&object, "film".into(), PutCondition::Always);
    written.await.unwrap();
    let now = clock::now();
    world.catalog.finish_download(&job, 4, now).await.unwrap();
    let asked = world.post(&path, json!({})).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let listed = world.get(&path).await.body["downloads"][0].clone();
    assert_eq!(
        (&listed["status"], &listed["size"], &listed["filename"]),
        (&json!("ready"), &json!(4), &json!("Lesson 1_ groups.mp4"))
    );
    assert_eq!(jobs(&world).await, []);
    let file = world.http.get(listed["url"].as_str().unwrap());
    let file = file.send().await.unwrap();
    assert_eq!(
        file.headers()["content-disposition"],
        "attachment; filename=\"Lesson 1_ groups.mp4\""
    );
    assert_eq!(file.headers()["content-type"], "video/mp4");
    assert_eq!(file.bytes().await.unwrap(), "film");
}

/// The audio of the highest rate where the video has nothing else, and any audio by its name.
#[tokio::test]
async fn audio_is_a_file_of_its_own() {
    let world = World::new().await;
    let rendition = |name: &str, kind, kbps: u64| RenditionRecord {
        name: name.parse().unwrap(),
        kind,
        width: (kind == RenditionKind::Video).then_some(1280),
        height: (kind == RenditionKind::Video).then_some(720),
        copied: false,
        frame_rate: None,
        codecs: None,
        hdr: None,
        bandwidth: Some(kbps * 1000),
        average_bandwidth: None,
        state: RenditionState::Complete,
    };
    let audio = [
        rendition("audio-64k", RenditionKind::Audio, 64),
        rendition("audio-128k", RenditionKind::Audio, 128),
    ];
    let film = [
        rendition("720p", RenditionKind::Video, 3_000),
        audio[0].clone(),
    ];
    for (renditions, body, expected) in [
        (&audio[..], json!({}), "audio-128k"),
        (&audio, json!({ "rung": "audio-64k" }), "audio-64k"),
        (&film, json!({}), "720p"),
        (&film, json!({ "rung": "audio-64k" }), "audio-64k"),
    ] {
        let (id, generation) = ready_with(&world, renditions).await;
        let asked = world
            .post(&format!("/v1/videos/{id}/downloads"), body)
            .await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
        let job = DownloadJob::new(id, generation, expected.parse().unwrap());
        let extension = if expected == "720p" { "mp4" } else { "m4a" };
        let name = asked.body["filename"].as_str().unwrap();
        assert!(name.ends_with(extension), "{name}");
        assert!(job.object().path().ends_with(extension), "{job:?}");
        assert_eq!(jobs(&world).await, [job]);
    }
    let (id, _) = ready_with(&world, &film).await;
    let asked = json!({ "rung": "audio-128k" });
    let path = format!("/v1/videos/{id}/downloads");
    let unknown = world.post(&path, asked).await;
    assert_eq!(unknown.problem(), (422, "no-such-rung"));
    let detail = unknown.body["detail"].as_str().unwrap();
    assert!(detail.ends_with("it has 720p, audio-64k"), "{detail}");
}

#[tokio::test]
async fn files_and_unfinished_uploads_go_with_their_video() {
    let world = World::new().await;
    let (id, generation) = ready(&world).await;
    let job = DownloadJob::new(id, generation, "720p".parse().unwrap());
    let (object, family) = (job.object(), ObjectPrefix::Downloads(id));
    let written = world
        .store
        .put(&object, "film".into(), PutCondition::Always);
    written.await.unwrap();
    let begun = world.store.create_multipart(&object, "video/mp4");
    begun.await.unwrap();
    world.delete(&format!("/v1/videos/{id}")).await;
    let left = world.store.list(&family, None).await.unwrap();
    assert_eq!(left.entries, []);
    let left = world.store.list_unfinished(&family).await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn a_lost_job_is_sent_again() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let (id, _) = ready(&world).await;
    world
        .post(&format!("/v1/videos/{id}/downloads"), json!({}))
        .await;
    let sent = jobs(&world).await;
    assert_eq!(sent.len(), 1);
    let now = clock::now();
    let minute = Duration::from_secs(60);
    assert_eq!(sweeper.sweep(now + minute * 10).await.jobs, 0);
    assert_eq!(sweeper.sweep(now + minute * 16).await.jobs, 1);
    assert_eq!(jobs(&world).await, sent);
    assert_eq!(sweeper.sweep(now + minute * 20).await.jobs, 0);
    let done = world.catalog.finish_download(&sent[0], 4, now);
    done.await.unwrap();
    assert_eq!(sweeper.sweep(now + DAY).await.jobs, 0);
}
