//! Animated previews that clients request.

use catalog::PreviewRequested;
use domain::job::PreviewJob;
use domain::preview::Preview;

use super::*;

fn preview(start_tenths: u32) -> Preview {
    Preview {
        start_tenths,
        length_tenths: 10,
        width: 160,
    }
}

impl Site {
    async fn preview_job(&self, start_tenths: u32) -> PreviewJob {
        let VideoState::Ready { generation } = self.video().await.state else {
            panic!("the video is ready");
        };
        PreviewJob::new(video(), generation, preview(start_tenths))
    }

    /// Sends a job and does it. Returns the number of previews in the store.
    async fn animate(&self, job: &PreviewJob) -> usize {
        let message = JobMessage::from(job.clone());
        let sent = self.services.queue.send(&message, Duration::ZERO).await;
        sent.unwrap();
        self.work().await;
        let objects = self.world.objects();
        objects.iter().filter(|it| it.contains("/preview_")).count()
    }

    async fn request_preview(&self, job: &PreviewJob) -> PreviewRequested {
        let catalog = &self.services.catalog;
        let requested =
            catalog.request_preview(job.video, &job.generation, job.preview, clock::now());
        requested.await.unwrap()
    }
}

async fn ready() -> Site {
    let site = Site::new().await;
    site.work().await;
    site.world.fake.forget_runs();
    site
}

#[tokio::test]
async fn a_preview_is_made_once() {
    let site = ready().await;
    let job = site.preview_job(5).await;
    for _ in 0..2 {
        assert_eq!(site.animate(&job).await, 1);
        assert_eq!(site.world.fake.runs(), ["Preview 0"]);
        assert_eq!(site.depth().await, EMPTY);
    }
    // After the end of the video.
    assert_eq!(site.animate(&site.preview_job(9_999).await).await, 2);
}

#[tokio::test]
async fn an_obsolete_preview_is_not_made() {
    let site = ready().await;
    let job = site.preview_job(1).await;
    let other = PreviewJob::new(video(), Generation::of("another", "profile"), job.preview);
    assert_eq!(site.animate(&other).await, 0);
    let deleted = site
        .services
        .catalog
        .apply(video(), &VideoEvent::Deleted, clock::now());
    deleted.await.unwrap();
    assert_eq!(site.animate(&job).await, 0);
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );
}

#[tokio::test]
async fn a_preview_that_fails_is_tried_again() {
    let site = ready().await;
    let dies = Fault::ends(Task::Preview, 0, End::Exit(1)).times(9);
    site.world.fake.set_faults(&[dies]);
    assert_eq!(site.animate(&site.preview_job(1).await).await, 0);
    let waits = Depth {
        delayed: 1,
        ..EMPTY
    };
    assert_eq!(site.depth().await, waits);
}

#[tokio::test]
async fn an_ffmpeg_without_the_encoder_refuses_previews() {
    let mut site = ready().await;
    site.worker.tools.encoders = Arc::default();
    let job = site.preview_job(1).await;
    assert_eq!(site.request_preview(&job).await, PreviewRequested::Send);
    assert_eq!(site.animate(&job).await, 0);
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );
    assert_eq!(site.request_preview(&job).await, PreviewRequested::Refused);
}
