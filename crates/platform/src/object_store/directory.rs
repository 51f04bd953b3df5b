//! A store in plain directories, for `edgereel transcode`: an object is a file at its path.
//!
//! A file is written under a temporary name and renamed, so a reader sees all of it or the previous
//! one. Writes are not synced: after a power failure, the user transcodes again. Content types come
//! from the keys.

mod failure;
mod walk;

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use futures::StreamExt as _;

use self::failure::Failure;
use super::{ETag, Entry, Listing, ObjectBody, ObjectMeta, ObjectStore, PutCondition, StoreError};

/// Both buckets as two directories.
#[derive(Clone)]
pub struct DirectoryStore(Arc<Directories>);

struct Directories {
    media: PathBuf,
    private: PathBuf,
    /// The video whose own directory is omitted from the paths of its outputs.
    only: Option<VideoId>,
    /// Held from checking a condition to replacing the file, so that conditions hold within this
    /// process.
    replacing: Mutex<()>,
    /// Time of the last write, Unix nanoseconds: no two writes get the same time.
    last_write: AtomicU64,
}

/// Read size, bytes.
const READ_SIZE: u64 = 256 << 10;
/// Maximum number of objects in a listing page.
const PAGE: usize = 1000;

impl DirectoryStore {
    /// A store of media objects under `media` (`media/hls/...`), and of private ones under
    /// `private`. Directories are created when the first object is stored in them. Only one process
    /// should write at a time.
    pub fn new(media: impl Into<PathBuf>, private: impl Into<PathBuf>) -> Self {
        Self::with_layout(media.into(), private.into(), None)
    }

    /// A store of one video, whose outputs are directly in `media/hls`: `media/hls/master.m3u8`.
    pub fn of_one_video(media: impl Into<PathBuf>, private: impl Into<PathBuf>, video: VideoId) -> Self {
        Self::with_layout(media.into(), private.into(), Some(video))
    }

    fn with_layout(media: PathBuf, private: PathBuf, only: Option<VideoId>) -> Self {
        let (replacing, last_write) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Directories { media, private, only, replacing, last_write }))
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
    async fn put(&self, key: &ObjectKey, body: Bytes, condition: PutCondition<'_>) -> Result<ETag, StoreError> {
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
            let (chunk, file) = read.await.map_err(io::Error::other).flatten().map_err(unavailable)?;
            let missing = missing - chunk.len() as u64;
            Ok(Some((chunk, (file, missing, path))))
        });
        Ok(ObjectBody { meta, stream: stream.boxed() })
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta, StoreError> {
        self.run(key, |directories, key| meta(key, &std::fs::metadata(directories.path(key))?)).await
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
        let deleted =
            self.run(key, |directories, key| Ok(directories.remove(key.bucket(), &directories.path(key))?)).await;
        match deleted {
            Err(StoreError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    async fn list(&self, prefix: &ObjectPrefix, after: Option<&str>) -> Result<Listing, StoreError> {
        let (directories, prefix, after) = (self.0.clone(), prefix.clone(), after.map(str::to_owned));
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

/// A [`PutCondition`] without lifetime, which can be sent to another thread.
enum Wanted {
    Always,
    Absent,
    Matches(ETag),
}

impl From<PutCondition<'_>> for Wanted {
    fn from(condition: PutCondition<'_>) -> Self {
        match condition {
            PutCondition::Always => Self::Always,
            PutCondition::Absent => Self::Absent,
            PutCondition::Matches(etag) => Self::Matches(etag.clone()),
        }
    }
}

impl Directories {
    fn root(&self, bucket: Bucket) -> &Path {
        match bucket {
            Bucket::Media => &self.media,
            Bucket::Private => &self.private,
        }
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        let path = key.path();
        let own = self.only.map(|video| ObjectPrefix::Outputs(video).path());
        let short = match own.as_deref().and_then(|own| path.strip_prefix(own)) {
            Some(rest) => format!("hls/{rest}"),
            None => path,
        };
        self.root(key.bucket()).join(short)
    }

    /// A time later than that of every earlier write. The ETag is derived from it, and the clock of
    /// a file system has a resolution of milliseconds.
    fn next_time(&self) -> SystemTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let next = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self.last_write.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or(now);
        UNIX_EPOCH + Duration::from_nanos(now.max(last.saturating_add(1)))
    }

    /// Lets `fill` write a file under a temporary name, and renames it.
    fn write(
        &self,
        key: &ObjectKey,
        condition: &Wanted,
        fill: impl Fn(&Path) -> io::Result<()>,
    ) -> Result<ETag, Failure> {
        let path = self.path(key);
        let temporary = walk::temporary_name(&path);
        let cleanup = RemoveOnDrop(&temporary);
        in_its_folder(&path, || fill(&temporary))?;
        let etag = meta(key, &std::fs::metadata(&temporary)?)?.etag;
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        match condition {
            Wanted::Always => std::fs::rename(&temporary, &path)?,
            Wanted::Absent => {
                // Unlike a check followed by a rename, a link is atomic between processes as well.
                match std::fs::hard_link(&temporary, &path) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(Failure::Condition),
                    // Some file systems (exFAT) do not support links.
                    Err(_) if std::fs::exists(&path)? => return Err(Failure::Condition),
                    Err(_) => std::fs::rename(&temporary, &path)?,
                }
            }
            Wanted::Matches(expected) => {
                let present = match std::fs::metadata(&path) {
                    Ok(present) => meta(key, &present)?.etag,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Failure::Condition),
                    Err(error) => return Err(error.into()),
                };
                if present != *expected {
                    return Err(Failure::Condition);
                }
                std::fs::rename(&temporary, &path)?;
            }
        }
        drop(cleanup);
        Ok(etag)
    }
}

/// Runs `make`; if the directory of `path` is missing, creates it and tries again. Another task may
/// remove the empty directory at the same time, so this is repeated a few times.
fn in_its_folder(path: &Path, make: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let mut attempts = 0;
    loop {
        let missing = match make() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < 8 => error,
            result => return result,
        };
        let Some(directory) = path.parent() else { return Err(missing) };
        std::fs::create_dir_all(directory)?;
        attempts += 1;
    }
}

struct RemoveOnDrop<'a>(&'a Path);

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        // Already gone if it was renamed.
        let _ = std::fs::remove_file(self.0);
    }
}

fn meta(key: &ObjectKey, file: &Metadata) -> Result<ObjectMeta, Failure> {
    let entry = walk::entry(key.path(), file)?;
    Ok(ObjectMeta {
        size: entry.size,
        etag: entry.etag,
        modified_ms: entry.modified_ms,
        content_type: Some(key.content_type().to_owned()),
        cache_control: Some(key.cache_policy().header().to_owned()),
    })
}

fn read(mut file: File, size: u64) -> io::Result<(Bytes, File)> {
    let mut chunk = Vec::with_capacity(usize::try_from(size).map_err(io::Error::other)?);
    (&mut file).take(size).read_to_end(&mut chunk)?;
    // Another program truncated the file: an error, not a silent end.
    if (chunk.len() as u64) < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((chunk.into(), file))
}

impl Directories {
    fn list(&self, prefix: &ObjectPrefix, after: Option<&str>) -> io::Result<Listing> {
        let mut entries = walk::files(self.root(prefix.bucket()), &prefix.path())?;
        entries.retain(|entry| after.is_none_or(|after| entry.path.as_str() > after));
        let more = entries.len() > PAGE;
        entries.truncate(PAGE);
        let next = entries.last().map(|entry: &Entry| entry.path.clone()).filter(|_| more);
        Ok(Listing { entries, next })
    }

    fn remove_all(&self, prefix: &ObjectPrefix) -> io::Result<u64> {
        let root = self.root(prefix.bucket());
        let mut removed = 0;
        for entry in walk::files(root, &prefix.path())? {
            match self.remove(prefix.bucket(), &root.join(entry.path)) {
                Ok(()) => removed += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        // Temporary files that a crash left are removed as well.
        match std::fs::remove_dir_all(root.join(prefix.path())) {
            Ok(()) => Ok(removed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(removed),
            Err(error) => Err(error),
        }
    }

    /// Removes a file, and the directories that become empty.
    fn remove(&self, bucket: Bucket, path: &Path) -> io::Result<()> {
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        std::fs::remove_file(path)?;
        let root = self.root(bucket);
        for directory in path.ancestors().skip(1).take_while(|it| it.starts_with(root) && *it != root) {
            // Not empty, or another task was faster: it stays in either case.
            if std::fs::remove_dir(directory).is_err() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
