//! Events are repeated, too early, too late and concurrent: one run, nothing stuck, no user sees an
//! error.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::services::ingest::{Ingest, Ingested};
use bytes::Bytes;
use catalog::SqlQueue;
use catalog::database::open_sqlite;
use catalog::{Attempt, Catalog};
use domain::content_key::KeyEncryptionKeys;
use domain::ids::VideoId;
use domain::job::Mode;
use domain::object_key::{FileName, ObjectKey};
use domain::profile::Profile;
use domain::state::StateName;
use e2e::dev::{Home, files};
use e2e::media::make_film;
use e2e::processes::all_gone;
use e2e::program::{PROFILE, check};
use platform::clock;
use platform::job_queue::{Depth, JobQueue as _, QueueName, SharedQueue};
use platform::object_store::{ObjectStore as _, PutCondition};
use platform::testing::{PRIVATE, RunningServer};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use transcoder::{ActiveVideos, Outage, Worker, WorkerConfig};

async fn attempts(home: &Home, video: VideoId) -> Vec<Attempt> {
    let database = open_sqlite(&home.data().join("edgereel.db")).await.unwrap();
    let attempts = Catalog::new(&database).attempts(video).await.unwrap();
    database.close().await;
    attempts
}

fn source(video: VideoId) -> ObjectKey {
    ObjectKey::Source {
        video,
        file_name: FileName::clean("film.mp4"),
    }
}

fn new_video(last: u8) -> VideoId {
    VideoId::new(clock::now().get(), [last; 10])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_event_again_and_again_is_one_run() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "24",
        16.0,
        &[],
    );
    let bytes = Bytes::from(std::fs::read(&film).unwrap());
    let dev = home.start().await;
    let (store, early) = (dev.store(), new_video(7));
    // The catalog does not know this one yet; and the object arrives three times.
    for _ in 0..3 {
        store
            .put(&source(early), bytes.clone(), PutCondition::Always)
            .await
            .unwrap();
    }
    let known = dev.upload(&film, "film.mp4").await;
    dev.until(known, Duration::from_secs(60), |it| {
        it["state"] != "uploading" && it["state"] != "created"
    })
    .await;
    store
        .put(&source(known), bytes.clone(), PutCondition::Always)
        .await
        .unwrap();
    dev.until_ready(early).await;
    dev.until_ready(known).await;
    // And once more, when all is done.
    store
        .put(&source(early), bytes.clone(), PutCondition::Always)
        .await
        .unwrap();
    store
        .put(&source(known), bytes, PutCondition::Always)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    for video in [early, known] {
        assert_eq!(dev.video(video).await["state"], "ready");
        check(&dev.hls_url(video).await, &home.temporary()).await;
    }
    assert!(dev.terminate().await.success());
    for video in [early, known] {
        let attempts = attempts(&home, video).await;
        assert_eq!(attempts.len(), 1, "{attempts:#?}");
    }
    let log = home.log();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_arrives_for_a_deleted_video_is_removed() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "24",
        4.0,
        &[],
    );
    let bytes = Bytes::from(std::fs::read(&film).unwrap());
    let dev = home.start().await;
    let fields = json!({ "filename": "film.mp4", "size": bytes.len(), "profile": "small" });
    let (status, created) = dev.call("POST", "/v1/uploads", Some(&fields)).await;
    assert_eq!(status, 201, "{created}");
    let video: VideoId = created["video"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        dev.call("DELETE", &format!("/v1/videos/{video}"), None)
            .await
            .0,
        204
    );
    dev.store()
        .put(&source(video), bytes, PutCondition::Always)
        .await
        .unwrap();
    let started = Instant::now();
    while !dev.objects(video).await.is_empty() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "left: {:?}",
            dev.objects(video).await
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Deleting it again is not an error.
    assert_eq!(
        dev.call("DELETE", &format!("/v1/videos/{video}"), None)
            .await
            .0,
        204
    );
    assert_eq!(
        dev.call("GET", &format!("/v1/videos/{video}"), None)
            .await
            .0,
        404
    );
    assert!(dev.terminate().await.success());
    assert!(attempts(&home, video).await.is_empty());
    assert!(!home.log().contains("ERROR"), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_deleted_in_the_middle_leaves_nothing() {
    let mut home = Home::new();
    let long = make_film(
        &home.folder.path().join("long.mp4"),
        "1280x720",
        "24",
        60.0,
        &["-g", "600"],
    );
    let dev = home.start().await;
    let video = dev.upload(&long, "long.mp4").await;
    dev.until(video, Duration::from_secs(60), |it| {
        it["percent"].as_u64() > Some(0)
    })
    .await;
    let children = dev.children();
    assert_eq!(
        dev.call("DELETE", &format!("/v1/videos/{video}"), None)
            .await
            .0,
        204
    );
    assert_eq!(
        dev.call("GET", &format!("/v1/videos/{video}/stream"), None)
            .await
            .0,
        404
    );
    // The worker learns of it at its next write to the catalog.
    all_gone(&children, Duration::from_secs(45)).await;
    let started = Instant::now();
    let mut empty_since = None;
    while empty_since.is_none_or(|it: Instant| it.elapsed() < Duration::from_secs(2)) {
        let (objects, busy) = (dev.objects(video).await, !dev.children().is_empty());
        let empty = objects.is_empty() && !busy;
        empty_since = if empty {
            empty_since.or(Some(Instant::now()))
        } else {
            None
        };
        assert!(
            started.elapsed() < Duration::from_secs(45),
            "busy: {busy}, left: {objects:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The next video is not delayed.
    let short = make_film(
        &home.folder.path().join("short.mp4"),
        "320x180",
        "24",
        4.0,
        &[],
    );
    let next = dev.upload(&short, "short.mp4").await;
    dev.until_ready(next).await;
    assert_eq!(dev.objects(video).await, Vec::<String>::new());
    assert!(dev.terminate().await.success());
    assert_eq!(attempts(&home, video).await.len(), 1);
    assert_eq!(files(&home.temporary()), Vec::<PathBuf>::new());
    assert!(!home.log().contains("ERROR"), "{}", home.log());
}

/// A separate worker, as on another machine.
struct Site {
    catalog: Catalog,
    queue: SharedQueue,
    store: Arc<platform::object_store::s3::S3Store>,
    s3: RunningServer,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let database = open_sqlite(&folder.path().join("edgereel.db"))
            .await
            .unwrap();
        let catalog = Catalog::new(&database);
        let queue: SharedQueue =
            Arc::new(SqlQueue::new(&database, QueueName::Interactive, 5, "site"));
        let store = Arc::new(s3.store());
        Self {
            catalog,
            queue,
            store,
            s3,
            folder,
        }
    }

    fn worker(&self, name: &str) -> Worker {
        let profile = Profile::parse(PROFILE).unwrap();
        let config = WorkerConfig {
            name: name.to_owned(),
            encoders: 1,
            lease: Duration::from_secs(6),
            wait: Duration::from_millis(200),
            profiles: [("small".to_owned(), profile)].into(),
            ..WorkerConfig::default()
        };
        let keys =
            KeyEncryptionKeys::parse("test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap();
        Worker {
            queue: self.queue.clone(),
            catalog: self.catalog.clone(),
            store: self.store.clone(),
            uploads: self.store.clone(),
            keys: Arc::new(keys),
            tools: e2e::program::tools(),
            config,
            outage: Outage::default(),
            metrics: Default::default(),
            active: ActiveVideos::default(),
            helping: Default::default(),
        }
    }

    fn ingest(&self) -> Ingest {
        Ingest {
            catalog: self.catalog.clone(),
            queue: self.queue.clone(),
            store: self.store.clone(),
            private_bucket: PRIVATE.to_owned(),
            profile: "small".to_owned(),
            mode: Mode::Abr,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_workers_one_does_it() {
    let site = Site::new().await;
    let film = make_film(
        &site.folder.path().join("film.mp4"),
        "640x360",
        "24",
        16.0,
        &[],
    );
    let video = new_video(9);
    site.store
        .put(
            &source(video),
            std::fs::read(film).unwrap().into(),
            PutCondition::Always,
        )
        .await
        .unwrap();
    let events = site.s3.server.events().waiting(10).await.unwrap();
    assert_eq!(events.len(), 1);
    // R2 delivers the event three times. The queue drops duplicates; a second message is created in
    // case it does not.
    let mut queued = vec![];
    for _ in 0..3 {
        queued.extend(
            site.ingest()
                .process(&events[0].body, clock::now())
                .await
                .unwrap(),
        );
    }
    assert!(
        matches!(
            queued.as_slice(),
            [
                Ingested::Queued(_),
                Ingested::Duplicate(_),
                Ingested::Duplicate(_)
            ]
        ),
        "{queued:?}"
    );
    let double = SqlQueue::new(
        &open_sqlite(&site.folder.path().join("other.db"))
            .await
            .unwrap(),
        QueueName::Interactive,
        5,
        "other",
    );
    let job = site
        .catalog
        .get_video(video)
        .await
        .unwrap()
        .to_job(domain::job::JobReason::Upload)
        .unwrap();
    double
        .send(&domain::job::JobMessage::from(job), Duration::ZERO)
        .await
        .unwrap();
    let double: SharedQueue = Arc::new(double);

    let stop = CancellationToken::new();
    let first = site.worker("first");
    let second = Worker {
        queue: double.clone(),
        ..site.worker("second")
    };
    let running = [first, second].map(|worker| {
        let stop = stop.clone();
        tokio::spawn(async move { worker.run(stop).await })
    });
    let started = Instant::now();
    loop {
        let now = site.catalog.get_video(video).await.unwrap();
        match now.state.name() {
            StateName::Ready => break,
            StateName::Failed => panic!("{:?}", now.state),
            _ => assert!(
                started.elapsed() < Duration::from_secs(90),
                "still {:?}",
                now.state
            ),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The second worker has nothing left to do: both messages are removed.
    for queue in [&site.queue, &double] {
        while queue.depth().await.unwrap() != Depth::default() {
            assert!(
                started.elapsed() < Duration::from_secs(90),
                "a message is left: {:?}",
                queue.depth().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    stop.cancel();
    for worker in running {
        worker.await.unwrap();
    }
    let attempts = site.catalog.attempts(video).await.unwrap();
    assert_eq!(attempts.len(), 1, "{attempts:#?}");
}
