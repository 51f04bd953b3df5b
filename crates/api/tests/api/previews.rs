//! Animated previews: redirects, and the jobs that make them.

use std::time::Duration;

use domain::ids::VideoId;
use domain::job::{JobMessage, PreviewJob};
use domain::preview::{MOST_PREVIEWS, Preview};
use futures::future::join_all;
use http::StatusCode;
use platform::clock;
use platform::object_store::{ObjectStore as _, PutCondition};

use crate::thumbnails::{audio_only, ready};
use crate::world::{Answer, World};

fn preview(start_tenths: u32, length_tenths: u32, width: u32) -> Preview {
    Preview {
        start_tenths,
        length_tenths,
        width,
    }
}

impl World {
    async fn preview(&self, id: VideoId, query: &str) -> Answer {
        self.get(&format!("/v1/videos/{id}/preview?{query}")).await
    }

    /// The jobs of previews since the last call.
    async fn preview_jobs(&self) -> Vec<PreviewJob> {
        let job = |it| match it {
            JobMessage::PreviewV1(job) => job,
            other => panic!("{other:?}"),
        };
        self.messages().await.into_iter().map(job).collect()
    }

    async fn store_preview(&self, job: &PreviewJob) {
        let object = job.preview.object(job.video, &job.generation);
        self.store
            .put(&object, "webp".into(), PutCondition::Absent)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn many_callers_cause_one_job_and_get_one_url() {
    let world = World::new().await;
    let (id, generation) = ready(&world).await;
    let asked = join_all((0..20).map(|_| world.preview(id, "start=3.52&duration=2&width=300")));
    let transcoder = async {
        let mut jobs = vec![];
        while jobs.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            jobs = world.preview_jobs().await;
        }
        // Time for all callers to ask.
        tokio::time::sleep(Duration::from_millis(500)).await;
        jobs.extend(world.preview_jobs().await);
        world.store_preview(&jobs[0]).await;
        jobs
    };
    let (answers, jobs) = tokio::join!(asked, transcoder);
    let job = PreviewJob::new(id, generation.clone(), preview(35, 20, 320));
    assert_eq!(jobs, [job]);
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
    let path = format!("/{generation}/previews/preview_14077.webp");
    assert!(urls[0].ends_with(&path), "{}", urls[0]);
    // Now that it exists, no job is sent.
    let again = world
        .preview(id, "start=3.45&duration=1.96&width=161")
        .await;
    assert_eq!(again.headers["location"], urls[0]);
    assert_eq!(world.preview_jobs().await, []);
}

/// The video has 12.04 s and 1,280 pixels.
#[tokio::test]
async fn spans_and_widths_are_those_of_the_video() {
    let world = World::new().await;
    let (id, generation) = ready(&world).await;
    for (query, wanted) in [
        ("", preview(12, 30, 320)),
        ("start=-1", preview(0, 30, 320)),
        ("start=1e9&duration=10", preview(20, 100, 320)),
        ("duration=1&width=4000", preview(12, 10, 640)),
    ] {
        let job = PreviewJob::new(id, generation.clone(), wanted);
        world.store_preview(&job).await;
        let answer = world.preview(id, query).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{query}: {}", answer.body);
        let path = wanted.object(id, &generation).path();
        let end = path.rsplit('/').next().unwrap();
        let url = answer.headers["location"].to_str().unwrap();
        assert!(url.ends_with(end), "{query}: {url}");
    }
    for query in [
        "start=nan",
        "duration=inf",
        "duration=nan",
        "duration=0.9",
        "duration=10.1",
        "width=0",
        "width=65536",
        "start=x",
        "width=-1",
        "width=1.5",
        "time=1",
    ] {
        let answer = world.preview(id, query).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{query}");
    }
    assert_eq!(world.preview_jobs().await, []);
}

#[tokio::test]
async fn a_preview_that_takes_longer_is_pending() {
    let world = World::new().await;
    let (id, generation) = ready(&world).await;
    let answer = world.preview(id, "start=2").await;
    assert_eq!(answer.problem(), (503, "preview-pending"));
    assert_eq!(answer.headers["retry-after"], "2");
    let jobs = world.preview_jobs().await;
    assert_eq!(jobs.len(), 1);
    world.store_preview(&jobs[0]).await;
    let answer = world.preview(id, "start=2").await;
    assert_eq!(answer.status, StatusCode::FOUND);

    for start in 0..MOST_PREVIEWS - 1 {
        let wanted = preview(start, 30, 160);
        let requested = world
            .catalog
            .request_preview(id, &generation, wanted, clock::now());
        requested.await.unwrap();
    }
    let answer = world.preview(id, "start=3").await;
    assert_eq!(answer.problem(), (409, "too-many-previews"));
    // Those that exist are served.
    let answer = world.preview(id, "start=2").await;
    assert_eq!(answer.status, StatusCode::FOUND);
}

/// The FFmpeg of the transcoder has no encoder for them.
#[tokio::test]
async fn a_preview_that_is_refused_is_not_supported() {
    let world = World::new().await;
    let (id, _) = ready(&world).await;
    let refusal = async {
        let mut jobs = vec![];
        while jobs.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            jobs = world.preview_jobs().await;
        }
        let refused = world.catalog.refuse_preview(&jobs[0], clock::now());
        refused.await.unwrap();
    };
    let (answer, ()) = tokio::join!(world.preview(id, "start=1"), refusal);
    assert_eq!(answer.problem(), (501, "previews-not-supported"));
    // The next one need not wait.
    let begun = std::time::Instant::now();
    let answer = world.preview(id, "start=1").await;
    assert_eq!(answer.problem(), (501, "previews-not-supported"));
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(world.preview_jobs().await, []);
}

#[tokio::test]
async fn a_video_without_frames_has_no_preview() {
    let world = World::new().await;
    let audio = audio_only(&world).await;
    let answer = world.preview(audio, "start=1").await;
    assert_eq!(answer.problem(), (409, "conflict"));
    let waiting = world.upload_small().await;
    let answer = world.preview(waiting, "start=1").await;
    assert_eq!(answer.problem(), (409, "conflict"));
    world.jobs().await;
    let (id, _) = ready(&world).await;
    // It is deleted while a request waits.
    let deletion = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.delete(&format!("/v1/videos/{id}")).await.status
    };
    let (answer, deleted) = tokio::join!(world.preview(id, "start=1"), deletion);
    assert_eq!(deleted, StatusCode::NO_CONTENT);
    assert_eq!(answer.problem(), (404, "no-such-video"));
}
