//! Remembers, in the user's state folder, which upload of a file has not ended.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use domain::ids::VideoId;
use sha2::{Digest as _, Sha256};

use super::UploadFile;

/// The note of one file at one API. It helps and never hinders: where it cannot be kept, an upload
/// that breaks off begins anew.
#[derive(Debug, Clone)]
pub struct ResumeNote {
    path: Option<PathBuf>,
}

impl ResumeNote {
    /// Of this file, as it is now: a changed one is another.
    pub fn of(api: &str, file: &UploadFile) -> Self {
        folder().map_or(Self { path: None }, |it| Self::within(&it, api, file))
    }

    /// The same, in a state folder that is known.
    pub fn within(state: &Path, api: &str, file: &UploadFile) -> Self {
        let modified = file.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("{api}\n{}\n{}\n{}", file.path.display(), file.size, modified.as_nanos());
        let name = &domain::ids::hex(&Sha256::digest(name.as_bytes()))[..32];
        Self { path: Some(state.join("edgereel/uploads").join(name)) }
    }

    /// The upload that has not ended.
    pub fn read(&self) -> Option<VideoId> {
        std::fs::read_to_string(self.path.as_ref()?).ok()?.trim().parse().ok()
    }

    /// An upload begins.
    pub fn write(&self, video: VideoId) {
        let write = |path: &PathBuf| {
            std::fs::create_dir_all(path.parent()?).ok()?;
            std::fs::write(path, format!("{video}\n")).ok()
        };
        if self.path.as_ref().and_then(write).is_none() {
            tracing::debug!("cannot save the state of the upload: it cannot be resumed");
        }
    }

    /// It has ended.
    pub fn forget(&self) {
        if let Some(path) = &self.path {
            // Not there is as good as forgotten.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// XDG Base Directory Specification: what should stay between runs, and matters to nobody else.
fn folder() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|it| it.is_absolute());
    state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))
}
