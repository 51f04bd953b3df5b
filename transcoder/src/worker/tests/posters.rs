//! Posters that owners choose.

use catalog::PosterRecord;
use domain::ids::PosterId;
use domain::job::PosterJob;

use super::*;

/// The header of a PNG image of this size.
fn png(side: u32) -> Vec<u8> {
    let size = [side.to_be_bytes(), side.to_be_bytes()].concat();
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
        &size[..],
        &[8, 2, 0, 0, 0, 1, 2, 3, 4],
    ]
    .concat()
}

impl Site {
    /// A site whose video is ready.
    async fn ready() -> Self {
        let site = Self::new().await;
        site.work().await;
        assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
        site.world.fake.forget_runs();
        site
    }

    async fn send(&self, job: &PosterJob) {
        self.services
            .queue
            .send(&JobMessage::from(job.clone()), Duration::ZERO)
            .await
            .unwrap();
    }

    /// Asks for a poster and makes it.
    async fn choose(&self, job: &PosterJob) {
        self.services
            .catalog
            .want_poster(video(), &job.poster)
            .await
            .unwrap();
        self.send(job).await;
        self.work().await;
    }

    async fn put_picture(&self, bytes: Vec<u8>) -> PosterJob {
        let job = PosterJob::from_image(video(), &bytes);
        let key = ObjectKey::PosterImage {
            video: video(),
            poster: job.poster.clone(),
        };
        self.world
            .store
            .put(&key, bytes.into(), PutCondition::Always)
            .await
            .unwrap();
        job
    }

    async fn poster(&self) -> PosterRecord {
        self.services
            .catalog
            .poster(video())
            .await
            .unwrap()
            .unwrap()
    }

    async fn shown(&self) -> Option<PosterId> {
        self.poster().await.shown
    }

    /// The objects that are about this poster.
    fn objects_of(&self, job: &PosterJob) -> usize {
        self.world
            .objects()
            .iter()
            .filter(|it| it.contains(job.poster.as_str()))
            .count()
    }
}

#[tokio::test]
async fn a_moment_of_the_video_becomes_its_poster() {
    let site = Site::ready().await;
    let job = PosterJob::from_timestamp(video(), 1_500);
    site.choose(&job).await;
    assert_eq!(
        (site.shown().await, site.depth().await),
        (Some(job.poster.clone()), EMPTY)
    );
    assert_eq!(
        (site.objects_of(&job), site.world.fake.runs()),
        (1, vec!["Poster 0".to_owned()])
    );
    // The message comes once more.
    site.send(&job).await;
    site.work().await;
    assert_eq!(
        (site.world.fake.runs().len(), site.depth().await),
        (1, EMPTY)
    );
    // Another one takes its place.
    let next = PosterJob::from_timestamp(video(), 0);
    site.choose(&next).await;
    assert_eq!(site.shown().await, Some(next.poster.clone()));
    assert_eq!((site.objects_of(&job), site.objects_of(&next)), (0, 1));
}

#[tokio::test]
async fn a_picture_that_was_sent_becomes_the_poster() {
    let site = Site::ready().await;
    let job = site.put_picture(png(640)).await;
    site.choose(&job).await;
    assert_eq!(
        (site.shown().await, site.depth().await),
        (Some(job.poster.clone()), EMPTY)
    );
    assert_eq!(
        site.objects_of(&job),
        1,
        "the picture itself is not needed any more"
    );
}

#[tokio::test]
async fn a_picture_that_cannot_be_used_is_refused() {
    let dies = Fault::ends(Task::Poster, 0, End::Exit(1)).times(9);
    for (bytes, faults) in [
        (b"not a picture".to_vec(), vec![]),
        (png(2), vec![]),
        (png(9_000), vec![]),
        (png(640), vec![dies]),
        (png(640), vec![Fault::ends(Task::Poster, 0, End::Exit(0))]),
        (png(640), vec![Fault::ends(Task::Poster, 0, End::ExceedCpu)]),
    ] {
        let site = Site::ready().await;
        site.world.fake.set_faults(&faults);
        let job = site.put_picture(bytes).await;
        site.choose(&job).await;
        let PosterRecord { shown, failure, .. } = site.poster().await;
        assert_eq!(
            (shown, failure.map(|it| it.code)),
            (None, Some(FailureCode::ImageDamaged)),
            "{faults:?}"
        );
        assert_eq!((site.depth().await, site.objects_of(&job)), (EMPTY, 0));
    }
}

#[tokio::test]
async fn the_last_choice_counts() {
    let site = Site::ready().await;
    let (first, second) = (
        site.put_picture(png(640)).await,
        PosterJob::from_timestamp(video(), 900),
    );
    site.services
        .catalog
        .want_poster(video(), &first.poster)
        .await
        .unwrap();
    site.services
        .catalog
        .want_poster(video(), &second.poster)
        .await
        .unwrap();
    site.send(&first).await;
    site.work().await;
    assert_eq!(
        (
            site.shown().await,
            site.objects_of(&first),
            site.depth().await
        ),
        (None, 0, EMPTY)
    );
    assert_eq!(site.world.fake.runs(), [""; 0]);
    site.send(&second).await;
    site.work().await;
    assert_eq!(site.shown().await, Some(second.poster));
}

#[tokio::test]
async fn of_a_video_that_is_not_ready_no_moment_is_shown() {
    let site = Site::new().await;
    let delivery = site.receive().await;
    site.services.queue.ack(&delivery.receipt).await.unwrap();
    let job = PosterJob::from_timestamp(video(), 900);
    site.choose(&job).await;
    assert_eq!((site.depth().await, site.objects_of(&job)), (EMPTY, 0));
    site.services
        .catalog
        .apply(video(), &VideoEvent::Deleted, clock::now())
        .await
        .unwrap();
    site.send(&job).await;
    site.work().await;
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );
}

#[tokio::test]
async fn our_own_failures_are_tried_again_a_while_later() {
    let site = Site::ready().await;
    site.world
        .fake
        .set_faults(&[Fault::ends(Task::Poster, 0, End::Exit(1))
            .saying("Unknown encoder 'mjpeg'")
            .times(9)]);
    let job = PosterJob::from_timestamp(video(), 900);
    site.choose(&job).await;
    assert_eq!(
        (site.poster().await.failure, site.depth().await),
        (
            None,
            Depth {
                delayed: 1,
                ..EMPTY
            }
        )
    );
    // At the last delivery there is a verdict, so that nobody waits for ever.
    let again = PosterJob::from_timestamp(video(), 901);
    site.services
        .catalog
        .want_poster(video(), &again.poster)
        .await
        .unwrap();
    site.send(&again).await;
    let mut delivery = site.receive().await;
    while !delivery.is_last {
        site.services
            .queue
            .release(&delivery.receipt, Duration::ZERO, "x")
            .await
            .unwrap();
        delivery = site.receive().await;
    }
    site.worker
        .handle(&delivery, &CancellationToken::new())
        .await;
    assert_eq!(
        site.poster().await.failure.map(|it| it.code),
        Some(FailureCode::Internal)
    );
}

#[tokio::test]
async fn while_the_store_is_away_a_poster_waits() {
    let site = Site::ready().await;
    let job = PosterJob::from_timestamp(video(), 900);
    site.services
        .catalog
        .want_poster(video(), &job.poster)
        .await
        .unwrap();
    site.send(&job).await;
    let mut delivery = site.receive().await;
    while !delivery.is_last {
        site.services
            .queue
            .release(&delivery.receipt, Duration::ZERO, "x")
            .await
            .unwrap();
        delivery = site.receive().await;
    }
    site.world.flaky.is_away.store(true, Ordering::Relaxed);
    site.worker
        .handle(&delivery, &CancellationToken::new())
        .await;
    let depth = site.depth().await;
    assert_eq!(
        (depth.dead, depth.delayed),
        (0, 1),
        "sent again: waiting is not a delivery that failed"
    );
    assert_eq!(site.poster().await.failure, None);
}

#[tokio::test]
async fn a_worker_that_stops_gives_a_poster_back() {
    let site = Site::ready().await;
    site.world
        .fake
        .set_faults(&[Fault::ends(Task::Poster, 0, End::Stall)]);
    let job = PosterJob::from_timestamp(video(), 900);
    site.services
        .catalog
        .want_poster(video(), &job.poster)
        .await
        .unwrap();
    site.send(&job).await;
    let cancel = CancellationToken::new();
    let stop = async {
        site.until_running(Task::Poster).await;
        cancel.cancel();
    };
    tokio::join!(site.work_until(&cancel), stop);
    assert_eq!(
        (site.depth().await, site.shown().await),
        (Depth { ready: 1, ..EMPTY }, None)
    );
}

/// What plays was damaged since.
#[tokio::test]
async fn a_moment_needs_what_plays() {
    for kind in ["/manifests/", "_00001.ts"] {
        let site = Site::ready().await;
        for path in site.world.objects().iter().filter(|it| it.contains(kind)) {
            std::fs::remove_file(site.world.folder().join(path)).unwrap();
        }
        let job = PosterJob::from_timestamp(video(), 1_500);
        site.choose(&job).await;
        let depth = site.depth().await;
        assert_eq!(
            (site.shown().await, depth.delayed, site.objects_of(&job)),
            (None, 1, 0),
            "{kind}"
        );
    }
}
