//! A store in plain directories, for `edgereel transcode`: an object is a file at its path.
//!
//! A file is written under a temporary name and renamed, so a reader sees all of it or the previous
//! one. Writes are not synced: after a power failure, the user transcodes again. Content types come
//! from the keys.

mod failure;
mod files;
mod walk;

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::ids::VideoId;
use domain::object_key::{ObjectKey, ObjectPrefix};
use futures::StreamExt as _;

use self::failure::Failure;
use self::files::{Directories, READ_SIZE, Wanted, meta, read};
use super::{ETag, Listing, ObjectBody, ObjectMeta, ObjectStore, PutCondition, StoreError};

/// Both buckets as two directories.
#[derive(Clone)]
pub struct DirectoryStore(Arc<Directories>);

impl DirectoryStore {
    /// A store of media objects under `media` (`media/hls/...`), and of private ones under
    /// `private`. Directories are created when the first object is stored in them. Only one process
    /// should write at a time.
    pub fn new(media: impl Into<PathBuf>, private: impl Into<PathBuf>) -> Self {
        Self::with_layout(media.into(), private.into(), None)
    }

    /// A store of one video, whose outputs are directly in `media/hls`: `media/hls/master.m3u8`.
    pub fn of_one_video(
        media: impl Into<PathBuf>,
        private: impl Into<PathBuf>,
        video: VideoId,
    ) -> Self {
        Self::with_layout(media.into(), private.into(), Some(video))
    }

    fn with_layout(media: PathBuf, private: PathBuf, only: Option<VideoId>) -> Self {
        Self(Arc::new(Directories::new(media, private, only)))
    }

    /// The file path of an object, whether or not it exists.
    pub fn path(&self, key: &ObjectKey) -> PathBuf {
        self.0.path(key)
    }

    async fn run<R: Send + 'static>(
        &self,
        key: &ObjectKey,
        work: impl FnOnce(&Directories, &ObjectKey) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, StoreError> {
        let (directories, key) = (self.0.clone(), key.clone());
        let path = key.path();
        tokio::task::spawn_blocking(move || work(&directories, &key))
            .await
            .map_err(|error| Failure::Io(io::Error::other(error)))
            .flatten()
            .map_err(|failure| failure.at(path))
    }
}

#[async_trait]
impl ObjectStore for DirectoryStore {
    async fn put(
        &self,
        key: &ObjectKey,
        body: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<ETag, StoreError> {
        let condition = Wanted::from(condition);
        self.run(key, move |directories, key| {
            directories.write(key, &condition, |temporary| {
                let mut file = File::create_new(temporary)?;
                file.write_all(&body)?;
                file.set_modified(directories.next_time())
            })
        })
        .await
    }

    async fn get(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
        if_match: Option<&ETag>,
    ) -> Result<ObjectBody, StoreError> {
        let if_match = if_match.cloned();
        let (meta, file, size) = self
            .run(key, move |directories, key| {
                let mut file = File::open(directories.path(key))?;
                let meta = meta(key, &file.metadata()?)?;
                if if_match.is_some_and(|it| it != meta.etag) {
                    return Err(Failure::Condition);
                }
                let wanted = match range {
                    None => 0..meta.size,
                    Some(range) => {
                        let part = range.start..range.end.min(meta.size);
                        // As in S3, an empty object has no satisfiable range.
                        if part.is_empty() {
                            return Err(Failure::Range);
                        }
                        part
                    }
                };
                file.seek(SeekFrom::Start(wanted.start))?;
                Ok((meta, file, wanted.end - wanted.start))
            })
            .await?;
        let state = (file, size, key.path());
        let stream = futures::stream::try_unfold(state, |(file, missing, path)| async move {
            if missing == 0 {
                return Ok(None);
            }
            let read = tokio::task::spawn_blocking(move || read(file, missing.min(READ_SIZE)));
            let unavailable = |error| Failure::Io(error).at(path.clone());
            let (chunk, file) = read
                .await
                .map_err(io::Error::other)
                .flatten()
                .map_err(unavailable)?;
            let missing = missing - chunk.len() as u64;
            Ok(Some((chunk, (file, missing, path))))
        });
        Ok(ObjectBody {
            meta,
            stream: stream.boxed(),
        })
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta, StoreError> {
        self.run(key, |directories, key| {
            meta(key, &std::fs::metadata(directories.path(key))?)
        })
        .await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> Result<(), StoreError> {
        let from = from.clone();
        let missing = from.path();
        let copied = self
            .run(to, move |directories, to| {
                let source = directories.path(&from);
                directories.write(to, &Wanted::Always, |temporary| {
                    // Files are replaced and never changed, so both names may share one.
                    if std::fs::hard_link(&source, temporary).is_err() {
                        std::fs::copy(&source, temporary)?;
                    }
                    Ok(())
                })
            })
            .await;
        match copied {
            Err(StoreError::NotFound { .. }) => Err(StoreError::NotFound { path: missing }),
            other => other.map(|_| ()),
        }
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let deleted = self
            .run(key, |directories, key| {
                Ok(directories.remove(key.bucket(), &directories.path(key))?)
            })
            .await;
        match deleted {
            Err(StoreError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    async fn list(
        &self,
        prefix: &ObjectPrefix,
        after: Option<&str>,
    ) -> Result<Listing, StoreError> {
        let (directories, prefix, after) =
            (self.0.clone(), prefix.clone(), after.map(str::to_owned));
        let path = prefix.path();
        tokio::task::spawn_blocking(move || directories.list(&prefix, after.as_deref()))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| Failure::Io(error).at(path))
    }

    async fn delete_all(&self, prefix: &ObjectPrefix) -> Result<u64, StoreError> {
        let (directories, prefix) = (self.0.clone(), prefix.clone());
        let path = prefix.path();
        tokio::task::spawn_blocking(move || directories.remove_all(&prefix))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| Failure::Io(error).at(path))
    }
}

#[cfg(test)]
mod tests;
