//! The files of the store, and the blocking operations on them.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};

use super::super::{ETag, Entry, Listing, ObjectMeta, PutCondition};
use super::failure::Failure;
use super::walk;

pub(super) struct Directories {
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
pub(super) const READ_SIZE: u64 = 256 << 10;
/// Maximum number of objects in a listing page.
pub(super) const PAGE: usize = 1000;

/// A [`PutCondition`] without lifetime, which can be sent to another thread.
pub(super) enum Wanted {
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
    /// The directories of both buckets; with `only`, those of one video.
    pub(super) fn new(media: PathBuf, private: PathBuf, only: Option<VideoId>) -> Self {
        Self {
            media,
            private,
            only,
            replacing: Mutex::default(),
            last_write: AtomicU64::new(0),
        }
    }

    fn root(&self, bucket: Bucket) -> &Path {
        match bucket {
            Bucket::Media => &self.media,
            Bucket::Private => &self.private,
        }
    }

    pub(super) fn path(&self, key: &ObjectKey) -> PathBuf {
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
    pub(super) fn next_time(&self) -> SystemTime {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let next = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self
            .last_write
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .unwrap_or(now);
        UNIX_EPOCH + Duration::from_nanos(now.max(last.saturating_add(1)))
    }

    /// Lets `fill` write a file under a temporary name, and renames it.
    pub(super) fn write(
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
        let _replacing = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match condition {
            Wanted::Always => std::fs::rename(&temporary, &path)?,
            Wanted::Absent => {
                // Unlike a check followed by a rename, a link is atomic between processes as well.
                match std::fs::hard_link(&temporary, &path) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Err(Failure::Condition);
                    }
                    // Some file systems (exFAT) do not support links.
                    Err(_) if std::fs::exists(&path)? => return Err(Failure::Condition),
                    Err(_) => std::fs::rename(&temporary, &path)?,
                }
            }
            Wanted::Matches(expected) => {
                let present = match std::fs::metadata(&path) {
                    Ok(present) => meta(key, &present)?.etag,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return Err(Failure::Condition);
                    }
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
pub(super) fn in_its_folder(path: &Path, make: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let mut attempts = 0;
    loop {
        let missing = match make() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < 8 => error,
            result => return result,
        };
        let Some(directory) = path.parent() else {
            return Err(missing);
        };
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

pub(super) fn meta(key: &ObjectKey, file: &Metadata) -> Result<ObjectMeta, Failure> {
    let entry = walk::entry(key.path(), file)?;
    Ok(ObjectMeta {
        size: entry.size,
        etag: entry.etag,
        modified_ms: entry.modified_ms,
        content_type: Some(key.content_type().to_owned()),
        cache_control: Some(key.cache_policy().header().to_owned()),
    })
}

pub(super) fn read(mut file: File, size: u64) -> io::Result<(Bytes, File)> {
    let mut chunk = Vec::with_capacity(usize::try_from(size).map_err(io::Error::other)?);
    (&mut file).take(size).read_to_end(&mut chunk)?;
    // Another program truncated the file: an error, not a silent end.
    if (chunk.len() as u64) < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((chunk.into(), file))
}

impl Directories {
    pub(super) fn list(&self, prefix: &ObjectPrefix, after: Option<&str>) -> io::Result<Listing> {
        let mut entries = walk::files(self.root(prefix.bucket()), &prefix.path())?;
        entries.retain(|entry| after.is_none_or(|after| entry.path.as_str() > after));
        let more = entries.len() > PAGE;
        entries.truncate(PAGE);
        let next = entries
            .last()
            .map(|entry: &Entry| entry.path.clone())
            .filter(|_| more);
        Ok(Listing { entries, next })
    }

    pub(super) fn remove_all(&self, prefix: &ObjectPrefix) -> io::Result<u64> {
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
    pub(super) fn remove(&self, bucket: Bucket, path: &Path) -> io::Result<()> {
        let _replacing = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::fs::remove_file(path)?;
        let root = self.root(bucket);
        for directory in path
            .ancestors()
            .skip(1)
            .take_while(|it| it.starts_with(root) && *it != root)
        {
            // Not empty, or another task was faster: it stays in either case.
            if std::fs::remove_dir(directory).is_err() {
                break;
            }
        }
        Ok(())
    }
}
