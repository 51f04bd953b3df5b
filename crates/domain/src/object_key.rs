//! The path of every object. This is the only module that builds object paths.
//!
//! Path, content type and cache policy are defined together, so that a new kind of object forces
//! every decision. There are two buckets: outputs can never trigger the upload event again, and
//! ciphertext can be public without exposing a source.

use serde::{Deserialize, Serialize};

use crate::caption::Language;
use crate::ids::{CaptionId, ChaptersId, Generation, PosterId, VideoId};

mod cache;
mod format;
mod names;
mod parse;
mod prefix;
mod storyboard;
#[cfg(test)]
mod tests;

pub use cache::CachePolicy;
pub use format::SegmentFormat;
pub use names::{ExternalPath, FileName, InvalidName, RenditionName};
pub use prefix::ObjectPrefix;
pub use storyboard::StoryboardSize;

/// The bucket of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Sources, wrapped keys, manifests, plans. Never public; objects under `uploads/` cause events.
    Private,
    /// Playlists, encrypted segments, images.
    Media,
}

/// The prefix of uploads, whose events start work.
pub const UPLOADS_PREFIX: &str = "uploads/";

/// Every kind of object that Edgereel stores.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ObjectKey {
    /// An uploaded source.
    Source {
        /// The video that it belongs to.
        video: VideoId,
        /// The sanitised file name of the user.
        file_name: FileName,
    },
    /// A source that the retention policy archived after its video was ready.
    ArchivedSource {
        /// The video that it belongs to.
        video: VideoId,
        /// The file name under which it was uploaded.
        file_name: FileName,
    },
    /// An existing object in the private bucket, under the customer's own path: only ever read.
    External {
        /// The video that it belongs to.
        video: VideoId,
        /// The customer's path.
        path: ExternalPath,
    },
    /// A wrapped content key (JSON); never in clear.
    ContentKey {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// Rendition name, with a number after a key rotation: `1080p`, `1080p-2`.
        key: RenditionName,
    },
    /// The list of all segments of a generation (JSON).
    Manifest {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
    },
    /// The plan of a generation, written before the first segment (JSON).
    Plan {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
    },
    /// The plan that the transcoders of a fan-out follow, with the probe (JSON). It exists while they
    /// work.
    SharedPlan {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
    },
    /// The master playlist: the only pointer to the generation that viewers get.
    Master {
        /// The video that it belongs to.
        video: VideoId,
    },
    /// A media playlist, or an I-frame playlist.
    MediaPlaylist {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// The rendition that it belongs to.
        rendition: RenditionName,
    },
    /// A segment, encrypted if the profile enables that.
    Segment {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// The rendition that it belongs to.
        rendition: RenditionName,
        /// Position in the playlist, from 0.
        index: u32,
        /// Number of the production that made it, from 1: see [`SegmentRecord::attempt`].
        ///
        /// [`SegmentRecord::attempt`]: crate::segment::SegmentRecord::attempt
        attempt: u32,
        /// Container format; determines extension and media type.
        format: SegmentFormat,
    },
    /// The initialisation section of a rendition in fragmented MP4: codec parameters without media,
    /// so it is never encrypted (RFC 8216, 4.3.2.5).
    InitSegment {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// The rendition that it belongs to.
        rendition: RenditionName,
        /// Number of the production whose segments need it, from 1.
        attempt: u32,
    },
    /// One of the thumbnails, which are spread over the video, or of a frame that a client named
    /// (JPEG).
    Thumbnail {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// Position, from 0; or the number of a [`Frame`](crate::thumbnail::Frame).
        index: u32,
    },
    /// An animated preview of a span that a client named (WebP).
    Preview {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// The number of a [`Preview`](crate::preview::Preview).
        index: u32,
    },
    /// The storyboard: all small images in one sheet, for the seek bar (JPEG).
    Storyboard {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// Size of the images.
        size: StoryboardSize,
    },
    /// The mapping of times to parts of the storyboard (WebVTT).
    StoryboardIndex {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// Size of the images.
        size: StoryboardSize,
    },
    /// The automatic poster, shown before playback (JPEG).
    Poster {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
    },
    /// A custom poster (JPEG); independent of encodings, so that it outlives them.
    CustomPoster {
        /// The video that it belongs to.
        video: VideoId,
        /// Id of the poster.
        poster: PosterId,
    },
    /// The chapters of the video (JSON); independent of encodings.
    Chapters {
        /// The video that it belongs to.
        video: VideoId,
        /// Id of the list.
        chapters: ChaptersId,
    },
    /// An uploaded image that waits to be rendered as a poster.
    PosterImage {
        /// The video that it belongs to.
        video: VideoId,
        /// Id of the poster.
        poster: PosterId,
    },
    /// Captions of one language, as WebVTT; independent of encodings. The renditions that viewers
    /// get are made from it, in each generation.
    Captions {
        /// The video that it belongs to.
        video: VideoId,
        /// The language of the text.
        language: Language,
        /// Id of this version of the text.
        captions: CaptionId,
    },
    /// A rung with its audio as one file, for downloads (MP4), or audio alone (M4A).
    Download {
        /// The video that it belongs to.
        video: VideoId,
        /// The encoding that it belongs to.
        generation: Generation,
        /// Name of the rung, or of the audio rendition.
        rung: RenditionName,
    },
}

impl ObjectKey {
    /// The bucket of the object.
    pub fn bucket(&self) -> Bucket {
        match self {
            Self::Source { .. }
            | Self::ArchivedSource { .. }
            | Self::External { .. }
            | Self::ContentKey { .. }
            | Self::Manifest { .. }
            | Self::Plan { .. }
            | Self::SharedPlan { .. }
            | Self::PosterImage { .. }
            | Self::Captions { .. }
            | Self::Download { .. } => Bucket::Private,
            Self::Master { .. }
            | Self::MediaPlaylist { .. }
            | Self::Segment { .. }
            | Self::InitSegment { .. }
            | Self::Thumbnail { .. }
            | Self::Preview { .. }
            | Self::Storyboard { .. }
            | Self::StoryboardIndex { .. }
            | Self::Poster { .. }
            | Self::CustomPoster { .. }
            | Self::Chapters { .. } => Bucket::Media,
        }
    }

    /// The object's path in its bucket.
    pub fn path(&self) -> String {
        match self {
            Self::Source { video, file_name } => format!("{UPLOADS_PREFIX}{video}/{file_name}"),
            Self::ArchivedSource { video, file_name } => format!("archive/{video}/{file_name}"),
            Self::External { path, .. } => path.as_str().to_owned(),
            Self::ContentKey {
                video,
                generation,
                key,
            } => format!("keys/{video}/{generation}/{key}.json"),
            Self::Manifest { video, generation } => format!("manifests/{video}/{generation}.json"),
            Self::Plan { video, generation } => format!("manifests/{video}/{generation}.plan.json"),
            Self::SharedPlan { video, generation } => {
                format!("manifests/{video}/{generation}.shared.json")
            }
            Self::Master { video } => format!("hls/{video}/master.m3u8"),
            Self::MediaPlaylist {
                video,
                generation,
                rendition,
            } => {
                format!("hls/{video}/{generation}/{rendition}/{rendition}.m3u8")
            }
            Self::Segment {
                video,
                generation,
                rendition,
                index,
                attempt,
                format,
            } => {
                let path = format!("hls/{video}/{generation}/{rendition}/{rendition}_{index:05}");
                path + &number(*attempt) + "." + format.extension()
            }
            Self::InitSegment {
                video,
                generation,
                rendition,
                attempt,
            } => {
                let path = format!("hls/{video}/{generation}/{rendition}/{rendition}_init");
                path + &number(*attempt) + ".mp4"
            }
            Self::Thumbnail {
                video,
                generation,
                index,
            } => {
                format!("hls/{video}/{generation}/thumbs/thumb_{index:03}.jpg")
            }
            Self::Preview {
                video,
                generation,
                index,
            } => {
                format!("hls/{video}/{generation}/previews/preview_{index}.webp")
            }
            Self::Storyboard {
                video,
                generation,
                size,
            } => format!("hls/{video}/{generation}/{}.jpg", size.file_stem()),
            Self::StoryboardIndex {
                video,
                generation,
                size,
            } => format!("hls/{video}/{generation}/{}.vtt", size.file_stem()),
            Self::Poster { video, generation } => format!("hls/{video}/{generation}/poster.jpg"),
            Self::CustomPoster { video, poster } => format!("hls/{video}/posters/{poster}.jpg"),
            Self::Chapters { video, chapters } => format!("hls/{video}/chapters/{chapters}.json"),
            Self::PosterImage { video, poster } => format!("posters/{video}/{poster}"),
            Self::Captions {
                video,
                language,
                captions,
            } => format!("captions/{video}/{language}/{captions}.vtt"),
            Self::Download {
                video,
                generation,
                rung,
            } => {
                let extension = if rung.is_audio() { "m4a" } else { "mp4" };
                format!("downloads/{video}/{generation}/{rung}.{extension}")
            }
        }
    }

    /// The video it belongs to.
    pub fn video(&self) -> VideoId {
        match self {
            Self::Source { video, .. }
            | Self::ArchivedSource { video, .. }
            | Self::External { video, .. }
            | Self::ContentKey { video, .. }
            | Self::Manifest { video, .. }
            | Self::Plan { video, .. }
            | Self::SharedPlan { video, .. }
            | Self::Master { video }
            | Self::MediaPlaylist { video, .. }
            | Self::Segment { video, .. }
            | Self::InitSegment { video, .. }
            | Self::Thumbnail { video, .. }
            | Self::Preview { video, .. }
            | Self::Storyboard { video, .. }
            | Self::StoryboardIndex { video, .. }
            | Self::Poster { video, .. }
            | Self::CustomPoster { video, .. }
            | Self::Chapters { video, .. }
            | Self::PosterImage { video, .. }
            | Self::Captions { video, .. }
            | Self::Download { video, .. } => *video,
        }
    }

    /// The `Content-Type` with which it is stored (Apple HLS authoring specification, 10.4).
    pub fn content_type(&self) -> &'static str {
        match self {
            // The browser's content type is stored with the upload itself, and never trusted.
            Self::Source { .. }
            | Self::ArchivedSource { .. }
            | Self::External { .. }
            | Self::PosterImage { .. } => "application/octet-stream",
            Self::ContentKey { .. }
            | Self::Manifest { .. }
            | Self::Plan { .. }
            | Self::SharedPlan { .. }
            | Self::Chapters { .. } => "application/json",
            Self::Master { .. } | Self::MediaPlaylist { .. } => "application/vnd.apple.mpegurl",
            Self::Segment { format, .. } => format.content_type(),
            Self::Download { rung, .. } if rung.is_audio() => "audio/mp4",
            Self::InitSegment { .. } | Self::Download { .. } => "video/mp4",
            Self::Thumbnail { .. }
            | Self::Storyboard { .. }
            | Self::Poster { .. }
            | Self::CustomPoster { .. } => "image/jpeg",
            Self::Preview { .. } => "image/webp",
            Self::StoryboardIndex { .. } | Self::Captions { .. } => "text/vtt",
        }
    }
}

/// The number of a production in a name. The first one has none.
fn number(attempt: u32) -> String {
    if attempt > 1 {
        format!("-{attempt}")
    } else {
        String::new()
    }
}
