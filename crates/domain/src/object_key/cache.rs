//! How long caches may keep an object.

use super::ObjectKey;

/// Cache lifetime of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CachePolicy {
    /// Its path is never written with other content: a year.
    Immutable,
    /// It may change at any time: a cache has to revalidate it for each request.
    Revalidate,
    /// Private data: must not be cached.
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

impl ObjectKey {
    /// The cache policy of the object.
    pub fn cache_policy(&self) -> CachePolicy {
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
            | Self::Download { .. } => CachePolicy::NoStore,
            Self::Master { .. } | Self::MediaPlaylist { .. } => CachePolicy::Revalidate,
            Self::Segment { .. }
            | Self::InitSegment { .. }
            | Self::Thumbnail { .. }
            | Self::Preview { .. }
            | Self::Storyboard { .. }
            | Self::StoryboardIndex { .. }
            | Self::Poster { .. }
            | Self::CustomPoster { .. }
            | Self::Chapters { .. } => CachePolicy::Immutable,
        }
    }
}
