//! Why a request is not authenticated or not authorised.

use catalog::accounts::AccountsError;
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;

use super::Scope;
use crate::error::ApiError;
use crate::problem::Problem;

/// Why credentials are rejected. `Display` reveals nothing about which credentials exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadCredentials {
    /// The request has none.
    #[error("send the token as `Authorization: Bearer TOKEN`")]
    Missing,
    /// They are unknown, malformed or revoked.
    #[error("the token is not valid")]
    Invalid,
    /// They were valid until they expired.
    #[error("the token has expired: get a new one")]
    Expired,
}

impl From<BadCredentials> for ApiError {
    fn from(error: BadCredentials) -> Self {
        // RFC 6750, 3: the error attribute only where a token was presented.
        let challenge = match error {
            BadCredentials::Missing => r#"Bearer realm="edgereel""#,
            BadCredentials::Invalid | BadCredentials::Expired => {
                r#"Bearer realm="edgereel", error="invalid_token""#
            }
        };
        Self::new(Problem::Unauthorized, error.to_string())
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }
}

/// The caller lacks this scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this request needs the scope `{0}`")]
pub(crate) struct InsufficientScope(pub(crate) Scope);

impl From<InsufficientScope> for ApiError {
    fn from(error: InsufficientScope) -> Self {
        let InsufficientScope(scope) = error;
        let challenge =
            format!(r#"Bearer realm="edgereel", error="insufficient_scope", scope="{scope}""#);
        Self::new(Problem::InsufficientScope, error.to_string())
            .with_scope(scope)
            .with_headers(
                HeaderValue::try_from(challenge)
                    .ok()
                    .map(|challenge| (WWW_AUTHENTICATE, challenge)),
            )
    }
}

impl From<AccountsError> for ApiError {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Unavailable { .. } => Self::unavailable(error),
            AccountsError::Corrupt { .. } => Self::internal(error),
        }
    }
}
