//! The OpenID Connect client that signs browsers in: authorization code with PKCE (OpenID Connect
//! Core 1.0, RFC 7636). [`crate::session`] has its routes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use config::{SignInSettings, SignInToken, is_loopback};
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::fetch::{self, FetchProblem};
use super::{IdentityProvider, TokenProblem, claims};
use crate::auth::{Caller, USER};

/// Age at which the provider's endpoints are fetched again.
const ENDPOINTS_MAX_AGE: Duration = Duration::from_secs(3600);

/// The client.
pub(crate) struct OidcClient {
    pub(crate) settings: SignInSettings,
    issuer: String,
    http: reqwest::Client,
    endpoints: Mutex<Option<(Instant, Arc<Endpoints>)>>,
}

/// OpenID Connect Discovery 1.0, 3.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

struct Endpoints {
    authorization: Url,
    token: Url,
    /// Whether the client authenticates with `client_secret_basic`, the default.
    takes_basic: bool,
}

/// The secrets of one sign-in.
pub(crate) struct Attempt<'a> {
    pub(crate) redirect_uri: &'a str,
    pub(crate) state: &'a str,
    pub(crate) nonce: &'a str,
    /// The PKCE verifier.
    pub(crate) verifier: &'a str,
}

/// OpenID Connect Core 1.0, 3.1.3.3.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: String,
}

/// Why the provider did not sign a user in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInProblem {
    #[error("cannot use {0} of the identity provider")]
    Provider(&'static str, #[source] FetchProblem),
    #[error("the identity provider names the issuer `{0}`, which is not the configured one")]
    Issuer(String),
    #[error("the URL `{0}` of the identity provider is not secure: it needs https")]
    Insecure(String),
    #[error("the identity provider issued a token that is not accepted: {0:?}")]
    Token(TokenProblem),
    #[error("the token of the user has no scope of this API")]
    NoScope,
}

impl OidcClient {
    pub(super) fn new(issuer: &str, settings: SignInSettings) -> Result<Self, reqwest::Error> {
        let is_local = Url::parse(issuer).is_ok_and(|it| is_loopback(&it));
        Ok(Self {
            settings,
            issuer: issuer.to_owned(),
            http: fetch::client(is_local)?,
            endpoints: Mutex::default(),
        })
    }

    /// The name of the provider, which the sessions contain that it began.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The page of the provider where the user signs in.
    pub(crate) async fn authorization_url(
        &self,
        attempt: &Attempt<'_>,
    ) -> Result<Url, SignInProblem> {
        let mut url = self.endpoints().await?.authorization.clone();
        let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(attempt.verifier));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", attempt.redirect_uri)
            .append_pair("scope", &self.settings.scopes)
            .append_pair("state", attempt.state)
            .append_pair("nonce", attempt.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Exchanges the code for tokens.
    async fn exchange(&self, code: &str, attempt: &Attempt<'_>) -> Result<Tokens, SignInProblem> {
        let endpoints = self.endpoints().await?;
        let request = self
            .http
            .post(endpoints.token.clone())
            .header(ACCEPT, "application/json");
        let request = self.authenticate(request, code, attempt, endpoints.takes_basic);
        read(request)
            .await
            .map_err(|it| SignInProblem::Provider("the token endpoint", it))
    }

    /// Adds the form of the token request and the credentials of the client (RFC 6749, 4.1.3).
    fn authenticate(
        &self,
        mut request: RequestBuilder,
        code: &str,
        attempt: &Attempt<'_>,
        takes_basic: bool,
    ) -> RequestBuilder {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", attempt.redirect_uri)
            .append_pair("code_verifier", attempt.verifier);
        let id = &self.settings.client_id;
        match &self.settings.client_secret {
            Some(secret) if takes_basic => {
                // RFC 6749, 2.3.1: both are encoded as in a form first.
                let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(encode(id), Some(encode(secret.expose())));
            }
            Some(secret) => {
                form.append_pair("client_id", id)
                    .append_pair("client_secret", secret.expose());
            }
            None => {
                form.append_pair("client_id", id);
            }
        }
        request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish())
    }

    async fn endpoints(&self) -> Result<Arc<Endpoints>, SignInProblem> {
        let cached = self
            .endpoints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((at, endpoints)) = &cached
            && at.elapsed() < ENDPOINTS_MAX_AGE
        {
            return Ok(endpoints.clone());
        }
        match (self.discover().await, cached) {
            (Ok(endpoints), _) => {
                let endpoints = Arc::new(endpoints);
                let mut cached = self
                    .endpoints
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *cached = Some((Instant::now(), endpoints.clone()));
                Ok(endpoints)
            }
            // They rarely change: use those of an hour ago.
            (Err(SignInProblem::Provider(..)), Some((_, endpoints))) => Ok(endpoints),
            (Err(problem), _) => Err(problem),
        }
    }

    async fn discover(&self) -> Result<Endpoints, SignInProblem> {
        let url = format!(
            "{}/.well-known/openid-configuration",
            self.issuer.trim_end_matches('/')
        );
        let found = read::<Discovered>(self.http.get(url).header(ACCEPT, "application/json")).await;
        let found = found.map_err(|it| SignInProblem::Provider("the discovery document", it))?;
        // Discovery, 4.3: the document must name the issuer exactly.
        if found.issuer != self.issuer {
            return Err(SignInProblem::Issuer(found.issuer));
        }
        let methods = found.token_endpoint_auth_methods_supported;
        Ok(Endpoints {
            authorization: secure_url(found.authorization_endpoint)?,
            token: secure_url(found.token_endpoint)?,
            takes_basic: methods.is_none_or(|it| it.iter().any(|it| it == "client_secret_basic")),
        })
    }
}

fn secure_url(text: String) -> Result<Url, SignInProblem> {
    let is_secure = |it: &Url| it.scheme() == "https" || (it.scheme() == "http" && is_loopback(it));
    Url::parse(&text)
        .ok()
        .filter(is_secure)
        .ok_or(SignInProblem::Insecure(text))
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, FetchProblem> {
    Ok(serde_json::from_slice(&fetch::document(request).await?)?)
}

impl IdentityProvider {
    /// The caller whom the provider signed in. `attempt` is that of the browser which has the code.
    pub(crate) async fn sign_in(
        &self,
        client: &OidcClient,
        code: &str,
        attempt: &Attempt<'_>,
    ) -> Result<Caller, SignInProblem> {
        let tokens = client.exchange(code, attempt).await?;
        let id = self.id_token(&tokens.id_token, client, attempt.nonce).await;
        let id = id.map_err(SignInProblem::Token)?;
        let caller = match client.settings.token {
            SignInToken::Id => claims::caller(&id, &self.settings),
            SignInToken::Access => self
                .caller_of(&tokens.access_token)
                .await
                .and_then(|caller| {
                    // Core, 3.1.3.8: both tokens are about the same user.
                    let is_same = id.get("sub").and_then(Value::as_str);
                    let is_same = is_same.is_some_and(|it| caller.subject == format!("{USER}{it}"));
                    is_same
                        .then_some(caller)
                        .ok_or(TokenProblem::Invalid("tokens of two users"))
                }),
        };
        let caller = caller.map_err(SignInProblem::Token)?;
        if caller.scopes.iter().next().is_none() {
            Err(SignInProblem::NoScope)
        } else {
            Ok(caller)
        }
    }

    /// Verifies an ID token (Core, 3.1.3.7).
    async fn id_token(
        &self,
        token: &str,
        client: &OidcClient,
        nonce: &str,
    ) -> Result<claims::Claims, TokenProblem> {
        let client_id = &client.settings.client_id;
        let claims = self
            .claims_of(token, std::slice::from_ref(client_id))
            .await?;
        let text = |name: &str| claims.get(name).map(|it| it.as_str());
        if text("nonce") != Some(Some(nonce)) {
            return Err(TokenProblem::Invalid("wrong nonce"));
        }
        if text("azp").is_some_and(|it| it != Some(client_id)) {
            return Err(TokenProblem::Invalid("wrong authorized party"));
        }
        Ok(claims)
    }
}

impl SignInProblem {
    /// Whether the provider cannot be reached or fails: the user may try again later.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Provider(_, FetchProblem::Status(status)) => {
                *status != StatusCode::BAD_REQUEST && *status != StatusCode::UNAUTHORIZED
            }
            Self::Token(problem) => *problem == TokenProblem::NoKeys,
            Self::Provider(..) | Self::Issuer(_) | Self::Insecure(_) => true,
            Self::NoScope => false,
        }
    }
}
