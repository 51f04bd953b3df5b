//! The file to upload, and the stretches of it that are sent.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use md5::Digest as _;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use crate::Result;
use crate::output::Stop;

/// Read and sent at once, bytes: all the memory that a request needs.
const CHUNK_BYTES: usize = 256 << 10;

/// A file, as it was when the upload began.
#[derive(Debug, Clone)]
pub struct UploadFile {
    /// Absolute.
    pub path: PathBuf,
    /// For people; the API cleans it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Last change.
    pub modified: SystemTime,
}

impl UploadFile {
    /// Looks at it.
    ///
    /// # Errors
    /// If it is missing, no file, or empty.
    pub async fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let meta = tokio::fs::metadata(path).await.with_context(|| format!("cannot read `{shown}`"))?;
        if !meta.is_file() {
            return Err(Stop::failed("not-a-file", anyhow::anyhow!("`{shown}` is not a file")));
        }
        if meta.len() == 0 {
            return Err(Stop::failed("empty-file", anyhow::anyhow!("`{shown}` is empty: there is nothing to upload")));
        }
        let path = tokio::fs::canonicalize(path).await.with_context(|| format!("cannot read `{shown}`"))?;
        let name = path.file_name().map_or_else(|| "video".into(), |it| it.to_string_lossy().into_owned());
        let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Self { path, name, size: meta.len(), modified })
    }

    /// Whether it is still as it was.
    pub async fn is_unchanged(&self) -> bool {
        let meta = tokio::fs::metadata(&self.path).await;
        meta.is_ok_and(|it| it.len() == self.size && it.modified().is_ok_and(|it| it == self.modified))
    }

    /// The bytes from `offset` on, `length` of them.
    pub async fn read(&self, offset: u64, length: u64) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let mut file = tokio::fs::File::open(&self.path).await?;
        file.seek(std::io::SeekFrom::Start(offset)).await?;
        Ok(ReaderStream::with_capacity(file.take(length), CHUNK_BYTES).boxed())
    }

    /// MD5 of a stretch: what a store calls the ETag of it, in hex.
    pub async fn md5(&self, offset: u64, length: u64) -> std::io::Result<String> {
        let mut stream = self.read(offset, length).await?;
        let mut md5 = md5::Md5::new();
        while let Some(chunk) = stream.next().await {
            md5.update(&chunk?);
        }
        Ok(domain::ids::hex(&md5.finalize()))
    }

    /// What its name says it is.
    pub fn content_type(&self) -> &'static str {
        let extension = self.name.rsplit_once('.').map(|it| it.1.to_ascii_lowercase()).unwrap_or_default();
        match extension.as_str() {
            "mp4" | "m4v" => "video/mp4",
            "mov" | "qt" => "video/quicktime",
            "mkv" => "video/x-matroska",
            "webm" => "video/webm",
            "avi" => "video/x-msvideo",
            "ts" | "m2ts" | "mts" => "video/mp2t",
            "mpg" | "mpeg" | "vob" => "video/mpeg",
            "wmv" => "video/x-ms-wmv",
            "flv" => "video/x-flv",
            "3gp" => "video/3gpp",
            "ogv" => "video/ogg",
            "mxf" => "application/mxf",
            _ => "application/octet-stream",
        }
    }
}
