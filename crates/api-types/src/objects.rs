//! Objects of the private bucket that can be converted.

use domain::ids::VideoId;
use domain::receipt::Cost;
use domain::state::StateName;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
#[cfg(feature = "openapi")]
use crate::schemas;
use crate::videos::VideoFailure;

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
    /// Whether to list also the objects that are the source of a video, each with its `video`.
    #[serde(default)]
    pub converted: Option<bool>,
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
    /// The identifier of its content. Objects with the same `etag` and `size` have the same content.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub etag: String,
    pub modified_at: Timestamp,
    /// `null` where a listing of the store does not have it.
    pub content_type: Option<String>,
    /// The newest video whose source it is; left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<ObjectVideo>,
}

/// The video of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectVideo {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub id: VideoId,
    /// The owner; `null`: the installation itself.
    pub owner: Option<String>,
    pub external_id: Option<String>,
    pub state: StateName,
    pub failure: Option<VideoFailure>,
    /// The `etag` of the object when the video was made from it; `null` before its processing was requested.
    pub etag: Option<String>,
    /// Duration of the playable version; `null` until the video is ready.
    pub duration_seconds: Option<f64>,
    /// What the playable version cost; `null` until the video is ready.
    pub cost: Option<Cost>,
}
