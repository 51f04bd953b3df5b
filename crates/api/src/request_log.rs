//! One span, one log event and one request id per HTTP request.
//!
//! The span `request` has the fields `method`, `route` (the template, not the path), `request_id`, `caller`, `status`
//! and `duration_ms`. Every log event of a handler is inside it. A client may send the id as `x-request-id`; otherwise
//! the API generates one. The response repeats it in the same header, and a problem document has it as `request_id`.
//!
//! A client may also send a trace context (`traceparent`, W3C Trace Context). The span continues that trace, and has its
//! ids as `trace_id` and `span_id`; so do the jobs that the request causes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::ids::hex;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
};
use http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use traces::Incoming;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::error::PROBLEM_JSON;
use crate::metrics::Metrics;

/// The header of the request id, in requests and responses.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is accepted from a client.
const ID_LIMIT: usize = 128;
/// Largest problem document.
const PROBLEM_LIMIT: usize = 64 << 10;
/// A request that takes longer is logged as a warning.
const SLOW: Duration = Duration::from_secs(2);

/// Records the caller in the span of the request.
pub(crate) fn record_caller(caller: &str) {
    Span::current().record("caller", caller);
}

/// Runs a request inside its span, counts it, logs its outcome, and sets the headers that every response has.
///
/// Queries are never logged, because they may contain secrets. Responses are kept out of caches, because they change
/// and contain presigned URLs.
pub(crate) async fn observe(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", |matched| matched.as_str())
        .to_owned();
    let path = loggable_path(request.uri().path());
    let id = request_id(request.headers());
    let span = tracing::info_span!(
        "request",
        %method,
        route,
        request_id = id,
        caller = Empty,
        status = Empty,
        duration_ms = Empty,
        trace_id = Empty,
        span_id = Empty
    );
    let context = traces::begin(&span, Incoming::of(request.headers()).as_ref());
    let started = Instant::now();
    let handler = traces::within(context, next.run(request));
    let response = handler.instrument(span.clone()).await;
    let mut response = with_request_id(response, &id).await;
    set_security_headers(response.headers_mut());
    let (status, took) = (response.status().as_u16(), started.elapsed());
    metrics.count(&method, &response, took);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    span.record("status", status)
        .record("duration_ms", duration_ms);
    span.in_scope(|| {
        if took >= SLOW {
            tracing::warn!(path, "slow request");
        } else {
            tracing::debug!(path, "request completed");
        }
    });
    response
}

/// The id that the client sent, if it is valid, or a new one. Ids go into logs, so only plain characters are accepted.
fn request_id(headers: &HeaderMap) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
    let sent = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    match sent {
        Some(id) if (1..=ID_LIMIT).contains(&id.len()) && id.bytes().all(is_plain) => id.to_owned(),
        _ => new_request_id(),
    }
}

fn new_request_id() -> String {
    let mut random = [0; 16];
    match getrandom::fill(&mut random) {
        Ok(()) => hex(&random),
        // The id serves logs only: without randomness the request still runs.
        Err(_) => "unknown".to_owned(),
    }
}

/// Adds the id to the headers, and to the body of a problem document.
async fn with_request_id(response: Response, id: &str) -> Response {
    let (mut parts, mut body) = response.into_parts();
    if let Ok(value) = HeaderValue::from_str(id) {
        parts.headers.insert(REQUEST_ID, value);
    }
    if parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM_JSON)
    {
        let bytes = to_bytes(body, PROBLEM_LIMIT).await.unwrap_or_default();
        body = match serde_json::from_slice::<Map<String, Value>>(&bytes) {
            Ok(mut document) => {
                document.insert("request_id".to_owned(), id.into());
                parts.headers.remove(CONTENT_LENGTH);
                Body::from(Value::Object(document).to_string())
            }
            Err(_) => Body::from(bytes),
        };
    }
    Response::from_parts(parts, body)
}

fn set_security_headers(headers: &mut HeaderMap) {
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // No other site may show a page of ours in a frame, or see one of our URLs as referrer: it may contain a
    // permission.
    // The pages of the web app have a policy of their own, and some of them are made for frames.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("frame-ancestors 'none'"),
        );
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers
        .entry(REFERRER_POLICY)
        .or_insert(HeaderValue::from_static("no-referrer"));
}

/// First segments of paths whose other segments may be logged.
const PLAIN: [&str; 7] = [
    "",
    "docs",
    "healthz",
    "metrics",
    "openapi.json",
    "readyz",
    "v1",
];
/// Longest segment that is logged: longer than ids, shorter than secrets.
const LONGEST_SHOWN: usize = 40;

/// A path without secrets. Some paths contain them (`/shared/...`, `/u/...`), and so may any path that matches no
/// route: a pass after two slashes, a key in the wrong place.
fn loggable_path(path: &str) -> String {
    let mut segments = path.trim_start_matches('/').split('/');
    let first = segments.next().unwrap_or_default();
    match first {
        _ if path.starts_with("//") => "/...".to_owned(),
        "shared" | "u" => format!("/{first}/..."),
        _ if !PLAIN.contains(&first) => "/...".to_owned(),
        _ => segments.fold(format!("/{first}"), |shown, segment| {
            let secret = segment.len() > LONGEST_SHOWN || segment.starts_with("er_");
            shown + "/" + if secret { "..." } else { segment }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_logged_without_secrets() {
        let (key, pass) = (format!("er_{}", "a".repeat(64)), "A".repeat(90));
        let video = "vid_018bcfe5680077078707070707070707";
        for (path, expected) in [
            (
                format!("/v1/videos/{video}/shares"),
                format!("/v1/videos/{video}/shares"),
            ),
            ("/healthz".to_owned(), "/healthz".to_owned()),
            ("/".to_owned(), "/".to_owned()),
            (
                format!("/shared/{pass}/master.m3u8"),
                "/shared/...".to_owned(),
            ),
            (format!("/u/{key}/videos"), "/u/...".to_owned()),
            (format!("/u/{key}"), "/u/...".to_owned()),
            (format!("//u/{key}/s3/params"), "/...".to_owned()),
            (format!("//s/{pass}/a.ts"), "/...".to_owned()),
            (format!("/s/{pass}/a.ts"), "/...".to_owned()),
            (format!("/{key}"), "/...".to_owned()),
            (format!("/v1/u/{key}/s3"), "/v1/u/.../s3".to_owned()),
            (format!("/v1/{}", &key[..20]), "/v1/...".to_owned()),
        ] {
            assert_eq!(loggable_path(&path), expected, "{path}");
        }
    }

    #[test]
    fn only_plain_ids_are_accepted_from_clients() {
        let id = |sent: &[u8]| {
            request_id(&HeaderMap::from_iter([(
                REQUEST_ID,
                HeaderValue::from_bytes(sent).unwrap(),
            )]))
        };
        let longest = [b'a'; ID_LIMIT];
        for good in [
            &b"7a4e4d3c-6a3f-4ad3-8a6e-0a6a0f0b9d1e"[..],
            b"Root=1-67891233-abcdef",
            b"x",
            &longest,
        ] {
            assert_eq!(id(good).as_bytes(), good);
        }
        for bad in [
            &b""[..],
            b"two words",
            b"a\"b",
            b"a\tb",
            &[b'a'; ID_LIMIT + 1],
            "\u{e9}".as_bytes(),
        ] {
            let made = id(bad);
            assert!(
                made.len() == 32 && made.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{made}"
            );
        }
        assert_ne!(new_request_id(), new_request_id());
    }
}
