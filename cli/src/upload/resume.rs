//! Remembers unfinished uploads in the user's state directory.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use domain::ids::VideoId;
use sha2::{Digest as _, Sha256};

use super::UploadFile;

/// The record of an unfinished upload of a file to an API. If it cannot be stored, an interrupted upload
/// starts again from the beginning.
#[derive(Debug, Clone)]
pub struct ResumeNote {
    path: Option<PathBuf>,
}

impl ResumeNote {
    /// The record of this version of the file.
    pub fn of(api: &str, file: &UploadFile) -> Self {
        state_dir().map_or(Self { path: None }, |it| Self::within(&it, api, file))
    }

    /// The same in a given state directory.
    pub fn within(state: &Path, api: &str, file: &UploadFile) -> Self {
        let modified = file.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!(
            "{api}\n{}\n{}\n{}",
            file.path.display(),
            file.size,
            modified.as_nanos()
        );
        let name = &domain::ids::hex(&Sha256::digest(name.as_bytes()))[..32];
        Self {
            path: Some(state.join("edgereel/uploads").join(name)),
        }
    }

    /// The unfinished upload.
    pub fn read(&self) -> Option<VideoId> {
        std::fs::read_to_string(self.path.as_ref()?)
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Records the start of an upload.
    pub fn write(&self, video: VideoId) {
        let write = |path: &PathBuf| {
            std::fs::create_dir_all(path.parent()?).ok()?;
            std::fs::write(path, format!("{video}\n")).ok()
        };
        if self.path.as_ref().and_then(write).is_none() {
            tracing::debug!("cannot save the state of the upload: it cannot be resumed");
        }
    }

    /// Removes the record.
    pub fn forget(&self) {
        if let Some(path) = &self.path {
            // A missing file is fine.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The state directory of the XDG Base Directory Specification.
fn state_dir() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|it| it.is_absolute());
    state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))
}
