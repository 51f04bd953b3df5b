//! Sessions of browsers: a cookie holds the credentials that the browser signed in with, or the user
//! whom the identity provider signed in.
//!
//! The cookie is encrypted, `HttpOnly` and `SameSite=Strict`, and no session is stored anywhere. The
//! API authenticates credentials in a cookie for every request as if they were in the
//! `Authorization` header, so a session ends as soon as its API key is revoked or its JWT expires.
//! The session of a user ends after the configured time, because the provider's tokens live for
//! minutes. Every request that changes something and is authenticated by the cookie must have the
//! header `Edgereel-Request`, which other sites cannot send.

mod cookie;
mod oidc;
mod routes;
mod sign_in;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use platform::clock;
use serde::{Deserialize, Serialize};

use cookie::{SameSite, SealedCookie};
pub(crate) use routes::{end, pages, read, start};
pub use sign_in::SignInLink;

use crate::auth::{ApiToken, Caller};
use crate::error::ApiError;
use crate::problem::Problem;

/// How long a browser stays signed in with a token that does not expire earlier.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// What the cookie of a session contains.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Session {
    /// A token, which is authenticated for each request.
    Token(String),
    /// A user whom the identity provider with this issuer signed in.
    User { issuer: String, caller: Caller },
}

/// The cookie of sessions, and that of a sign-in in progress.
pub(crate) struct Cookies {
    session: SealedCookie,
    sign_in: SealedCookie,
}

impl Cookies {
    pub(crate) fn new(token: &ApiToken, public_url: &str) -> Self {
        let cookie = |purpose, same_site| SealedCookie::new(token, purpose, same_site, public_url);
        Self {
            session: cookie("session", SameSite::Strict),
            // The provider's page sends the browser back: a strict cookie would be missing then.
            sign_in: cookie("sign_in", SameSite::Lax),
        }
    }

    /// The session of a request, and its end, seconds since the Unix epoch.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<(Session, u64)> {
        self.session.read(headers, clock::now().as_secs())
    }

    /// The `Set-Cookie` header that starts a session with a token.
    fn start(&self, token: &str) -> Result<HeaderValue, ApiError> {
        self.session.set(
            Session::Token(token.to_owned()),
            clock::now().as_secs(),
            LIFETIME,
        )
    }
}

/// The header that proves that a page of this origin sent the request.
pub(crate) const REQUEST_HEADER: HeaderName = HeaderName::from_static("edgereel-request");

/// Rejects a request that another site may have caused (cross-site request forgery).
///
/// # Errors
/// `cross-site-request` for an unsafe method without [`REQUEST_HEADER`], or from another origin.
pub(crate) fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let same_site = headers
        .get("sec-fetch-site")
        .is_none_or(|it| it == "same-origin" || it == "none");
    if method.is_safe() || (headers.get(REQUEST_HEADER).is_some_and(|it| it == "1") && same_site) {
        return Ok(());
    }
    Err(ApiError::new(
        Problem::CrossSiteRequest,
        "a request with the session cookie needs the header `Edgereel-Request: 1`, from a page of this origin",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_cannot_change_anything() {
        let headers = |list: &[(&'static str, &'static str)]| {
            list.iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect()
        };
        let own = headers(&[("edgereel-request", "1"), ("sec-fetch-site", "same-origin")]);
        let other = headers(&[("edgereel-request", "1"), ("sec-fetch-site", "cross-site")]);
        let form = headers(&[("sec-fetch-site", "same-site")]);
        let vague = headers(&[("edgereel-request", "0")]);
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(check_origin(&method, &own).is_ok());
            for bad in [&other, &form, &vague, &HeaderMap::new()] {
                assert!(check_origin(&method, bad).is_err(), "{method} {bad:?}");
            }
        }
        assert!(check_origin(&Method::GET, &form).is_ok());
    }
}
