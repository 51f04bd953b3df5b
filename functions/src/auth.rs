//! Who calls: one API token for one installation.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use platform::secret::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::ApiError;

/// The token that opens the API. Kept as a hash: neither its length nor its bytes can be timed.
#[derive(Clone)]
pub struct ApiToken {
    digest: [u8; 32],
}

impl ApiToken {
    /// Takes the token in.
    pub fn new(token: &Secret) -> Self {
        Self { digest: Sha256::digest(token.expose().as_bytes()).into() }
    }

    /// Whether these headers carry the token, as RFC 6750, 2.1 has it.
    ///
    /// # Errors
    /// `Unauthorized`.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(presented) = headers.get(AUTHORIZATION) else {
            return Err(ApiError::Unauthorized { presented: false });
        };
        let wrong = ApiError::Unauthorized { presented: true };
        let Some((scheme, token)) = presented.to_str().ok().and_then(|it| it.split_once(' ')) else {
            return Err(wrong);
        };
        let digest: [u8; 32] = Sha256::digest(token.trim().as_bytes()).into();
        let same: bool = digest.ct_eq(&self.digest).into();
        if scheme.eq_ignore_ascii_case("bearer") && same { Ok(()) } else { Err(wrong) }
    }
}

/// Lets through who has the token.
pub(crate) async fn require(State(token): State<Arc<ApiToken>>, request: Request, next: Next) -> Response {
    match token.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_token_opens() {
        let token = ApiToken::new(&Secret::new("er_secret"));
        let check = |value: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            token.check(&headers).is_ok()
        };
        for good in ["Bearer er_secret", "bearer er_secret", "BEARER  er_secret"] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "Bearer er_secre",
            "Bearer er_secret2",
            "Bearer",
            "Bearer ",
            "er_secret",
            "Basic er_secret",
            "",
            "Bearer ER_SECRET",
        ] {
            assert!(!check(bad), "{bad}");
        }
        let none = token.check(&HeaderMap::new());
        assert!(matches!(none, Err(ApiError::Unauthorized { presented: false })));
    }
}
