//! `GET /v1/events/stream`: changes of videos as server-sent events.
//!
//! While at least one client listens, one task per process reads the videos that changed, and a channel passes them to
//! all clients. The catalog is the log of changes: after an interruption, a client gets the videos that changed since
//! the event that it names in `Last-Event-ID`, from any process.

mod poller;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use catalog::{Catalog, Video};
use domain::time::UnixMillis;
use futures::stream::{self, StreamExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use platform::clock;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::playback::Playback;
use crate::state::ApiState;
use crate::videos::view;

/// Changes that a slow client may be behind; a client that is further behind gets `missed`.
const BACKLOG: usize = 1_024;
/// Most videos that a client gets after an interruption; if more have changed, it gets `missed`.
const REPLAY_LIMIT: u32 = 200;
/// Interval of comments, which keep proxies from closing an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream lasts. The client then connects again, and its session or token is checked again.
const STREAM_LIFE: Duration = Duration::from_secs(60);
/// After which time the client connects again.
const RECONNECT: Duration = Duration::from_millis(500);

/// A video that changed. Its event is written once for all clients.
struct Change {
    video: Video,
    event: Event,
}

/// Passes the changes of videos to the clients of this process. Clones share the task that reads them.
#[derive(Clone)]
pub struct LiveVideos {
    catalog: Catalog,
    playback: Arc<Playback>,
    /// The channel of the running task.
    channel: Arc<Mutex<Option<Sender<Arc<Change>>>>>,
    end: CancellationToken,
}

impl LiveVideos {
    /// The changes in a catalog, with posters of `playback`.
    pub fn new(catalog: &Catalog, playback: &Arc<Playback>) -> Self {
        Self {
            catalog: catalog.clone(),
            playback: playback.clone(),
            channel: Arc::default(),
            end: CancellationToken::new(),
        }
    }

    /// Ends all streams, for the shutdown.
    pub fn end(&self) {
        self.end.cancel();
    }

    /// Receives all changes from now on.
    fn subscribe(&self) -> Receiver<Arc<Change>> {
        let mut channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*channel {
            return sender.subscribe();
        }
        let (sender, receiver) = tokio::sync::broadcast::channel(BACKLOG);
        *channel = Some(sender.clone());
        tokio::spawn(poller::run(self.clone(), sender));
        receiver
    }

    /// Ends the task of this channel if no client listens. Returns whether it ends.
    fn end_if_unused(&self, sender: &Sender<Arc<Change>>) -> bool {
        // Under the lock: no client subscribes in between.
        let mut channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unused = sender.receiver_count() == 0 || self.end.is_cancelled();
        if is_unused {
            *channel = None;
        }
        is_unused
    }
}

/// `GET` and `HEAD`. 404 where the API cannot stream.
pub(crate) async fn events(
    State(state): State<ApiState>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !state.config.streams {
        return Err(ApiError::no_such_route());
    }
    if method == Method::HEAD {
        return Ok([(CONTENT_TYPE, "text/event-stream")].into_response());
    }
    // Before the replay, so that no change is lost in between.
    let receiver = state.live.subscribe();
    let now = clock::now();
    let mut first = vec![];
    if let Some(last) = headers.get("last-event-id") {
        let since = last
            .to_str()
            .ok()
            .and_then(|it| it.parse().ok())
            .map(UnixMillis::new);
        match replay(&state, since).await? {
            Some(videos) => first.extend(
                videos
                    .iter()
                    .filter(|it| caller.may_see(it))
                    .filter_map(|it| event(&state.playback, it, None)),
            ),
            None => first.push(missed()),
        }
    }
    // Last: a client that has this id has the changes before it.
    let known = poller::known_until(now).get().to_string();
    first.push(Event::default().retry(RECONNECT).id(known));
    let live = stream::unfold((receiver, caller), |(mut receiver, caller)| async move {
        loop {
            let event = match receiver.recv().await {
                Ok(change) if caller.may_see(&change.video) => Some(change.event.clone()),
                Ok(_) => None,
                Err(RecvError::Lagged(_)) => Some(missed()),
                Err(RecvError::Closed) => return None,
            };
            if let Some(event) = event {
                return Some((event, (receiver, caller)));
            }
        }
    });
    let end = state.live.end.clone();
    let over = async move {
        let _ = tokio::time::timeout(STREAM_LIFE, end.cancelled()).await;
    };
    let events = stream::iter(first)
        .chain(live)
        .take_until(Box::pin(over))
        .map(Ok::<_, Infallible>);
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

/// The videos that changed since a time; `None` if they are too many, or the time is not known.
async fn replay(
    state: &ApiState,
    since_ms: Option<UnixMillis>,
) -> Result<Option<Vec<Video>>, ApiError> {
    let Some(since_ms) = since_ms else {
        return Ok(None);
    };
    let videos = state
        .catalog
        .changed_since(since_ms, None, REPLAY_LIMIT + 1)
        .await?;
    Ok((videos.len() <= REPLAY_LIMIT as usize).then_some(videos))
}

/// The event of a video, as an entry of the list.
fn event(playback: &Playback, video: &Video, known_until_ms: Option<UnixMillis>) -> Option<Event> {
    let summary = view::summary(video, playback.poster_url(video, clock::now()));
    let event = Event::default().event("video").json_data(summary).ok()?;
    Some(match known_until_ms {
        Some(known) => event.id(known.get().to_string()),
        None => event,
    })
}

fn missed() -> Event {
    Event::default().event("missed").data("{}")
}
