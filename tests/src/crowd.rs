//! Many callers at once, each of which uploads a file, and a check of the results.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::ids::VideoId;
use domain::object_key::{Bucket, FileName, ObjectKey, ObjectPrefix};
use platform::job_queue::Wanted;
use platform::object_store::{ObjectStore as _, ObjectStoreExt as _};
use serde_json::json;
use tokio::task::JoinSet;

use crate::part::Part;
use crate::site::Site;
use crate::upload::send_source;

/// Durations of concurrent operations.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// Duration of each operation.
    pub each: Vec<Duration>,
    /// Total duration.
    pub all: Duration,
}

impl Times {
    /// Operations per second.
    pub fn per_second(&self) -> f64 {
        self.each.len() as f64 / self.all.as_secs_f64().max(f64::EPSILON)
    }

    /// The duration that `percent` of the operations did not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.each.clone();
        sorted.sort();
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).copied().unwrap_or_default()
    }
}

/// Runs an operation `total` times, by `callers` that each start the next one when they are done.
/// `what` gets the number of the operation.
///
/// # Panics
/// If an operation panics.
pub async fn many<F>(
    callers: usize,
    total: usize,
    what: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Times
where
    F: Future<Output = ()> + Send,
{
    let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut crowd = JoinSet::new();
    for _ in 0..callers {
        let (next, what) = (next.clone(), what.clone());
        crowd.spawn(async move {
            let mut took = vec![];
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= total {
                    return took;
                }
                let begun = Instant::now();
                what(turn).await;
                took.push(begun.elapsed());
            }
        });
    }
    let each = crowd.join_all().await.concat();
    Times {
        each,
        all: began.elapsed(),
    }
}

/// The content of upload number `turn`: no two are equal.
fn content(turn: usize) -> Vec<u8> {
    format!("upload {turn} ").into_bytes().repeat(100)
}

/// A complete upload: announced, sent, completed. Every tenth is announced twice at once with the
/// same `Idempotency-Key`, as by a double click.
async fn upload(site: &Site, api: &Part, turn: usize) -> VideoId {
    let bytes = content(turn);
    let fields = json!({ "filename": "film.mp4", "size": bytes.len(), "content_type": "video/mp4", "title": format!("{turn}") });
    let key = format!("upload-{turn}");
    let headers = [("idempotency-key", key.as_str())];
    let announce = || site.call_with(api, "POST", "/v1/uploads", Some(fields.clone()), &headers);
    let (status, created) = if turn.is_multiple_of(10) {
        let ((status, created), second) = tokio::join!(announce(), announce());
        match (status, second) {
            (201, (201, again)) => {
                assert_eq!(again, created, "one key, one upload");
                (status, created)
            }
            (201, (409, _)) => (status, created),
            (_, second) => second,
        }
    } else {
        announce().await
    };
    assert_eq!(status, 201, "{created}");
    let video = send_source(&site.http, created, bytes).await;
    let (status, completed) = site
        .call(
            api,
            "POST",
            &format!("/v1/uploads/{video}/complete"),
            Some(json!({})),
        )
        .await;
    assert_eq!(status, 200, "{completed}");
    video
}

/// Uploads `total` small files by `callers` at once, and checks that nothing was lost or
/// duplicated: as many videos, as many jobs, and for each the one object that was sent. Events must
/// be consumed meanwhile.
///
/// # Panics
/// If something was lost or duplicated.
pub async fn uploads(site: &Arc<Site>, api: &Arc<Part>, callers: usize, total: usize) -> Times {
    let videos = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let turn = {
        let (site, api, videos) = (site.clone(), api.clone(), videos.clone());
        move |turn| {
            let (site, api, videos) = (site.clone(), api.clone(), videos.clone());
            async move {
                let video = upload(&site, &api, turn).await;
                videos.lock().expect("no panic").insert((video, turn));
            }
        }
    };
    let times = many(callers, total, turn).await;
    let videos = videos.lock().expect("no panic").clone();
    let ids: BTreeSet<VideoId> = videos.iter().map(|it| it.0).collect();
    assert_eq!(
        (ids.len(), videos.len()),
        (total, total),
        "each has a video of its own"
    );
    assert_eq!(listed(site, api).await, ids, "those, and no others");
    for (video, turn) in videos {
        site.until(api, video, |it| it["state"] == "queued").await;
        let objects = site
            .functions
            .store
            .list(&ObjectPrefix::Sources(video), None)
            .await
            .expect("the store lists");
        assert_eq!(objects.entries.len(), 1, "{objects:?}");
        let key = ObjectKey::Source {
            video,
            file_name: FileName::clean("film.mp4"),
        };
        assert_eq!(key.bucket(), Bucket::Private);
        let arrived = site
            .functions
            .store
            .read(&key, 1 << 20)
            .await
            .expect("the store gives it");
        assert!(arrived == content(turn), "{video} has what was sent");
    }
    assert_eq!(jobs(site).await, ids, "a job for each");
    times
}

/// All videos, page by page.
async fn listed(site: &Site, api: &Part) -> BTreeSet<VideoId> {
    let (mut found, mut path) = (BTreeSet::new(), "/v1/videos?limit=100".to_owned());
    loop {
        let (status, page) = site.call(api, "GET", &path, None).await;
        assert_eq!(status, 200, "{page}");
        for video in page["videos"].as_array().expect("a list") {
            let id = video["id"]
                .as_str()
                .and_then(|it| it.parse().ok())
                .expect("an id");
            assert!(found.insert(id), "{id} is listed twice");
        }
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("/v1/videos?limit=100&cursor={next}"),
            None => return found,
        }
    }
}

/// The videos that have jobs, exactly one each. The jobs are removed from the queue.
async fn jobs(site: &Site) -> BTreeSet<VideoId> {
    let (queue, mut ids, mut videos) = (&site.functions.queue, BTreeSet::new(), BTreeSet::new());
    while let Some(delivery) = queue
        .receive(Wanted::ALL, Duration::ZERO, Duration::from_secs(600))
        .await
        .expect("the queue answers")
    {
        let message = delivery.message.expect("a job");
        assert!(
            ids.insert(message.id().clone()),
            "{} waits twice",
            message.id()
        );
        assert!(
            videos.insert(message.video()),
            "{} has two jobs",
            message.video()
        );
        queue
            .ack(&delivery.receipt)
            .await
            .expect("the queue takes it");
    }
    videos
}
