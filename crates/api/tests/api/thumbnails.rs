//! Thumbnails of a frame: redirects, and the jobs that make them.

use std::time::Duration;

use catalog::{RenditionKind, RenditionRecord, RenditionState};
use domain::ids::{Generation, VideoId};
use domain::job::{JobMessage, ThumbnailJob};
use domain::receipt::Receipt;
use domain::thumbnail::{Frame, MOST_THUMBNAILS};
use futures::future::join_all;
use http::StatusCode;
use platform::clock;
use platform::object_store::{ObjectStore as _, PutCondition};

use crate::world::{Answer, World};

/// A ready video of twelve seconds and 1,280 pixels, and its generation.
pub(crate) async fn ready(world: &World) -> (VideoId, Generation) {
    let rung = RenditionRecord {
        name: "720p".parse().unwrap(),
        kind: RenditionKind::Video,
        width: Some(1280),
        height: Some(720),
        copied: false,
        frame_rate: Some(25.0),
        codecs: None,
        hdr: None,
        bandwidth: None,
        average_bandwidth: None,
        state: RenditionState::Complete,
    };
    ready_with(world, &[rung]).await
}

/// A video that is ready, with these renditions.
pub(crate) async fn ready_with(
    world: &World,
    renditions: &[RenditionRecord],
) -> (VideoId, Generation) {
    let id = world.upload_small().await;
    let (claim, now) = (world.claim(id).await, clock::now());
    world
        .catalog
        .set_renditions(&claim, renditions, now)
        .await
        .unwrap();
    let receipt = Receipt {
        source_ms: 12_040,
        ..Receipt::default()
    };
    world
        .catalog
        .mark_ready(&claim, &receipt, now)
        .await
        .unwrap();
    world.jobs().await;
    (id, claim.generation)
}

impl World {
    async fn thumbnail(&self, id: VideoId, query: &str) -> Answer {
        self.get(&format!("/v1/videos/{id}/thumbnail?{query}"))
            .await
    }

    /// The jobs of thumbnails since the last call.
    async fn thumbnail_jobs(&self) -> Vec<ThumbnailJob> {
        let job = |it| match it {
            JobMessage::ThumbnailV1(job) => job,
            other => panic!("{other:?}"),
        };
        self.messages().await.into_iter().map(job).collect()
    }

    async fn store_thumbnail(&self, job: &ThumbnailJob) {
        let object = job.frame.object(job.video, &job.generation);
        self.store
            .put(&object, "jpeg".into(), PutCondition::Absent)
            .await
            .unwrap();
    }
}

/// A ready video without frames.
pub(crate) async fn audio_only(world: &World) -> VideoId {
    let audio = RenditionRecord {
        name: "audio-128k".parse().unwrap(),
        kind: RenditionKind::Audio,
        width: None,
        height: None,
        copied: false,
        frame_rate: None,
        codecs: None,
        hdr: None,
        bandwidth: None,
        average_bandwidth: None,
        state: RenditionState::Complete,
    };
    ready_with(world, &[audio]).await.0
}

#[tokio::test]
async fn audio_has_no_frame() {
    let world = World::new().await;
    let id = audio_only(&world).await;
    let answer = world.thumbnail(id, "time=1&width=320").await;
    assert_eq!(answer.problem(), (409, "conflict"));
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("the video has only audio"), "{detail}");
    assert_eq!(world.thumbnail_jobs().await, []);
}

#[tokio::test]
async fn many_callers_cause_one_job_and_get_one_url() {
    let world = World::new().await;
    let (id, generation) = ready(&world).await;
    let asked = join_all((0..20).map(|_| world.thumbnail(id, "time=3.52&width=600")));
    let transcoder = async {
        let mut jobs = vec![];
        while jobs.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            jobs = world.thumbnail_jobs().await;
        }
        // Time for all callers to ask.
        tokio::time::sleep(Duration::from_millis(500)).await;
        jobs.extend(world.thumbnail_jobs().await);
        world.store_thumbnail(&jobs[0]).await;
        jobs
    };
    let (answers, jobs) = tokio::join!(asked, transcoder);
    let frame = Frame {
        tenths: 35,
        width: 640,
    };
    assert_eq!(jobs, [ThumbnailJob::new(id, generation.clone(), frame)]);
    let urls: Vec<_> = answers
        .iter()
        .map(|it| {
            assert_eq!(it.status, StatusCode::FOUND, "{}", it.body);
            assert_eq!(it.headers["cache-control"], "private, max-age=3600");
            it.headers["location"].to_str().unwrap()
        })
        .collect();
    assert!(urls.iter().all(|it| *it == urls[0]), "{urls:?}");
    assert!(
        urls[0].starts_with("https://edge.example/s/"),
        "{}",
        urls[0]
    );
    let path = format!("/{generation}/thumbs/thumb_1000248.jpg");
    assert!(urls[0].ends_with(&path), "{}", urls[0]);
    // Now that it exists, no job is sent.
    let again = world.thumbnail(id, "time=3.45&width=481").await;
    assert_eq!(again.headers["location"], urls[0]);
    assert_eq!(world.thumbnail_jobs().await, []);
}

#[tokio::test]
async fn times_and_widths_are_those_of_the_video() {
    let world = World::new().await;
    let (id, generation) = ready(&world).await;
    for (query, tenths, width) in [
        ("time=-1", 0, 640),
        ("time=1e9", 120, 640),
        ("time=1&width=4000", 10, 1280),
    ] {
        let frame = Frame { tenths, width };
        let job = ThumbnailJob::new(id, generation.clone(), frame);
        world.store_thumbnail(&job).await;
        let answer = world.thumbnail(id, query).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{query}: {}", answer.body);
        let path = frame.object(id, &generation).path();
        let end = path.rsplit('/').next().unwrap();
        let url = answer.headers["location"].to_str().unwrap();
        assert!(url.ends_with(end), "{query}: {url}");
    }
    for query in [
        "time=nan",
        "time=inf",
        "time=x",
        "",
        "time=1&width=-1",
        "time=1&height=2",
    ] {
        let answer = world.thumbnail(id, query).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{query}");
    }
    assert_eq!(world.thumbnail_jobs().await, []);
}

#[tokio::test]
async fn a_thumbnail_that_takes_longer_is_pending() {
    let world = World::new().await;
    let (id, generation) = ready(&world).await;
    let answer = world.thumbnail(id, "time=2").await;
    assert_eq!(answer.problem(), (503, "thumbnail-pending"));
    assert_eq!(answer.headers["retry-after"], "2");
    let jobs = world.thumbnail_jobs().await;
    assert_eq!(jobs.len(), 1);
    // The browser asks again.
    world.store_thumbnail(&jobs[0]).await;
    let answer = world.thumbnail(id, "time=2").await;
    assert_eq!(answer.status, StatusCode::FOUND);

    for tenths in 0..MOST_THUMBNAILS - 1 {
        let frame = Frame { tenths, width: 160 };
        let requested = world
            .catalog
            .request_thumbnail(id, &generation, frame, clock::now());
        requested.await.unwrap();
    }
    let answer = world.thumbnail(id, "time=3").await;
    assert_eq!(answer.problem(), (409, "too-many-thumbnails"));
    // Those that exist are served.
    let answer = world.thumbnail(id, "time=2").await;
    assert_eq!(answer.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_video_without_frames_has_no_thumbnail() {
    let world = World::new().await;
    let waiting = world.upload_small().await;
    let answer = world.thumbnail(waiting, "time=1").await;
    assert_eq!(answer.problem(), (409, "conflict"));
    world.jobs().await;
    let (id, generation) = ready(&world).await;
    // It is deleted while a request waits.
    let deletion = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.delete(&format!("/v1/videos/{id}")).await.status
    };
    let (answer, deleted) = tokio::join!(world.thumbnail(id, "time=1"), deletion);
    assert_eq!(deleted, StatusCode::NO_CONTENT);
    assert_eq!(answer.problem(), (404, "no-such-video"));
    let frame = Frame {
        tenths: 1,
        width: 160,
    };
    let late = world
        .catalog
        .request_thumbnail(id, &generation, frame, clock::now());
    assert!(late.await.is_err());
    let answer = world.thumbnail(id, "time=1").await;
    assert_eq!(answer.problem(), (404, "no-such-video"));
}
