//! A source that is to be fetched from a URL.

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, VideoId};

/// Fetch the source of a video. What arrives is an upload like any other: the bucket's event starts the encoding.
///
/// The URL stands in the catalog: it may be a permission, and messages are looked at by operators.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Import {
    /// Follows from the video: two messages of one id are one run.
    #[serde(rename = "job")]
    pub id: JobId,
    /// Whose source it is.
    pub video: VideoId,
}

impl Import {
    /// The import of a video: it has one.
    pub fn new(video: VideoId) -> Self {
        Self { id: JobId::of("import", &video.to_string(), "", ""), video }
    }
}
