//! Several transcoders encode one video: one is killed, the leader is killed, the owner cancels.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use catalog::connect::QueueAddress;
use catalog::database::DatabaseConfig;
use catalog::{Claim, OpenChunk};
use config::Services;
use domain::ids::{Generation, VideoId};
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use domain::segment::{ChunkRecord, Lane};
use e2e::media::make_film;
use e2e::part::Part;
use e2e::processes::{Process, children};
use e2e::program::{PROFILE, check};
use e2e::site::Site;
use platform::object_store::ObjectStore as _;
use platform::testing::RunningServer;
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::Postgres;

/// An installation with three transcoders of one encoder each.
struct Farm {
    site: Site,
    api: Part,
    transcoders: BTreeMap<&'static str, Part>,
    _s3: RunningServer,
    _postgres: Postgres,
}

impl Farm {
    /// `None`: PostgreSQL is not installed.
    async fn start() -> Option<Self> {
        let postgres = Postgres::start()?;
        let folder = tempfile::tempdir().unwrap();
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let services = Services {
            database: DatabaseConfig::migrating(postgres.database().parse().unwrap()),
            queue: QueueAddress::Database.into(),
            store: s3.store_config(),
        };
        let site = Site::new(services, folder).await;
        for (name, least) in [("small", 1), ("alone", 0)] {
            let fan_out = format!("[fan_out]\nmin_cpu_seconds = {least}\n");
            // A segment takes about a second.
            let slow = PROFILE.replace("ultrafast", "slower");
            let profile = slow.replace("\"small\"", &format!("\"{name}\"")) + &fan_out;
            let file = site.folder.path().join(format!("profiles/{name}.toml"));
            std::fs::write(file, profile).unwrap();
        }
        let mut farm = Self {
            api: site.api().await,
            site,
            transcoders: BTreeMap::new(),
            _s3: s3,
            _postgres: postgres,
        };
        for name in ["one", "two", "three"] {
            farm.start_transcoder(name).await;
        }
        Some(farm)
    }

    async fn start_transcoder(&mut self, name: &'static str) {
        let named = [("EDGEREEL_TRANSCODER_NAME", name.to_owned())];
        let arguments = ["transcoder", "--encoders", "1"];
        let part = self.site.part(&arguments, &named).await;
        self.transcoders.insert(name, part);
    }

    fn film(&self, name: &str, seconds: f64) -> PathBuf {
        let path = self.site.folder.path().join(name);
        make_film(&path, "640x360", "24", seconds, &["-g", "48"])
    }

    /// With a film whose chunks another transcoder than the leader encodes too: the claim of the
    /// leader, and one of those chunks.
    async fn with_film(seconds: f64) -> Option<(Self, PathBuf, Claim, OpenChunk)> {
        let farm = Self::start().await?;
        let film = farm.film("film.mp4", seconds);
        let video = farm.site.upload(&farm.api, &film).await;
        let claim = farm.leader(video).await;
        let in_hand = farm.helper(&claim).await;
        Some((farm, film, claim, in_hand))
    }

    async fn leader(&self, video: VideoId) -> Claim {
        let began = Instant::now();
        loop {
            let holder = self.site.functions.catalog.holder(video).await.unwrap();
            if let Some(claim) = holder {
                return claim;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "nobody works");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until another transcoder than the leader holds a chunk.
    async fn helper(&self, claim: &Claim) -> OpenChunk {
        let began = Instant::now();
        loop {
            let catalog = &self.site.functions.catalog;
            let open = catalog.open_chunks(claim.video, &claim.generation).await;
            let is_helped =
                |it: &OpenChunk| it.worker.as_ref().is_some_and(|it| *it != claim.worker);
            if let Some(chunk) = open.unwrap().into_iter().find(is_helped) {
                return chunk;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "nobody helps");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills a transcoder as a crash does.
    fn kill(&mut self, name: &str) {
        let name = *self.transcoders.keys().find(|it| **it == name).unwrap();
        let part = self.transcoders.remove(name).unwrap();
        part.process().signal(Signal::KILL);
    }

    async fn video(&self, video: VideoId) -> Value {
        let path = format!("/v1/videos/{video}");
        self.site.call(&self.api, "GET", &path, None).await.1
    }

    async fn until_ready(&self, video: VideoId) {
        let ready = |it: &Value| it["state"] == "ready";
        self.site.until(&self.api, video, ready).await;
    }

    async fn chunks(&self, video: VideoId, generation: &Generation) -> Vec<ChunkRecord> {
        let catalog = &self.site.functions.catalog;
        catalog.chunks(video, generation).await.unwrap()
    }

    /// The numbers of the segments that are stored and recorded are the same, and no plan is left.
    async fn is_clean(&self, claim: &Claim) {
        let (store, video) = (&self.site.functions.store, claim.video);
        let prefix = ObjectPrefix::Generation(video, claim.generation.clone());
        let listing = store.list(&prefix, None).await.unwrap();
        let keys = listing.entries.iter();
        let keys = keys.filter_map(|it| ObjectKey::parse(Bucket::Media, &it.path));
        let stored: BTreeSet<_> = keys
            .filter_map(|it| match it {
                ObjectKey::Segment {
                    rendition,
                    index,
                    attempt,
                    ..
                } => Some((rendition, index, attempt)),
                _ => None,
            })
            .collect();
        let recorded = self.chunks(video, &claim.generation).await;
        let segments = recorded.iter().flat_map(|it| &it.segments);
        let recorded: BTreeSet<_> = segments
            .map(|it| (it.rendition.clone(), it.index, it.attempt))
            .collect();
        assert_eq!(stored, recorded);
        let catalog = &self.site.functions.catalog;
        let left = catalog.fan_out(video, &claim.generation).await.unwrap();
        assert_eq!(left, None);
        let generation = claim.generation.clone();
        let plan = ObjectKey::SharedPlan { video, generation };
        assert!(store.head(&plan).await.is_err(), "the plan is left");
    }
}

/// Times and frames of the segments of a lane, by rendition and index.
fn shape(chunks: &[ChunkRecord]) -> BTreeMap<(String, u32), (u64, u64, u32)> {
    let segments = chunks.iter().flat_map(|it| &it.segments);
    // The I-frames have an object for each chunk.
    let segments = segments.filter(|it| it.iframes.is_empty());
    segments
        .map(|it| {
            let place = (it.rendition.to_string(), it.index);
            (place, (it.start, it.duration, it.frames))
        })
        .collect()
}

/// The productions of the encoded chunks.
fn productions(chunks: &[ChunkRecord]) -> BTreeSet<u32> {
    let encoded = chunks.iter().filter(|it| it.lane == Lane::Encode);
    let segments = encoded.flat_map(|it| &it.segments);
    segments.map(|it| it.attempt).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcoder_that_helps_is_killed() {
    let Some((mut farm, film, claim, in_hand)) = Farm::with_film(44.0).await else {
        return;
    };
    let video = claim.video;
    let killed = in_hand.worker.clone().unwrap();
    farm.kill(&killed);

    // No film delays a clip: one of the transcoders gives its chunk back.
    let short = farm.film("clip.mp4", 3.0);
    let clip = farm.site.upload(&farm.api, &short).await;
    let began = Instant::now();
    farm.until_ready(clip).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "the clip took {took:?}");
    assert_ne!(
        farm.video(video).await["state"],
        "ready",
        "the film is longer"
    );

    farm.until_ready(video).await;
    let shared = farm.chunks(video, &claim.generation).await;
    let numbers = productions(&shared);
    assert!(numbers.len() >= 2, "one transcoder made all: {numbers:?}");
    farm.is_clean(&claim).await;

    // The same as by one transcoder alone.
    let alone = farm.site.upload_as(&farm.api, &film, "alone").await;
    let by_one = farm.leader(alone).await;
    farm.until_ready(alone).await;
    let single = farm.chunks(alone, &by_one.generation).await;
    assert_eq!(productions(&single).len(), 1);
    assert_eq!(shape(&shared), shape(&single));
    let cpu = |chunks: &[ChunkRecord]| chunks.iter().map(|it| it.cpu_ms).sum::<u64>();
    let receipt = farm.video(video).await["receipt"].clone();
    assert!(
        receipt["cpu_ms"].as_u64() >= Some(cpu(&shared)),
        "{receipt}"
    );
    let edge = farm
        .site
        .part(&["edge", "--listen", "127.0.0.1:0"], &[])
        .await;
    let path = format!("/v1/videos/{video}/stream?viewer=anna");
    let (_, stream) = farm.site.call(&farm.api, "GET", &path, None).await;
    let url = stream["hls_url"].as_str().unwrap();
    let url = url.replace("https://edge.example", edge.said["edge"].as_str().unwrap());
    check(&url, farm.site.folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_killed() {
    let Some((mut farm, _, claim, _)) = Farm::with_film(60.0).await else {
        return;
    };
    let video = claim.video;
    farm.kill(&claim.worker);
    // The others go on with the messages that are under way.
    let before = farm.chunks(video, &claim.generation).await.len();
    let began = Instant::now();
    while farm.chunks(video, &claim.generation).await.len() == before {
        assert!(began.elapsed() < Duration::from_secs(30), "nobody goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // With the same name, it continues at once.
    let mut names = ["one", "two", "three"].into_iter();
    let name = names.find(|it| *it == claim.worker).unwrap();
    farm.start_transcoder(name).await;
    farm.until_ready(video).await;
    farm.is_clean(&claim).await;
    let numbers = productions(&farm.chunks(video, &claim.generation).await);
    assert!(numbers.len() >= 2, "{numbers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_transcoders_stop_when_the_video_is_cancelled() {
    let Some((mut farm, _, claim, _)) = Farm::with_film(60.0).await else {
        return;
    };
    let video = claim.video;
    let path = format!("/v1/videos/{video}/cancel");
    let (status, answer) = farm
        .site
        .call(&farm.api, "POST", &path, Some(json!({})))
        .await;
    assert_eq!(status, 200, "{answer}");
    let began = Instant::now();
    let is_working = |part: &Part| {
        let processes: BTreeSet<Process> = children(part.process().id());
        processes.iter().any(|it| {
            let line = it.command_line();
            line.first().is_some_and(|it| it.ends_with("ffmpeg"))
        })
    };
    while farm.transcoders.values().any(is_working) {
        let waited = began.elapsed();
        assert!(
            waited < Duration::from_secs(8),
            "still working after {waited:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let catalog = &farm.site.functions.catalog;
    let left = catalog.fan_out(video, &claim.generation).await.unwrap();
    assert_eq!(left, None);
    // None of them waits for the others.
    for (_, part) in std::mem::take(&mut farm.transcoders) {
        assert!(part.terminate().await.success());
    }
}
