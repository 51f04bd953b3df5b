//! MP4 files of a rung, as the catalog records them.

use domain::failure::Failure;
use domain::object_key::RenditionName;
use domain::time::UnixMillis;

/// A file that was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadRecord {
    /// Name of its rung.
    pub rung: RenditionName,
    /// When its job was sent last, or a worker gave a sign of life.
    pub requested_ms: UnixMillis,
    /// The file; `None`: not yet.
    pub file: Option<DownloadFile>,
    /// Why it could not be written.
    pub failure: Option<Failure>,
}

/// A file in the private bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadFile {
    /// When it was written.
    pub ready_ms: UnixMillis,
    /// Size in bytes.
    pub bytes: u64,
}
