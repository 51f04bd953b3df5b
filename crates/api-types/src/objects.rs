//! Objects of the private bucket that can be converted.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Parameters of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListObjects {
    /// The beginning of the keys: `films/2024/`.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    pub cursor: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectList {
    /// In the order of their keys. A page may have fewer objects than `limit`, and be empty, before the last one.
    pub objects: Vec<ListedObject>,
    /// Cursor of the next page; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// An object of the private bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListedObject {
    /// Its path in the bucket, for `POST /v1/videos`.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    pub modified_at: Timestamp,
    /// `null` where a listing of the store does not have it.
    pub content_type: Option<String>,
}
