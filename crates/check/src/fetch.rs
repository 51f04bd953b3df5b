//! Reads resources: one interface for files and HTTP.

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

/// A response, before its body is read.
pub struct Resource {
    /// Final URL after redirects.
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
        f.debug_struct("Resource")
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// A resource could not be read. No variant contains a URL, because it may contain a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The resource does not exist.
    #[error("it does not exist")]
    NotFound,
    /// The server responded with an error status.
    #[error("the server responded with {0}")]
    Status(u16),
    /// There was no response, or it was late or cut off.
    #[error("{0}")]
    Unreachable(String),
    /// The resource has more bytes than allowed.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// A playlist may not refer to this kind of location.
    #[error("`{0}:` URIs are not followed from here")]
    Scheme(String),
    /// The range is outside the file.
    #[error("the byte range ends at {wanted}, beyond the end of the file")]
    Range {
        /// End of the range, bytes.
        wanted: u64,
    },
}

/// A way to read resources. Implementations limit the time; callers limit the bytes.
#[async_trait::async_trait]
pub trait Fetch: Send + Sync {
    /// Opens a resource, or a part of it (end exclusive). `gzip`: accept gzip encoding.
    ///
    /// # Errors
    /// [`FetchError`]; errors while reading come from the body.
    async fn open(
        &self,
        url: &Url,
        range: Option<Range<u64>>,
        gzip: bool,
    ) -> Result<Resource, FetchError>;
}

/// Files and HTTP, by the URL's scheme.
#[derive(Debug)]
pub struct Standard {
    files: Files,
    http: Http,
}

impl Standard {
    /// `timeout` limits one request, from its start to its last byte.
    ///
    /// # Errors
    /// If the HTTP client cannot be created on this machine.
    pub fn new(timeout: Duration) -> Result<Self, FetchError> {
        Ok(Self {
            files: Files,
            http: Http::new(timeout)?,
        })
    }
}

#[async_trait::async_trait]
impl Fetch for Standard {
    async fn open(
        &self,
        url: &Url,
        range: Option<Range<u64>>,
        gzip: bool,
    ) -> Result<Resource, FetchError> {
        match url.scheme() {
            "file" => self.files.open(url, range, gzip).await,
            "http" | "https" => self.http.open(url, range, gzip).await,
            other => Err(FetchError::Scheme(other.to_owned())),
        }
    }
}

/// Resolves `uri` against its playlist's URL (RFC 3986, 5). A playlist from the network cannot
/// refer to a file.
pub(crate) fn resolve(base: &Url, uri: &str) -> Result<Url, FetchError> {
    let url = base
        .join(uri.trim())
        .map_err(|error| FetchError::Unreachable(format!("the URI is invalid: {error}")))?;
    match (base.scheme(), url.scheme()) {
        (_, "http" | "https") | ("file", "file") => Ok(url),
        (_, other) => Err(FetchError::Scheme(other.to_owned())),
    }
}

/// Reads a small resource completely.
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

/// Cuts a whole body to a range, for servers that ignore ranges.
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
