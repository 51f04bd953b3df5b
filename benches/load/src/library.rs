//! Measures the list of videos in a large library, and live events there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use catalog::videos::conformance::fill_library;
use e2e::crowd::{Times, many};
use e2e::part::Part;
use e2e::site::{Site, TOKEN};
use platform::clock;
use serde_json::json;
use tokio::task::JoinSet;

/// Requests of each kind.
const REQUESTS: usize = 100;
/// Browsers that listen to live events.
pub(crate) const LISTENERS: usize = 50;
const CHANGES_PER_SECOND: u32 = 200;
const LIVE_SECONDS: u32 = 10;

/// The first pages that the web app asks for, by name.
const PAGES: [(&str, &str); 12] = [
    ("newest first", ""),
    ("by title", "&sort=title"),
    ("longest first", "&sort=-duration"),
    ("largest first", "&sort=-size"),
    (
        "most have the state: ready",
        "&state=ready,playable&sort=title",
    ),
    (
        "few have the state: failed",
        "&state=failed,cancelled&sort=-duration",
    ),
    ("one owner of ten", "&owner=owner-3&sort=-size"),
    ("search: every video has it", "&q=recording"),
    ("search: a tenth has it, by title", "&q=lecture&sort=-title"),
    ("search: few have it, by size", "&q=zanzibar&sort=-size"),
    ("search: none has it", "&q=nothing+like+it&sort=-duration"),
    ("search: two letters", "&q=qx&sort=title"),
];

/// The measurements of one library.
pub(crate) struct Library {
    /// First pages, in the order of `PAGES`.
    pub(crate) pages: Vec<(&'static str, Times)>,
    /// A page in the middle of the list.
    pub(crate) deep: Times,
    pub(crate) live: Live,
}

/// The cost of live events.
pub(crate) struct Live {
    pub(crate) changes: u32,
    pub(crate) seconds: f64,
    /// CPU time of the API.
    pub(crate) cpu: Duration,
    /// CPU time of the API for the same changes without listeners.
    pub(crate) cpu_alone: Duration,
    /// Events that all listeners received.
    pub(crate) events: usize,
    /// Of those, requests to load the list again.
    pub(crate) missed: usize,
}

/// Adds `videos` videos and measures.
pub(crate) async fn measure(site: &Arc<Site>, api: &Arc<Part>, videos: u32) -> Library {
    eprintln!("  a library of {videos} videos");
    let database = &site.functions.database;
    fill_library(database, videos, clock::now())
        .await
        .expect("it can be filled");
    let mut pages = vec![];
    for (name, query) in PAGES {
        eprintln!("    {name}");
        pages.push((
            name,
            ask(site, api, format!("/v1/videos?limit=60{query}")).await,
        ));
    }
    let mut path = "/v1/videos?limit=200&sort=title".to_owned();
    for _ in 0..videos / 400 {
        let (_, page) = site.call(api, "GET", &path, None).await;
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/videos?limit=200&sort=title&cursor={next}");
    }
    let deep = ask(site, api, path).await;
    Library {
        pages,
        deep,
        live: live(site, api).await,
    }
}

async fn ask(site: &Arc<Site>, api: &Arc<Part>, path: String) -> Times {
    let (site, api) = (site.clone(), api.clone());
    let ask = move |_| {
        let (site, api, path) = (site.clone(), api.clone(), path.clone());
        async move {
            let (status, answer) = site.call(&api, "GET", &path, None).await;
            assert_eq!(status, 200, "{answer}");
        }
    };
    many(1, REQUESTS, ask).await
}

/// Changes titles while browsers listen, and before that while none does.
async fn live(site: &Arc<Site>, api: &Arc<Part>) -> Live {
    let (_, list) = site
        .call(api, "GET", "/v1/videos?limit=200&state=ready", None)
        .await;
    let ids: Vec<String> = list["videos"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| text(&it["id"]))
        .collect();
    eprintln!("    live events");
    let before = api.process().cpu();
    change(site, api, &ids).await;
    let cpu_alone = api.process().cpu() - before;

    let (events, missed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut listeners = JoinSet::new();
    let url = format!(
        "{}/v1/events/stream",
        api.said["api"].as_str().expect("an address")
    );
    for _ in 0..LISTENERS {
        let (url, events, missed) = (url.clone(), events.clone(), missed.clone());
        listeners.spawn(async move {
            let http = reqwest::Client::new();
            let mut answer = http
                .get(url)
                .bearer_auth(TOKEN)
                .send()
                .await
                .expect("the API answers");
            while let Ok(Some(bytes)) = answer.chunk().await {
                let text = String::from_utf8_lossy(&bytes);
                events.fetch_add(text.matches("event: video").count(), Ordering::Relaxed);
                missed.fetch_add(text.matches("event: missed").count(), Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (before, began) = (api.process().cpu(), Instant::now());
    let changes = change(site, api, &ids).await;
    let seconds = began.elapsed().as_secs_f64();
    // The last events arrive within a second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let cpu = api.process().cpu() - before;
    listeners.shutdown().await;
    let count = |it: &AtomicUsize| it.load(Ordering::Relaxed);
    Live {
        changes,
        seconds,
        cpu,
        cpu_alone,
        events: count(&events),
        missed: count(&missed),
    }
}

/// Changes titles; returns how many.
async fn change(site: &Site, api: &Part, ids: &[String]) -> u32 {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / CHANGES_PER_SECOND);
    for turn in 0..CHANGES_PER_SECOND * LIVE_SECONDS {
        ticks.tick().await;
        let path = format!("/v1/videos/{}", ids[turn as usize % ids.len()]);
        let (status, answer) = site
            .call(
                api,
                "PATCH",
                &path,
                Some(json!({ "title": format!("Take {turn}") })),
            )
            .await;
        assert_eq!(status, 200, "{answer}");
    }
    CHANGES_PER_SECOND * LIVE_SECONDS
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
