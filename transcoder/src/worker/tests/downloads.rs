//! Downloads. Large files need a store that takes parts: see the end-to-end tests.

use domain::job::DownloadJob;
use platform::object_store::ObjectStoreExt as _;

use super::*;

impl Site {
    async fn download_job(&self, rung: &str) -> DownloadJob {
        let VideoState::Ready { generation } = self.video().await.state else {
            panic!("the video is ready");
        };
        DownloadJob::new(video(), generation, rung.parse().unwrap())
    }

    async fn request_download(&self, job: &DownloadJob) {
        let catalog = &self.services.catalog;
        let requested = catalog.request_download(video(), &job.generation, &job.rung, clock::now());
        requested.await.unwrap();
        let message = JobMessage::from(job.clone());
        let sent = self.services.queue.send(&message, Duration::ZERO).await;
        sent.unwrap();
    }

    /// The files in the store.
    fn files(&self) -> Vec<String> {
        let mut files = self.world.objects();
        files.retain(|it| it.contains("downloads/"));
        files
    }
}

async fn ready() -> Site {
    let site = Site::new().await;
    site.work().await;
    site.world.fake.forget_runs();
    site
}

/// Every rung of the film becomes a file that our own reader reads.
#[tokio::test]
async fn a_rung_becomes_a_file() {
    let site = ready().await;
    let published = site.video().await;
    let plan = &site.plan;
    let rungs = plan.copy.rung().map(|it| &it.rendition).into_iter();
    let rungs = rungs.chain(plan.rungs.iter().map(|it| &it.rendition));
    for rung in rungs {
        let job = site.download_job(rung.name.as_str()).await;
        site.request_download(&job).await;
        site.work().await;
        let catalog = &site.services.catalog;
        let generation = published.generation.as_ref().unwrap();
        let records = catalog.downloads(video(), generation).await.unwrap();
        let record = records.iter().find(|it| it.rung == rung.name).unwrap();
        let bytes = record.file.expect("the file is ready").bytes;
        let file = site.world.folder().join(site.files().pop().unwrap());
        assert_eq!(std::fs::metadata(file).unwrap().len(), bytes);
        let stored = site.world.store.read(&job.object(), 1 << 30).await;
        let stored = stored.unwrap();
        let at = stored.windows(4).position(|it| it == b"moov").unwrap();
        let size = u32::from_be_bytes(*stored[at - 4..].first_chunk().unwrap()) as usize;
        let moov = &stored[at + 4..at - 4 + size];
        let moov = media::mp4::Moov::parse(moov, bytes, false).unwrap();
        moov.check_complete().unwrap();
        assert_eq!((moov.tracks.len(), moov.audio().count()), (2, 1));
        assert!(
            (moov.duration_s() - 2.0).abs() < 0.1,
            "{}",
            moov.duration_s()
        );
    }
    assert_eq!(site.depth().await, EMPTY);
    assert_eq!(site.world.fake.runs(), [""; 0], "FFmpeg is not needed");
}

#[tokio::test]
async fn a_file_is_written_once() {
    let site = ready().await;
    let rung = site.plan.rungs[0].rendition.name.to_string();
    let job = site.download_job(&rung).await;
    // No one has requested it.
    let message = JobMessage::from(job.clone());
    let sent = site.services.queue.send(&message, Duration::ZERO).await;
    sent.unwrap();
    site.work().await;
    assert_eq!((site.files().len(), site.depth().await), (0, EMPTY));
    site.request_download(&job).await;
    site.work().await;
    let path = site.world.folder().join(site.files().pop().unwrap());
    std::fs::write(&path, "the file of the first message").unwrap();
    let sent = site.services.queue.send(&message, Duration::ZERO).await;
    sent.unwrap();
    site.work().await;
    let left = std::fs::read_to_string(&path).unwrap();
    assert_eq!(left, "the file of the first message");
    assert_eq!(site.depth().await, EMPTY);
}

#[tokio::test]
async fn a_file_of_a_video_that_is_deleted_meanwhile_is_removed() {
    let site = ready().await;
    let rung = site.plan.rungs[0].rendition.name.to_string();
    let job = site.download_job(&rung).await;
    site.request_download(&job).await;
    site.world.flaky.write_ms.store(500, Ordering::Relaxed);
    let deletion = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let catalog = &site.services.catalog;
        let deleted = catalog.apply(video(), &VideoEvent::Deleted, clock::now());
        deleted.await.unwrap();
    };
    tokio::join!(site.work(), deletion);
    assert_eq!((site.files().len(), site.depth().await), (0, EMPTY));
}

/// What plays was damaged since.
#[tokio::test]
async fn a_file_needs_what_plays() {
    let site = ready().await;
    let rung = site.plan.rungs[0].rendition.name.to_string();
    let objects = site.world.objects();
    let segment = format!("{rung}_00001.ts");
    let path = objects.iter().find(|it| it.ends_with(&segment)).unwrap();
    std::fs::remove_file(site.world.folder().join(path)).unwrap();
    let job = site.download_job(&rung).await;
    site.request_download(&job).await;
    site.work().await;
    assert_eq!((site.files().len(), site.depth().await.delayed), (0, 1));
}
