//! The content files: written under a temporary name, synced, renamed, and never changed
//! afterwards.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use tokio::task::{JoinHandle, spawn_blocking};

use super::digest::{Digests, Hashing};

/// The two content directories: `blobs` (complete files) and `tmp` (files being written).
pub(super) struct Blobs {
    complete: PathBuf,
    temporary: PathBuf,
}

/// A complete file that no index row refers to yet; it is removed unless it is kept.
pub(super) struct NewBlob {
    /// File name in the directory.
    pub(super) name: String,
    /// Size in bytes.
    pub(super) size: u64,
    file: Unkept,
}

impl NewBlob {
    /// Keeps the file, because an index row refers to it now.
    pub(super) fn keep(mut self) {
        self.file.0 = None;
    }
}

/// Removes a file when dropped: an error or a disconnecting client may end a request at any moment.
struct Unkept(Option<PathBuf>);

impl Drop for Unkept {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "could not remove an unfinished file");
        }
    }
}

/// Bytes buffered before they are hashed and written: few thread switches, little memory.
const WRITE_SIZE: usize = 1 << 20;

impl Blobs {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let blobs = Self {
            complete: root.join("blobs"),
            temporary: root.join("tmp"),
        };
        std::fs::create_dir_all(&blobs.complete)?;
        std::fs::create_dir_all(&blobs.temporary)?;
        Ok(blobs)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.complete.join(name)
    }

    /// Removes files that a crash left: every unfinished file, and every complete one that is not
    /// in `live`. Only for the process that holds the lock, before it serves.
    pub(super) fn sweep(&self, live: &HashSet<String>) -> io::Result<u64> {
        let mut removed = 0;
        for entry in std::fs::read_dir(&self.temporary)?.chain(std::fs::read_dir(&self.complete)?) {
            let entry = entry?;
            let dead = entry
                .file_name()
                .to_str()
                .is_none_or(|name| !live.contains(name));
            if dead {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Makes the names of all complete files durable.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.complete)?.sync_all()
    }

    /// Writes a body of at most `limit` bytes to a file and hashes it, then syncs and renames the
    /// file.
    ///
    /// # Errors
    /// `IncompleteBody` if the body is cut off, `EntityTooLarge`; the file is removed then.
    pub(super) async fn receive<B, E>(
        self: &Arc<Self>,
        mut body: B,
        hashing: Hashing,
        limit: u64,
    ) -> S3Result<(NewBlob, Digests)>
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<s3s::StdError>,
    {
        let mut working = spawn_blocking({
            let blobs = self.clone();
            move || Incoming::create(&blobs, hashing)
        });
        let (mut gathered, mut size, mut total) = (Vec::new(), 0, 0);
        while let Some(chunk) = body.next().await {
            let chunk = chunk
                .map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error.into()))?;
            size += chunk.len();
            total += chunk.len() as u64;
            if total > limit {
                return Err(s3_error!(
                    EntityTooLarge,
                    "the body has more than {limit} bytes"
                ));
            }
            gathered.push(chunk);
            if size >= WRITE_SIZE {
                // The disk writes one batch while the network fills the next.
                let incoming = finished(working).await?;
                let batch = std::mem::take(&mut gathered);
                working = spawn_blocking(move || incoming.write(batch));
                size = 0;
            }
        }
        let incoming = finished(working).await?;
        let blobs = self.clone();
        finished(spawn_blocking(move || {
            incoming.write(gathered)?.finish(&blobs)
        }))
        .await
    }
}

async fn finished<T>(task: JoinHandle<io::Result<T>>) -> S3Result<T> {
    task.await
        .map_err(S3Error::internal_error)?
        .map_err(S3Error::internal_error)
}

/// A file that is being received.
struct Incoming {
    file: File,
    name: String,
    size: u64,
    hashing: Hashing,
    unkept: Unkept,
}

impl Incoming {
    fn create(blobs: &Blobs, hashing: Hashing) -> io::Result<Self> {
        let name = super::random_name();
        let path = blobs.temporary.join(&name);
        let file = File::create_new(&path)?;
        Ok(Self {
            file,
            name,
            size: 0,
            hashing,
            unkept: Unkept(Some(path)),
        })
    }

    fn write(mut self, batch: Vec<Bytes>) -> io::Result<Self> {
        for bytes in batch {
            self.file.write_all(&bytes)?;
            self.hashing.update(&bytes);
            self.size += bytes.len() as u64;
        }
        Ok(self)
    }

    fn finish(mut self, blobs: &Blobs) -> io::Result<(NewBlob, Digests)> {
        self.file.sync_data()?;
        let path = blobs.path(&self.name);
        if let Some(temporary) = &self.unkept.0 {
            std::fs::rename(temporary, &path)?;
        }
        self.unkept.0 = Some(path);
        let blob = NewBlob {
            name: self.name,
            size: self.size,
            file: self.unkept,
        };
        Ok((blob, self.hashing.finish()))
    }
}
