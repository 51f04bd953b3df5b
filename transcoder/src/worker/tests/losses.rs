//! Jobs that are taken away from their worker, and jobs that others have.

mod partial;
mod replacement;

use catalog::ClaimOutcome;
use domain::job::Partial;

use crate::testing::services::DELIVERIES;

use super::*;

/// A lease that is renewed within a second.
async fn watched() -> Site {
    let mut site = Site::without_copy().await;
    site.worker.config.lease = Duration::from_millis(600);
    site.world
        .fake
        .set_faults(&[Fault::ends(Task::Encode, 1, End::Stall).times(9)]);
    site
}

#[tokio::test]
async fn a_worker_that_is_stopped_gives_its_job_back() {
    let site = watched().await;
    let cancel = CancellationToken::new();
    let stop = async {
        site.until_running(Task::Encode).await;
        cancel.cancel();
    };
    tokio::join!(site.work_until(&cancel), stop);
    assert_eq!(site.video().await.state, VideoState::Queued);
    assert_eq!(
        site.depth().await,
        Depth { ready: 1, ..EMPTY },
        "at once, for another worker"
    );
    assert_eq!(site.last_outcome().await, AttemptOutcome::Released);
}

/// As in SQS, which takes a message back after twelve hours.
#[tokio::test]
async fn a_message_that_is_held_for_too_long_is_replaced_until_its_job_is_done() {
    let mut site = watched().await;
    site.worker.config.lease = Duration::from_secs(6);
    site.worker.config.longest_hold = Some(Duration::from_millis(500));
    let cancel = CancellationToken::new();
    let stop = async {
        site.until_running(Task::Encode).await;
        // The message is replaced by one that comes later.
        let replaced = Depth {
            delayed: 1,
            ..EMPTY
        };
        while site.depth().await != replaced {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // It comes while the job is being done, also if it comes often.
        let other = Worker {
            config: WorkerConfig {
                name: "other".to_owned(),
                ..site.worker.config.clone()
            },
            ..site.worker.clone()
        };
        for _ in 0..DELIVERIES + 2 {
            let message = JobMessage::from(site.job.clone());
            site.services
                .queue
                .send(&message, Duration::ZERO)
                .await
                .unwrap();
            let delivery = site.receive().await;
            Box::pin(other.handle(&delivery, &CancellationToken::new())).await;
            assert_eq!(
                site.depth().await,
                Depth {
                    delayed: 1,
                    ..EMPTY
                }
            );
        }
        cancel.cancel();
    };
    tokio::join!(site.work_until(&cancel), stop);
    assert_eq!(site.last_outcome().await, AttemptOutcome::Released);
    assert_eq!(
        site.depth().await,
        Depth {
            delayed: 1,
            ..EMPTY
        }
    );
}

/// A service manager that stops everything signals FFmpeg too.
#[tokio::test]
async fn a_death_while_everything_stops_is_not_a_failure() {
    let site = Site::without_copy().await;
    site.world
        .fake
        .set_faults(&[Fault::ends(Task::Encode, 0, End::Kill).times(9)]);
    let cancel = CancellationToken::new();
    let stop = async {
        site.until_running(Task::Encode).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    };
    tokio::join!(site.work_until(&cancel), stop);
    assert_eq!(site.last_outcome().await, AttemptOutcome::Released);
    assert_eq!(site.depth().await, Depth { ready: 1, ..EMPTY });
}

#[tokio::test]
async fn what_is_made_of_a_deleted_video_is_removed() {
    let site = watched().await;
    let delete = async {
        site.until_running(Task::Encode).await;
        while site.world.named(".ts").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        site.services
            .catalog
            .apply(video(), &VideoEvent::Deleted, clock::now())
            .await
            .unwrap();
    };
    tokio::join!(site.work(), delete);
    assert_eq!(site.video().await.state, VideoState::Deleted);
    assert_eq!(site.world.objects(), [""; 0]);
    assert_eq!(site.depth().await, EMPTY);
}

/// FFmpeg ends before the worker has noticed the deletion: the source went with the video.
#[tokio::test]
async fn a_failure_after_a_deletion_leaves_nothing_behind() {
    let site = Site::without_copy().await;
    // No run comes to its end, so that nothing is recorded after the deletion.
    site.world
        .fake
        .set_faults(&[Task::Encode, Task::Audio].map(|it| Fault::ends(it, 1, End::Stall).times(9)));
    let delete = async {
        site.until_running(Task::Encode).await;
        while site.world.named(".ts").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        site.services
            .catalog
            .apply(video(), &VideoEvent::Deleted, clock::now())
            .await
            .unwrap();
        for it in site.world.processes() {
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(it, rustix::process::Signal::KILL);
        }
    };
    tokio::join!(site.work(), delete);
    assert_eq!(site.video().await.state, VideoState::Deleted);
    assert_eq!(site.world.objects(), [""; 0]);
}

#[tokio::test]
async fn what_fails_while_everything_stops_says_nothing_of_the_source() {
    let site = Site::new().await;
    site.world.store.delete(&source_key()).await.unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    site.work_until(&cancel).await;
    assert_eq!(site.last_outcome().await, AttemptOutcome::Released);
    assert_eq!(
        (site.video().await.state, site.depth().await),
        (VideoState::Queued, Depth { ready: 1, ..EMPTY })
    );
}

/// Viewers keep what plays until all of the next generation is there.
#[tokio::test]
async fn a_video_that_plays_is_not_shown_while_it_grows_again() {
    let mut site = Site::new().await;
    site.work().await;
    let before = site.generation();
    let master = || {
        let path = site.world.named("master.m3u8").remove(0);
        std::fs::read_to_string(site.world.folder().join(path)).unwrap()
    };
    let text = master();
    site.worker
        .config
        .profiles
        .get_mut("default")
        .unwrap()
        .encoder
        .crf += 1;
    let again = Job {
        reason: JobReason::Retry,
        ..site.job.clone()
    };
    site.services
        .catalog
        .request_work(&again, clock::now())
        .await
        .unwrap();
    site.services
        .queue
        .send(&JobMessage::from(again), Duration::ZERO)
        .await
        .unwrap();
    site.world.fake.forget_runs();
    site.world
        .fake
        .set_faults(&[Fault::ends(Task::Encode, 0, End::Stall).times(9)]);
    let cancel = CancellationToken::new();
    let stop = async {
        site.until_running(Task::Copy).await;
        // Long enough for all of the copy, and for a look at what has grown.
        tokio::time::sleep(Duration::from_millis(700)).await;
        cancel.cancel();
    };
    tokio::join!(site.work_until(&cancel), stop);
    assert_ne!(site.generation(), before);
    assert_eq!(master(), text);
    assert_eq!(
        site.video().await.state,
        VideoState::Ready { generation: before }
    );
}

#[tokio::test]
async fn what_is_made_of_a_cancelled_video_is_kept() {
    let site = watched().await;
    let cancel = async {
        site.until_running(Task::Encode).await;
        while site.world.named(".ts").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        site.services
            .catalog
            .apply(video(), &VideoEvent::Cancelled, clock::now())
            .await
            .unwrap();
    };
    tokio::join!(site.work(), cancel);
    assert_eq!(site.video().await.state, VideoState::Cancelled);
    assert_eq!(
        (site.depth().await, site.world.named("master.m3u8").len()),
        (EMPTY, 0)
    );
    assert!(!site.world.named(".ts").is_empty(), "a retry goes on there");
}

#[tokio::test]
async fn a_worker_that_was_overtaken_writes_nothing_more() {
    let site = watched().await;
    let overtake = async {
        site.until_running(Task::Encode).await;
        while site.world.named(".ts").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (later, lease) = (
            clock::now() + Duration::from_secs(3_600),
            Duration::from_secs(60),
        );
        let claimed = site
            .services
            .catalog
            .claim(&site.job, &site.generation(), "other", lease, later)
            .await
            .unwrap();
        assert!(matches!(claimed, ClaimOutcome::Claimed(claim) if claim.fence == 2));
        assert!(!site.world.named(".ts").is_empty());
    };
    tokio::join!(site.work(), overtake);
    let holder = site
        .services
        .catalog
        .holder(video())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((holder.worker.as_str(), holder.fence), ("other", 2));
    assert_eq!(site.video().await.state, VideoState::Processing);
    assert_eq!(
        site.depth().await,
        Depth { ready: 1, ..EMPTY },
        "the message comes again, and finds out"
    );
    assert_eq!(site.world.named("master.m3u8"), [""; 0]);
    let catalog = &site.services.catalog;
    let chunks = catalog.chunks(video(), &site.generation()).await.unwrap();
    let recorded: usize = chunks.iter().map(|it| it.segments.len()).sum();
    assert_eq!(
        site.world.named(".ts").len(),
        recorded,
        "it removed what no record names"
    );
}

#[tokio::test]
async fn a_source_that_was_replaced_has_a_job_of_its_own() {
    let site = Site::new().await;
    site.world
        .store
        .put(&source_key(), "another film".into(), PutCondition::Always)
        .await
        .unwrap();
    site.work().await;
    assert_eq!(
        (site.depth().await, site.last_outcome().await),
        (EMPTY, AttemptOutcome::Released)
    );
    assert!(!matches!(site.video().await.state, VideoState::Failed(_)));
}

#[tokio::test]
async fn a_video_that_another_worker_has_is_left_to_it() {
    let site = Site::new().await;
    // Of the same job, delivered for the first time: a double.
    let catalog = &site.services.catalog;
    let lease = Duration::from_secs(60);
    let claimed = catalog
        .claim(&site.job, &site.generation(), "other", lease, clock::now())
        .await
        .unwrap();
    assert!(matches!(claimed, ClaimOutcome::Claimed(_)));
    site.work().await;
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );

    // Delivered again: the holder may have died, so it waits for the end of the lease.
    site.services
        .queue
        .send(&JobMessage::from(site.job.clone()), Duration::ZERO)
        .await
        .unwrap();
    let delivery = site.receive().await;
    site.services
        .queue
        .release(&delivery.receipt, Duration::ZERO, "x")
        .await
        .unwrap();
    site.work().await;
    assert_eq!(
        site.depth().await,
        Depth {
            delayed: 1,
            ..EMPTY
        }
    );

    // Another job on the same video waits too.
    let other = Source {
        etag: "other".to_owned(),
        ..site.job.source.clone()
    };
    let other = Job::new(video(), other, "default", Mode::Abr, JobReason::Convert);
    site.services
        .queue
        .send(&JobMessage::from(other), Duration::ZERO)
        .await
        .unwrap();
    site.work().await;
    assert_eq!(
        site.depth().await,
        Depth {
            delayed: 2,
            ..EMPTY
        }
    );
    assert_eq!(site.world.fake.runs(), [""; 0]);
}

/// The claim was made, and its answer lost.
#[tokio::test]
async fn a_claim_of_its_own_is_recognised() {
    let site = Site::new().await;
    site.services.claim(&site.job, &site.generation()).await;
    site.work().await;
    assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
    assert_eq!(site.attempts().await.len(), 1);

    let site = Site::new().await;
    site.services.claim(&site.job, &site.generation()).await;
    let active = site.worker.active.add(video());
    site.work().await;
    assert_eq!(
        site.world.fake.runs(),
        [""; 0],
        "another job of this process works on the video"
    );
    drop(active);
}

#[tokio::test]
async fn a_job_on_a_deleted_video_ends() {
    let site = Site::new().await;
    site.services
        .catalog
        .apply(video(), &VideoEvent::Deleted, clock::now())
        .await
        .unwrap();
    site.work().await;
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );
}
