//! The clean-up service: handles exactly what is overdue.

use std::sync::Arc;
use std::time::Duration;

use api::services::ingest::Ingest;
use api::services::sweeper::{SweepConfig, SweepSummary, Sweeper};
use domain::failure::{Failure, FailureCode};
use domain::job::Priority;
use domain::object_key::ObjectPrefix;
use domain::receipt::Receipt;
use domain::state::VideoEvent;
use platform::clock;
use platform::object_store::s3::{S3Store, S3StoreConfig};
use platform::object_store::uploads::UploadSigner as _;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::json;

use crate::world::World;

pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn sweeper(world: &World) -> Sweeper {
    Sweeper {
        catalog: world.catalog.clone(),
        queue: world.queue.clone(),
        store: world.store.clone(),
        signer: world.store.clone(),
        webhooks: world.webhooks.clone(),
        shares: world.state.shares.clone(),
        ingest: world.ingest.clone(),
        config: SweepConfig::default(),
    }
}

#[tokio::test]
async fn expired_uploads_are_removed() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let parts = world
        .post(
            "/v1/uploads",
            json!({ "filename": "a.mp4", "size": 100 << 20 }),
        )
        .await
        .video();
    let arrived = world
        .post("/v1/uploads", json!({ "filename": "b.mp4", "size": 3 }))
        .await;
    assert!(
        world
            .put(&arrived.body["upload"]["request"], b"abc".to_vec())
            .await
            .status()
            .is_success()
    );
    assert_eq!(
        sweeper.sweep(clock::now()).await,
        SweepSummary::default(),
        "nothing is overdue"
    );

    let swept = sweeper.sweep(clock::now() + 2 * DAY).await;
    assert_eq!(
        swept,
        SweepSummary {
            uploads: 1,
            arrivals: 1,
            ..SweepSummary::default()
        }
    );
    assert_eq!(world.state(parts).await, "deleted");
    assert_eq!(
        world.state(arrived.video()).await,
        "queued",
        "its bytes are there, and its event was lost"
    );
    assert_eq!(world.jobs().await.len(), 1);
    assert_eq!(
        world
            .store
            .list_unfinished(&ObjectPrefix::Uploads)
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        sweeper.sweep(clock::now() + 2 * DAY).await,
        SweepSummary::default()
    );
}

/// A rejected source is useless and costs storage.
#[tokio::test]
async fn rejected_sources_are_removed_after_a_week() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let [refused, ours] = [world.upload_small().await, world.upload_small().await];
    for (id, code) in [
        (refused, FailureCode::NotAVideo),
        (ours, FailureCode::VerificationFailed),
    ] {
        let claim = world.claim(id).await;
        world
            .catalog
            .fail(&claim, &Failure::of(code), false, "", clock::now())
            .await
            .unwrap();
    }
    world.jobs().await;
    assert_eq!(sweeper.sweep(clock::now() + 6 * DAY).await.refused, 0);
    assert_eq!(sweeper.sweep(clock::now() + 8 * DAY).await.refused, 1);
    assert_eq!(sweeper.sweep(clock::now() + 8 * DAY).await.refused, 0);
    let retry = async |id| {
        world
            .post(&format!("/v1/videos/{id}/retry"), json!({}))
            .await
    };
    assert_eq!(retry(refused).await.problem(), (409, "source-gone"));
    assert_eq!(retry(ours).await.status, 202, "what we failed at is kept");
}

/// Without a response of the store, the upload may have arrived.
#[tokio::test]
async fn an_unavailable_store_loses_no_upload() {
    let world = World::new().await;
    let arrived = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
        .await;
    assert!(
        world
            .put(&arrived.body["upload"]["request"], b"abc".to_vec())
            .await
            .status()
            .is_success()
    );
    let nowhere = S3Store::new(&S3StoreConfig {
        endpoint: "http://127.0.0.1:1".to_owned(),
        ..world.s3.store_config()
    });
    let nowhere = Arc::new(nowhere);
    let ingest = Ingest {
        store: nowhere.clone(),
        ..world.ingest.clone()
    };
    let blind = Sweeper {
        store: nowhere,
        ingest,
        ..sweeper(&world)
    };
    let swept = blind.sweep(clock::now() + 2 * DAY).await;
    assert_eq!((swept.uploads, swept.failures), (0, 1), "{swept:?}");
    assert_eq!(world.state(arrived.video()).await, "uploading");
}

#[tokio::test]
async fn old_entries_of_the_log_of_webhooks_are_removed() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    world.upload_small().await;
    world.webhooks.fan_out(100, clock::now()).await.unwrap();
    assert_eq!(sweeper.sweep(clock::now()).await.log_entries, 0);
    let swept = sweeper.sweep(clock::now() + 31 * DAY).await;
    assert_eq!(swept.log_entries, 1, "that it was uploaded: {swept:?}");
}

#[tokio::test]
async fn a_lost_message_is_sent_again_whatever_else_waits() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let id = world.upload_small().await;
    assert_eq!(world.jobs().await.len(), 1, "taken, and lost");
    // A busy queue.
    let other = world.upload_small().await;
    let minutes = |it: u64| clock::now() + Duration::from_secs(60) * u32::try_from(it).unwrap();
    assert_eq!(sweeper.sweep(minutes(14)).await.jobs, 0, "not overdue");
    let swept = sweeper.sweep(minutes(16)).await;
    assert_eq!(swept.jobs, 2, "one of them twice: {swept:?}");
    let jobs = world.jobs().await;
    let videos: Vec<_> = jobs.iter().map(|it| it.video).collect();
    assert!(
        videos.contains(&id) && videos.contains(&other),
        "{videos:?}"
    );
    // A conversion that only waits does not overtake jobs that users wait for.
    let again = jobs.iter().find(|it| it.video == id).unwrap();
    assert_eq!(again.priority, Priority::Bulk);
    // While nobody takes it, it is sent again ever more rarely.
    let mut sent = 0;
    for minute in 17..=24 * 60 {
        sent += sweeper.sweep(minutes(minute)).await.jobs;
    }
    assert!((8..=16).contains(&sent), "{sent} times");
}

/// The video is ready all the time, so its state does not show that a job waits.
#[tokio::test]
async fn a_lost_reencode_is_sent_again_as_it_was_requested() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let id = world.upload_small().await;
    world.jobs().await;
    let claim = world.claim(id).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    let reencode = format!("/v1/videos/{id}/reencode");
    let answer = world.post(&reencode, json!({ "mode": "copy" })).await;
    assert_eq!(answer.status, 202);
    let [sent] = &world.jobs().await[..] else {
        panic!("one job")
    };
    let minutes = |it: u32| clock::now() + Duration::from_secs(60) * it;
    assert_eq!(sweeper.sweep(minutes(14)).await.jobs, 0, "not overdue");
    assert_eq!(sweeper.sweep(minutes(16)).await.jobs, 1);
    let [again] = &world.jobs().await[..] else {
        panic!("one job")
    };
    assert_eq!((&again.id, again.mode), (&sent.id, sent.mode));
    assert_eq!(again.priority, Priority::Bulk);
    // A cancelled job is not sent again.
    world
        .catalog
        .apply(id, &VideoEvent::Cancelled, clock::now())
        .await
        .unwrap();
    assert_eq!(sweeper.sweep(minutes(600)).await.jobs, 0);
}

#[tokio::test]
async fn a_worker_that_is_at_work_keeps_its_job() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let id = world.upload_small().await;
    world.jobs().await;
    let claim = world.claim(id).await;
    let mut now = clock::now();
    for _ in 0..60 {
        now += Duration::from_secs(60);
        world
            .catalog
            .renew(&claim, Duration::from_secs(120), now)
            .await
            .unwrap();
        assert_eq!(sweeper.sweep(now).await.jobs, 0);
    }
    // The worker is gone, and its message too.
    assert_eq!(sweeper.sweep(now + DAY).await.jobs, 1);
}

/// The pause after a failed attempt is part of its message.
#[tokio::test]
async fn a_job_that_pauses_after_a_failure_is_not_lost() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let id = world.upload_small().await;
    let mut now = clock::now();
    let failure = Failure::of(FailureCode::Internal);
    for _ in 0..4 {
        let claim = world.claim(id).await;
        world
            .catalog
            .fail(&claim, &failure, true, "", now)
            .await
            .unwrap();
    }
    world.jobs().await;
    for minute in [20, 50, 70] {
        let at = now + Duration::from_secs(minute * 60);
        assert_eq!(sweeper.sweep(at).await.jobs, 0, "after {minute} minutes");
    }
    now += Duration::from_secs(80 * 60);
    assert_eq!(sweeper.sweep(now).await.jobs, 1);
}

#[tokio::test]
async fn an_old_library_is_swept_in_parts_and_then_left_alone() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let id = world.upload_small().await;
    world.jobs().await;
    let claim = world.claim(id).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    let later = clock::now() + 9 * DAY;
    assert_eq!(world.catalog.due_videos(later, 10).await.unwrap().len(), 1);
    assert_eq!(sweeper.sweep(later).await.failures, 0);
    assert_eq!(
        world
            .catalog
            .due_videos(later + 365 * DAY, 10)
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn a_generation_is_kept_while_viewers_may_watch_it() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let id = world.upload_small().await;
    let old = world.claim(id).await;
    world
        .catalog
        .mark_ready(&old, &Receipt::default(), clock::now())
        .await
        .unwrap();
    world
        .post(
            &format!("/v1/videos/{id}/reencode"),
            json!({ "profile": "small" }),
        )
        .await;
    world.jobs().await;
    let new = world.claim(id).await;
    for claim in [&old, &new] {
        let rendition = "720p".parse().unwrap();
        let key = domain::object_key::ObjectKey::MediaPlaylist {
            video: id,
            generation: claim.generation.clone(),
            rendition,
        };
        world
            .store
            .put(&key, "x".into(), PutCondition::Always)
            .await
            .unwrap();
    }
    world
        .catalog
        .mark_ready(&new, &Receipt::default(), clock::now())
        .await
        .unwrap();

    let there = async |generation: &domain::ids::Generation| {
        let family = ObjectPrefix::Generation(id, generation.clone());
        world.store.list(&family, None).await.unwrap().entries.len()
    };
    assert_eq!(sweeper.sweep(clock::now() + 7 * DAY).await.generations, 0);
    assert_eq!(
        (there(&old.generation).await, there(&new.generation).await),
        (1, 1)
    );
    let swept = sweeper.sweep(clock::now() + 9 * DAY).await;
    assert_eq!(
        swept,
        SweepSummary {
            generations: 1,
            ..SweepSummary::default()
        }
    );
    assert_eq!(
        (there(&old.generation).await, there(&new.generation).await),
        (0, 1)
    );
}

#[tokio::test]
async fn chunks_of_a_cancelled_job_are_kept_for_a_retry_and_then_removed() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let chunk = domain::segment::ChunkRecord {
        lane: domain::segment::Lane::Encode,
        index: 0,
        cpu_ms: 1,
        wall_ms: 1,
        segments: vec![],
        codecs: std::collections::BTreeMap::new(),
        traffic: None,
    };
    world
        .catalog
        .record_chunk(&claim, &chunk, clock::now())
        .await
        .unwrap();
    let rendition = "720p".parse().unwrap();
    let key = domain::object_key::ObjectKey::MediaPlaylist {
        video: id,
        generation: claim.generation.clone(),
        rendition,
    };
    world
        .store
        .put(&key, "x".into(), PutCondition::Always)
        .await
        .unwrap();
    world
        .post(&format!("/v1/videos/{id}/cancel"), json!({}))
        .await;

    assert_eq!(
        sweeper.sweep(clock::now() + DAY).await,
        SweepSummary::default()
    );
    assert_eq!(
        world
            .catalog
            .chunks(id, &claim.generation)
            .await
            .unwrap()
            .len(),
        1
    );
    let swept = sweeper.sweep(clock::now() + 9 * DAY).await;
    assert_eq!(
        swept,
        SweepSummary {
            generations: 1,
            ..SweepSummary::default()
        }
    );
    assert_eq!(
        world.catalog.chunks(id, &claim.generation).await.unwrap(),
        [],
        "nobody may take them for finished"
    );
    assert!(world.store.head(&key).await.is_err());
    assert_eq!(
        world
            .post(&format!("/v1/videos/{id}/retry"), json!({}))
            .await
            .status,
        202,
        "the source is still there"
    );
}
