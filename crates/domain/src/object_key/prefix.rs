//! Prefixes of object paths, for listing and deleting.

use crate::ids::{Generation, VideoId};

use super::{Bucket, RenditionName, UPLOADS_PREFIX};

/// A prefix of objects, for listing and deleting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectPrefix {
    /// All uploads.
    Uploads,
    /// The source of a video (several after a lost race).
    Sources(VideoId),
    /// The archived source of a video.
    ArchivedSources(VideoId),
    /// Uploaded images for the poster of a video.
    PosterImages(VideoId),
    /// The captions of a video, in all languages and versions.
    Captions(VideoId),
    /// The MP4 files of a video.
    Downloads(VideoId),
    /// The MP4 files of one encoding.
    GenerationDownloads(VideoId, Generation),
    /// All content keys of a video.
    ContentKeys(VideoId),
    /// All content keys of all videos.
    AllContentKeys,
    /// All manifests of a video.
    Manifests(VideoId),
    /// All manifests of all videos.
    AllManifests,
    /// All published objects of a video.
    Outputs(VideoId),
    /// All published objects of one encoding.
    Generation(VideoId, Generation),
    /// The published objects of one rendition.
    Rendition(VideoId, Generation, RenditionName),
    /// The content keys of one encoding.
    GenerationKeys(VideoId, Generation),
    /// Objects of the private bucket whose path begins with this text; empty: all. For listing only.
    InPrivate(String),
}

impl ObjectPrefix {
    /// All prefixes that are removed with a video.
    pub fn of_video(video: VideoId) -> [Self; 8] {
        // The playlists are deleted first: unreachable objects can be removed in any order.
        [
            Self::Outputs(video),
            Self::ContentKeys(video),
            Self::Manifests(video),
            Self::Sources(video),
            Self::ArchivedSources(video),
            Self::PosterImages(video),
            Self::Captions(video),
            Self::Downloads(video),
        ]
    }

    /// The bucket of the prefix.
    pub fn bucket(&self) -> Bucket {
        match self {
            Self::Uploads
            | Self::Sources(_)
            | Self::ArchivedSources(_)
            | Self::PosterImages(_)
            | Self::Captions(_)
            | Self::Downloads(_)
            | Self::GenerationDownloads(..)
            | Self::ContentKeys(_)
            | Self::Manifests(_)
            | Self::AllContentKeys
            | Self::AllManifests
            | Self::GenerationKeys(..)
            | Self::InPrivate(_) => Bucket::Private,
            Self::Outputs(_) | Self::Generation(..) | Self::Rendition(..) => Bucket::Media,
        }
    }

    /// The prefix as text, ending in `/` unless it is `InPrivate`.
    pub fn path(&self) -> String {
        match self {
            Self::Uploads => UPLOADS_PREFIX.to_owned(),
            Self::Sources(video) => format!("{UPLOADS_PREFIX}{video}/"),
            Self::ArchivedSources(video) => format!("archive/{video}/"),
            Self::PosterImages(video) => format!("posters/{video}/"),
            Self::Captions(video) => format!("captions/{video}/"),
            Self::Downloads(video) => format!("downloads/{video}/"),
            Self::GenerationDownloads(video, generation) => {
                format!("downloads/{video}/{generation}/")
            }
            Self::ContentKeys(video) => format!("keys/{video}/"),
            Self::Manifests(video) => format!("manifests/{video}/"),
            Self::AllContentKeys => "keys/".to_owned(),
            Self::AllManifests => "manifests/".to_owned(),
            Self::Outputs(video) => format!("hls/{video}/"),
            Self::Generation(video, generation) => format!("hls/{video}/{generation}/"),
            Self::Rendition(video, generation, rendition) => {
                format!("hls/{video}/{generation}/{rendition}/")
            }
            Self::GenerationKeys(video, generation) => format!("keys/{video}/{generation}/"),
            Self::InPrivate(prefix) => prefix.clone(),
        }
    }
}
