//! Uploads that go from a browser straight to the store: presigned requests and multipart uploads.
//!
//! R2 has no POST policy, so what an uploader may send is bound by signing the headers: the exact size,
//! the type, and that nothing may be there yet.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::object_key::{ObjectKey, ObjectPrefix};
use serde::{Deserialize, Serialize};

use super::{ETag, StoreError};

/// Least bytes of a part that is not the last (R2 and S3).
pub const MIN_PART_BYTES: u64 = 5 << 20;
/// Most bytes of a part or of a single PUT (R2: 5 GiB less 5 MiB).
pub const MAX_PART_BYTES: u64 = (5 << 30) - (5 << 20);
/// Most parts of an upload (R2 and S3).
pub const MAX_PARTS: u32 = 10_000;

/// A request that whoever holds it may send once, without credentials, until it expires.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresignedRequest {
    /// `PUT` or `GET`.
    pub method: String,
    /// Secret: it is the permission. `Debug` leaves out its query.
    pub url: String,
    /// Headers that are signed: they have to be sent with exactly these values. (A browser sends
    /// `content-length` by itself, from the body.)
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for PresignedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("PresignedRequest").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

/// A multipart upload, as the store calls it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(pub String);

/// A part that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// Of this part.
    pub etag: ETag,
    /// Bytes.
    pub size: u64,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// Path in its bucket.
    pub path: String,
    /// Of the upload.
    pub id: UploadId,
    /// When it began, Unix milliseconds.
    pub created_ms: u64,
}

/// Uploads in parts, and lets others upload and download without credentials.
#[async_trait]
pub trait UploadSigner: Send + Sync {
    /// A PUT of exactly `size` bytes of this type, which fails if the object is there already. `None`: of any size,
    /// for uploaders that do not say one.
    ///
    /// `expires` is at most 7 days; a PUT of more than [`MAX_PART_BYTES`] is refused by the store.
    async fn presign_put(
        &self,
        key: &ObjectKey,
        size: Option<u64>,
        content_type: &str,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError>;

    /// A GET of the object, or of a range of it. `file_name`: what a browser saves it as, instead of showing it.
    async fn presign_get(
        &self,
        key: &ObjectKey,
        file_name: Option<&str>,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError>;

    /// Begins an upload in parts: at most [`MAX_PARTS`], all of the same size but the last.
    async fn create_multipart(&self, key: &ObjectKey, content_type: &str) -> Result<UploadId, StoreError>;

    /// A PUT of one part (from 1) of exactly `size` bytes, or of any size. The answer's `ETag` belongs to the part.
    async fn presign_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u32,
        size: Option<u64>,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError>;

    /// Stores one part (from 1). Again, with the same number, replaces it.
    async fn put_part(&self, key: &ObjectKey, upload: &UploadId, number: u32, body: Bytes) -> Result<ETag, StoreError>;

    /// All parts the store has, in order. `NotFound` if there is no such upload (any more).
    async fn list_parts(&self, key: &ObjectKey, upload: &UploadId) -> Result<Vec<Part>, StoreError>;

    /// Makes the object of its parts. Doing it again is no error while the object is still the same.
    async fn complete_multipart(&self, key: &ObjectKey, upload: &UploadId, parts: &[Part]) -> Result<ETag, StoreError>;

    /// Gives an upload up and frees its parts; one that is not there counts as given up.
    async fn abort_multipart(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), StoreError>;

    /// All unfinished uploads of a family of objects, to sweep those that nobody will finish.
    async fn list_unfinished(&self, prefix: &ObjectPrefix) -> Result<Vec<UnfinishedUpload>, StoreError>;
}
