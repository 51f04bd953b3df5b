//! API keys.

use domain::ids::ApiKeyId;
use domain::scope::Scopes;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{Sensitive, Timestamp};

/// Request for an API key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    pub name: String,
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::Scopes))]
    pub scopes: Scopes,
    /// The owner whose videos it can access; only admins may set it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Seconds until it expires: at most ten years. Default: when the key that creates it expires, or never. A key that
    /// is created with a JWT lives at most one year, 90 days by default.
    #[serde(default)]
    pub expires_in: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedApiKey {
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// The secret. Only this response contains it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub key: Sensitive,
}

/// A list entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::ApiKeyId))]
    pub id: ApiKeyId,
    pub name: String,
    pub owner: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::Scopes))]
    pub scopes: Scopes,
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// Accurate to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// Parameters of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListApiKeys {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(value_type = Option<schemas::ApiKeyId>))]
    pub cursor: Option<String>,
    /// Filter by owner; only admins may name another one.
    #[serde(default)]
    pub owner: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeyList {
    pub api_keys: Vec<ApiKey>,
    /// Cursor of the next page; `null` on the last page.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::ApiKeyId>))]
    pub next_cursor: Option<ApiKeyId>,
}
