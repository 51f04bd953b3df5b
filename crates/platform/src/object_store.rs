//! The object store as the rest of the system sees it: two buckets, typed keys, our own errors.
//!
//! Implemented by `S3Store` (R2, S3, the embedded server) and `FolderStore` (a plain folder, for
//! `edgereel transcode`); both must pass `object_store::conformance`.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub(crate) mod disposition;
pub mod folder;
pub mod s3;
pub mod uploads;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::object_key::{ObjectKey, ObjectPrefix};
use futures::TryStreamExt as _;
use futures::stream::BoxStream;

/// The entity tag of a stored object, without quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

/// What a store knows of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Bytes.
    pub size: u64,
    /// Changes whenever the content does.
    pub etag: ETag,
    /// Last write, Unix milliseconds.
    pub modified_ms: u64,
    /// As stored.
    pub content_type: Option<String>,
    /// As stored.
    pub cache_control: Option<String>,
}

/// An object, or a range of it, on its way.
pub struct ObjectBody {
    /// Of the whole object, also when only a range was asked for.
    pub meta: ObjectMeta,
    /// The bytes asked for. A connection lost half-way is an error item, never a silent end.
    pub stream: BoxStream<'static, Result<Bytes, StoreError>>,
}

/// When a write may take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PutCondition<'a> {
    /// Always: the last writer wins.
    #[default]
    Always,
    /// Only if nothing is there (`If-None-Match: *`). Of racing writers exactly one wins.
    Absent,
    /// Only if what is there has this tag (`If-Match`).
    Matches(&'a ETag),
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path in the bucket.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Of the content.
    pub etag: ETag,
    /// Last write, Unix milliseconds.
    pub modified_ms: u64,
}

/// One page of a listing, in the order of the bytes of the paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// At most 1,000.
    pub entries: Vec<Entry>,
    /// Pass it to get the next page; `None` on the last one.
    pub next: Option<String>,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is stored there.
    #[error("no object at `{path}`")]
    NotFound {
        /// In its bucket.
        path: String,
    },
    /// A condition (`If-Match`, `If-None-Match`) did not hold.
    #[error("`{path}` is not in the expected state")]
    ConditionFailed {
        /// In its bucket.
        path: String,
    },
    /// The range begins after the end of the object.
    #[error("range outside `{path}`")]
    RangeNotSatisfiable {
        /// In its bucket.
        path: String,
    },
    /// Asked wrongly, or not allowed: trying again will not help.
    #[error("the store refused `{path}`: {code}")]
    Refused {
        /// In its bucket.
        path: String,
        /// The S3 error code.
        code: String,
    },
    /// Network, timeout or a 5xx answer: another attempt may succeed.
    #[error("the store could not be reached for `{path}`")]
    Unavailable {
        /// In its bucket.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Both buckets of one installation.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Stores the whole of `body` or nothing, with the content type and cache policy of the key.
    async fn put(&self, key: &ObjectKey, body: Bytes, condition: PutCondition<'_>) -> Result<ETag, StoreError>;

    /// Reads an object, or the part of `range` (bytes, end exclusive) that exists, if its tag is `if_match`.
    async fn get(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
        if_match: Option<&ETag>,
    ) -> Result<ObjectBody, StoreError>;

    /// Reads what is known of an object.
    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta, StoreError>;

    /// Copies inside the store, whatever the size, keeping content type and metadata.
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> Result<(), StoreError>;

    /// Deletes; what is not there counts as deleted.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Lists a page of a family of objects. `after`: the `next` of the page before.
    async fn list(&self, prefix: &ObjectPrefix, after: Option<&str>) -> Result<Listing, StoreError>;

    /// Deletes a family of objects, in batches, and says how many there were.
    async fn delete_all(&self, prefix: &ObjectPrefix) -> Result<u64, StoreError>;
}

/// A store that many parts of a program share.
pub type SharedStore = Arc<dyn ObjectStore>;

/// What every store can do with the methods it has.
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
            return Err(StoreError::Refused { path: key.path(), code: "EntityTooLarge".to_owned() });
        }
        let chunks: Vec<Bytes> = body.stream.try_collect().await?;
        // Small objects come in one piece: no copy.
        Ok(match <[Bytes; 1]>::try_from(chunks) {
            Ok([whole]) => whole,
            Err(chunks) => chunks.concat().into(),
        })
    }

    /// The same, where the object may well be missing.
    ///
    /// # Errors
    /// As [`Self::read`], but for `NotFound`.
    async fn read_if_present(&self, key: &ObjectKey, max_bytes: u64) -> Result<Option<Bytes>, StoreError> {
        match self.read(key, max_bytes).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<T: ObjectStore + ?Sized> ObjectStoreExt for T {}
