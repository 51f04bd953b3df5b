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
use platform::job_queue::Depth;
use platform::object_store::PutCondition;

use super::*;
use crate::testing::fake_ffmpeg::{Arrival, End, Fault, Task};
use crate::testing::services::{NoUploads, Services, job, source_key, wrapping_keys};
use crate::testing::trial::prepare;
use crate::testing::world::World;
use crate::testing::{objects_of, video};
use crate::trial::{FILM, profile};

mod imports;
mod losses;
mod outages;
mod posters;

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
        let etag = world.store.put(&source_key(), FILM.into(), PutCondition::Always).await.unwrap();
        let job = job(&etag.0, FILM.len() as u64);
        services.note(&job).await;
        services.queue.send(&JobMessage::from(job.clone()), Duration::ZERO).await.unwrap();
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
            active: ActiveVideos::default(),
        };
        Self { world, services, worker, job, plan }
    }

    async fn receive(&self) -> Delivery {
        let received = self.services.queue.receive(Duration::from_secs(5), self.worker.config.lease).await;
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
        assert_eq!(self.services.catalog.holder(video()).await.unwrap(), None, "the claim was given back");
        self.services.catalog.attempts(video()).await.unwrap()
    }

    async fn last_outcome(&self) -> AttemptOutcome {
        self.attempts().await.pop().and_then(|it| it.outcome).expect("an attempt that has ended")
    }

    fn generation(&self) -> Generation {
        self.job.generation(&self.worker.config.profiles["default"])
    }

    /// Waits until a run of this kind has begun.
    async fn until_running(&self, task: Task) {
        let name = format!("{task:?}");
        while !self.world.fake.runs().iter().any(|it| it.starts_with(&name)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

const EMPTY: Depth = Depth { ready: 0, delayed: 0, in_flight: 0, dead: 0 };

fn failed(code: FailureCode) -> impl Fn(&VideoState) -> bool {
    move |it| matches!(it, VideoState::Failed(failure) if failure.code == code)
}

#[tokio::test]
async fn a_job_becomes_a_video() {
    let site = Site::new().await;
    site.work().await;
    let video = site.video().await;
    assert_eq!(video.state, VideoState::Ready { generation: site.generation() });
    assert!(video.playable_ms.is_some() && video.ready_ms.is_some() && video.has_poster);
    assert_eq!(site.depth().await, EMPTY);
    assert_eq!(site.last_outcome().await, AttemptOutcome::Ready);
    let receipt = site.services.catalog.receipt(video.id, &site.generation()).await.unwrap().unwrap();
    assert_eq!((receipt.source_ms, receipt.bytes_in, receipt.missing.len()), (2_000, FILM.len() as u64, 0));
    let chunks = site.services.catalog.chunks(video.id, &site.generation()).await.unwrap();
    let planned: usize =
        [Lane::Copy, Lane::Encode, Lane::Audio].iter().map(|it| objects_of(&site.plan, *it).len()).sum();
    assert_eq!(chunks.iter().map(|it| it.segments.len()).sum::<usize>(), planned);
    assert_eq!(site.world.named(".ts").len(), planned);
    assert_eq!(site.world.named("film.mp4").len(), 1, "the profile keeps sources");

    // The message comes once more.
    site.services.queue.send(&JobMessage::from(site.job.clone()), Duration::ZERO).await.unwrap();
    site.world.fake.forget_runs();
    site.work().await;
    assert_eq!((site.depth().await, site.world.fake.runs()), (EMPTY, vec![]));
    assert_eq!(site.attempts().await.len(), 1);
}

#[tokio::test]
async fn sources_are_kept_put_away_or_deleted() {
    use domain::profile::SourcePolicy;
    for (policy, paths) in [(SourcePolicy::Archive, vec!["private/archive/"]), (SourcePolicy::Delete, vec![])] {
        let site = Site::with(|it| it.source_policy = policy).await;
        site.work().await;
        let found = site.world.named("film.mp4");
        assert_eq!(found.len(), paths.len(), "{policy:?}: {found:?}");
        assert!(found.iter().zip(&paths).all(|(found, start)| found.starts_with(start)), "{found:?}");
        assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
    }
    // Where that cannot be done, the video is ready all the same.
    let site = Site::with(|it| it.source_policy = SourcePolicy::Archive).await;
    site.world.flaky.fail("archive/", 99);
    site.work().await;
    assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
    assert_eq!((site.depth().await, site.world.named("film.mp4").len()), (EMPTY, 1));
}

/// Verdicts on the source: the video has failed, and nothing is tried again.
#[tokio::test]
async fn a_source_at_fault_fails_its_video() {
    let probe = |script: &'static str| move |site: &Site| site.world.fake.probe_says("streams", script);
    let fault = |fault: Fault| move |site: &Site| site.world.fake.set_faults(std::slice::from_ref(&fault));
    type Arrange = Box<dyn Fn(&Site)>;
    let cases: Vec<(FailureCode, Arrange)> = vec![
        (FailureCode::NotAVideo, Box::new(probe("exit 1"))),
        (FailureCode::Damaged, Box::new(probe("kill -SEGV $$"))),
        (FailureCode::NoVideoStream, Box::new(probe("echo '{\"streams\": []}'"))),
        (FailureCode::TooDemanding, Box::new(fault(Fault::ends(Task::Encode, 0, End::ExceedCpu).times(9)))),
        (
            FailureCode::UnsupportedCodec,
            Box::new(fault(Fault::ends(Task::Encode, 0, End::Exit(1)).times(9).saying("no decoder found for: h264"))),
        ),
    ];
    for (code, arrange) in cases {
        let site = Site::without_copy().await;
        arrange(&site);
        site.work().await;
        let state = site.video().await.state;
        assert!(failed(code)(&state), "{code}: {state:?}");
        assert_eq!(site.depth().await, EMPTY, "{code}");
        assert!(matches!(site.last_outcome().await, AttemptOutcome::Failed(failure) if failure.code == code));
        assert_eq!(site.world.named(".m3u8"), [""; 0], "{code}");
    }
}

#[tokio::test]
async fn a_source_that_is_gone_fails_its_video() {
    let site = Site::new().await;
    site.world.store.delete(&source_key()).await.unwrap();
    site.work().await;
    assert!(failed(FailureCode::SourceMissing)(&site.video().await.state));
    assert_eq!(site.depth().await, EMPTY);
}

/// Failures that are ours: the job comes again, and what was finished is not made twice.
#[tokio::test]
async fn our_own_failures_are_tried_again() {
    for (fault, code) in [
        (Fault::ends(Task::Encode, 0, End::Kill).times(9), FailureCode::Internal),
        (Fault::ends(Task::Encode, 0, End::Kill).times(9).beginning_at(1), FailureCode::Internal),
        (Fault::ends(Task::Audio, 0, End::Exit(255)).times(9), FailureCode::Internal),
        (Fault::ends(Task::Encode, 0, End::Exit(1)).times(9).saying("Unrecognized option 'x'"), FailureCode::Internal),
        (
            Fault::ends(Task::Encode, 0, End::Exit(1)).times(9).saying("socket: Too many open files"),
            FailureCode::Exhausted,
        ),
    ] {
        let site = Site::without_copy().await;
        site.world.fake.set_faults(std::slice::from_ref(&fault));
        site.work().await;
        assert_eq!(site.video().await.state, VideoState::Queued, "{fault:?}");
        assert_eq!(site.depth().await, Depth { delayed: 1, ..EMPTY }, "{fault:?}");
        let attempt = site.attempts().await.pop().unwrap();
        assert!(
            matches!(&attempt.outcome, Some(AttemptOutcome::Failed(failure)) if failure.code == code),
            "{attempt:?}"
        );
        assert!(attempt.log_tail.unwrap_or_default().contains(&fault.log), "{fault:?}");
        assert_eq!(site.world.named("master.m3u8"), [""; 0]);
        let finished = site.services.catalog.chunks(video(), &site.generation()).await.unwrap();

        // The next delivery, when the fault has gone.
        site.world.fake.set_faults(&[]);
        site.world.fake.forget_runs();
        site.services.queue.send(&JobMessage::from(site.job.clone()), Duration::ZERO).await.unwrap();
        site.work().await;
        assert!(matches!(site.video().await.state, VideoState::Ready { .. }), "{fault:?}");
        let runs = site.world.fake.runs();
        for it in finished.iter().filter(|it| it.lane == Lane::Encode) {
            let first = site.plan.encode_chunks[it.index as usize].segments.start;
            assert!(!runs.contains(&format!("Encode {first}")), "{fault:?}: {runs:?}");
        }
        assert_eq!(site.attempts().await.len(), 2);
    }
}

#[tokio::test]
async fn after_five_attempts_a_job_is_given_up() {
    let site = Site::without_copy().await;
    let internal = Failure::of(FailureCode::Internal);
    for _ in 0..4 {
        let claim = site.services.claim(&site.job, &site.generation()).await;
        site.services.catalog.set_progress(&claim, Stage::Encode, 98, clock::now()).await.unwrap();
        site.services.catalog.fail(&claim, &internal, true, "log", clock::now()).await.unwrap();
    }
    site.world.fake.set_faults(&[Fault::ends(Task::Encode, 0, End::Kill).times(9)]);
    site.work().await;
    assert!(failed(FailureCode::Internal)(&site.video().await.state));
    assert_eq!(site.depth().await, Depth { dead: 1, ..EMPTY });
    assert_eq!(site.attempts().await.len(), 5);
    let dead = site.services.queue.dead_letters(9).await.unwrap();
    assert_eq!(dead[0].reason.as_deref(), Some("internal"));
}

/// The attempts decide, not the deliveries.
#[tokio::test]
async fn the_last_delivery_is_not_the_last_attempt() {
    let site = Site::new().await;
    for _ in 0..2 {
        let delivery = site.receive().await;
        assert!(!delivery.is_last);
        site.services.queue.release(&delivery.receipt, Duration::ZERO, "stopped").await.unwrap();
    }
    let last = site.receive().await;
    assert!(last.is_last);
    site.worker.handle(&last, &CancellationToken::new()).await;
    assert_eq!((site.depth().await, site.attempts().await.len()), (Depth { ready: 1, ..EMPTY }, 0));
    let fresh = site.receive().await;
    assert_eq!((fresh.receive_count, fresh.message.unwrap()), (1, JobMessage::from(site.job.clone())));
}

#[tokio::test]
async fn a_job_of_an_unknown_profile_fails_with_its_name() {
    let site = Site::new().await;
    let unknown = Job::new(video(), site.job.source.clone(), "cinema", Mode::Abr, JobReason::Upload);
    site.services.catalog.request_work(&unknown, clock::now()).await.unwrap();
    let delivery = site.receive().await;
    site.services.queue.ack(&delivery.receipt).await.unwrap();
    site.services.queue.send(&JobMessage::from(unknown), Duration::ZERO).await.unwrap();
    site.work().await;
    let VideoState::Failed(failure) = site.video().await.state else { panic!("it should have failed") };
    assert!(failure.message.contains("`cinema`"), "{failure:?}");
    assert_eq!(site.depth().await, Depth { dead: 1, ..EMPTY });
    assert_eq!(site.world.fake.runs(), [""; 0]);
}

#[tokio::test]
async fn a_message_that_is_not_a_job_is_put_aside() {
    let site = Site::new().await;
    let delivery = site.receive().await;
    site.services.queue.ack(&delivery.receipt).await.unwrap();
    site.services.queue.send_body("{\"kind\": \"dance\"}", Duration::ZERO).await.unwrap();
    site.work().await;
    assert_eq!(site.depth().await, Depth { dead: 1, ..EMPTY });
}

#[tokio::test]
async fn extras_that_could_not_be_made_stand_on_the_receipt() {
    let site = Site::new().await;
    site.world.fake.set_faults(&[Fault::ends(Task::Images, 0, End::Exit(1)).times(9)]);
    site.work().await;
    let receipt = site.services.catalog.receipt(video(), &site.generation()).await.unwrap().unwrap();
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
            if site.world.fake.runs().iter().any(|it| it.starts_with("Encode")) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    tokio::join!(site.work_until(&cancel), watch);
    let renditions = site.services.catalog.renditions(video(), &site.generation()).await.unwrap();
    assert!(renditions.iter().all(|it| !it.copied && it.name.as_str() != "source"), "{renditions:?}");
    assert_eq!(site.world.fake.runs().iter().filter(|it| it.starts_with("Copy")).count(), 1);
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
