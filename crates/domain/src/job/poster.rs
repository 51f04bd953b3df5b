//! Posters that somebody chose: a picture of theirs, or a moment of the video.

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, PosterId, VideoId};

/// Make a poster. The catalog knows which one is wanted: a message of an earlier wish has been overtaken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PosterJob {
    /// Follows from the video and the poster: two messages of one id are one run.
    #[serde(rename = "job")]
    pub id: JobId,
    /// Whose poster.
    pub video: VideoId,
    /// Which.
    pub poster: PosterId,
    /// Of what.
    pub from: PosterSource,
}

/// What a poster is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PosterSource {
    /// The picture that was sent, which waits in the private bucket.
    Picture,
    /// A moment of the video, milliseconds.
    Moment(u64),
}

impl PosterJob {
    /// Makes a poster of a picture that was sent.
    pub fn of_picture(video: VideoId, bytes: &[u8]) -> Self {
        Self::new(video, PosterId::of_picture(bytes), PosterSource::Picture)
    }

    /// Makes a poster of a moment of the video.
    pub fn of_moment(video: VideoId, at_ms: u64) -> Self {
        Self::new(video, PosterId::of_moment(at_ms), PosterSource::Moment(at_ms))
    }

    fn new(video: VideoId, poster: PosterId, from: PosterSource) -> Self {
        Self { id: Self::id_of(video, &poster), video, poster, from }
    }

    pub(super) fn id_of(video: VideoId, poster: &PosterId) -> JobId {
        JobId::of("poster", &video.to_string(), poster.as_str(), "")
    }
}
