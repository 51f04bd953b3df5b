//! The task that reads the videos that changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use catalog::{CatalogError, Video};
use domain::ids::VideoId;
use domain::time::UnixMillis;
use platform::clock;
use tokio::sync::broadcast::Sender;
use tokio::time::MissedTickBehavior;

use super::{Change, LiveVideos, event};

/// Interval of reading: at most one event per video and second.
const INTERVAL: Duration = Duration::from_secs(1);
/// How far each reading goes back. The clocks of other processes may be behind, and a change has the time before it
/// waited for its lock.
const OVERLAP: Duration = Duration::from_secs(10);
/// Videos per query.
const PAGE: u32 = 500;

/// The versions of the videos that changed recently: those that clients know.
type Versions = HashMap<VideoId, u64>;

/// A client that got all events until `now` knows all changes before this time.
pub(super) fn known_until(now: UnixMillis) -> UnixMillis {
    now - OVERLAP
}

/// Reads changes and sends them until no client listens.
pub(super) async fn run(live: LiveVideos, sender: Sender<Arc<Change>>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut since, mut known) = (known_until(clock::now()), None);
    loop {
        ticks.tick().await;
        if live.end_if_unused(&sender) {
            return;
        }
        let now = clock::now();
        match read(&live, since, known.as_ref(), &sender).await {
            Ok(versions) => {
                known = Some(versions);
                since = known_until(now);
            }
            // The next reading begins where this one did.
            Err(error) => tracing::warn!(
                "cannot read changed videos: {:#}",
                anyhow::Error::from(error)
            ),
        }
    }
}

/// Sends the videos that changed since a time and whose version is not known. The first reading
/// sends all of them: a client may have read its list before one of these changes.
async fn read(
    live: &LiveVideos,
    since_ms: UnixMillis,
    known: Option<&Versions>,
    sender: &Sender<Arc<Change>>,
) -> Result<Versions, CatalogError> {
    let mut versions = Versions::new();
    let (mut after_ms, mut after) = (since_ms, None);
    loop {
        let page = live.catalog.changed_since(after_ms, after, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        for video in page {
            (after_ms, after) = (video.updated_ms, Some(video.id));
            versions.insert(video.id, video.version);
            if known.is_none_or(|it| it.get(&video.id) != Some(&video.version)) {
                send(live, sender, video);
            }
        }
        if is_last {
            return Ok(versions);
        }
    }
}

fn send(live: &LiveVideos, sender: &Sender<Arc<Change>>, video: Video) {
    let Some(event) = event(&live.playback, &video, Some(known_until(clock::now()))) else {
        return;
    };
    // Without clients, the next tick ends the task.
    drop(sender.send(Arc::new(Change { video, event })));
}
