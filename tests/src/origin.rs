//! A file server whose misbehaviour a test controls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request: its path, and its headers with lower-case names.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Path with its query.
    pub path: String,
    /// Headers by name.
    pub headers: BTreeMap<String, String>,
}

impl Asked {
    /// The start of the requested range, if there is one.
    pub fn range_start(&self) -> Option<usize> {
        self.headers
            .get("range")?
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    }
}

/// The response, sent before the connection is closed.
#[derive(Debug, Clone)]
pub struct Reply {
    head: String,
    body: Bytes,
    piece: usize,
    pause: Duration,
}

/// Size of the pieces of a body, with a pause between them.
const PIECE: usize = 64 << 10;

impl Reply {
    /// A status, headers and a body, without its length.
    pub fn raw(status: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!("HTTP/1.1 {status}\r\n{lines}connection: close\r\n\r\n");
        Self {
            head,
            body: body.into(),
            piece: PIECE,
            pause: Duration::ZERO,
        }
    }

    /// A status and nothing else.
    pub fn status(status: &str) -> Self {
        Self::raw(status, &[("content-length", "0")], "")
    }

    /// A redirect.
    pub fn redirect(to: &str) -> Self {
        Self::raw(
            "302 Found",
            &[("location", to), ("content-length", "0")],
            "",
        )
    }

    /// A file, from a server that does not support ranges.
    pub fn whole(file: &Bytes) -> Self {
        Self::raw(
            "200 OK",
            &[("content-length", &file.len().to_string())],
            file.clone(),
        )
    }

    /// A file or the rest of it, from a server that supports ranges (RFC 9110, 13.1.5).
    pub fn of(asked: &Asked, file: &Bytes, etag: &str) -> Self {
        let same = asked.headers.get("if-range").is_none_or(|it| it == etag);
        match asked.range_start().filter(|it| same && *it < file.len()) {
            None => Self::raw(
                "200 OK",
                &[("content-length", &file.len().to_string()), ("etag", etag)],
                file.clone(),
            ),
            Some(start) => {
                let (length, range) = (
                    file.len() - start,
                    format!("bytes {start}-{}/{}", file.len() - 1, file.len()),
                );
                let headers = [
                    ("content-length", length.to_string()),
                    ("content-range", range),
                    ("etag", etag.to_owned()),
                ];
                let headers: Vec<(&str, &str)> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                Self::raw("206 Partial Content", &headers, file.slice(start..))
            }
        }
    }

    /// Closes the connection after so many bytes of the body.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        self.body.truncate(bytes);
        self
    }

    /// Pauses after every 64 KiB.
    #[must_use]
    pub fn slowly(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Pauses after every byte.
    #[must_use]
    pub fn dripping(mut self, pause: Duration) -> Self {
        self.piece = 1;
        self.slowly(pause)
    }
}

/// A running server; it stops when dropped.
pub struct Origin {
    /// Its URL, without a trailing slash.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Origin {
    /// Answers every request with the result of `behave`, which gets the number of all earlier
    /// requests.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(behave: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let url = format!(
            "http://{}",
            listener.local_addr().expect("it was just bound")
        );
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, behave) = (asked.clone(), Arc::new(behave));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, behave) = (log.clone(), behave.clone());
                tokio::spawn(async move {
                    // A client that disconnects has read enough.
                    let _ = answer(stream, &log, &*behave).await;
                });
            }
        });
        Self { url, asked, task }
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    stream: TcpStream,
    log: &Mutex<Vec<Asked>>,
    behave: &(dyn Fn(&Asked, usize) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut asked, mut line) = (Asked::default(), String::new());
    while stream.read_line(&mut line).await? > 2 {
        match line.trim_end().split_once(": ") {
            Some((name, value)) => {
                drop(asked.headers.insert(name.to_lowercase(), value.to_owned()))
            }
            None => asked.path = line.split(' ').nth(1).unwrap_or_default().to_owned(),
        }
        line.clear();
    }
    let before = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(asked.clone());
        log.len() - 1
    };
    let reply = behave(&asked, before);
    stream.write_all(reply.head.as_bytes()).await?;
    for piece in reply.body.chunks(reply.piece) {
        stream.write_all(piece).await?;
        tokio::time::sleep(reply.pause).await;
    }
    stream.shutdown().await
}
