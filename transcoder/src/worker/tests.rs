//! Jobs from a real queue and a real catalog, with a stand-in for FFmpeg.

use std::sync::atomic::Ordering;

use catalog::{Attempt, AttemptOutcome, Video};
use domain::failure::{Failure, FailureCode};
use domain::ids::Generation;
use domain::job::{Job, JobReason, Mode, Source, Stage};
use domain::object_key::ObjectKey;
use domain::plan::EncodePlan;
use domain::receipt::Extra;
use domain::segment::Lane;
use domain::state::{VideoEvent, VideoState};
use platform::job_queue::{Depth, Wanted};
use platform::object_store::PutCondition;

use super::*;
use crate::testing::fake_ffmpeg::{Arrival, End, Fault, Task};
use crate::testing::services::{NoUploads, Services, job, source_key, wrapping_keys};
use crate::testing::trial::prepare;
use crate::testing::world::World;
use crate::testing::{objects_of, video};
use crate::trial::{FILM, profile};

mod captions;
mod downloads;
mod failures;
mod idle;
mod imports;
mod losses;
mod outages;
mod posters;
mod previews;
mod thumbnails;
mod transcriptions;

/// A worker with one job: two seconds of video, in two segments of each rendition.
struct Site {
    world: World,
    services: Services,
    worker: Worker,
    job: Job,
    plan: EncodePlan,
}

impl Site {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// Without a remuxed rung, which could be watched while the others are made.
    async fn without_copy() -> Self {
        Self::with(|it| it.source_rung.enabled = false).await
    }

    async fn with(change: impl Fn(&mut Profile)) -> Self {
        let world = World::new();
        let services = Services::new(world.folder()).await;
        let mut profile = profile();
        change(&mut profile);
        let etag = world
            .store
            .put(&source_key(), FILM.into(), PutCondition::Always)
            .await
            .unwrap();
        let job = job(&etag.0, FILM.len() as u64);
        services.note(&job).await;
        services
            .queue
            .send(&JobMessage::from(job.clone()), Duration::ZERO)
            .await
            .unwrap();
        let plan = prepare(&world, &profile).await;
        let config = WorkerConfig {
            name: "worker".to_owned(),
            encoders: 2,
            wait: Duration::from_millis(100),
            profiles: HashMap::from([("default".to_owned(), profile)]),
            ..WorkerConfig::default()
        };
        let worker = Worker {
            queue: Arc::clone(&services.queue),
            catalog: services.catalog.clone(),
            store: Arc::clone(&world.store),
            uploads: Arc::new(NoUploads),
            keys: wrapping_keys(1),
            tools: world.fake.tools(),
            config,
            outage: Outage::default(),
            metrics: WorkerMetrics::default(),
            active: ActiveVideos::default(),
            helping: Default::default(),
        };
        Self {
            world,
            services,
            worker,
            job,
            plan,
        }
    }

    async fn receive(&self) -> Delivery {
        let received = self
            .services
            .queue
            .receive(
                Wanted::ALL,
                Duration::from_secs(5),
                self.worker.config.lease,
            )
            .await;
        received.unwrap().expect("a message waits")
    }

    /// Receives a message and does what it says.
    async fn work(&self) {
        self.work_until(&CancellationToken::new()).await;
    }

    async fn work_until(&self, cancel: &CancellationToken) {
        let delivery = self.receive().await;
        Box::pin(self.worker.handle(&delivery, cancel)).await;
    }

    async fn video(&self) -> Video {
        self.services.catalog.get_video(video()).await.unwrap()
    }

    async fn depth(&self) -> Depth {
        self.services.queue.depth().await.unwrap()
    }

    /// The attempts so far. None of them may be going on.
    async fn attempts(&self) -> Vec<Attempt> {
        assert_eq!(
            self.services.catalog.holder(video()).await.unwrap(),
            None,
            "the claim was given back"
        );
        self.services.catalog.attempts(video()).await.unwrap()
    }

    async fn last_outcome(&self) -> AttemptOutcome {
        self.attempts()
            .await
            .pop()
            .and_then(|it| it.outcome)
            .expect("an attempt that has ended")
    }

    fn generation(&self) -> Generation {
        self.job.generation(&self.worker.config.profiles["default"])
    }

    /// Waits until a run of this kind has begun.
    async fn until_running(&self, task: Task) {
        let name = format!("{task:?}");
        while !self
            .world
            .fake
            .runs()
            .iter()
            .any(|it| it.starts_with(&name))
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

const EMPTY: Depth = Depth {
    ready: 0,
    delayed: 0,
    in_flight: 0,
    dead: 0,
};

fn failed(code: FailureCode) -> impl Fn(&VideoState) -> bool {
    move |it| matches!(it, VideoState::Failed(failure) if failure.code == code)
}

#[tokio::test]
async fn a_job_becomes_a_video() {
    let site = Site::new().await;
    site.work().await;
    let video = site.video().await;
    assert_eq!(
        video.state,
        VideoState::Ready {
            generation: site.generation()
        }
    );
    assert!(video.playable_ms.is_some() && video.ready_ms.is_some() && video.has_poster);
    assert_eq!(site.depth().await, EMPTY);
    assert_eq!(site.last_outcome().await, AttemptOutcome::Ready);
    let receipt = site
        .services
        .catalog
        .receipt(video.id, &site.generation())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (receipt.source_ms, receipt.bytes_in, receipt.missing.len()),
        (2_000, FILM.len() as u64, 0)
    );
    let chunks = site
        .services
        .catalog
        .chunks(video.id, &site.generation())
        .await
        .unwrap();
    let planned: usize = [Lane::Copy, Lane::Encode, Lane::Audio]
        .iter()
        .map(|it| objects_of(&site.plan, *it).len())
        .sum();
    assert_eq!(
        chunks.iter().map(|it| it.segments.len()).sum::<usize>(),
        planned
    );
    assert_eq!(site.world.named(".ts").len(), planned);
    assert_eq!(
        site.world.named("film.mp4").len(),
        1,
        "the profile keeps sources"
    );

    // The message comes once more.
    site.services
        .queue
        .send(&JobMessage::from(site.job.clone()), Duration::ZERO)
        .await
        .unwrap();
    site.world.fake.forget_runs();
    site.work().await;
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );
    assert_eq!(site.attempts().await.len(), 1);
}

#[tokio::test]
async fn sources_are_kept_put_away_or_deleted() {
    use domain::profile::SourcePolicy;
    for (policy, paths) in [
        (SourcePolicy::Archive, vec!["private/archive/"]),
        (SourcePolicy::Delete, vec![]),
    ] {
        let site = Site::with(|it| it.source_policy = policy).await;
        site.work().await;
        let found = site.world.named("film.mp4");
        assert_eq!(found.len(), paths.len(), "{policy:?}: {found:?}");
        assert!(
            found
                .iter()
                .zip(&paths)
                .all(|(found, start)| found.starts_with(start)),
            "{found:?}"
        );
        assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
    }
    // Where that cannot be done, the video is ready all the same.
    let site = Site::with(|it| it.source_policy = SourcePolicy::Archive).await;
    site.world.flaky.fail("archive/", 99);
    site.work().await;
    assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
    assert_eq!(
        (site.depth().await, site.world.named("film.mp4").len()),
        (EMPTY, 1)
    );
}

#[tokio::test]
async fn a_message_that_is_not_a_job_is_put_aside() {
    let site = Site::new().await;
    let delivery = site.receive().await;
    site.services.queue.ack(&delivery.receipt).await.unwrap();
    site.services
        .queue
        .send_body("{\"kind\": \"dance\"}", Duration::ZERO)
        .await
        .unwrap();
    site.work().await;
    assert_eq!(site.depth().await, Depth { dead: 1, ..EMPTY });
}

#[tokio::test]
async fn extras_that_could_not_be_made_stand_on_the_receipt() {
    let site = Site::new().await;
    site.world
        .fake
        .set_faults(&[Fault::ends(Task::Images, 0, End::Exit(1)).times(9)]);
    site.work().await;
    let receipt = site
        .services
        .catalog
        .receipt(video(), &site.generation())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(receipt.missing, [Extra::Thumbnails, Extra::Storyboard]);
    assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
}

#[tokio::test]
async fn a_copy_that_players_could_not_decode_is_encoded() {
    let site = Site::new().await;
    site.world.fake.set_faults(&[
        Fault::arrives(Task::Copy, Arrival::Whole).saying("Invalid NAL unit size"),
        Fault::ends(Task::Encode, 0, End::Stall),
    ]);
    // The second plan has the same rungs here; its I-frames and its audio are at other positions.
    let cancel = CancellationToken::new();
    let watch = async {
        for _ in 0..2_000 {
            if site
                .world
                .fake
                .runs()
                .iter()
                .any(|it| it.starts_with("Encode"))
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    tokio::join!(site.work_until(&cancel), watch);
    let renditions = site
        .services
        .catalog
        .renditions(video(), &site.generation())
        .await
        .unwrap();
    assert!(
        renditions
            .iter()
            .all(|it| !it.copied && it.name.as_str() != "source"),
        "{renditions:?}"
    );
    assert_eq!(
        site.world
            .fake
            .runs()
            .iter()
            .filter(|it| it.starts_with("Copy"))
            .count(),
        1
    );
}

#[tokio::test]
async fn the_loop_takes_jobs_until_it_is_stopped() {
    let site = Site::new().await;
    let cancel = CancellationToken::new();
    let stop = async {
        while !matches!(site.video().await.state, VideoState::Ready { .. }) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancel.cancel();
    };
    let running = tokio::time::timeout(Duration::from_secs(30), site.worker.run(cancel.clone()));
    let (ended, ()) = tokio::join!(running, stop);
    assert!(ended.is_ok(), "it goes on although it was stopped");
    assert_eq!(site.depth().await, EMPTY);
}
