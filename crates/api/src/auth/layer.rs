//! Authentication and rate limiting of all routes under `/v1`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use catalog::accounts::Accounts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use platform::clock;

use super::identity::{IdentityProvider, TokenProblem};
use super::{ApiToken, Authenticated, BadCredentials, Caller, INSTALLATION, Scopes, keys};
use crate::error::ApiError;
use crate::limits::RateLimits;
use crate::problem::Problem;
use crate::request_log::record_caller;
use crate::session::{Cookies, Session, check_origin};

/// Longest credentials in bytes: longer than any real token, and cheap to check.
const TOKEN_LIMIT: usize = 8 << 10;

/// Resolves credentials to callers and applies rate limits.
pub(crate) struct AuthLayer {
    pub(crate) token: Arc<ApiToken>,
    pub(crate) accounts: Accounts,
    pub(crate) identity: Option<Arc<IdentityProvider>>,
    pub(crate) limits: Arc<RateLimits>,
    pub(crate) cookies: Cookies,
}

/// The credentials of a request.
pub(crate) struct Presented {
    session: Session,
    /// The end of the session, seconds since the Unix epoch, if they are in its cookie.
    pub(crate) session_until: Option<u64>,
}

impl AuthLayer {
    /// The credentials in the `Authorization` header, or else in the session cookie.
    pub(crate) fn presented(&self, headers: &HeaderMap) -> Result<Presented, BadCredentials> {
        match bearer(headers) {
            Ok(token) => Ok(Presented {
                session: Session::Token(token.to_owned()),
                session_until: None,
            }),
            Err(BadCredentials::Missing) => {
                let (session, until) = self
                    .cookies
                    .session(headers)
                    .ok_or(BadCredentials::Missing)?;
                Ok(Presented {
                    session,
                    session_until: Some(until),
                })
            }
            Err(problem) => Err(problem),
        }
    }

    /// The credentials of a request, which no other site may have caused.
    fn presented_here(&self, request: &Request) -> Result<Presented, ApiError> {
        let presented = self.presented(request.headers())?;
        if presented.session_until.is_some() {
            check_origin(request.method(), request.headers())?;
        }
        Ok(presented)
    }

    /// The caller with these credentials.
    pub(crate) async fn caller_of(&self, presented: &Presented) -> Result<Caller, ApiError> {
        match &presented.session {
            Session::Token(token) => self.caller_of_token(token).await,
            Session::User { issuer, caller } => {
                // Sessions end with the configuration of their provider.
                let client = self.identity.as_ref().and_then(|it| it.oidc.as_ref());
                let is_current = client.is_some_and(|it| it.issuer() == issuer) && caller.is_user();
                if is_current {
                    Ok(caller.clone())
                } else {
                    Err(BadCredentials::Expired.into())
                }
            }
        }
    }

    /// The caller with a token.
    pub(crate) async fn caller_of_token(&self, presented: &str) -> Result<Caller, ApiError> {
        if self.token.opens(presented) {
            return Ok(Caller {
                subject: INSTALLATION.to_owned(),
                owner: None,
                scopes: Scopes::of_an_admin(),
            });
        }
        if keys::is_key(presented) {
            return keys::caller_of(&self.accounts, presented, clock::now()).await;
        }
        let Some(identity) = &self.identity else {
            return Err(BadCredentials::Invalid.into());
        };
        identity
            .caller_of(presented)
            .await
            .map_err(|problem| match problem {
                TokenProblem::Expired => BadCredentials::Expired.into(),
                TokenProblem::Invalid(reason) => {
                    tracing::debug!("rejected a JWT: {reason}");
                    BadCredentials::Invalid.into()
                }
                TokenProblem::NoKeys => ApiError::unavailable(anyhow::anyhow!(
                    "cannot fetch the keys of the identity provider"
                )),
            })
    }
}

/// Authenticates a request. Failed attempts and authenticated callers are rate-limited separately.
pub(crate) async fn authenticate(
    State(layer): State<Arc<AuthLayer>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match layer.presented_here(&request) {
        Ok(presented) => layer.caller_of(&presented).await,
        Err(problem) => Err(problem),
    };
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) if refusal.problem() == Problem::Unauthorized => {
            // Only failures are counted by address: they never delay authenticated callers at the same address.
            return layer
                .limits
                .count_failure(request.headers(), request.extensions())
                .map_or_else(ApiError::from, |()| refusal)
                .into_response();
        }
        Err(error) => return error.into_response(),
    };
    let rate_limit = match layer
        .limits
        .count(&caller.subject, caller.subject == INSTALLATION)
    {
        Ok(status) => status,
        Err(error) => return ApiError::from(error).into_response(),
    };
    record_caller(&caller.subject);
    request.extensions_mut().insert(Authenticated(caller));
    let mut response = next.run(request).await;
    if let Some(status) = rate_limit {
        response.headers_mut().extend(status.headers());
    }
    response
}

/// The bearer token of a request (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, BadCredentials> {
    let mut presented = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (
        presented.next().ok_or(BadCredentials::Missing)?,
        presented.next(),
    );
    if second.is_some() || first.len() > TOKEN_LIMIT {
        return Err(BadCredentials::Invalid);
    }
    let (scheme, token) = first
        .to_str()
        .ok()
        .and_then(|it| it.split_once(' '))
        .ok_or(BadCredentials::Invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(BadCredentials::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Result<String, BadCredentials> {
        let headers = values
            .iter()
            .map(|it| (AUTHORIZATION, HeaderValue::from_str(it).unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        bearer(&map).map(str::to_owned)
    }

    #[test]
    fn tokens_stand_in_one_header() {
        assert_eq!(read(&[]), Err(BadCredentials::Missing));
        for good in ["Bearer er_secret", "bearer er_secret", "BEARER  er_secret"] {
            assert_eq!(read(&[good]).as_deref(), Ok("er_secret"), "{good}");
        }
        let giant = format!("Bearer {}", "x".repeat(TOKEN_LIMIT));
        for bad in [
            &["Bearer"][..],
            &["er_secret"],
            &["Basic er_secret"],
            &[""],
            &["Bearer a", "Bearer a"],
            &[&giant],
        ] {
            assert_eq!(read(bad), Err(BadCredentials::Invalid), "{bad:?}");
        }
    }
}
