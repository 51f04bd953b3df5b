//! Imports of sources from a URL.

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, VideoId};

/// Imports the source of a video. The result is treated as an upload: the bucket's event starts the
/// encoding.
///
/// The URL is only in the catalog, because it may carry credentials and operators can read
/// messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Import {
    /// Derived from the video: two messages with the same id are one run.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video of the source.
    pub video: VideoId,
}

impl Import {
    /// The import of a video, which has exactly one.
    pub fn new(video: VideoId) -> Self {
        Self {
            id: JobId::of("import", &video.to_string(), "", ""),
            video,
        }
    }
}
