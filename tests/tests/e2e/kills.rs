//! The process is killed at any moment of a job, and started again: the job succeeds, no finished
//! work is repeated, and viewers never see incomplete data.

mod observers;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use catalog::Catalog;
use catalog::database::open_sqlite;
use domain::ids::VideoId;
use e2e::dev::{Dev, Home, files};
use e2e::media::make_film;
use e2e::player::Player;
use e2e::processes::all_gone;
use e2e::program::{check, text};
use hls::MediaPlaylist;
use hls::parse::PlaylistType;
use observers::{Chunk, Ledger, Viewer, recorded};

/// Many small segments and chunks, encoded slowly enough to be hit.
const PROFILE: &str = r#"
name = "small"
segment_seconds = 2.0
thumbnails = 2

[encoder]
preset = "medium"

[[rung]]
name = "180p"
width = 320
height = 180
video_kbps = 300
audio_kbps = 64

[[rung]]
name = "120p"
width = 214
height = 120
video_kbps = 150
audio_kbps = 64
"#;

/// Number of parallel encoders.
const ENCODERS: usize = 2;

fn segments(playlist: &MediaPlaylist) -> Vec<(String, String)> {
    let duration =
        |it: &hls::parse::MediaSegment| it.duration.as_ref().map(|it| it.value.to_string());
    playlist
        .segments
        .iter()
        .map(|it| (it.uri.clone(), duration(it).unwrap_or_default()))
        .collect()
}

/// Not for secrets: only so that a run can be repeated by its seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        least + (mixed ^ (mixed >> 31)) % (most - least + 1)
    }
}

fn seed() -> u64 {
    let given = std::env::var("E2E_SEED")
        .ok()
        .and_then(|it| it.parse().ok());
    let seed = given.unwrap_or_else(|| std::process::id().into());
    println!("E2E_SEED={seed} repeats these kills");
    seed
}

/// The moment of a kill.
enum Moment {
    /// This long after the start, milliseconds.
    After(u64),
    /// As soon as the API reports this stage.
    Stage(&'static str),
    /// As soon as there is more progress than at the last kill.
    Progress,
}

async fn wait_for(dev: &Dev, video: VideoId, moment: &Moment, percent: u64) {
    match moment {
        Moment::After(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await
        }
        Moment::Stage(stage) => {
            dev.until(video, Duration::from_secs(60), |it| {
                it["stage"] == *stage || it["state"] == "ready"
            })
            .await;
        }
        Moment::Progress => {
            dev.until(video, Duration::from_secs(60), |it| {
                it["percent"].as_u64() > Some(percent) || it["state"] == "ready"
            })
            .await;
        }
    }
}

/// One video, killed at these moments.
async fn survive(seconds: f64, more: &[&str], moments: &[Moment]) {
    let mut home = Home::with_profile(PROFILE);
    home.options
        .extend(["--encoders".to_owned(), ENCODERS.to_string()]);
    let mut ledger = Ledger::install(&mut home);
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "24",
        seconds,
        more,
    );
    let mut dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    let mut viewer: Option<Viewer> = None;
    let (mut done, mut repeated, mut kills) = (BTreeSet::<Chunk>::new(), 0, 0);
    let mut begun_ever = BTreeSet::<u32>::new();
    let mut percent = 0;
    for moment in moments {
        wait_for(&dev, video, moment, percent).await;
        let now = dev.video(video).await;
        if now["playable"] == true && viewer.is_none() {
            viewer = Some(Viewer::start(dev.hls_url(video).await));
        }
        if now["state"] == "ready" {
            break;
        }
        println!("kill {kills} in {} at {} %", now["stage"], now["percent"]);
        percent = now["percent"].as_u64().unwrap_or(percent);
        let children = dev.kill().await;
        kills += 1;
        // FFmpeg reads from and writes to a process that is gone: it ends by itself.
        all_gone(&children, Duration::from_secs(10)).await;
        repeated += count_again(&mut ledger, &done, &mut begun_ever);
        done = recorded(&home.data(), video).await;
        dev = home.start().await;
    }
    dev.until(video, Duration::from_secs(60), |it| it["playable"] == true)
        .await;
    let url = dev.hls_url(video).await;
    let viewer = viewer.unwrap_or_else(|| Viewer::start(url.clone()));
    dev.until_ready(video).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(viewer.stop().await > 0, "the viewer never saw anything");
    repeated += count_again(&mut ledger, &done, &mut begun_ever);
    println!("{kills} kills, {repeated} chunks begun again");
    assert!(
        repeated <= kills * ENCODERS,
        "{repeated} chunks were done again after {kills} kills"
    );

    let report = check(&url, &home.temporary()).await;
    assert!(
        report["checked"]["seconds"].as_f64().unwrap() > 3.0 * seconds,
        "{report:#}"
    );
    let children = dev.children();
    assert!(dev.terminate().await.success());
    all_gone(&children, Duration::from_secs(5)).await;
    assert_eq!(
        files(&home.temporary()),
        Vec::<PathBuf>::new(),
        "temporary files are left"
    );
    assert_eq!(
        files(&home.data().join("s3/tmp")),
        Vec::<PathBuf>::new(),
        "unfinished objects are left"
    );
    let log = home.log();
    assert!(!log.contains("ERROR"), "an error was logged: {log}");
}

/// The number of chunks that were started again since the last call; none of them had been
/// finished.
fn count_again(ledger: &mut Ledger, done: &BTreeSet<Chunk>, ever: &mut BTreeSet<u32>) -> usize {
    let begun = ledger.begun();
    for chunk in &begun {
        assert!(
            !done.contains(&("encode".to_owned(), *chunk)),
            "chunk {chunk} was finished, and was begun again"
        );
    }
    begun.into_iter().filter(|it| !ever.insert(*it)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_of_encoding() {
    let mut dice = Dice(seed());
    let mut moments = vec![];
    for _ in 0..4 {
        moments.push(Moment::After(dice.between(100, 3_000)));
    }
    // The gap between keyframes is too long for remuxing: everything is encoded.
    survive(
        100.0,
        &["-g", "600", "-keyint_min", "600", "-sc_threshold", "0"],
        &moments,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_beside_a_remuxed_rung() {
    let mut dice = Dice(seed() + 1);
    let mut moments = vec![];
    for _ in 0..3 {
        moments.push(Moment::After(dice.between(50, 2_000)));
    }
    moments.push(Moment::Stage("verify"));
    survive(100.0, &[], &moments).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_the_ends_of_a_job() {
    let moments = [
        Moment::Stage("probe"),
        Moment::Stage("stills"),
        Moment::Stage("publish"),
    ];
    survive(100.0, &[], &moments).await;
}

/// A message has five deliveries; a job that progresses every time gets more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_more_often_than_a_message_is_delivered() {
    let moments: Vec<Moment> = (0..7).map(|_| Moment::Progress).collect();
    survive(
        200.0,
        &["-g", "600", "-keyint_min", "600", "-sc_threshold", "0"],
        &moments,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_worker_releases_the_job() {
    let mut home = Home::with_profile(PROFILE);
    let mut ledger = Ledger::install(&mut home);
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "24",
        100.0,
        &[],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until(video, Duration::from_secs(60), |it| {
        it["playable"] == true && it["percent"].as_u64() > Some(5)
    })
    .await;
    let children = dev.children();
    assert!(dev.terminate().await.success());
    assert!(
        children.iter().all(|it| !it.is_alive()),
        "FFmpeg outlived the worker"
    );
    let (done, mut ever) = (recorded(&home.data(), video).await, BTreeSet::new());
    assert!(!done.is_empty());
    count_again(&mut ledger, &BTreeSet::new(), &mut ever);
    let dev = home.start().await;
    dev.until_ready(video).await;
    count_again(&mut ledger, &done, &mut ever);
    check(&dev.hls_url(video).await, &home.temporary()).await;
    assert!(dev.terminate().await.success());
    assert_eq!(files(&home.temporary()), Vec::<PathBuf>::new());
}
