//! Uploads from a browser directly to the store: presigned requests and multipart uploads.
//!
//! R2 does not support POST policies. Signed headers restrict the upload instead: the exact size,
//! the content type, and that the object does not exist yet.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::{ETag, StoreError};

/// Minimum size of a part other than the last, bytes (R2 and S3).
pub const MIN_PART_BYTES: u64 = 5 << 20;
/// Maximum size of a part or of a single PUT, bytes (R2: 5 GiB less 5 MiB).
pub const MAX_PART_BYTES: u64 = (5 << 30) - (5 << 20);
/// Maximum number of parts of an upload (R2 and S3).
pub const MAX_PARTS: u32 = 10_000;

/// A presigned request: its holder may send it once, without credentials, until it expires.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresignedRequest {
    /// HTTP method, `PUT` or `GET`.
    pub method: String,
    /// URL; secret, because it grants access. `Debug` omits its query.
    pub url: String,
    /// Signed headers, to be sent with exactly these values. (A browser sets `content-length`
    /// itself, from the body.)
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for PresignedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("PresignedRequest")
            .field("method", &self.method)
            .field("url", &url)
            .finish_non_exhaustive()
    }
}

/// The store's id of a multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(pub String);

/// A part that the store has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Part number, from 1.
    pub number: u32,
    /// ETag of this part.
    pub etag: ETag,
    /// Size in bytes.
    pub size: u64,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// Object path in its bucket.
    pub path: String,
    /// Id of the upload.
    pub id: UploadId,
    /// Start.
    pub created_ms: UnixMillis,
}

/// Multipart uploads, and presigned requests for clients without credentials.
#[async_trait]
pub trait UploadSigner: Send + Sync {
    /// Presigns a PUT of exactly `size` bytes of this content type, which fails if the object
    /// exists. `None`: of any size, for uploaders that do not declare one.
    ///
    /// `expires` is at most 7 days; the store rejects a PUT of more than [`MAX_PART_BYTES`].
    async fn presign_put(
        &self,
        key: &ObjectKey,
        size: Option<u64>,
        content_type: &str,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError>;

    /// Presigns a GET of the object, or of a range of it. `file_name`: makes the browser save it
    /// under this name instead of showing it.
    async fn presign_get(
        &self,
        key: &ObjectKey,
        file_name: Option<&str>,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError>;

    /// Starts a multipart upload: at most [`MAX_PARTS`] parts, all of the same size except the
    /// last.
    async fn create_multipart(
        &self,
        key: &ObjectKey,
        content_type: &str,
    ) -> Result<UploadId, StoreError>;

    /// Presigns a PUT of one part (from 1) of exactly `size` bytes, or of any size. The `ETag` of
    /// the response identifies the part.
    async fn presign_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u32,
        size: Option<u64>,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError>;

    /// Stores one part (from 1). A repeated call with the same number replaces it.
    async fn put_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u32,
        body: Bytes,
    ) -> Result<ETag, StoreError>;

    /// All parts that the store has received, in order. `NotFound` if the upload does not exist
    /// (any more).
    async fn list_parts(&self, key: &ObjectKey, upload: &UploadId)
    -> Result<Vec<Part>, StoreError>;

    /// Completes the upload. A repeated call succeeds while the object is the same.
    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[Part],
    ) -> Result<ETag, StoreError>;

    /// Aborts an upload and frees its parts; a missing one counts as aborted.
    async fn abort_multipart(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), StoreError>;

    /// All unfinished uploads with a prefix, so that abandoned ones can be removed.
    async fn list_unfinished(
        &self,
        prefix: &ObjectPrefix,
    ) -> Result<Vec<UnfinishedUpload>, StoreError>;
}
