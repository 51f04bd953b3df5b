//! The interface of the object store: two buckets, typed keys, errors of this crate.
//!
//! Implemented by `S3Store` (R2, S3, the embedded server) and `DirectoryStore` (a directory of files, for
//! `edgereel transcode`); both must pass `object_store::conformance`.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod directory;
pub(crate) mod disposition;
pub mod s3;
pub mod uploads;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::time::UnixMillis;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;

/// The ETag of a stored object, without quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

/// The properties of an object, available without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Size in bytes.
    pub size: u64,
    /// ETag; changes whenever the content does.
    pub etag: ETag,
    /// Last write.
    pub modified_ms: UnixMillis,
    /// Content type, as stored.
    pub content_type: Option<String>,
    /// `Cache-Control` value, as stored.
    pub cache_control: Option<String>,
}

/// An object, or a range of it, as a stream.
pub struct ObjectBody {
    /// Properties of the whole object, also if only a range was requested.
    pub meta: ObjectMeta,
    /// The requested bytes. A connection lost half-way yields an error item, never a silent end.
    pub stream: BoxStream<'static, Result<Bytes, StoreError>>,
}

/// The condition of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PutCondition<'a> {
    /// Unconditional: the last writer wins.
    #[default]
    Always,
    /// Only if there is no object (`If-None-Match: *`). Exactly one of several concurrent writers
    /// wins.
    Absent,
    /// Only if the present object has this ETag (`If-Match`).
    Matches(&'a ETag),
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path in the bucket.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// ETag of the content.
    pub etag: ETag,
    /// Last write.
    pub modified_ms: UnixMillis,
}

/// One page of a listing, in byte order of the paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// At most 1,000 entries.
    pub entries: Vec<Entry>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<String>,
}

/// An error of the object store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no object at the path.
    #[error("no object at `{path}`")]
    NotFound {
        /// Path in its bucket.
        path: String,
    },
    /// A condition (`If-Match`, `If-None-Match`) did not hold.
    #[error("`{path}` is not in the expected state")]
    ConditionFailed {
        /// Path in its bucket.
        path: String,
    },
    /// The range begins after the end of the object.
    #[error("range outside `{path}`")]
    RangeNotSatisfiable {
        /// Path in its bucket.
        path: String,
    },
    /// The request is invalid or not allowed. A retry does not help.
    #[error("the store refused `{path}`: {code}")]
    Refused {
        /// Path in its bucket.
        path: String,
        /// The S3 error code.
        code: String,
    },
    /// Network error, timeout or a 5xx response. A retry may succeed.
    #[error("the store could not be reached for `{path}`")]
    Unavailable {
        /// Path in its bucket.
        path: String,
        /// The client's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Both buckets of one installation.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Stores the whole of `body` or nothing, with the content type and cache policy of the key.
    async fn put(
        &self,
        key: &ObjectKey,
        body: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<ETag, StoreError>;

    /// Reads an object, or the part of `range` (bytes, end exclusive) that exists, if its ETag is
    /// `if_match`.
    async fn get(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
        if_match: Option<&ETag>,
    ) -> Result<ObjectBody, StoreError>;

    /// Reads the properties of an object.
    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta, StoreError>;

    /// Copies an object of any size inside the store, with its content type and metadata.
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> Result<(), StoreError>;

    /// Deletes an object; a missing one counts as deleted.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Lists a page of the objects with a prefix. `after`: the `next` cursor of the previous page.
    async fn list(&self, prefix: &ObjectPrefix, after: Option<&str>)
    -> Result<Listing, StoreError>;

    /// Deletes all objects with a prefix, in batches, and returns their number.
    async fn delete_all(&self, prefix: &ObjectPrefix) -> Result<u64, StoreError>;
}

/// A store that several parts of a program share.
pub type SharedStore = Arc<dyn ObjectStore>;

/// Helpers that work with every store.
#[async_trait]
pub trait ObjectStoreExt: ObjectStore {
    /// Reads a whole object into memory.
    ///
    /// # Errors
    /// As [`ObjectStore::get`]; `Refused` with `EntityTooLarge` if it has more than `max_bytes`, before
    /// any of it is read.
    async fn read(&self, key: &ObjectKey, max_bytes: u64) -> Result<Bytes, StoreError> {
        let body = self.get(key, None, None).await?;
        if body.meta.size > max_bytes {
            return Err(StoreError::Refused {
                path: key.path(),
                code: "EntityTooLarge".to_owned(),
            });
        }
        let chunks: Vec<Bytes> = body.stream.try_collect().await?;
        // A small object arrives in one chunk, which needs no copy.
        Ok(match <[Bytes; 1]>::try_from(chunks) {
            Ok([whole]) => whole,
            Err(chunks) => chunks.concat().into(),
        })
    }

    /// Reads an object that may be missing.
    ///
    /// # Errors
    /// As [`Self::read`], except for `NotFound`.
    async fn read_if_present(
        &self,
        key: &ObjectKey,
        max_bytes: u64,
    ) -> Result<Option<Bytes>, StoreError> {
        match self.read(key, max_bytes).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<T: ObjectStore + ?Sized> ObjectStoreExt for T {}
