//! Signing keys, tokens and a fake identity provider on loopback.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use http::StatusCode;
use serde_json::{Value, json};

use crate::auth::identity::IdentityProvider;
use config::{IdentitySettings, JwksAlgorithm, Signature};

pub(super) const ISSUER: &str = "https://id.example";
pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Both halves of a key.
pub(super) struct SigningKey {
    private: Private,
    pub(super) public: Value,
}

enum Private {
    Rsa(aws_lc_rs::rsa::KeyPair),
    Ec(EcdsaKeyPair),
}

impl SigningKey {
    pub(super) fn rs256(id: &str) -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
        let [n, e] =
            [n, e].map(|it| Base64UrlUnpadded::encode_string(it.big_endian_without_leading_zero()));
        let public =
            json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": e });
        Self {
            private: Private::Rsa(pair),
            public,
        }
    }

    pub(super) fn es256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(Base64UrlUnpadded::encode_string);
        let public = json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y });
        Self {
            private: Private::Ec(pair),
            public,
        }
    }

    pub(super) fn id(&self) -> &str {
        self.public["kid"].as_str().unwrap()
    }

    /// A token with this header, whatever it claims, signed with this key.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let random = SystemRandom::new();
        sign(header, claims, |signed| match &self.private {
            Private::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature)
                    .unwrap();
                signature
            }
            Private::Ec(pair) => pair.sign(&random, signed).unwrap().as_ref().to_vec(),
        })
    }

    pub(super) fn token(&self, claims: &Value) -> String {
        let algorithm = match self.private {
            Private::Rsa(_) => "RS256",
            Private::Ec(_) => "ES256",
        };
        self.sign(
            &json!({ "alg": algorithm, "kid": self.id(), "typ": "JWT" }),
            claims,
        )
    }
}

pub(super) fn sign(header: &Value, claims: &Value, signature: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |it: &Value| Base64UrlUnpadded::encode_string(it.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = Base64UrlUnpadded::encode_string(&signature(signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub(super) fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    sign(header, claims, |signed| {
        hmac::sign(&key, signed).as_ref().to_vec()
    })
}

pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .try_into()
        .unwrap()
}

/// Valid claims with these changes; a `null` removes a claim.
pub(super) fn claims(changes: Value) -> Value {
    let mut claims = json!({ "iss": ISSUER, "aud": "edgereel", "sub": "ann", "exp": now() + 300, "scope": "read" });
    let Value::Object(changes) = changes else {
        panic!("claims are an object")
    };
    let object = claims.as_object_mut().unwrap();
    object.extend(changes);
    object.retain(|_, it| !it.is_null());
    claims
}

/// An identity provider on loopback.
pub(super) struct Provider {
    pub(super) url: url::Url,
    served: Arc<Served>,
}

#[derive(Default)]
struct Served {
    answer: Mutex<Option<Answer>>,
    fetches: AtomicU32,
}

#[derive(Clone)]
pub(super) enum Answer {
    Text(String),
    Status(StatusCode),
    Elsewhere,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let served = Arc::<Served>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let router = Router::new()
            .route("/keys", get(answer))
            .route("/elsewhere", get(async || r#"{"keys":[]}"#));
        let router = router.with_state(served.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, served }
    }

    pub(super) fn answer(&self, answer: Answer) {
        *self.served.answer.lock().unwrap() = Some(answer);
    }

    pub(super) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<&Value> = keys.iter().map(|it| &it.public).collect();
        self.answer(Answer::Text(json!({ "keys": keys }).to_string()));
    }

    pub(super) fn fetches(&self) -> u32 {
        self.served.fetches.load(Ordering::SeqCst)
    }

    pub(super) fn settings(&self) -> IdentitySettings {
        let algorithms = vec![JwksAlgorithm::Rs256, JwksAlgorithm::Es256];
        let signature = Signature::Jwks {
            url: self.url.clone(),
            algorithms,
        };
        IdentitySettings {
            refetch_pause: Duration::ZERO,
            ..IdentitySettings::new(signature, ISSUER, "edgereel")
        }
    }

    pub(super) fn identity(&self) -> IdentityProvider {
        IdentityProvider::new(self.settings()).unwrap()
    }
}

async fn answer(State(served): State<Arc<Served>>) -> Response {
    served.fetches.fetch_add(1, Ordering::SeqCst);
    let answer = served.answer.lock().unwrap().clone();
    match answer {
        Some(Answer::Text(text)) => text.into_response(),
        Some(Answer::Status(status)) => status.into_response(),
        Some(Answer::Elsewhere) => Redirect::temporary("/elsewhere").into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
