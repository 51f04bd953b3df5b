//! A worker is suspended for longer than its lease, as on a laptop that sleeps: its videos become
//! ready without intervention, within seconds after it wakes.

use catalog::database::DatabaseConfig;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use catalog::connect::QueueAddress;
use catalog::{Attempt, AttemptOutcome};
use config::Services;
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use e2e::media::make_film;
use e2e::part::Part;
use e2e::site::Site;
use hls::MediaPlaylist;
use platform::object_store::{ObjectStore as _, ObjectStoreExt as _};
use platform::testing::RunningServer;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than the lease of 60 s; `E2E_SLEEP_SECONDS=300` tests long ones, which take too long for
/// every day.
fn sleep() -> Duration {
    Duration::from_secs(
        std::env::var("E2E_SLEEP_SECONDS")
            .ok()
            .and_then(|it| it.parse().ok())
            .unwrap_or(70),
    )
}

struct Scene {
    site: Site,
    api: Part,
    video: VideoId,
    s3: RunningServer,
}

impl Scene {
    async fn new() -> Self {
        let folder: TempDir = tempfile::tempdir().unwrap();
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
        let services = Services {
            database: DatabaseConfig::migrating(database.parse().expect("an address")),
            queue: QueueAddress::Database.into(),
            store: s3.store_config(),
        };
        let site = Site::new(services, folder).await;
        let film = make_film(
            &site.folder.path().join("film.mp4"),
            "640x360",
            "24",
            40.0,
            &["-g", "600"],
        );
        let api = site.api().await;
        let video = site.upload(&api, &film).await;
        Self {
            site,
            api,
            video,
            s3,
        }
    }

    async fn until(&self, holds: impl Fn(&Value) -> bool) {
        self.site.until(&self.api, self.video, holds).await;
    }

    async fn attempts(&self) -> Vec<Attempt> {
        self.site
            .functions
            .catalog
            .attempts(self.video)
            .await
            .unwrap()
    }

    /// Suspends a worker that is not writing to the database: only one process at a time writes to
    /// SQLite, so a worker that is suspended in a transaction blocks all the others. On a laptop
    /// that sleeps, all processes are suspended and woken together.
    async fn suspend_between_writes(&self, worker: &Part) {
        let path = format!("/v1/videos/{}", self.video);
        for _ in 0..50 {
            worker.process().signal(Signal::STOP);
            let write = self.site.call(
                &self.api,
                "PATCH",
                &path,
                Some(json!({ "title": "A film" })),
            );
            if matches!(
                tokio::time::timeout(Duration::from_secs(2), write).await,
                Ok((200, _))
            ) {
                return;
            }
            worker.process().signal(Signal::CONT);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the worker is always writing");
    }

    /// Path and ETag of every object that viewers may load.
    async fn objects(&self) -> HashMap<String, String> {
        let (store, prefix) = (self.s3.store(), ObjectPrefix::Outputs(self.video));
        let (mut found, mut after) = (HashMap::new(), None);
        loop {
            let page = store.list(&prefix, after.as_deref()).await.unwrap();
            found.extend(page.entries.into_iter().map(|it| (it.path, it.etag.0)));
            match page.next {
                Some(next) => after = Some(next),
                None => return found,
            }
        }
    }

    /// The segments that the stored playlists name.
    async fn named(&self) -> BTreeSet<String> {
        let (store, mut named) = (self.s3.store(), BTreeSet::new());
        for path in self.objects().await.into_keys() {
            let Some(key @ ObjectKey::MediaPlaylist { .. }) =
                ObjectKey::parse(Bucket::Media, &path)
            else {
                continue;
            };
            let text = store.read(&key, 1 << 20).await.unwrap();
            let playlist = MediaPlaylist::parse(&String::from_utf8_lossy(&text)).playlist;
            let folder = path.rsplit_once('/').unwrap().0;
            let names = playlist
                .segments
                .iter()
                .map(|it| format!("{folder}/{}", it.uri));
            named.extend(names);
        }
        named
    }

    /// Segments never change, also if several workers make them: caches keep them for a year.
    async fn watch_segments(&self) {
        let mut seen: HashMap<String, String> = HashMap::new();
        loop {
            for (path, etag) in self.objects().await {
                if path.ends_with(".ts") {
                    let known = seen.entry(path.clone()).or_insert_with(|| etag.clone());
                    assert_eq!(*known, etag, "{path} was written over");
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until no segment is stored that no playlist names.
    async fn nothing_is_left_over(&self) {
        let mut difference = vec![];
        for _ in 0..100 {
            let named = self.named().await;
            let stored = self.objects().await.into_keys();
            let stored: BTreeSet<_> = stored.filter(|it| it.ends_with(".ts")).collect();
            difference = named.symmetric_difference(&stored).cloned().collect();
            if difference.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("either named or stored: {difference:#?}");
    }

    async fn queue_is_empty(&self) {
        for _ in 0..300 {
            let depth = self.site.functions.queue.depth().await.unwrap();
            if depth.ready + depth.delayed + depth.in_flight + depth.dead == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!(
            "a message is left: {:?}",
            self.site.functions.queue.depth().await
        );
    }
}

/// There is no other worker: it continues in the same attempt.
async fn alone(moment: impl Fn(&Value) -> bool) {
    let scene = Scene::new().await;
    let worker = scene.site.transcoder().await;
    scene.until(moment).await;
    worker.process().signal(Signal::STOP);
    tokio::time::sleep(sleep()).await;
    worker.process().signal(Signal::CONT);
    scene.until(|it| it["state"] == "ready").await;
    let outcomes: Vec<_> = scene
        .attempts()
        .await
        .into_iter()
        .map(|it| it.outcome)
        .collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Ready)]);
    scene.queue_is_empty().await;
    assert!(worker.terminate().await.success());
}

/// Another worker takes over, and is itself suspended: the first one wakes with a lost claim, and
/// claims the video again.
async fn and_taken_over() {
    let scene = Scene::new().await;
    tokio::select! {
        () = take_over(&scene) => {}
        () = scene.watch_segments() => {}
    }
}

async fn take_over(scene: &Scene) {
    let first = scene.site.transcoder().await;
    scene
        .until(|it| it["percent"].as_u64().is_some_and(|it| it > 5))
        .await;
    scene.suspend_between_writes(&first).await;
    let second = scene.site.transcoder().await;
    let began = std::time::Instant::now();
    while scene.attempts().await.len() < 2 {
        assert!(
            began.elapsed() < Duration::from_secs(150),
            "no worker took over"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scene.suspend_between_writes(&second).await;
    first.process().signal(Signal::CONT);
    // The lease of the second worker has to end, and then the message of the first one is delivered
    // again.
    scene.until(|it| it["state"] == "ready").await;
    second.process().signal(Signal::CONT);
    scene.queue_is_empty().await;
    let attempts = scene.attempts().await;
    let ready = attempts
        .iter()
        .filter(|it| it.outcome == Some(AttemptOutcome::Ready))
        .count();
    assert_eq!(
        (ready, attempts.iter().all(|it| it.ended_ms.is_some())),
        (1, true),
        "{attempts:#?}"
    );
    let names = scene.named().await;
    assert!(
        names
            .iter()
            .any(|it| it.ends_with("-2.ts") || it.ends_with("-3.ts")),
        "a later attempt made some: {names:#?}"
    );
    scene.nothing_is_left_over().await;
    assert!(first.terminate().await.success() && second.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_worker_goes_on() {
    tokio::join!(
        alone(|it| it["state"] == "processing"),
        alone(|it| it["percent"].as_u64().is_some_and(|it| it > 40)),
        and_taken_over(),
    );
}
