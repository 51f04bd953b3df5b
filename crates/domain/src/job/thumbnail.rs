//! Thumbnails that clients request by time and width.

use serde::{Deserialize, Serialize};

use crate::ids::{Generation, JobId, VideoId};
use crate::thumbnail::Frame;

/// Makes a thumbnail of a frame. The object exists, or the job makes it: repeating the message
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ThumbnailJob {
    /// Derived from the other fields.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video of the frame.
    pub video: VideoId,
    /// The generation from which the frame is taken. If another one plays, the job is obsolete.
    pub generation: Generation,
    /// Time and width.
    #[serde(flatten)]
    pub frame: Frame,
}

impl ThumbnailJob {
    /// A job for a frame of a generation.
    pub fn new(video: VideoId, generation: Generation, frame: Frame) -> Self {
        let name = format!("{}/{}", frame.tenths, frame.width);
        Self {
            id: JobId::of("thumbnail", &video.to_string(), generation.as_str(), &name),
            video,
            generation,
            frame,
        }
    }
}
