//! Where every object lives. The only place that builds object paths.
//!
//! Path, content type and cache policy stand beside each other, so that a new kind of object forces
//! every decision. Two buckets: outputs can never retrigger the upload event, and ciphertext can be
//! public without exposing a source.

use serde::{Deserialize, Serialize};

use crate::ids::{Generation, PosterId, VideoId};

mod names;
#[cfg(test)]
mod tests;

pub use names::{ExternalPath, FileName, InvalidName, RenditionName};

/// Which of the two buckets an object lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Sources, wrapped keys, manifests. Never public; its `uploads/` prefix sends events.
    Private,
    /// Playlists, encrypted segments, pictures.
    Media,
}

/// Names the prefix whose objects start work.
pub const UPLOADS_PREFIX: &str = "uploads/";

/// How media is packed into segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// MPEG-2 transport stream: plays everywhere.
    #[default]
    MpegTs,
}

impl Container {
    /// File extension of a segment.
    pub fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
        }
    }

    /// Media type of a segment (Apple HLS authoring specification, 10.4).
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
        }
    }
}

/// How long a cache may keep an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CachePolicy {
    /// Its path is never written with other content: a year.
    Immutable,
    /// It may change at any moment: a cache has to ask each time.
    Revalidate,
    /// It is nobody's business.
    NoStore,
}

impl CachePolicy {
    /// The `Cache-Control` header.
    pub fn header(self) -> &'static str {
        match self {
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::Revalidate => "no-cache",
            Self::NoStore => "no-store",
        }
    }
}

/// Every kind of object that Edgereel stores.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ObjectKey {
    /// What the user uploaded.
    Source {
        /// Of this video.
        video: VideoId,
        /// The user's name for it, cleaned.
        file_name: FileName,
    },
    /// A source that the retention policy moved out of the way, after its video was ready.
    ArchivedSource {
        /// Of this video.
        video: VideoId,
        /// As it was uploaded.
        file_name: FileName,
    },
    /// What stood in the private bucket before, under a path of the customer's own: only ever read.
    External {
        /// Of this video.
        video: VideoId,
        /// As the customer calls it.
        path: ExternalPath,
    },
    /// A content key, wrapped (JSON); never in clear.
    ContentKey {
        /// Of this video.
        video: VideoId,
        /// Of this encoding.
        generation: Generation,
        /// Rendition name, and with key rotation its number: `1080p`, `1080p-2`.
        key: RenditionName,
    },
    /// Every segment of a generation (JSON).
    Manifest {
        /// Of this video.
        video: VideoId,
        /// Of this encoding.
        generation: Generation,
    },
    /// The master playlist: the one pointer to the generation that viewers get.
    Master {
        /// Of this video.
        video: VideoId,
    },
    /// A media playlist, or an I-frame playlist.
    MediaPlaylist {
        /// Of this video.
        video: VideoId,
        /// Of this encoding.
        generation: Generation,
        /// Of this rendition.
        rendition: RenditionName,
    },
    /// A segment, encrypted if the profile says so.
    Segment {
        /// Of this video.
        video: VideoId,
        /// Of this encoding.
        generation: Generation,
        /// Of this rendition.
        rendition: RenditionName,
        /// Place in the playlist, from 0.
        index: u32,
        /// Decides extension and media type.
        container: Container,
    },
    /// One of the still pictures spread over the video (JPEG).
    Thumbnail {
        /// Of this video.
        video: VideoId,
        /// Of this encoding.
        generation: Generation,
        /// From 0.
        index: u32,
    },
    /// All small pictures on one sheet, for the seek bar (JPEG).
    Storyboard {
        /// Of this video.
        video: VideoId,
        /// Of this encoding.
        generation: Generation,
    },
    /// Which part of the sheet belongs to which moment (WebVTT).
    StoryboardIndex {
        /// Of this video.
        video: VideoId,
        /// Of this encoding.
        generation: Generation,
    },
    /// The picture shown before playback (JPEG).
    Poster {
        /// Of this video.
        video: VideoId,
        /// Of this encoding.
        generation: Generation,
    },
    /// The one that somebody chose instead (JPEG); of no encoding, so that it outlives them.
    OwnPoster {
        /// Of this video.
        video: VideoId,
        /// Which.
        poster: PosterId,
    },
    /// A picture that was sent to become a poster, and waits for that.
    PosterPicture {
        /// Of this video.
        video: VideoId,
        /// Which.
        poster: PosterId,
    },
}

impl ObjectKey {
    /// The bucket it lives in.
    pub fn bucket(&self) -> Bucket {
        match self {
            Self::Source { .. }
            | Self::ArchivedSource { .. }
            | Self::External { .. }
            | Self::ContentKey { .. }
            | Self::Manifest { .. }
            | Self::PosterPicture { .. } => Bucket::Private,
            Self::Master { .. }
            | Self::MediaPlaylist { .. }
            | Self::Segment { .. }
            | Self::Thumbnail { .. }
            | Self::Storyboard { .. }
            | Self::StoryboardIndex { .. }
            | Self::Poster { .. }
            | Self::OwnPoster { .. } => Bucket::Media,
        }
    }

    /// The path in its bucket.
    pub fn path(&self) -> String {
        match self {
            Self::Source { video, file_name } => format!("{UPLOADS_PREFIX}{video}/{file_name}"),
            Self::ArchivedSource { video, file_name } => format!("archive/{video}/{file_name}"),
            Self::External { path, .. } => path.as_str().to_owned(),
            Self::ContentKey { video, generation, key } => format!("keys/{video}/{generation}/{key}.json"),
            Self::Manifest { video, generation } => format!("manifests/{video}/{generation}.json"),
            Self::Master { video } => format!("hls/{video}/master.m3u8"),
            Self::MediaPlaylist { video, generation, rendition } => {
                format!("hls/{video}/{generation}/{rendition}/{rendition}.m3u8")
            }
            Self::Segment { video, generation, rendition, index, container } => {
                format!("hls/{video}/{generation}/{rendition}/{rendition}_{index:05}.{}", container.extension())
            }
            Self::Thumbnail { video, generation, index } => {
                format!("hls/{video}/{generation}/thumbs/thumb_{index:03}.jpg")
            }
            Self::Storyboard { video, generation } => format!("hls/{video}/{generation}/storyboard.jpg"),
            Self::StoryboardIndex { video, generation } => format!("hls/{video}/{generation}/storyboard.vtt"),
            Self::Poster { video, generation } => format!("hls/{video}/{generation}/poster.jpg"),
            Self::OwnPoster { video, poster } => format!("hls/{video}/posters/{poster}.jpg"),
            Self::PosterPicture { video, poster } => format!("posters/{video}/{poster}"),
        }
    }

    /// The object whose path this is; `None` for a path that no key of ours has.
    ///
    /// Strict: `parse(b, p)` is `Some(k)` only if `k.path() == p`, so that no second spelling
    /// of a path can slip past a check.
    pub fn parse(bucket: Bucket, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let key = match (bucket, parts.as_slice()) {
            (Bucket::Private, ["uploads", video, name]) => {
                Self::Source { video: video.parse().ok()?, file_name: FileName::try_from((*name).to_owned()).ok()? }
            }
            (Bucket::Private, ["archive", video, name]) => Self::ArchivedSource {
                video: video.parse().ok()?,
                file_name: FileName::try_from((*name).to_owned()).ok()?,
            },
            (Bucket::Private, ["keys", video, generation, file]) => Self::ContentKey {
                video: video.parse().ok()?,
                generation: generation.parse().ok()?,
                key: file.strip_suffix(".json")?.parse().ok()?,
            },
            (Bucket::Private, ["manifests", video, file]) => {
                Self::Manifest { video: video.parse().ok()?, generation: file.strip_suffix(".json")?.parse().ok()? }
            }
            (Bucket::Private, ["posters", video, poster]) => {
                Self::PosterPicture { video: video.parse().ok()?, poster: poster.parse().ok()? }
            }
            (Bucket::Media, ["hls", video, "posters", file]) => {
                Self::OwnPoster { video: video.parse().ok()?, poster: file.strip_suffix(".jpg")?.parse().ok()? }
            }
            (Bucket::Media, ["hls", video, "master.m3u8"]) => Self::Master { video: video.parse().ok()? },
            (Bucket::Media, ["hls", video, generation, rest @ ..]) => {
                Self::parse_output(video.parse().ok()?, generation.parse().ok()?, rest)?
            }
            _ => return None,
        };
        (key.path() == path).then_some(key)
    }

    fn parse_output(video: VideoId, generation: Generation, rest: &[&str]) -> Option<Self> {
        Some(match rest {
            ["storyboard.jpg"] => Self::Storyboard { video, generation },
            ["storyboard.vtt"] => Self::StoryboardIndex { video, generation },
            ["poster.jpg"] => Self::Poster { video, generation },
            ["thumbs", file] => {
                let index = file.strip_prefix("thumb_")?.strip_suffix(".jpg")?.parse().ok()?;
                Self::Thumbnail { video, generation, index }
            }
            [folder, file] => {
                let rendition: RenditionName = folder.parse().ok()?;
                let file = file.strip_prefix(folder)?;
                if file == ".m3u8" {
                    Self::MediaPlaylist { video, generation, rendition }
                } else {
                    let index = file.strip_prefix('_')?.strip_suffix(".ts")?.parse().ok()?;
                    Self::Segment { video, generation, rendition, index, container: Container::MpegTs }
                }
            }
            _ => return None,
        })
    }

    /// The video it belongs to.
    pub fn video(&self) -> VideoId {
        match self {
            Self::Source { video, .. }
            | Self::ArchivedSource { video, .. }
            | Self::External { video, .. }
            | Self::ContentKey { video, .. }
            | Self::Manifest { video, .. }
            | Self::Master { video }
            | Self::MediaPlaylist { video, .. }
            | Self::Segment { video, .. }
            | Self::Thumbnail { video, .. }
            | Self::Storyboard { video, .. }
            | Self::StoryboardIndex { video, .. }
            | Self::Poster { video, .. }
            | Self::OwnPoster { video, .. }
            | Self::PosterPicture { video, .. } => *video,
        }
    }

    /// The `Content-Type` it is stored with (Apple HLS authoring specification, 10.4).
    pub fn content_type(&self) -> &'static str {
        match self {
            // What the user's browser said is stored with the upload itself; never trusted.
            Self::Source { .. } | Self::ArchivedSource { .. } | Self::External { .. } | Self::PosterPicture { .. } => {
                "application/octet-stream"
            }
            Self::ContentKey { .. } | Self::Manifest { .. } => "application/json",
            Self::Master { .. } | Self::MediaPlaylist { .. } => "application/vnd.apple.mpegurl",
            Self::Segment { container, .. } => container.content_type(),
            Self::Thumbnail { .. } | Self::Storyboard { .. } | Self::Poster { .. } | Self::OwnPoster { .. } => {
                "image/jpeg"
            }
            Self::StoryboardIndex { .. } => "text/vtt",
        }
    }

    /// How long caches may keep it.
    pub fn cache_policy(&self) -> CachePolicy {
        match self {
            Self::Source { .. }
            | Self::ArchivedSource { .. }
            | Self::External { .. }
            | Self::ContentKey { .. }
            | Self::Manifest { .. }
            | Self::PosterPicture { .. } => CachePolicy::NoStore,
            Self::Master { .. } | Self::MediaPlaylist { .. } => CachePolicy::Revalidate,
            Self::Segment { .. }
            | Self::Thumbnail { .. }
            | Self::Storyboard { .. }
            | Self::StoryboardIndex { .. }
            | Self::Poster { .. }
            | Self::OwnPoster { .. } => CachePolicy::Immutable,
        }
    }
}

/// A family of objects, for listing and for deleting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectPrefix {
    /// Everything users upload.
    Uploads,
    /// The source (or, after a lost race, sources) of a video.
    Sources(VideoId),
    /// The archived source of a video.
    ArchivedSources(VideoId),
    /// Pictures that were sent to become the poster of a video.
    PosterPictures(VideoId),
    /// Every content key of a video.
    ContentKeys(VideoId),
    /// Every manifest of a video.
    Manifests(VideoId),
    /// Every manifest of all videos.
    AllManifests,
    /// Everything published of a video.
    Outputs(VideoId),
    /// Everything published of one encoding.
    Generation(VideoId, Generation),
    /// The content keys of one encoding.
    GenerationKeys(VideoId, Generation),
}

impl ObjectPrefix {
    /// All that a deleted video leaves nothing of.
    pub fn of_video(video: VideoId) -> [Self; 6] {
        // The playlists go first: what cannot be found any more can be removed in any order.
        [
            Self::Outputs(video),
            Self::ContentKeys(video),
            Self::Manifests(video),
            Self::Sources(video),
            Self::ArchivedSources(video),
            Self::PosterPictures(video),
        ]
    }

    /// The bucket it lives in.
    pub fn bucket(&self) -> Bucket {
        match self {
            Self::Uploads
            | Self::Sources(_)
            | Self::ArchivedSources(_)
            | Self::PosterPictures(_)
            | Self::ContentKeys(_)
            | Self::Manifests(_)
            | Self::AllManifests
            | Self::GenerationKeys(..) => Bucket::Private,
            Self::Outputs(_) | Self::Generation(..) => Bucket::Media,
        }
    }

    /// The prefix, ending in `/`.
    pub fn path(&self) -> String {
        match self {
            Self::Uploads => UPLOADS_PREFIX.to_owned(),
            Self::Sources(video) => format!("{UPLOADS_PREFIX}{video}/"),
            Self::ArchivedSources(video) => format!("archive/{video}/"),
            Self::PosterPictures(video) => format!("posters/{video}/"),
            Self::ContentKeys(video) => format!("keys/{video}/"),
            Self::Manifests(video) => format!("manifests/{video}/"),
            Self::AllManifests => "manifests/".to_owned(),
            Self::Outputs(video) => format!("hls/{video}/"),
            Self::Generation(video, generation) => format!("hls/{video}/{generation}/"),
            Self::GenerationKeys(video, generation) => format!("keys/{video}/{generation}/"),
        }
    }
}
