//! The file to upload, and its byte ranges.

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
use crate::output::CommandError;

/// Chunk size in bytes: the memory use of a request.
const CHUNK_BYTES: usize = 256 << 10;

/// A file, as it was at the start of the upload.
#[derive(Debug, Clone)]
pub struct UploadFile {
    /// The absolute path.
    pub path: PathBuf,
    /// The name for display; the API sanitises it.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last modification.
    pub modified: SystemTime,
}

impl UploadFile {
    /// Reads the metadata of a file.
    ///
    /// # Errors
    /// If it does not exist, is not a regular file, or is empty.
    pub async fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let meta = tokio::fs::metadata(path)
            .await
            .with_context(|| format!("cannot read `{shown}`"))?;
        if !meta.is_file() {
            return Err(CommandError::failed(
                "not-a-file",
                anyhow::anyhow!("`{shown}` is not a file"),
            ));
        }
        if meta.len() == 0 {
            return Err(CommandError::failed(
                "empty-file",
                anyhow::anyhow!("`{shown}` is empty: there is nothing to upload"),
            ));
        }
        let path = tokio::fs::canonicalize(path)
            .await
            .with_context(|| format!("cannot read `{shown}`"))?;
        let name = path
            .file_name()
            .map_or_else(|| "video".into(), |it| it.to_string_lossy().into_owned());
        let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Self {
            path,
            name,
            size: meta.len(),
            modified,
        })
    }

    /// Whether the file is unchanged.
    pub async fn is_unchanged(&self) -> bool {
        let meta = tokio::fs::metadata(&self.path).await;
        meta.is_ok_and(|it| {
            it.len() == self.size && it.modified().is_ok_and(|it| it == self.modified)
        })
    }

    /// Reads `length` bytes from `offset`.
    pub async fn read(
        &self,
        offset: u64,
        length: u64,
    ) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let mut file = tokio::fs::File::open(&self.path).await?;
        file.seek(std::io::SeekFrom::Start(offset)).await?;
        Ok(ReaderStream::with_capacity(file.take(length), CHUNK_BYTES).boxed())
    }

    /// The MD5 of a byte range in hex, which stores use as its ETag.
    pub async fn md5(&self, offset: u64, length: u64) -> std::io::Result<String> {
        let mut stream = self.read(offset, length).await?;
        let mut md5 = md5::Md5::new();
        while let Some(chunk) = stream.next().await {
            md5.update(&chunk?);
        }
        Ok(domain::ids::hex(&md5.finalize()))
    }

    /// The content type by file extension.
    pub fn content_type(&self) -> &'static str {
        let extension = self
            .name
            .rsplit_once('.')
            .map(|it| it.1.to_ascii_lowercase())
            .unwrap_or_default();
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
            "mp3" | "mp2" => "audio/mpeg",
            "m4a" | "m4b" => "audio/mp4",
            "aac" => "audio/aac",
            "wav" => "audio/wav",
            "aif" | "aiff" => "audio/aiff",
            "flac" => "audio/flac",
            "ogg" | "oga" | "opus" => "audio/ogg",
            "mka" => "audio/x-matroska",
            _ => "application/octet-stream",
        }
    }
}
