//! Imports of a source from a URL that a user supplied.
//!
//! Every address is checked before a connection, redirects are followed one by one and checked
//! again, and all responses are bounded in time and size. URLs may carry credentials: errors and
//! logs contain none.

use std::time::Duration;

use domain::failure::SourceProblem;
use platform::net::{Guard, Policy, UrlRejected};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LOCATION, RANGE, USER_AGENT,
};
use reqwest::{Response, StatusCode};
use url::Url;

use crate::error::TranscodeError;

pub(crate) mod transfer;

/// The default policy for imports: `http` and `https` on the public internet.
pub(crate) const DEFAULT_POLICY: Policy = Policy {
    allow_private: false,
    allow_http: true,
};

/// The minimum pace of a file. Every step has a time limit, and so has their sum: a server that
/// sends a byte now and then never misses the limit of a single step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Time from the head of a response to the bytes that identify the file type.
    pub first_bytes: Duration,
    /// Minimum bytes per second, averaged over a part, but over no less than
    /// [`window`](Self::window).
    pub least_rate: u64,
    /// The shortest time limit of a part.
    pub window: Duration,
    /// Time limit for the whole file, all attempts together.
    pub total: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let (first_bytes, window) = (Duration::from_secs(20), Duration::from_secs(2 * 60));
        Self {
            first_bytes,
            least_rate: 64 << 10,
            window,
            total: Duration::from_secs(12 * 3600),
        }
    }
}

impl Pace {
    /// The time limit of a part of `bytes` bytes.
    pub(crate) fn of_part(&self, bytes: usize) -> Duration {
        self.window
            .max(Duration::from_secs(bytes as u64 / self.least_rate.max(1)))
    }
}

/// Time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time from a request to the head of its response.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A body without any byte for this long is a lost connection.
const STALL: Duration = Duration::from_secs(30);
/// Maximum number of redirects.
const REDIRECTS: usize = 5;

/// The HTTP client for imports.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    client: reqwest::Client,
    guard: Guard,
}

/// A response with a file, or the rest of it.
#[derive(Debug)]
pub(crate) struct FetchResponse {
    /// Offset of its first byte in the file.
    pub(crate) start: u64,
    /// Size of the whole file in bytes, if the server reports it.
    pub(crate) size: Option<u64>,
    /// ETag of the whole file, if it is a strong one; with its quotes, as it has to be sent back.
    pub(crate) etag: Option<String>,
    response: Response,
}

/// A conditional request for the rest of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Offset of the first byte.
    pub(crate) start: u64,
    /// Required ETag of the file.
    pub(crate) etag: String,
}

impl Fetcher {
    /// A client that connects to addresses that `policy` allows.
    pub(crate) fn new(policy: Policy) -> Result<Self, TranscodeError> {
        let guard = Guard::new(policy);
        let client = guard
            .client()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(STALL)
            .build();
        Ok(Self {
            client: client.map_err(|it| failed(&it.without_url()))?,
            guard,
        })
    }

    /// Requests a file, or the rest of it. A server that does not support ranges, or that has
    /// another version of the file, sends all of it: see [`FetchResponse::start`].
    pub(crate) async fn open(
        &self,
        url: &Url,
        rest: Option<&Rest>,
    ) -> Result<FetchResponse, TranscodeError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS {
            self.guard.check(&url).map_err(|it| refused(&it))?;
            let response = self.ask(&url, rest).await?;
            let status = response.status();
            match status {
                StatusCode::OK => return Ok(FetchResponse::whole(response)),
                StatusCode::PARTIAL_CONTENT => return FetchResponse::part(response, rest),
                // The file is shorter than the received part: it has changed.
                StatusCode::RANGE_NOT_SATISFIABLE if rest.is_some() => {
                    return Box::pin(self.open(&url, None)).await;
                }
                _ if status.is_redirection() && response.headers().contains_key(LOCATION) => {
                    url = next_hop(&url, response.headers())?;
                }
                StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_EARLY
                | StatusCode::TOO_MANY_REQUESTS => {
                    return Err(TranscodeError::Fetch {
                        reason: format!("the server responds with status {status}"),
                    });
                }
                _ if status.is_server_error() => {
                    return Err(TranscodeError::Fetch {
                        reason: format!("the server responds with status {status}"),
                    });
                }
                _ => {
                    return Err(SourceProblem::FetchRefused {
                        status: status.as_u16(),
                    }
                    .into());
                }
            }
        }
        Err(SourceProblem::FetchRefused {
            status: StatusCode::FOUND.as_u16(),
        }
        .into())
    }

    async fn ask(&self, url: &Url, rest: Option<&Rest>) -> Result<Response, TranscodeError> {
        let mut request = self
            .client
            .get(url.clone())
            .header(
                USER_AGENT,
                concat!("Edgereel-Import/", env!("CARGO_PKG_VERSION")),
            )
            // Ranges and sizes of a compressed body would not be those of the file.
            .header(ACCEPT_ENCODING, "identity");
        if let Some(Rest { start, etag }) = rest {
            request = request
                .header(RANGE, format!("bytes={start}-"))
                .header(IF_RANGE, etag);
        }
        match tokio::time::timeout(ANSWER_TIMEOUT, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(match Guard::refusal(&error) {
                Some(refusal) => self::refused(refusal),
                None => failed(&error.without_url()),
            }),
            Err(_) => Err(TranscodeError::Fetch {
                reason: "the server does not respond".to_owned(),
            }),
        }
    }
}

impl FetchResponse {
    fn whole(response: Response) -> Self {
        let size = response.content_length();
        Self {
            start: 0,
            size,
            etag: strong_etag(response.headers()),
            response,
        }
    }

    /// Checks that the response is the requested part.
    fn part(response: Response, rest: Option<&Rest>) -> Result<Self, TranscodeError> {
        let range = response
            .headers()
            .get(CONTENT_RANGE)
            .and_then(|it| it.to_str().ok())
            .and_then(content_range);
        let etag = strong_etag(response.headers());
        match (range, rest) {
            (Some((start, size)), Some(rest))
                if start == rest.start && etag.as_ref() == Some(&rest.etag) =>
            {
                Ok(Self {
                    start,
                    size,
                    etag,
                    response,
                })
            }
            _ => Err(TranscodeError::Fetch {
                reason: "the server sends another part than was asked for".to_owned(),
            }),
        }
    }

    /// The next bytes; `None` at the end. A connection that closes early is an error, if the server
    /// declared the length.
    pub(crate) async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, TranscodeError> {
        self.response
            .chunk()
            .await
            .map_err(|it| failed(&it.without_url()))
    }
}

/// The target of a redirect. An invalid URL is an error.
fn next_hop(url: &Url, headers: &HeaderMap) -> Result<Url, TranscodeError> {
    let location = headers.get(LOCATION).and_then(|it| it.to_str().ok());
    let next = location.and_then(|it| url.join(it).ok());
    Ok(next.ok_or(SourceProblem::FetchRefused {
        status: StatusCode::FOUND.as_u16(),
    })?)
}

/// An ETag that identifies every byte (RFC 9110, 8.8.1): only a strong one may join two parts.
fn strong_etag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(ETAG)?.to_str().ok()?.trim();
    let inside = tag.strip_prefix('"')?.strip_suffix('"')?;
    (!inside.is_empty() && !inside.contains('"')).then(|| tag.to_owned())
}

/// Parses `bytes 5-9/10`: the start of the part, and the size of the whole (RFC 9110, 14.4).
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
    let size = if size == "*" {
        None
    } else {
        Some(size.parse().ok()?)
    };
    // Only the complete rest is useful.
    (start <= end && size.is_none_or(|it| end.checked_add(1) == Some(it))).then_some((start, size))
}

fn refused(refusal: &UrlRejected) -> TranscodeError {
    match refusal {
        UrlRejected::NoAddress(_) => TranscodeError::Fetch {
            reason: refusal.to_string(),
        },
        UrlRejected::Scheme(_)
        | UrlRejected::NotHttps
        | UrlRejected::Userinfo
        | UrlRejected::NoHost
        | UrlRejected::Private { .. } => SourceProblem::AddressNotAllowed.into(),
    }
}

/// The innermost cause describes the error best.
fn failed(error: &reqwest::Error) -> TranscodeError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    TranscodeError::Fetch {
        reason: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn only_strong_tags_join_halves() {
        let tag = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ETAG, HeaderValue::from_str(text).unwrap());
            strong_etag(&headers)
        };
        assert_eq!(tag("\"abc\"").as_deref(), Some("\"abc\""));
        for weak in ["W/\"abc\"", "abc", "\"\"", "\"", "\"a\"b\"", ""] {
            assert_eq!(tag(weak), None, "{weak}");
        }
    }

    #[test]
    fn the_rest_is_all_of_the_rest() {
        for (text, expected) in [
            ("bytes 5-9/10", Some((5, Some(10)))),
            ("bytes 5-9/*", Some((5, None))),
            ("bytes 5-8/10", None),
            ("bytes 9-5/10", None),
            ("bytes */10", None),
            ("items 5-9/10", None),
            ("bytes 5-18446744073709551615/10", None),
            ("", None),
        ] {
            assert_eq!(content_range(text), expected, "{text}");
        }
    }

    #[test]
    fn redirects_lead_somewhere_or_nowhere() {
        let from: Url = "https://files.example/a/b?c=d".parse().unwrap();
        let to = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_str(text).unwrap());
            next_hop(&from, &headers).ok().map(String::from)
        };
        assert_eq!(to("../e").as_deref(), Some("https://files.example/e"));
        assert_eq!(
            to("//other.example/f").as_deref(),
            Some("https://other.example/f")
        );
        // The guard checks it before the transcoder connects.
        assert_eq!(
            to("file:///etc/passwd").as_deref(),
            Some("file:///etc/passwd")
        );
        assert_eq!(to("https://"), None);
    }
}
