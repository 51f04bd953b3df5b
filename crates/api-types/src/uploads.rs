//! Uploads.

use std::collections::BTreeMap;
use std::fmt;

use domain::ids::VideoId;
use domain::job::{Generate, Mode};
use domain::state::StateName;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{MaybeKnown, Metadata, Timestamp};

/// The file to upload, and the details of its video.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUpload {
    pub filename: String,
    /// Size in bytes.
    pub size: u64,
    #[serde(default)]
    pub content_type: Option<String>,
    /// The owner; only admins may set it.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub external_id: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::Metadata))]
    pub metadata: Metadata,
    #[serde(default)]
    pub profile: Option<String>,
    #[serde(default)]
    pub mode: Option<Mode>,
    #[serde(default)]
    pub generate: Generate,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedUpload {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub video: VideoId,
    pub state: StateName,
    pub filename: String,
    pub size: u64,
    pub upload: UploadInstructions,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum UploadInstructions {
    /// The request to send.
    Single { request: SignedRequest },
    /// Presign and upload the parts 1 to `parts`, then complete the upload.
    Multipart { part_size: u64, parts: u32 },
}

/// A request that the client sends to the store.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedRequest {
    pub method: String,
    pub url: String,
    /// Send all of these headers unchanged: they are signed. A browser sets `content-length` itself.
    pub headers: BTreeMap<String, String>,
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub video: VideoId,
    pub state: StateName,
    /// Whether the source has arrived.
    pub complete: bool,
    /// Size in bytes; `null` if the client did not announce it.
    pub size: Option<u64>,
    #[cfg_attr(feature = "openapi", schema(value_type = UploadKind))]
    pub kind: MaybeKnown<UploadKind>,
    /// The request to send; only for `single`, until the source has arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<SignedRequest>,
    /// Size of a part in bytes; only for `multipart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_size: Option<u64>,
    /// Number of parts; only for `multipart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<u32>,
    /// The parts that the store has, empty once the source has arrived; absent for `single`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Vec<StoredPart>>,
    pub expires_at: Timestamp,
}

/// How the bytes are uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UploadKind {
    /// In one request.
    Single,
    /// In parts of one size.
    Multipart,
    /// In parts whose size the client chooses.
    Open,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredPart {
    pub number: u32,
    pub size: u64,
    pub etag: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PartsRequest {
    pub numbers: Vec<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedParts {
    pub parts: Vec<SignedPart>,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedPart {
    pub number: u32,
    pub size: u64,
    pub request: SignedRequest,
}

/// The parts that the client has uploaded. Without it, the parts in the store are used.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteUpload {
    #[serde(default)]
    pub parts: Option<Vec<SentPart>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SentPart {
    pub number: u32,
    /// The ETag that the store returned, with or without quotes.
    pub etag: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompletedUpload {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub video: VideoId,
    pub state: StateName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_not_printed() {
        let request = SignedRequest {
            method: "PUT".to_owned(),
            url: "https://store.example/a?X-Amz-Signature=b".to_owned(),
            headers: BTreeMap::new(),
        };
        assert_eq!(
            format!("{request:?}"),
            "SignedRequest { method: \"PUT\", .. }"
        );
    }
}
