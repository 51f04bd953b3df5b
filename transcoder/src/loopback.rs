//! The only server that FFmpeg can reach: one address on the loopback interface, where it reads the
//! source and delivers its output.
//!
//! FFmpeg therefore needs no credentials, no network and no disk: segments go from its memory into
//! ours, are encrypted there and stored. If this process dies, FFmpeg's next read or write fails
//! and it ends.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use domain::ids::hex;
use futures::StreamExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::TranscodeError;
use crate::source::Blocks;

mod owner;

use owner::OwnConnections;

/// Receives the files that one FFmpeg run delivers.
#[async_trait]
pub(crate) trait SegmentReceiver: Send + Sync {
    /// Receives one file: number `index` of output `output`. An error stops the run.
    async fn receive(&self, output: &str, index: u32, body: Body) -> Result<(), TranscodeError>;
}

/// A running loopback server; it stops when dropped.
pub(crate) struct Loopback {
    base: String,
    port: u16,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

struct Shared {
    source: Blocks,
    runs: Mutex<Runs>,
    failure: Mutex<Option<TranscodeError>>,
}

#[derive(Default)]
struct Runs {
    next: u64,
    receivers: HashMap<u64, Arc<dyn SegmentReceiver>>,
    relays: HashMap<u64, Relayed>,
}

/// The two ends of a relay, until they are taken.
struct Relayed {
    sender: Option<mpsc::Sender<Bytes>>,
    receiver: Option<mpsc::Receiver<Bytes>>,
}

/// Number of parts of a relay that may be buffered between its two runs: some megabytes.
const RELAY_PARTS: usize = 16;

/// Number of parts of a feed, each of them a segment, that may wait for their run.
const FEED_PARTS: usize = 1;

/// A stream that one run of FFmpeg writes and another reads at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relay {
    /// URL that one run writes to.
    pub writer_url: String,
    /// URL that the other one reads.
    pub reader_url: String,
}

/// A stream that this process writes and one run reads.
#[derive(Debug)]
pub(crate) struct Feed {
    /// URL that the run reads.
    pub url: String,
    /// Takes the parts of the stream, which ends when it is dropped. An error: the run has ended.
    pub sender: mpsc::Sender<Bytes>,
}

/// A place where one run delivers; when dropped, it accepts nothing more.
pub(crate) struct Delivery {
    base: String,
    run: u64,
    shared: Arc<Shared>,
}

impl Loopback {
    /// Starts serving a source.
    pub(crate) async fn start(source: Blocks) -> Result<Self, TranscodeError> {
        let io = |source| TranscodeError::Io {
            doing: "could not open a loopback port".to_owned(),
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(io)?;
        let port = listener.local_addr().map_err(io)?.port();
        let listener = OwnConnections::new(listener).map_err(io)?;
        // If the system does not report the owner of a connection, others still cannot guess the
        // path.
        let mut token = [0; 16];
        getrandom::fill(&mut token).map_err(|it| io(std::io::Error::other(it)))?;
        let token = hex(&token);
        let shared = Arc::new(Shared {
            source,
            runs: Mutex::default(),
            failure: Mutex::default(),
        });
        let routes = Router::new()
            .route("/source", get(read_source))
            .route("/relay/{number}", get(read_relay).post(write_relay))
            .route("/{run}/{output}/{file}", post(take_file))
            .with_state(Arc::clone(&shared));
        let app = Router::new()
            .nest(&format!("/{token}"), routes)
            .layer(axum::extract::DefaultBodyLimit::disable());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                result = axum::serve(listener, app) => {
                    if let Err(error) = result { tracing::error!("the loopback server stopped: {error}"); }
                }
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self {
            base: format!("http://127.0.0.1:{port}/{token}"),
            port,
            shared,
            _stop: stop.drop_guard(),
        })
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// URL of the source for FFmpeg.
    pub(crate) fn source_url(&self) -> String {
        format!("{}/source", self.base)
    }

    /// Opens a place for deliveries.
    pub(crate) fn deliver_to(&self, receiver: Arc<dyn SegmentReceiver>) -> Delivery {
        let mut runs = self
            .shared
            .runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        runs.next += 1;
        let run = runs.next;
        runs.receivers.insert(run, receiver);
        Delivery {
            base: self.base.clone(),
            run,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Opens a relay from one run to another.
    pub(crate) fn relay(&self) -> Relay {
        let (sender, receiver) = mpsc::channel(RELAY_PARTS);
        let path = self.register(Some(sender), receiver);
        Relay {
            writer_url: patient(&self.base) + &path,
            reader_url: format!("{}{path}", self.base),
        }
    }

    /// Opens a stream to one run.
    pub(crate) fn feed(&self) -> Feed {
        let (sender, receiver) = mpsc::channel(FEED_PARTS);
        let path = self.register(None, receiver);
        Feed {
            url: format!("{}{path}", self.base),
            sender,
        }
    }

    /// The path of a new relay. `sender`: its writer's end, if a run writes it.
    fn register(
        &self,
        sender: Option<mpsc::Sender<Bytes>>,
        receiver: mpsc::Receiver<Bytes>,
    ) -> String {
        let mut runs = self
            .shared
            .runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        runs.next += 1;
        let number = runs.next;
        let receiver = Some(receiver);
        runs.relays.insert(number, Relayed { sender, receiver });
        format!("/relay/{number}")
    }

    /// Size of the source, bytes.
    pub(crate) fn source_size(&self) -> u64 {
        self.shared.source.size()
    }

    /// The reason why reading or storing failed, if it did: FFmpeg only reports that its input
    /// ended.
    pub(crate) fn take_failure(&self) -> Option<TranscodeError> {
        self.shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Delivery {
    /// The URL of an output; FFmpeg replaces `%d` by a number.
    pub(crate) fn url(&self, output: &str, file: &str) -> String {
        format!("{}/{}/{output}/{file}", patient(&self.base), self.run)
    }
}

/// The same URL with a user name, which makes FFmpeg ask for permission (`Expect: 100-continue`)
/// before it sends. Otherwise it sends at once and closes the connection, and then the system no
/// longer reports the connection's owner.
fn patient(base: &str) -> String {
    base.replacen("http://", "http://ffmpeg:@", 1)
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.shared
            .runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .receivers
            .remove(&self.run);
    }
}

impl Shared {
    fn note(&self, error: TranscodeError) {
        // The first failure is the cause, later ones are its consequences.
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
    }
}

/// Parses `bytes=a-` and `bytes=a-b`, as FFmpeg sends them (RFC 9110, 14.1.2).
fn requested_range(headers: &HeaderMap, size: u64) -> Option<std::ops::Range<u64>> {
    let text = headers
        .get(header::RANGE)?
        .to_str()
        .ok()?
        .strip_prefix("bytes=")?;
    let (start, end) = text.split_once('-')?;
    let start = start.parse().ok()?;
    let end = if end.is_empty() {
        size
    } else {
        end.parse::<u64>().ok()?.saturating_add(1).min(size)
    };
    Some(start..end)
}

async fn read_source(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let size = shared.source.size();
    let range = requested_range(&headers, size);
    let (status, range) = match range {
        Some(range) if range.start < size && range.start < range.end => {
            (StatusCode::PARTIAL_CONTENT, range)
        }
        Some(_) => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response();
        }
        None => (StatusCode::OK, 0..size),
    };
    let content_range = format!(
        "bytes {}-{}/{size}",
        range.start,
        range.end.saturating_sub(1)
    );
    let length = range.end - range.start;
    let noting = Arc::clone(&shared);
    let body = shared.source.stream(range).map(move |part| {
        part.map_err(|error| {
            noting.note(error);
            std::io::Error::other("the source could not be read")
        })
    });
    let mut response = Response::new(Body::from_stream(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if status == StatusCode::PARTIAL_CONTENT {
        headers.insert(
            header::CONTENT_RANGE,
            HeaderValue::try_from(content_range).expect("digits and slashes"),
        );
    }
    response
}

/// Accepts the data of a relay's writer. After its reader has ended, the rest is discarded, because
/// the run has other outputs.
async fn write_relay(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<u64>,
    body: Body,
) -> StatusCode {
    let sender = {
        let mut runs = shared.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.relays.get_mut(&number).and_then(|it| it.sender.take())
    };
    let Some(sender) = sender else {
        return StatusCode::NOT_FOUND;
    };
    let mut parts = body.into_data_stream();
    while let Some(Ok(part)) = parts.next().await {
        // An error means that the reader has ended.
        drop(sender.send(part).await);
    }
    StatusCode::CREATED
}

async fn read_relay(State(shared): State<Arc<Shared>>, Path(number): Path<u64>) -> Response {
    let receiver = {
        let mut runs = shared.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.relays
            .get_mut(&number)
            .and_then(|it| it.receiver.take())
    };
    let Some(receiver) = receiver else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let parts = futures::stream::unfold(receiver, |mut receiver| async {
        receiver
            .recv()
            .await
            .map(|part| (Ok::<_, std::io::Error>(part), receiver))
    });
    Response::new(Body::from_stream(parts))
}

async fn take_file(
    State(shared): State<Arc<Shared>>,
    Path((run, output, file)): Path<(u64, String, String)>,
    body: Body,
) -> StatusCode {
    let receiver = shared
        .runs
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .receivers
        .get(&run)
        .cloned();
    let index = file
        .split_once('.')
        .and_then(|(number, _)| number.parse().ok());
    let (Some(receiver), Some(index)) = (receiver, index) else {
        return StatusCode::NOT_FOUND;
    };
    // FFmpeg closes the connection as soon as it has sent the last byte, and the server then drops
    // this future: the rest has to continue without it.
    let taking = tokio::spawn(async move {
        match receiver.receive(&output, index, body).await {
            Ok(()) => StatusCode::CREATED,
            Err(TranscodeError::Cancelled) => StatusCode::BAD_REQUEST,
            Err(error) => {
                shared.note(error);
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    });
    taking.await.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests;
