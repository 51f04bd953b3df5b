//! An OpenID Connect provider on loopback: discovery, keys, authorization, and tokens with PKCE.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use config::{IdentitySettings, JwksAlgorithm, SignInSettings, Signature};
use http::{HeaderMap, StatusCode};
use platform::clock;
use platform::secret::Secret;
use serde_json::{Value, json};

const CLIENT: &str = "web";
const SECRET: &str = "a secret: with 100 % odd+characters";
type Params = HashMap<String, String>;

/// A running provider.
pub(super) struct Provider {
    served: Arc<Served>,
}

struct Served {
    issuer: String,
    key: EcdsaKeyPair,
    /// The parameters of the authorization request of each unused code.
    codes: Mutex<HashMap<String, Params>>,
    changes: Mutex<Value>,
    is_stopped: AtomicBool,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let served = Arc::new(Served {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            codes: Mutex::default(),
            changes: Mutex::new(json!({})),
            is_stopped: AtomicBool::new(false),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(served.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { served }
    }

    pub(super) fn settings(&self) -> IdentitySettings {
        let url = format!("{}/keys", self.served.issuer).parse().unwrap();
        let signature = Signature::Jwks {
            url,
            algorithms: vec![JwksAlgorithm::Es256],
        };
        let client_secret = Some(Secret::new(SECRET));
        let sign_in = Some(SignInSettings {
            client_secret,
            ..SignInSettings::new(CLIENT)
        });
        let settings = IdentitySettings::new(signature, &self.served.issuer, "edgereel");
        IdentitySettings {
            sign_in,
            ..settings
        }
    }

    /// Opens the page to sign in, as a browser, and returns where it leads to.
    pub(super) async fn authorize(&self, url: &str) -> String {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let answer = client.build().unwrap().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{url}");
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Changes the claims of ID tokens.
    pub(super) fn change(&self, changes: Value) {
        *self.served.changes.lock().unwrap() = changes;
    }

    pub(super) fn stop(&self) {
        self.served.is_stopped.store(true, Ordering::SeqCst);
    }
}

async fn discovery(State(served): State<Arc<Served>>) -> Json<Value> {
    let issuer = &served.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
        "token_endpoint": format!("{issuer}/token"),
    }))
}

async fn keys(State(served): State<Arc<Served>>) -> Json<Value> {
    let (x, y) = served.key.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(Base64UrlUnpadded::encode_string);
    Json(json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "one", "x": x, "y": y }] }))
}

async fn authorize(
    State(served): State<Arc<Served>>,
    Query(params): Query<Params>,
) -> Result<Redirect, StatusCode> {
    let is = |name: &str, value: &str| params.get(name).is_some_and(|it| it == value);
    let is_asked = is("tenant", "1")
        && is("response_type", "code")
        && is("client_id", CLIENT)
        && is("scope", "openid")
        && is("code_challenge_method", "S256")
        && ["state", "nonce", "code_challenge"]
            .iter()
            .all(|it| params[*it].len() >= 43);
    if !is_asked {
        return Err(StatusCode::BAD_REQUEST);
    }
    let code = params["nonce"].replace(['-', '_'], "");
    let (back, state) = (&params["redirect_uri"], &params["state"]);
    let to = format!("{back}?code={code}&state={state}&iss={}", served.issuer);
    served.codes.lock().unwrap().insert(code, params);
    Ok(Redirect::to(&to))
}

async fn token(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    Form(form): Form<Params>,
) -> Response {
    if served.is_stopped.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let is = |name: &str, value: &str| form.get(name).is_some_and(|it| it == value);
    let credentials = headers
        .get("authorization")
        .map(|it| it.to_str().unwrap().to_owned());
    let is_client = match credentials {
        // RFC 6749, 2.3.1: encoded as in a form.
        Some(basic) => {
            let pair = "web:a+secret%3A+with+100+%25+odd%2Bcharacters";
            basic == format!("Basic {}", Base64::encode_string(pair.as_bytes()))
        }
        None => is("client_id", CLIENT),
    };
    let Some(asked) = served
        .codes
        .lock()
        .unwrap()
        .remove(&form["code"])
        .filter(|_| is_client)
    else {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({ "error": "invalid_grant" })),
        )
            .into_response();
    };
    let verified = digest(&SHA256, form["code_verifier"].as_bytes());
    let verified = Base64UrlUnpadded::encode_string(verified.as_ref());
    assert_eq!(verified, asked["code_challenge"], "PKCE");
    assert!(is("grant_type", "authorization_code") && is("redirect_uri", &asked["redirect_uri"]));
    let mut id = json!({ "aud": CLIENT, "nonce": asked["nonce"], "scope": "openid upload read" });
    let changes = served.changes.lock().unwrap().clone();
    id.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    let access = json!({ "aud": "edgereel", "scope": "read play" });
    Json(json!({ "token_type": "Bearer", "id_token": served.sign(&id), "access_token": served.sign(&access) }))
        .into_response()
}

impl Served {
    /// A token with these claims; a `null` removes a claim.
    fn sign(&self, claims: &Value) -> String {
        let exp = clock::now().as_secs() + 300;
        let mut all = json!({ "iss": self.issuer, "sub": "ann", "exp": exp });
        all.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        all.as_object_mut().unwrap().retain(|_, it| !it.is_null());
        let part = |it: &Value| Base64UrlUnpadded::encode_string(it.to_string().as_bytes());
        let header = json!({ "alg": "ES256", "kid": "one", "typ": "JWT" });
        let signed = format!("{}.{}", part(&header), part(&all));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!(
            "{signed}.{}",
            Base64UrlUnpadded::encode_string(signature.as_ref())
        )
    }
}
