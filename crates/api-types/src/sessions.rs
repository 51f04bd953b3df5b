//! Sessions of browsers.

use domain::scope::Scopes;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{Sensitive, Timestamp};

/// The credentials with which a browser signs in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// An API key, a JWT, or the token of the installation.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Sensitive,
}

/// How a browser can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SignInMethod {
    /// With an API key or another token: `POST /v1/session`.
    ApiKey,
    /// With the link that `edgereel dev` prints.
    Link,
    /// With the identity provider: `/sign-in/oidc`.
    Oidc,
}

/// The caller who is signed in, and what this installation offers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    pub subject: String,
    /// The owner whose videos the caller can access; `null`: all owners.
    pub owner: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::Scopes))]
    pub scopes: Scopes,
    /// The names that requests may give as `profile`.
    pub profiles: Vec<String>,
    /// Maximum size of an upload in bytes.
    pub max_upload_bytes: u64,
    /// When the browser has to sign in again at the latest; `null` without a cookie.
    pub expires_at: Option<Timestamp>,
}
