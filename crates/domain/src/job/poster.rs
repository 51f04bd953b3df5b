//! Custom posters: an uploaded image, or a frame of the video.

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, PosterId, VideoId};

/// Renders a poster. The catalog knows the requested one: a message of an earlier request is
/// obsolete.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PosterJob {
    /// Derived from the video and the poster: two messages with the same id are one run.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video of the poster.
    pub video: VideoId,
    /// Id of the poster.
    pub poster: PosterId,
    /// The input of the poster.
    pub from: PosterSource,
}

/// The input from which a poster is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PosterSource {
    /// The uploaded image, which is stored in the private bucket.
    Image,
    /// A frame of the video at this time, milliseconds.
    Timestamp(u64),
}

impl PosterJob {
    /// A job for an uploaded image.
    pub fn from_image(video: VideoId, bytes: &[u8]) -> Self {
        Self::new(video, PosterId::from_image(bytes), PosterSource::Image)
    }

    /// A job for a frame of the video.
    pub fn from_timestamp(video: VideoId, at_ms: u64) -> Self {
        Self::new(
            video,
            PosterId::from_timestamp(at_ms),
            PosterSource::Timestamp(at_ms),
        )
    }

    fn new(video: VideoId, poster: PosterId, from: PosterSource) -> Self {
        Self {
            id: Self::id_of(video, &poster),
            video,
            poster,
            from,
        }
    }

    pub(super) fn id_of(video: VideoId, poster: &PosterId) -> JobId {
        JobId::of("poster", &video.to_string(), poster.as_str(), "")
    }
}
