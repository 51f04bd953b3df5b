//! Uploads by Uppy: the protocol of Companion, <https://uppy.io/docs/aws-s3/>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{Metadata, Sensitive};

/// A file, as Uppy describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UppyFile {
    pub filename: String,
    #[serde(rename = "type", default)]
    pub content_type: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::Metadata))]
    pub metadata: Metadata,
}

/// The same, in a query, with `metadata[...]` parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct UppyFileParams {
    pub filename: String,
    #[serde(rename = "type", default)]
    pub content_type: Option<String>,
}

/// A presigned PUT.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UppyPut {
    pub method: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub url: Sensitive,
    pub headers: BTreeMap<String, String>,
    /// Always empty: fields of a POST policy.
    pub fields: BTreeMap<String, String>,
    /// Seconds until the URL expires.
    pub expires: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UppyUpload {
    pub key: String,
    pub upload_id: String,
}

/// The key of an upload, in every query after its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct UppyKey {
    pub key: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "PascalCase")]
pub struct UppyPart {
    pub part_number: u32,
    pub size: u64,
    #[serde(rename = "ETag")]
    pub etag: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UppyPartUrl {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub url: Sensitive,
    /// Seconds until the URL expires.
    pub expires: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UppySentParts {
    pub parts: Vec<UppySentPart>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "PascalCase")]
pub struct UppySentPart {
    pub part_number: u32,
    #[serde(rename = "ETag")]
    pub etag: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UppyLocation {
    /// The path of the video in this API: the bucket is private.
    pub location: String,
    pub key: String,
}

/// Empty object.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UppyAborted {}
