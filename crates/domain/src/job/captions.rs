//! Captions: their renditions, and the master playlist that names them.

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, VideoId};

/// Publishes the captions of a video. It has no parameters, because the catalog knows which
/// captions the video has: any message publishes all changes before it, and repeating it changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CaptionsJob {
    /// Derived from the video.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video of the captions.
    pub video: VideoId,
}

impl CaptionsJob {
    /// A job for all captions of a video.
    pub fn new(video: VideoId) -> Self {
        let id = JobId::of("captions", &video.to_string(), "", "");
        Self { id, video }
    }
}
