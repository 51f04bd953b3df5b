//! `Idempotency-Key`: a POST that comes again is answered again, not done again.
//!
//! The key is the client's, 1 to 255 visible characters, and counts for the one caller. The first
//! request with it is executed; for a day, repeats of it get the same status, body and headers, with
//! `Idempotency-Replayed: true`. Refusals are answers too: a request that was corrected is another
//! one, and wants another key. What failed on our side (5xx) is not kept, so that it can be tried
//! again; nor is what was refused before it got here (401, 403 for a scope, 429).
//!
//! What is kept may open something: presigned requests, the secret of a new API key. So it is sealed
//! with a key that stands nowhere beside it (see [`seal`]).

mod error;
mod seal;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64ct::{Base64, Encoding as _};
use domain::ids::hex;
use futures::FutureExt as _;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{Request as HttpRequest, StatusCode};
use platform::idempotency::{Begun, KeyedRequest, SharedIdempotency, Ticket};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use crate::auth::{ApiToken, Caller};
use crate::error::ApiError;
use crate::problem::Problem;
use crate::times::now_ms;
use error::IdempotencyConflict;
use seal::Seal;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key, characters.
const KEY_LIMIT: usize = 255;
/// Most bytes of a body that comes with a key: as many as any POST takes.
const BODY_LIMIT: usize = 2 << 20;
/// Whoever executes a request and says nothing for so long is taken for crashed. One that does take
/// longer may be executed again, which every route has to bear anyway.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long answers are kept.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// The headers of an answer that belong to it; others are made anew.
const KEPT_HEADERS: [HeaderName; 3] = [CONTENT_TYPE, LOCATION, RETRY_AFTER];

/// What sees to it.
pub(crate) struct Once {
    keeper: SharedIdempotency,
    seal: Seal,
}

impl Once {
    pub(crate) fn new(keeper: SharedIdempotency, token: &ApiToken) -> Self {
        Self { keeper, seal: Seal::new(token) }
    }
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    /// Base64.
    body: String,
}

/// Executes a request once, if it has a key.
pub(crate) async fn once(
    State(once): State<Arc<Once>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(key) = key_of(request.headers())? else { return Ok(next.run(request).await) };
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        let detail = format!("the body of a request with `Idempotency-Key` is limited to {BODY_LIMIT} bytes");
        ApiError::new(Problem::BodyTooLarge, detail)
    })?;
    let keyed = KeyedRequest {
        id: id_of(&caller, &key),
        fingerprint: fingerprint_of(&parts, &body),
        patience: PATIENCE,
        life: LIFE,
    };
    let request = HttpRequest::from_parts(parts, Body::from(body));
    // As a task of its own: a client that hangs up, and comes again, is what this is for.
    let run = tokio::spawn(once.run(keyed, request, next).in_current_span());
    run.await.unwrap_or_else(|error| Err(ApiError::internal(error)))
}

impl Once {
    async fn run(self: Arc<Self>, keyed: KeyedRequest, request: Request, next: Next) -> Result<Response, ApiError> {
        match self.keeper.begin(&keyed, now_ms()).await? {
            Begun::First(ticket) => self.execute(&ticket, request, next).await,
            Begun::Running { .. } => Err(IdempotencyConflict::InProgress.into()),
            Begun::Answered(sealed) => self.replay(&keyed, &sealed),
            Begun::Another => Err(IdempotencyConflict::KeyReused.into()),
        }
    }

    async fn execute(&self, ticket: &Ticket, request: Request, next: Next) -> Result<Response, ApiError> {
        let response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) if !response.status().is_server_error() => response,
            Ok(response) => {
                self.give_back(ticket).await;
                return Ok(response);
            }
            Err(_) => {
                self.give_back(ticket).await;
                return Err(ApiError::internal(anyhow::anyhow!("the handler panicked")));
            }
        };
        let (parts, body) = response.into_parts();
        // Answers to a POST are documents that stand in memory already.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let kept = Kept {
            status: parts.status.as_u16(),
            headers: kept_headers(&parts.headers),
            body: Base64::encode_string(&body),
        };
        match self.keep(ticket, &kept).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!("a request exceeded its lock timeout and was executed again"),
            // It was done, and its client learns that; only a repeat would do it again.
            Err(error) => tracing::warn!("cannot store the response for an idempotency key: {error:#}"),
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn keep(&self, ticket: &Ticket, kept: &Kept) -> anyhow::Result<bool> {
        let sealed = self.seal.close(&ticket.id, &serde_json::to_vec(kept)?)?;
        Ok(self.keeper.finish(ticket, &sealed).await?)
    }

    /// If that fails too, the next who asks waits as after a crash.
    async fn give_back(&self, ticket: &Ticket) {
        if let Err(error) = self.keeper.give_back(ticket).await {
            tracing::warn!("cannot release an idempotency key: {:#}", anyhow::Error::from(error));
        }
    }

    fn replay(&self, keyed: &KeyedRequest, sealed: &str) -> Result<Response, ApiError> {
        let opened = self.seal.open(&keyed.id, sealed).ok_or(IdempotencyConflict::ResponseLost)?;
        let kept: Kept = serde_json::from_slice(&opened).map_err(ApiError::internal)?;
        let body =
            Base64::decode_vec(&kept.body).map_err(|it| ApiError::internal(anyhow::anyhow!("stored body: {it}")))?;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(kept.status).map_err(ApiError::internal)?;
        for (name, value) in kept.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &HeaderName| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned()));
    KEPT_HEADERS.iter().filter_map(text).collect()
}

/// The key of a request, if it has one.
fn key_of(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(KEY).iter();
    let (Some(first), second) = (values.next(), values.next()) else { return Ok(None) };
    let visible = first.as_bytes().iter().all(u8::is_ascii_graphic);
    match first.to_str() {
        Ok(key) if second.is_none() && visible && (1..=KEY_LIMIT).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::malformed(format!(
            "`Idempotency-Key` is one value of 1 to {KEY_LIMIT} visible ASCII characters"
        ))),
    }
}

/// Of caller and key: what callers choose is kept nowhere.
fn id_of(caller: &Caller, key: &str) -> String {
    digest(&[caller.subject.as_bytes(), caller.owner.as_deref().unwrap_or_default().as_bytes(), key.as_bytes()])
}

/// Of all that makes it the same request.
fn fingerprint_of(parts: &Parts, body: &Bytes) -> String {
    let target = parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |it| &it.0);
    let query = target.query().unwrap_or_default();
    digest(&[parts.method.as_str().as_bytes(), target.path().as_bytes(), query.as_bytes(), body])
}

/// The parts with their lengths, so that no two different lists run together.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, ApiError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY, HeaderValue::from_bytes(value).unwrap());
        }
        key_of(&headers)
    }

    #[test]
    fn keys_are_visible_and_not_long() {
        assert_eq!(read(&[]).unwrap(), None);
        let longest = [b'~'; 255];
        for good in [&b"0a1b"[..], b"!", &longest] {
            assert_eq!(read(&[good]).unwrap().unwrap().as_bytes(), good);
        }
        let too_long = [b'~'; 256];
        for bad in [&[&b""[..]][..], &[b"a b"], &[b"a\t"], &["é".as_bytes()], &[b"\xff"], &[&too_long], &[b"a", b"a"]]
        {
            assert_eq!(read(bad).unwrap_err().problem(), Problem::MalformedRequest, "{bad:?}");
        }
    }

    #[test]
    fn nobody_has_the_keys_of_another() {
        let caller = |subject: &str, owner: Option<&str>| Caller {
            subject: subject.to_owned(),
            owner: owner.map(str::to_owned),
            scopes: crate::auth::Scopes::of_an_owner(),
        };
        let ann = caller("user:ann", Some("acme"));
        let mut ids = vec![
            id_of(&ann, "key"),
            id_of(&ann, "key2"),
            id_of(&caller("user:bob", Some("acme")), "key"),
            id_of(&caller("user:ann", Some("other")), "key"),
            id_of(&caller("user:annacme", None), "key"),
        ];
        assert_eq!(ids[0], id_of(&ann, "key"));
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 5);
    }
}
