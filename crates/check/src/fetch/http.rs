//! Resources over HTTP.

use std::ops::Range;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, RANGE};
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::{Fetch, FetchError, Resource, cut};

/// Reads `http:` and `https:` URLs.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
}

impl Http {
    /// `timeout` limits one request, from its start to its last byte.
    ///
    /// # Errors
    /// If the HTTP client cannot be created on this machine.
    pub fn new(timeout: Duration) -> Result<Self, FetchError> {
        let client = Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .user_agent(concat!("edgereel-check/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failure(&error))?;
        Ok(Self { client })
    }
}

#[async_trait::async_trait]
impl Fetch for Http {
    async fn open(
        &self,
        url: &Url,
        range: Option<Range<u64>>,
        gzip: bool,
    ) -> Result<Resource, FetchError> {
        let mut request = self.client.get(url.clone());
        // Segments are compared by size, so they must arrive as they are stored.
        request = request.header(ACCEPT_ENCODING, if gzip { "gzip" } else { "identity" });
        if let Some(range) = &range {
            if range.is_empty() {
                return Err(FetchError::Range { wanted: range.end });
            }
            request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        }
        let response = request.send().await.map_err(|error| failure(&error))?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FetchError::NotFound),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                return Err(FetchError::Range {
                    wanted: range.map_or(0, |it| it.end),
                });
            }
            status if !status.is_success() => return Err(FetchError::Status(status.as_u16())),
            _ => {}
        }
        let header = |name: HeaderName| {
            response
                .headers()
                .get(name)?
                .to_str()
                .ok()
                .map(str::to_owned)
        };
        let (content_type, content_encoding) = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
        let (final_url, whole) = (
            response.url().clone(),
            response.status() != StatusCode::PARTIAL_CONTENT,
        );
        let body = body(response);
        let body = match range {
            Some(range) if whole => cut(body, range),
            _ => body,
        };
        Ok(Resource {
            url: final_url,
            content_type,
            content_encoding,
            body,
        })
    }
}

fn body(
    response: Response,
) -> futures::stream::BoxStream<'static, Result<bytes::Bytes, FetchError>> {
    response
        .bytes_stream()
        .map_err(|error| failure(&error))
        .boxed()
}

/// Describes an error without the URL.
fn failure(error: &reqwest::Error) -> FetchError {
    let text = if error.is_timeout() {
        "the server did not respond in time"
    } else if error.is_connect() {
        "the server cannot be reached"
    } else if error.is_redirect() {
        "the server redirects in circles"
    } else {
        "the connection was closed early"
    };
    FetchError::Unreachable(text.to_owned())
}
