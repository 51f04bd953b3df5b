//! Reads the source by byte range, as long as it is the same object.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use domain::failure::SourceProblem;
use domain::object_key::ObjectKey;
use domain::retry::RetryPolicy;
use futures::TryStreamExt as _;
use platform::object_store::{ETag, SharedStore, StoreError};

use crate::error::TranscodeError;

mod blocks;

pub(crate) use blocks::Blocks;

/// A source of known size, readable in any order.
#[async_trait]
pub(crate) trait Source: Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Reads exactly these bytes.
    async fn read(&self, range: Range<u64>) -> Result<Bytes, TranscodeError>;
}

/// An object in the store.
pub(crate) struct ObjectSource {
    store: SharedStore,
    key: ObjectKey,
    etag: ETag,
    size: u64,
}

/// Attempts at one read before the job fails and the queue retries it.
const ATTEMPTS: u32 = 4;

/// Pauses between these attempts.
const PAUSES: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(100),
    factor: 3,
    longest: Duration::from_millis(900),
};

impl ObjectSource {
    /// Opens the object of a job. `SourceMissing` if it does not exist, `SourceChanged` if another
    /// version is in its place.
    pub(crate) async fn open(
        store: SharedStore,
        key: ObjectKey,
        etag: &str,
    ) -> Result<Self, TranscodeError> {
        let meta = match store.head(&key).await {
            Ok(meta) => meta,
            Err(StoreError::NotFound { .. }) => return Err(SourceProblem::SourceMissing.into()),
            Err(error) => return Err(error.into()),
        };
        if meta.etag.0 != etag {
            return Err(SourceProblem::SourceChanged.into());
        }
        Ok(Self {
            store,
            key,
            etag: meta.etag,
            size: meta.size,
        })
    }

    async fn try_read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let length = (range.end - range.start) as usize;
        let body = self
            .store
            .get(&self.key, Some(range), Some(&self.etag))
            .await?;
        let mut bytes = BytesMut::with_capacity(length);
        let mut stream = body.stream;
        while let Some(part) = stream.try_next().await? {
            bytes.extend_from_slice(&part);
        }
        if bytes.len() == length {
            return Ok(bytes.freeze());
        }
        let found = format!("{} of {length} bytes came", bytes.len());
        Err(StoreError::Unavailable {
            path: self.key.path(),
            source: found.into(),
        })
    }
}

#[async_trait]
impl Source for ObjectSource {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, TranscodeError> {
        for attempt in 1.. {
            match self.try_read(range.clone()).await {
                Ok(bytes) => return Ok(bytes),
                Err(StoreError::NotFound { .. }) => return Err(SourceProblem::SourceMissing.into()),
                Err(StoreError::ConditionFailed { .. }) => {
                    return Err(SourceProblem::SourceChanged.into());
                }
                Err(StoreError::Unavailable { .. }) if attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSES.pause_after(attempt)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        unreachable!("the last attempt returns")
    }
}

/// A file on this machine.
pub(crate) struct FileSource {
    file: Arc<File>,
    size: u64,
}

impl FileSource {
    /// Opens a regular file.
    pub(crate) fn open(path: &Path) -> Result<Self, TranscodeError> {
        let io = |source| TranscodeError::Io {
            doing: format!("could not open `{}`", path.display()),
            source,
        };
        let file = File::open(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        if !meta.is_file() {
            return Err(io(std::io::Error::other("it is not a regular file")));
        }
        Ok(Self {
            size: meta.len(),
            file: Arc::new(file),
        })
    }
}

#[async_trait]
impl Source for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, TranscodeError> {
        let file = Arc::clone(&self.file);
        let read = move || {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            file.read_exact_at(&mut bytes, range.start)?;
            Ok(Bytes::from(bytes))
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(std::io::Error::other)
            .and_then(|it| it)
            .map_err(|source| TranscodeError::Io {
                doing: "could not read the source".to_owned(),
                source,
            })
    }
}

#[cfg(test)]
mod tests;
