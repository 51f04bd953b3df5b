//! Imports of sources from a URL, from servers that behave well and badly.

mod site;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catalog::SqlQueue;
use catalog::database::open_sqlite;
use catalog::{AttemptOutcome, Catalog, NewVideo, UploadEventOutcome, Video};
use domain::content_key::KeyEncryptionKeys;
use domain::ids::VideoId;
use domain::job::{Generate, Import, Job, JobMessage, JobReason, Mode, Source};
use domain::object_key::{FileName, ObjectKey, ObjectPrefix};
use domain::state::{VideoEvent, VideoState};
use e2e::origin::{Asked, Origin, Reply};
use platform::clock;
use platform::job_queue::{QueueName, SharedQueue};
use platform::net::Policy;
use platform::object_store::uploads::UploadSigner as _;
use platform::object_store::{ObjectStore as _, ObjectStoreExt as _};
use platform::testing::RunningServer;
use site::{PRIVATE, Site};
use tokio_util::sync::CancellationToken;
use transcoder::Pace;
use transcoder::{ActiveVideos, Outage, Worker, WorkerConfig};

const LIMIT: u64 = 64 << 20;

fn key(video: VideoId) -> ObjectKey {
    ObjectKey::Source {
        video,
        file_name: FileName::clean("film.mp4"),
    }
}

/// A file of this size that begins like a film.
fn film(bytes: usize) -> Bytes {
    let mut film: Vec<u8> = (0..bytes).map(|it| (it * 31 % 251) as u8).collect();
    film[..24].copy_from_slice(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1");
    film.into()
}

/// The starts of the requested ranges.
fn starts(asked: &[Asked]) -> Vec<Option<usize>> {
    asked.iter().map(Asked::range_start).collect()
}

#[tokio::test]
async fn an_interrupted_import_resumes() {
    let (site, file) = (Site::start(PRIVATE).await, film(21 << 20));
    let served = file.clone();
    let origin = Origin::start(move |asked, before| match before {
        0 => Reply::of(asked, &served, "\"v1\"").cut(10 << 20),
        1 => Reply::of(asked, &served, "\"v1\"").cut(3 << 20),
        2 => Reply::status("503 Service Unavailable"),
        _ => Reply::of(asked, &served, "\"v1\""),
    })
    .await;
    assert_eq!(
        site.fetched(&format!("{}/film.mp4", origin.url)).await,
        file
    );
    let starts = starts(&origin.asked());
    assert_eq!(
        starts,
        [None, Some(10 << 20), Some(13 << 20), Some(13 << 20)],
        "no byte comes twice"
    );
    site.stop().await;
}

#[tokio::test]
async fn without_ranges_or_with_another_version_it_starts_again() {
    let (site, file, newer) = (Site::start(PRIVATE).await, film(9 << 20), film(10 << 20));
    let (old, new) = (file.clone(), newer.clone());
    let origin = Origin::start(move |asked, before| match (asked.path.as_str(), before) {
        ("/no-ranges", 0) => Reply::whole(&old).cut(5 << 20),
        ("/no-ranges", _) => Reply::whole(&old),
        // Chunked encoding, without a size (RFC 9112, 7.1).
        ("/chunked", _) => {
            let body = [
                format!("{:x}\r\n", old.len()).as_bytes(),
                &old,
                b"\r\n0\r\n\r\n",
            ]
            .concat();
            Reply::raw("200 OK", &[("transfer-encoding", "chunked")], body)
        }
        (_, 3) => Reply::of(asked, &old, "\"v1\"").cut(5 << 20),
        _ => Reply::of(asked, &new, "\"v2\""),
    })
    .await;
    assert_eq!(
        site.fetched(&format!("{}/no-ranges", origin.url)).await,
        file
    );
    assert_eq!(site.fetched(&format!("{}/chunked", origin.url)).await, file);
    assert_eq!(
        site.fetched(&format!("{}/changed", origin.url)).await,
        newer,
        "no mixture of both"
    );
    assert_eq!(
        starts(&origin.asked()),
        [None, None, None, None, Some(5 << 20)]
    );
    site.stop().await;
}

#[tokio::test]
async fn source_failures_are_reported_once() {
    let site = Site::start(PRIVATE).await;
    let origin = Origin::start(|asked, _| match asked.path.as_str() {
        "/missing" => Reply::status("404 Not Found"),
        "/private" => Reply::status("401 Unauthorized"),
        "/page" => Reply::whole(&Bytes::from_static(
            b"<!DOCTYPE html><html><title>Sign in</title></html>",
        )),
        "/playlist" => Reply::whole(&Bytes::from_static(b"#EXTM3U\n#EXT-X-VERSION:3\n")),
        "/text" => Reply::whole(&Bytes::from_static(b"Hello!\n")),
        "/empty" => Reply::status("200 OK"),
        "/large" => Reply::raw("200 OK", &[("content-length", "99999999999")], film(4096)),
        "/endless" => {
            let file = film((LIMIT + 1) as usize);
            let body = [
                format!("{:x}\r\n", file.len()).as_bytes(),
                &file,
                b"\r\n0\r\n\r\n",
            ]
            .concat();
            Reply::raw("200 OK", &[("transfer-encoding", "chunked")], body)
        }
        "/file" => Reply::redirect("file:///etc/passwd"),
        _ => Reply::redirect("/again"),
    })
    .await;
    for (path, code, says) in [
        ("/missing", "fetch-refused", "status 404"),
        ("/private", "fetch-refused", "status 401"),
        ("/page", "web-page", "a web page, not to a video"),
        ("/playlist", "playlist-not-allowed", "a playlist"),
        ("/text", "not-a-video", "not a video"),
        ("/empty", "empty-file", "empty"),
        ("/large", "too-large", "The file has 99.9 GB"),
        ("/endless", "too-large", "at most 67.1 MB"),
        ("/file", "address-not-allowed", "not on the public internet"),
        ("/again", "fetch-refused", "status 302"),
    ] {
        let answer = site.refused(&format!("{}{path}", origin.url)).await;
        assert!(
            answer.0 == code && answer.1.contains(says),
            "{path}: {answer:?}"
        );
    }
    site.stop().await;
}

#[tokio::test]
async fn transient_failures_are_retried() {
    let (site, file) = (Site::start(PRIVATE).await, film(1 << 20));
    let served = file.clone();
    let origin = Origin::start(move |asked, before| match before {
        0..4 => Reply::status("503 Service Unavailable"),
        // The declared length is longer than the body.
        4..8 => Reply::raw("200 OK", &[("content-length", "2000000")], served.clone()),
        8 => Reply::redirect("/elsewhere"),
        _ => Reply::of(asked, &served, "W/\"weak\""),
    })
    .await;
    let id = site.import(&format!("{}/film.mp4", origin.url)).await;
    for failed in 1..3 {
        site.until_attempt(id, failed).await;
        // Not after a minute: a message of the same job moves it forward.
        site.queue
            .send(&JobMessage::from(Import::new(id)), Duration::ZERO)
            .await
            .unwrap();
    }
    let (video, outcomes) = site.until_attempt(id, 3).await;
    let failed = |it: &Option<AttemptOutcome>| match it {
        Some(AttemptOutcome::Failed(failure)) => failure.code.as_str(),
        _ => "",
    };
    assert_eq!(
        outcomes.iter().map(failed).collect::<Vec<_>>(),
        ["fetch-failed", "fetch-failed", ""]
    );
    assert_eq!(
        video.state,
        VideoState::Uploading,
        "in between too: the queue has not given up"
    );
    assert_eq!(site.store.read(&key(id), LIMIT).await.unwrap(), file);
    site.stop().await;
}

/// The slowest allowed server in these tests.
const QUICK: Pace = Pace {
    first_bytes: Duration::from_millis(500),
    least_rate: 1 << 30,
    window: Duration::from_millis(1000),
    total: Duration::from_secs(60),
};

#[tokio::test]
async fn a_dripping_server_is_abandoned_before_and_after_the_first_bytes() {
    let site = Site::with(PRIVATE, |it| it.import_pace = QUICK).await;
    let drip = Duration::from_millis(50);
    let origin = Origin::start(move |asked, _| match asked.path.as_str() {
        "/head" => Reply::whole(&film(1 << 20)).dripping(drip),
        _ => Reply::whole(&film(20 << 20)).slowly(Duration::from_millis(100)),
    })
    .await;
    for path in ["/head", "/part"] {
        let began = std::time::Instant::now();
        let id = site.import(&format!("{}{path}", origin.url)).await;
        let (_, outcomes) = site.until_attempt(id, 1).await;
        let Some(AttemptOutcome::Failed(failure)) = &outcomes[0] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(failure.code.as_str(), "fetch-failed", "{path}");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{path}: {:?}",
            began.elapsed()
        );
        site.catalog
            .apply(id, &VideoEvent::Deleted, clock::now())
            .await
            .unwrap();
    }
    site.stop().await;
}

#[tokio::test]
async fn an_import_has_a_total_time_limit() {
    let pace = Pace {
        total: Duration::from_secs(2),
        ..Pace::default()
    };
    let site = Site::with(PRIVATE, |it| it.import_pace = pace).await;
    // Each part is in time.
    let origin =
        Origin::start(|_, _| Reply::whole(&film(60 << 20)).slowly(Duration::from_millis(20))).await;
    let (code, message) = site.refused(&format!("{}/film.mp4", origin.url)).await;
    assert!(
        code == "fetch-too-slow" && message.contains("within 2 s"),
        "{code}: {message}"
    );
    site.stop().await;
}

#[tokio::test]
async fn slow_imports_do_not_delay_other_work() {
    let site = Site::with(PRIVATE, |it| it.imports_at_once = 1).await;
    let origin = Origin::start(|asked, _| match asked.path.as_str() {
        "/drip" => Reply::whole(&film(1 << 20)).dripping(Duration::from_millis(200)),
        _ => Reply::whole(&film(1 << 20)),
    })
    .await;
    let dripping = site.import(&format!("{}/drip", origin.url)).await;
    let began = std::time::Instant::now();
    while origin.asked().is_empty() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the first import does not begin"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // There is one slot for imports, and one for jobs: the second import waits, the job does not.
    let waiting = site.import(&format!("{}/film.mp4", origin.url)).await;
    let job = site.job_of_a_source_that_is_gone().await;
    let (video, _) = site.until_attempt(job, 1).await;
    let VideoState::Failed(failure) = video.state else {
        panic!("{:?}", video.state)
    };
    assert_eq!(failure.code.as_str(), "source-missing");
    assert_eq!(
        site.catalog.attempts(waiting).await.unwrap(),
        [],
        "waiting for a place is not an attempt"
    );
    site.catalog
        .apply(dripping, &VideoEvent::Deleted, clock::now())
        .await
        .unwrap();
    let (_, outcomes) = site.until_attempt(waiting, 1).await;
    assert_eq!(outcomes, [Some(AttemptOutcome::Fetched)]);
    site.stop().await;
}

/// A URL must not lead to an internal address, however it is spelled.
#[tokio::test]
async fn internal_addresses_are_refused_by_default() {
    let site = Site::start(WorkerConfig::default().imports).await;
    let origin = Origin::start(|_, _| Reply::whole(&film(4096))).await;
    let port = origin.url.rsplit_once(':').unwrap().1;
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
    ] {
        let (code, message) = site
            .refused(&format!("http://{host}:{port}/film.mp4"))
            .await;
        assert_eq!(code, "address-not-allowed", "{host}: {message}");
    }
    assert!(origin.asked().is_empty(), "{:?}", origin.asked());
    site.stop().await;
}

#[tokio::test]
async fn a_video_deleted_meanwhile_leaves_nothing() {
    let (site, file) = (Site::start(PRIVATE).await, film(60 << 20));
    let origin = Origin::start(move |asked, _| {
        Reply::of(asked, &file, "\"v1\"").slowly(Duration::from_millis(10))
    })
    .await;
    let id = site.import(&format!("{}/film.mp4", origin.url)).await;
    for _ in 0..200 {
        let begun = site
            .catalog
            .import(id)
            .await
            .unwrap()
            .is_some_and(|it| it.transfer.is_some());
        if begun {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        site.store
            .list_unfinished(&ObjectPrefix::Uploads)
            .await
            .unwrap()
            .len(),
        1
    );
    site.catalog
        .apply(id, &VideoEvent::Deleted, clock::now())
        .await
        .unwrap();
    for _ in 0..100 {
        if site
            .store
            .list_unfinished(&ObjectPrefix::Uploads)
            .await
            .unwrap()
            .is_empty()
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    site.assert_nothing_is_left(id).await;
    site.stop().await;
}
