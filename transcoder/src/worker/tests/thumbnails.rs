//! Thumbnails that clients request.

use domain::job::ThumbnailJob;
use domain::thumbnail::Frame;

use super::*;

impl Site {
    async fn thumbnail_job(&self, tenths: u32, width: u32) -> ThumbnailJob {
        let VideoState::Ready { generation } = self.video().await.state else {
            panic!("the video is ready");
        };
        ThumbnailJob::new(video(), generation, Frame { tenths, width })
    }

    /// Sends a job and does it. Returns the number of thumbnails in the store.
    async fn make(&self, job: &ThumbnailJob) -> usize {
        let message = JobMessage::from(job.clone());
        let sent = self.services.queue.send(&message, Duration::ZERO).await;
        sent.unwrap();
        self.work().await;
        let objects = self.world.objects();
        objects.iter().filter(|it| it.contains("/thumb_1")).count()
    }
}

async fn ready() -> Site {
    let site = Site::new().await;
    site.work().await;
    site.world.fake.forget_runs();
    site
}

#[tokio::test]
async fn a_thumbnail_is_made_once() {
    let site = ready().await;
    let job = site.thumbnail_job(15, 160).await;
    for _ in 0..2 {
        assert_eq!(site.make(&job).await, 1);
        assert_eq!(site.world.fake.runs(), ["Poster 0"]);
        assert_eq!(site.depth().await, EMPTY);
    }
    // After the end of the video.
    assert_eq!(site.make(&site.thumbnail_job(9_999, 640).await).await, 2);
}

#[tokio::test]
async fn an_obsolete_thumbnail_is_not_made() {
    let site = ready().await;
    let job = site.thumbnail_job(1, 160).await;
    let other = ThumbnailJob::new(video(), Generation::of("another", "profile"), job.frame);
    assert_eq!(site.make(&other).await, 0);
    let deleted = site
        .services
        .catalog
        .apply(video(), &VideoEvent::Deleted, clock::now());
    deleted.await.unwrap();
    assert_eq!(site.make(&job).await, 0);
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );
}

#[tokio::test]
async fn a_thumbnail_of_a_video_that_is_deleted_meanwhile_is_removed() {
    let site = ready().await;
    let job = site.thumbnail_job(1, 160).await;
    site.world.flaky.write_ms.store(500, Ordering::Relaxed);
    let deletion = async {
        site.until_running(Task::Poster).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let catalog = &site.services.catalog;
        let deleted = catalog.apply(video(), &VideoEvent::Deleted, clock::now());
        deleted.await.unwrap();
    };
    let (left, ()) = tokio::join!(site.make(&job), deletion);
    assert_eq!((left, site.depth().await), (0, EMPTY));
    assert_eq!(site.world.fake.runs(), ["Poster 0"], "it was made");
}

#[tokio::test]
async fn a_thumbnail_that_fails_is_tried_again_and_then_left_to_the_next_request() {
    let site = ready().await;
    let dies = Fault::ends(Task::Poster, 0, End::Exit(1)).times(9);
    site.world.fake.set_faults(&[dies]);
    let job = site.thumbnail_job(1, 160).await;
    assert_eq!(site.make(&job).await, 0);
    assert_eq!(
        site.depth().await,
        Depth {
            delayed: 1,
            ..EMPTY
        }
    );
    let message = JobMessage::from(site.thumbnail_job(2, 160).await);
    let sent = site.services.queue.send(&message, Duration::ZERO).await;
    sent.unwrap();
    let mut delivery = site.receive().await;
    while !delivery.is_last {
        let queue = &site.services.queue;
        let released = queue.release(&delivery.receipt, Duration::ZERO, "x").await;
        released.unwrap();
        delivery = site.receive().await;
    }
    let cancel = CancellationToken::new();
    site.worker.handle(&delivery, &cancel).await;
    assert_eq!(
        site.depth().await,
        Depth {
            delayed: 1,
            ..EMPTY
        }
    );
}
