//! `/sign-in/oidc`: signing in with the identity provider.
//!
//! The state of a sign-in is in a sealed cookie, so each request may reach another process. The
//! provider's page sends the browser to the callback, which sets the strict cookie of the session
//! and redirects. Browsers count the redirection as part of a navigation from the provider's site,
//! and omit strict cookies from it; the page itself needs none, and its requests have the cookie.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, Request, State};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use http::HeaderMap;
use http::header::SET_COOKIE;
use platform::clock;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::Session;
use super::routes::page_or_home;
use crate::auth::identity::{Attempt, IdentityProvider, OidcClient};
use crate::auth::{AuthLayer, Caller};
use crate::error::ApiError;
use crate::request_log::record_caller;
use crate::state::ApiState;

/// How long a user may take to sign in.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A sign-in in progress.
#[derive(Serialize, Deserialize)]
struct Transaction {
    state: String,
    nonce: String,
    /// The PKCE verifier.
    verifier: String,
    /// The page that opens then.
    to: String,
}

#[derive(Deserialize)]
pub(super) struct BeginParams {
    #[serde(default)]
    to: Option<String>,
}

/// RFC 6749, 4.1.2; RFC 9207.
#[derive(Deserialize)]
pub(super) struct CallbackParams {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    iss: Option<String>,
}

/// Why a sign-in failed, for the page that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The user, or the provider for them, declined.
    Denied,
    /// It took too long, was done already, or was begun elsewhere.
    Expired,
    /// The provider cannot be reached or fails.
    Provider,
    /// The provider signed the user in, but they have no access here.
    NotAllowed,
}

/// `GET /sign-in/oidc`
pub(super) async fn begin(
    State(state): State<ApiState>,
    Extension(auth): Extension<Arc<AuthLayer>>,
    Query(params): Query<BeginParams>,
    request: Request,
) -> Result<Response, ApiError> {
    let (_, client) = provider(&state)?;
    let transaction = Transaction {
        state: random()?,
        nonce: random()?,
        verifier: random()?,
        to: page_or_home(params.to),
    };
    let redirect_uri = callback_url(&state);
    let url = match client
        .authorization_url(&transaction.attempt(&redirect_uri))
        .await
    {
        Ok(url) => url,
        Err(problem) => {
            tracing::warn!("sign-in failed: {:#}", anyhow::Error::from(problem));
            // Each of them costs a request to the provider.
            auth.limits
                .count_failure(request.headers(), request.extensions())?;
            return Ok(Redirect::to(Failure::Provider.page()).into_response());
        }
    };
    let cookie = auth
        .cookies
        .sign_in
        .set(&transaction, clock::now().as_secs(), LIFETIME)?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to(url.as_str())).into_response())
}

/// `GET /sign-in/oidc/callback`
pub(super) async fn finish(
    State(state): State<ApiState>,
    Extension(auth): Extension<Arc<AuthLayer>>,
    Query(params): Query<CallbackParams>,
    request: Request,
) -> Result<Response, ApiError> {
    let (identity, client) = provider(&state)?;
    let (parts, _) = request.into_parts();
    let redirect_uri = callback_url(&state);
    let signed_in = sign_in(
        &auth,
        (identity, client),
        &params,
        &parts.headers,
        &redirect_uri,
    )
    .await;
    // Each sign-in has one callback.
    let ended = auth.cookies.sign_in.remove()?;
    match signed_in {
        Ok((caller, to)) => {
            record_caller(&caller.subject);
            let session = Session::User {
                issuer: client.issuer().to_owned(),
                caller,
            };
            let now_s = clock::now().as_secs();
            let cookie = auth
                .cookies
                .session
                .set(session, now_s, client.settings.session)?;
            let cookies = AppendHeaders([(SET_COOKIE, cookie), (SET_COOKIE, ended)]);
            Ok((cookies, Redirect::to(&to)).into_response())
        }
        Err(failure) => {
            // Each of them may cost a request to the provider.
            auth.limits
                .count_failure(&parts.headers, &parts.extensions)?;
            Ok(([(SET_COOKIE, ended)], Redirect::to(failure.page())).into_response())
        }
    }
}

/// The caller whom the provider signed in, and the page that opens then.
async fn sign_in(
    auth: &AuthLayer,
    (identity, client): (&IdentityProvider, &OidcClient),
    params: &CallbackParams,
    headers: &HeaderMap,
    redirect_uri: &str,
) -> Result<(Caller, String), Failure> {
    let transaction = auth
        .cookies
        .sign_in
        .read::<Transaction>(headers, clock::now().as_secs());
    let (transaction, _) = transaction.ok_or(Failure::Expired)?;
    // The browser that comes back is the one that was sent (RFC 6749, 10.12).
    let state = params.state.as_deref().unwrap_or_default();
    if !bool::from(transaction.state.as_bytes().ct_eq(state.as_bytes())) {
        return Err(Failure::Expired);
    }
    if params.iss.as_ref().is_some_and(|it| it != client.issuer()) {
        tracing::warn!("sign-in failed: the response comes from another identity provider");
        return Err(Failure::Provider);
    }
    if let Some(error) = &params.error {
        tracing::warn!(
            error,
            "sign-in failed: the identity provider responded with an error"
        );
        let is_denied = error == "access_denied";
        return Err(if is_denied {
            Failure::Denied
        } else {
            Failure::Provider
        });
    }
    let code = params.code.as_deref().ok_or(Failure::Provider)?;
    match identity
        .sign_in(client, code, &transaction.attempt(redirect_uri))
        .await
    {
        Ok(caller) => Ok((caller, transaction.to)),
        Err(problem) => {
            let is_outage = problem.is_outage();
            tracing::warn!("sign-in failed: {:#}", anyhow::Error::from(problem));
            Err(if is_outage {
                Failure::Provider
            } else {
                Failure::NotAllowed
            })
        }
    }
}

impl Transaction {
    fn attempt<'a>(&'a self, redirect_uri: &'a str) -> Attempt<'a> {
        let Self {
            state,
            nonce,
            verifier,
            to: _,
        } = self;
        Attempt {
            redirect_uri,
            state,
            nonce,
            verifier,
        }
    }
}

impl Failure {
    /// The page to sign in, with a sentence about the failure.
    fn page(self) -> &'static str {
        match self {
            Self::Denied => "/sign-in?problem=denied",
            Self::Expired => "/sign-in?problem=expired",
            Self::Provider => "/sign-in?problem=provider",
            Self::NotAllowed => "/sign-in?problem=not-allowed",
        }
    }
}

fn provider(state: &ApiState) -> Result<(&IdentityProvider, &OidcClient), ApiError> {
    let identity = state
        .identity
        .as_deref()
        .ok_or_else(ApiError::no_such_route)?;
    Ok((
        identity,
        identity.oidc.as_ref().ok_or_else(ApiError::no_such_route)?,
    ))
}

fn callback_url(state: &ApiState) -> String {
    format!(
        "{}/sign-in/oidc/callback",
        state.config.public_url.trim_end_matches('/')
    )
}

/// 256 random bits as text: enough for a state, a nonce and a PKCE verifier (RFC 7636, 4.1).
fn random() -> Result<String, ApiError> {
    let mut bytes = [0; 32];
    crate::random::fill(&mut bytes)?;
    Ok(Base64UrlUnpadded::encode_string(&bytes))
}
