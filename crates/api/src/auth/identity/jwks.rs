//! Cache of the published keys of an identity provider.
//!
//! A request waits for a fetch only if the key of its token is unknown. Cached keys are used while newer ones are
//! fetched, and while the provider cannot be reached: tokens expire on their own. Each response of the provider
//! replaces all keys, so a withdrawn key is removed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::ACCEPT;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::OwnedMutexGuard;
use url::Url;

use super::fetch::{self, FetchProblem};
use config::is_loopback;

/// Maximum number of keys.
const KEYS_LIMIT: usize = 100;

/// The keys of one JWKS URL.
pub(super) struct Jwks {
    url: Url,
    http: reqwest::Client,
    max_age: Duration,
    pause: Duration,
    cached: Mutex<CachedKeys>,
    /// Held during a fetch. Contains the start time of the last fetch.
    turn: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

/// The cached keys.
#[derive(Clone, Default)]
struct CachedKeys {
    keys: Arc<[PublishedKey]>,
    /// When they were fetched; `None`: never.
    fetched: Option<Instant>,
    last_fetch_failed: bool,
}

/// A verification key and its algorithm.
struct PublishedKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Why no key was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FindProblem {
    /// The provider has no key with that id.
    Unknown,
    /// The provider cannot be reached.
    Unavailable,
}

impl Jwks {
    /// Keys that are published at `url`; the first token triggers the first fetch.
    pub(super) fn new(
        url: &Url,
        max_age: Duration,
        pause: Duration,
    ) -> Result<Self, reqwest::Error> {
        let http = fetch::client(is_loopback(url))?;
        let (cached, turn) = (Mutex::default(), Arc::default());
        Ok(Self {
            url: url.clone(),
            http,
            max_age,
            pause,
            cached,
            turn,
        })
    }

    /// Finds a key by id and algorithm.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey, FindProblem> {
        let cached = self.cached();
        if let Some(key) = pick(&cached.keys, id, algorithm) {
            if cached.fetched.is_none_or(|it| it.elapsed() >= self.max_age)
                && let Ok(turn) = self.turn.clone().try_lock_owned()
            {
                tokio::spawn(self.clone().fetch_in_turn(turn));
            }
            return Ok(key);
        }
        self.refetch(cached.fetched).await;
        let cached = self.cached();
        pick(&cached.keys, id, algorithm).ok_or(
            if cached.last_fetch_failed || cached.fetched.is_none() {
                FindProblem::Unavailable
            } else {
                FindProblem::Unknown
            },
        )
    }

    /// Fetches again, unless another task just did. `seen`: the version of the keys that did not match.
    async fn refetch(self: &Arc<Self>, seen: Option<Instant>) {
        let turn = self.turn.clone().lock_owned().await;
        if self.cached().fetched == seen {
            // A separate task: a disconnecting client must not cancel the fetch for the others.
            let _ = tokio::spawn(self.clone().fetch_in_turn(turn)).await;
        }
    }

    async fn fetch_in_turn(self: Arc<Self>, mut turn: OwnedMutexGuard<Option<Instant>>) {
        // Limited, because anyone can send tokens with made-up key ids.
        if turn.is_some_and(|it| it.elapsed() < self.pause) {
            return;
        }
        *turn = Some(Instant::now());
        let fetched = self.fetch().await;
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.last_fetch_failed = fetched.is_err();
        match fetched {
            Ok(keys) => {
                tracing::debug!(
                    keys = keys.len(),
                    "fetched the keys of the identity provider"
                );
                cached.keys = keys.into();
                cached.fetched = Some(Instant::now());
            }
            Err(problem) => {
                let problem = anyhow::Error::from(problem);
                tracing::warn!(
                    "cannot fetch the keys of the identity provider from {}: {problem:#}",
                    self.url
                );
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<PublishedKey>, FetchProblem> {
        let request = self
            .http
            .get(self.url.clone())
            .header(ACCEPT, "application/jwk-set+json, application/json");
        read(&fetch::document(request).await?)
    }

    fn cached(&self) -> CachedKeys {
        self.cached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The key with that id. A token without an id uses the only key there is.
fn pick(keys: &[PublishedKey], id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    let mut fitting = keys
        .iter()
        .filter(|it| it.algorithm == algorithm && (id.is_none() || it.id.as_deref() == id));
    let first = fitting.next()?;
    (id.is_some() || fitting.next().is_none()).then(|| first.key.clone())
}

/// The verification keys of a JWKS document; all other keys are ignored.
fn read(document: &[u8]) -> Result<Vec<PublishedKey>, FetchProblem> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<serde_json::Value>,
    }
    let document: Document = serde_json::from_slice(document)?;
    Ok(document
        .keys
        .into_iter()
        .take(KEYS_LIMIT)
        .filter_map(PublishedKey::read)
        .collect())
}

impl PublishedKey {
    fn read(value: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        // The key type decides the algorithm; a published symmetric key is ignored.
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            _ => return None,
        };
        let common = &jwk.common;
        let other_algorithm = common
            .key_algorithm
            .is_some_and(|it| it != algorithm.into());
        let other_use = common
            .public_key_use
            .as_ref()
            .is_some_and(|it| *it != PublicKeyUse::Signature);
        let verifies_not = common
            .key_operations
            .as_ref()
            .is_some_and(|it| !it.contains(&KeyOperations::Verify));
        if other_algorithm || other_use || verifies_not {
            return None;
        }
        Some(Self {
            id: common.key_id.clone(),
            algorithm,
            key: DecodingKey::from_jwk(&jwk).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rsa(more: Value) -> Value {
        let mut key = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "one" });
        let Value::Object(more) = more else {
            panic!("a key is an object")
        };
        key.as_object_mut().unwrap().extend(more);
        key
    }

    fn algorithms(keys: &Value) -> Vec<(Option<String>, Algorithm)> {
        let document = json!({ "keys": keys, "more": 1 });
        let keys = read(document.to_string().as_bytes()).unwrap();
        keys.into_iter().map(|it| (it.id, it.algorithm)).collect()
    }

    #[test]
    fn only_keys_that_verify_are_kept() {
        let one = Some("one".to_owned());
        let p256 = json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB", "alg": "ES256" });
        let kept = json!([
            rsa(json!({})),
            rsa(json!({ "use": "sig", "alg": "RS256", "key_ops": ["verify"] })),
            p256
        ]);
        let rs256 = (one, Algorithm::RS256);
        assert_eq!(
            algorithms(&kept),
            [rs256.clone(), rs256, (None, Algorithm::ES256)]
        );
        for other in [
            rsa(json!({ "use": "enc" })),
            rsa(json!({ "alg": "RS512" })),
            rsa(json!({ "alg": "HS256" })),
            rsa(json!({ "alg": "RSA-OAEP" })),
            rsa(json!({ "key_ops": ["sign"] })),
            rsa(json!({ "n": "no base64!" })),
            json!({ "kty": "EC", "crv": "P-384", "x": "AQAB", "y": "AQAB" }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "AQAB" }),
            json!({ "kty": "oct", "k": "AQAB" }),
            json!({ "kty": "of tomorrow" }),
            json!("RSA"),
        ] {
            assert_eq!(algorithms(&json!([other])), [], "{other}");
        }
        assert!(read(b"<html>").is_err() && read(b"{}").is_err() && read(b"[]").is_err());
        assert_eq!(
            algorithms(&json!(vec![rsa(json!({})); 101])).len(),
            KEYS_LIMIT
        );
    }

    #[test]
    fn a_token_without_a_key_id_has_the_only_key() {
        let keys = |value: Value| read(json!({ "keys": value }).to_string().as_bytes()).unwrap();
        let one = keys(json!([rsa(json!({}))]));
        assert!(pick(&one, None, Algorithm::RS256).is_some());
        assert!(pick(&one, Some("one"), Algorithm::RS256).is_some());
        assert!(pick(&one, Some("two"), Algorithm::RS256).is_none());
        assert!(pick(&one, Some("one"), Algorithm::ES256).is_none());
        let two = keys(json!([rsa(json!({})), rsa(json!({ "kid": "two" }))]));
        assert!(pick(&two, None, Algorithm::RS256).is_none());
        assert!(pick(&two, Some("two"), Algorithm::RS256).is_some());
    }
}
