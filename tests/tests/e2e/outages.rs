//! Services are unavailable for a while, in every way that networks fail: all videos are ready in
//! the end, without intervention.

use catalog::database::DatabaseConfig;
use std::time::{Duration, Instant};

use catalog::AttemptOutcome;
use catalog::connect::QueueAddress;
use config::Services;
use domain::ids::VideoId;
use e2e::media::make_film;
use e2e::part::Part;
use e2e::proxy::{Fault, Proxy};
use e2e::site::Site;
use platform::testing::RunningServer;
use rustix::process::{Resource, Rlimit};
use testkit::Postgres;

/// Number of films that wait or are being processed.
const FILMS: usize = 20;

/// Number of concurrent jobs.
const JOBS: usize = 5;

/// Duration of each outage. `E2E_OUTAGE_SECONDS=600` tests long ones, which take too long for every
/// day.
fn outage() -> Duration {
    Duration::from_secs(
        std::env::var("E2E_OUTAGE_SECONDS")
            .ok()
            .and_then(|it| it.parse().ok())
            .unwrap_or(8),
    )
}

async fn upload_all(site: &Site, api: &Part) -> Vec<VideoId> {
    let film = make_film(
        &site.folder.path().join("film.mp4"),
        "320x180",
        "24",
        12.0,
        &["-g", "48"],
    );
    let mut videos = vec![];
    for _ in 0..FILMS {
        videos.push(site.upload(api, &film).await);
    }
    videos
}

/// Checks that all are ready, nothing was duplicated, and nothing is left over.
async fn all_ready(site: &Site, api: &Part, videos: &[VideoId]) {
    let began = Instant::now();
    for video in videos {
        site.until(api, *video, |it| it["state"] == "ready").await;
        let attempts = site.functions.catalog.attempts(*video).await.unwrap();
        let ready = attempts
            .iter()
            .filter(|it| it.outcome == Some(AttemptOutcome::Ready))
            .count();
        assert_eq!(ready, 1, "{attempts:#?}");
        assert!(attempts.len() <= 4, "{attempts:#?}");
        assert!(
            attempts.iter().all(|it| it.ended_ms.is_some()),
            "{attempts:#?}"
        );
    }
    println!("all ready {:?} after the last outage", began.elapsed());
    // Messages of finished jobs are acknowledged.
    let began = Instant::now();
    loop {
        let depth = site.functions.queue.depth().await.unwrap();
        if depth.ready + depth.delayed + depth.in_flight + depth.dead == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{depth:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn until_one_is_in_work(site: &Site, api: &Part, videos: &[VideoId]) {
    let began = Instant::now();
    loop {
        for video in videos {
            let (_, now) = site
                .call(api, "GET", &format!("/v1/videos/{video}"), None)
                .await;
            if now["percent"].as_u64().is_some_and(|it| it > 0) && now["state"] != "ready" {
                return;
            }
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "nothing is in work"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_database() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let database = postgres.database();
    let services = Services {
        database: DatabaseConfig::migrating(database.clone().parse().expect("an address")),
        queue: QueueAddress::Database.into(),
        store: s3.store_config(),
    };
    let mut site = Site::new(services, folder).await;
    let api = site.api().await;
    let videos = upload_all(&site, &api).await;

    let proxy = Proxy::before(&authority(&database)).await;
    let through = ("EDGEREEL_DATABASE", proxy.url(&database));
    site.variables.retain(|it| it.0 != through.0);
    site.variables.push(through);
    site.variables
        .push(("EDGEREEL_CONCURRENT_JOBS", JOBS.to_string()));
    let worker = site.transcoder().await;
    // Changes are committed, but their responses are lost.
    proxy.fail_for(Fault::LostAnswer("COMMIT"), outage()).await;
    until_one_is_in_work(&site, &api, &videos).await;
    for fault in [
        Fault::Reset,
        Fault::Silence,
        Fault::Refused,
        Fault::Delay(Duration::from_millis(300)),
        Fault::Reset,
    ] {
        proxy.fail_for(fault, outage()).await;
        // Long enough to start something that the next outage interrupts.
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    all_ready(&site, &api, &videos).await;
    assert!(worker.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let store = s3.store_config();
    let endpoint = store.endpoint.clone();
    let services = Services {
        database: DatabaseConfig::migrating(database.parse().expect("an address")),
        queue: QueueAddress::Database.into(),
        store,
    };
    let mut site = Site::new(services, folder).await;
    let api = site.api().await;
    let videos = upload_all(&site, &api).await;

    let proxy = Proxy::before(&authority(&endpoint)).await;
    let through = ("EDGEREEL_S3_ENDPOINT", proxy.url(&endpoint));
    site.variables.retain(|it| it.0 != through.0);
    site.variables.push(through);
    site.variables
        .push(("EDGEREEL_CONCURRENT_JOBS", JOBS.to_string()));
    let worker = site.transcoder().await;
    until_one_is_in_work(&site, &api, &videos).await;
    for fault in [
        Fault::Status(503),
        Fault::Refused,
        Fault::Reset,
        Fault::Status(500),
        Fault::Silence,
        Fault::Status(403),
    ] {
        proxy.fail_for(fault, outage()).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    all_ready(&site, &api, &videos).await;
    assert!(worker.terminate().await.success());
}

/// The transcoder has too few descriptors for a while: that is not the fault of a video.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let services = Services {
        database: DatabaseConfig::migrating(database.parse().expect("an address")),
        queue: QueueAddress::Database.into(),
        store: s3.store_config(),
    };
    let site = Site::new(services, folder).await;
    let (api, worker) = (site.api().await, site.transcoder().await);
    let pid = rustix::process::Pid::from_raw(worker.process().pid).unwrap();
    let open = std::fs::read_dir(format!("/proc/{}/fd", worker.process().pid))
        .unwrap()
        .count() as u64;
    let limit = |current| Rlimit {
        current: Some(current),
        maximum: rustix::process::getrlimit(Resource::Nofile).maximum,
    };
    rustix::process::prlimit(Some(pid), Resource::Nofile, limit(open + 2)).unwrap();
    let film = make_film(
        &site.folder.path().join("film.mp4"),
        "320x180",
        "24",
        12.0,
        &["-g", "48"],
    );
    let mut videos = vec![];
    for _ in 0..3 {
        videos.push(site.upload(&api, &film).await);
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    rustix::process::prlimit(Some(pid), Resource::Nofile, limit(4096)).unwrap();
    all_ready(&site, &api, &videos).await;
    assert!(worker.terminate().await.success());
}

/// The host and port of a URL.
fn authority(url: &str) -> String {
    let url: url::Url = url.parse().unwrap();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}
