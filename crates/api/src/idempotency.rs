//! `Idempotency-Key`: a repeated POST gets the first response and is not executed again.
//!
//! The client chooses the key, 1 to 255 visible characters; it is scoped to the caller. The first request is executed;
//! for a day, repeated requests get the same status, body and headers, with `Idempotency-Replayed: true`. Client errors
//! are stored too: a corrected request is a different request and needs a new key. Server errors (5xx) are not stored,
//! so the client can retry; nor are lists of events of which some failed in that way, nor rejections before this layer
//! (401, 403 for a scope, 429).
//!
//! Stored responses may contain secrets: presigned requests, or the secret of a new API key. So they are encrypted with
//! a key that is not stored with them (see [`seal`]).

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
use catalog::idempotency::{BeginOutcome, Idempotency, KeyedRequest, Reservation};
use domain::ids::hex;
use futures::FutureExt as _;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{Request as HttpRequest, StatusCode};
use platform::clock;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use crate::auth::{ApiToken, Caller};
use crate::error::ApiError;
use crate::problem::Problem;
use error::IdempotencyConflict;
use seal::Seal;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key in characters.
const KEY_LIMIT: usize = 255;
/// Largest body of a request with a key: as large as any POST may be.
const BODY_LIMIT: usize = 2 << 20;
/// After this time, a running request counts as crashed. A slower request may be executed again, which every route
/// tolerates.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
/// How long responses are stored.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Headers that are stored with a response; the others are set again on replay.
const STORED_HEADERS: [HeaderName; 3] = [CONTENT_TYPE, LOCATION, RETRY_AFTER];

/// Extension of a successful response that is not stored: the client is to repeat a part of the request.
#[derive(Clone)]
pub(crate) struct Unfinished;

/// State of the middleware.
pub(crate) struct IdempotencyLayer {
    store: Idempotency,
    seal: Seal,
}

impl IdempotencyLayer {
    pub(crate) fn new(store: Idempotency, token: &ApiToken) -> Self {
        Self {
            store,
            seal: Seal::new(token),
        }
    }
}

/// A response as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredResponse {
    status: u16,
    headers: Vec<(String, String)>,
    /// Base64.
    body: String,
}

/// Middleware that executes a request with a key only once.
pub(crate) async fn handle(
    State(layer): State<Arc<IdempotencyLayer>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(key) = key_of(request.headers())? else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        let detail = format!(
            "the body of a request with `Idempotency-Key` is limited to {BODY_LIMIT} bytes"
        );
        ApiError::new(Problem::BodyTooLarge, detail)
    })?;
    let keyed = KeyedRequest {
        id: id_of(&caller, &key),
        fingerprint: fingerprint_of(&parts, &body),
        lock_timeout: LOCK_TIMEOUT,
        lifetime: LIFETIME,
    };
    let request = HttpRequest::from_parts(parts, Body::from(body));
    // A separate task, which goes on when the client disconnects.
    let run = traces::within(traces::current(), layer.run(keyed, request, next));
    let run = tokio::spawn(run.in_current_span());
    run.await
        .unwrap_or_else(|error| Err(ApiError::internal(error)))
}

impl IdempotencyLayer {
    async fn run(
        self: Arc<Self>,
        keyed: KeyedRequest,
        request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        match self.store.begin(&keyed, clock::now()).await? {
            BeginOutcome::Reserved(reservation) => self.execute(&reservation, request, next).await,
            BeginOutcome::Running { .. } => Err(IdempotencyConflict::InProgress.into()),
            BeginOutcome::Stored(sealed) => self.replay(&keyed, &sealed),
            BeginOutcome::KeyReused => Err(IdempotencyConflict::KeyReused.into()),
        }
    }

    async fn execute(
        &self,
        reservation: &Reservation,
        request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        let response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) if is_final(&response) => response,
            Ok(response) => {
                self.release(reservation).await;
                return Ok(response);
            }
            Err(_) => {
                self.release(reservation).await;
                return Err(ApiError::internal(anyhow::anyhow!("the handler panicked")));
            }
        };
        let (parts, body) = response.into_parts();
        // Responses to POST requests are small and already in memory.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let stored = StoredResponse {
            status: parts.status.as_u16(),
            headers: stored_headers(&parts.headers),
            body: Base64::encode_string(&body),
        };
        match self.store_response(reservation, &stored).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("a request exceeded its lock timeout and was executed again")
            }
            // The request was executed, and this client gets the response; only a repeat would execute it again.
            Err(error) => {
                tracing::warn!("cannot store the response for an idempotency key: {error:#}")
            }
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn store_response(
        &self,
        reservation: &Reservation,
        stored: &StoredResponse,
    ) -> anyhow::Result<bool> {
        let sealed = self
            .seal
            .close(&reservation.id, &serde_json::to_vec(stored)?)?;
        Ok(self.store.finish(reservation, &sealed).await?)
    }

    /// If this fails, the next request waits for the lock timeout, as after a crash.
    async fn release(&self, reservation: &Reservation) {
        if let Err(error) = self.store.release(reservation).await {
            tracing::warn!(
                "cannot release an idempotency key: {:#}",
                anyhow::Error::from(error)
            );
        }
    }

    fn replay(&self, keyed: &KeyedRequest, sealed: &str) -> Result<Response, ApiError> {
        let opened = self
            .seal
            .open(&keyed.id, sealed)
            .ok_or(IdempotencyConflict::ResponseLost)?;
        let stored: StoredResponse = serde_json::from_slice(&opened).map_err(ApiError::internal)?;
        let body = Base64::decode_vec(&stored.body)
            .map_err(|it| ApiError::internal(anyhow::anyhow!("stored body: {it}")))?;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(stored.status).map_err(ApiError::internal)?;
        for (name, value) in stored.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }
}

fn is_final(response: &Response) -> bool {
    !response.status().is_server_error() && response.extensions().get::<Unfinished>().is_none()
}

fn stored_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &HeaderName| {
        Some((
            name.to_string(),
            headers.get(name)?.to_str().ok()?.to_owned(),
        ))
    };
    STORED_HEADERS.iter().filter_map(text).collect()
}

/// The key of a request, if it has one.
fn key_of(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(KEY).iter();
    let (Some(first), second) = (values.next(), values.next()) else {
        return Ok(None);
    };
    let visible = first.as_bytes().iter().all(u8::is_ascii_graphic);
    match first.to_str() {
        Ok(key) if second.is_none() && visible && (1..=KEY_LIMIT).contains(&key.len()) => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(ApiError::malformed(format!(
            "`Idempotency-Key` is one value of 1 to {KEY_LIMIT} visible ASCII characters"
        ))),
    }
}

/// Hash of caller and key: the key itself is not stored.
fn id_of(caller: &Caller, key: &str) -> String {
    digest(&[
        caller.subject.as_bytes(),
        caller.owner.as_deref().unwrap_or_default().as_bytes(),
        key.as_bytes(),
    ])
}

/// Hash of everything that identifies the request.
fn fingerprint_of(parts: &Parts, body: &Bytes) -> String {
    let target = parts
        .extensions
        .get::<axum::extract::OriginalUri>()
        .map_or(&parts.uri, |it| &it.0);
    let query = target.query().unwrap_or_default();
    digest(&[
        parts.method.as_str().as_bytes(),
        target.path().as_bytes(),
        query.as_bytes(),
        body,
    ])
}

/// Hashes the parts with their lengths, so that different lists have different hashes.
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
        for bad in [
            &[&b""[..]][..],
            &[b"a b"],
            &[b"a\t"],
            &["é".as_bytes()],
            &[b"\xff"],
            &[&too_long],
            &[b"a", b"a"],
        ] {
            assert_eq!(
                read(bad).unwrap_err().problem(),
                Problem::MalformedRequest,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn idempotency_keys_are_scoped_to_the_caller() {
        let caller = |subject: &str, owner: Option<&str>| Caller {
            subject: subject.to_owned(),
            owner: owner.map(str::to_owned),
            scopes: crate::auth::Scopes::owner_default(),
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
