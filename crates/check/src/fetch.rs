//! Reading: the same few words for files and HTTP.

mod file;
mod http;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use url::Url;

pub use file::Files;
pub use http::Http;

/// What came, before its bytes are read.
pub struct Resource {
    /// Where it was in the end, redirects followed.
    pub url: Url,
    /// Content-Type as served; `None` for files.
    pub content_type: Option<String>,
    /// Content-Encoding as served.
    pub content_encoding: Option<String>,
    /// The bytes, still encoded.
    pub body: BoxStream<'static, Result<Bytes, FetchError>>,
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resource").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Why something could not be read. No variant shows a URL: it may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// There is nothing.
    #[error("it does not exist")]
    NotFound,
    /// The server answered, but not with the thing.
    #[error("the server answered {0}")]
    Status(u16),
    /// No answer, or not in time, or cut off.
    #[error("{0}")]
    Unreachable(String),
    /// More bytes than allowed.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// What is at one kind of place may not point to that kind of place.
    #[error("`{0}:` URIs are not followed from here")]
    Scheme(String),
    /// The range begins or ends beyond the end.
    #[error("the byte range ends at {wanted}, beyond the end of the file")]
    Range {
        /// Where the range ends.
        wanted: u64,
    },
}

/// A way of reading. Implementations bound their time; callers bound the bytes.
#[async_trait::async_trait]
pub trait Fetch: Send + Sync {
    /// Opens the thing, or a part of it (end exclusive). `gzip`: say that gzip is welcome.
    ///
    /// # Errors
    /// [`FetchError`]; errors while reading come from the body.
    async fn open(&self, url: &Url, range: Option<Range<u64>>, gzip: bool) -> Result<Resource, FetchError>;
}

/// Files and HTTP, by the URL's scheme.
#[derive(Debug)]
pub struct Standard {
    files: Files,
    http: Http,
}

impl Standard {
    /// `timeout` bounds one request, from its start to its last byte.
    ///
    /// # Errors
    /// When no HTTP client can be made on this machine.
    pub fn new(timeout: Duration) -> Result<Self, FetchError> {
        Ok(Self { files: Files, http: Http::new(timeout)? })
    }
}

#[async_trait::async_trait]
impl Fetch for Standard {
    async fn open(&self, url: &Url, range: Option<Range<u64>>, gzip: bool) -> Result<Resource, FetchError> {
        match url.scheme() {
            "file" => self.files.open(url, range, gzip).await,
            "http" | "https" => self.http.open(url, range, gzip).await,
            other => Err(FetchError::Scheme(other.to_owned())),
        }
    }
}

/// Resolves `uri` against the playlist that names it (RFC 3986, 5). A playlist from the network never names a file.
pub(crate) fn resolve(base: &Url, uri: &str) -> Result<Url, FetchError> {
    let url = base.join(uri.trim()).map_err(|error| FetchError::Unreachable(format!("the URI is not one: {error}")))?;
    match (base.scheme(), url.scheme()) {
        (_, "http" | "https") | ("file", "file") => Ok(url),
        (_, other) => Err(FetchError::Scheme(other.to_owned())),
    }
}

/// Reads a small thing whole.
pub(crate) async fn read(resource: Resource, max: u64) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let mut body = resource.body;
    while let Some(chunk) = body.try_next().await? {
        if bytes.len() as u64 + chunk.len() as u64 > max {
            return Err(FetchError::TooLarge(max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Skips and cuts a whole body to a range, for servers that ignore ranges.
fn cut(
    body: BoxStream<'static, Result<Bytes, FetchError>>,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, FetchError>> {
    let mut at = 0u64;
    body.map_ok(move |chunk| {
        let length = chunk.len() as u64;
        let start = range.start.saturating_sub(at).min(length) as usize;
        let end = range.end.saturating_sub(at).min(length) as usize;
        at += length;
        chunk.slice(start..end.max(start))
    })
    .boxed()
}
