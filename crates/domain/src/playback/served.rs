//! Objects that are served unchanged.

use crate::ids::Generation;
use crate::object_key::{CachePolicy, ObjectKey, RenditionName};

/// The generation that an object belongs to, if any, and the rendition if it is part of one; `None` if viewers must
/// not load the object.
pub(super) fn generation_and_rendition(
    object: &ObjectKey,
) -> Option<(Option<&Generation>, Option<&RenditionName>)> {
    match object {
        ObjectKey::MediaPlaylist {
            generation,
            rendition,
            ..
        }
        | ObjectKey::Segment {
            generation,
            rendition,
            ..
        }
        | ObjectKey::InitSegment {
            generation,
            rendition,
            ..
        } => Some((Some(generation), Some(rendition))),
        ObjectKey::Thumbnail { generation, .. }
        | ObjectKey::Preview { generation, .. }
        | ObjectKey::Storyboard { generation, .. }
        | ObjectKey::StoryboardIndex { generation, .. }
        | ObjectKey::Poster { generation, .. } => Some((Some(generation), None)),
        // A pass for any generation of the video gives access to its poster and its chapters.
        ObjectKey::CustomPoster { .. } | ObjectKey::Chapters { .. } => Some((None, None)),
        ObjectKey::Source { .. }
        | ObjectKey::ArchivedSource { .. }
        | ObjectKey::External { .. }
        | ObjectKey::ContentKey { .. }
        | ObjectKey::Manifest { .. }
        | ObjectKey::Plan { .. }
        | ObjectKey::SharedPlan { .. }
        | ObjectKey::PosterImage { .. }
        | ObjectKey::Captions { .. }
        | ObjectKey::Download { .. }
        | ObjectKey::Master { .. } => None,
    }
}

/// The cache policy for an object that was served under a pass: private, because the URL belongs to one viewer.
pub(super) fn viewer_cache(object: &ObjectKey) -> &'static str {
    match object.cache_policy() {
        CachePolicy::Immutable => "private, max-age=31536000, immutable",
        CachePolicy::Revalidate => "private, no-cache",
        CachePolicy::NoStore => "no-store",
    }
}
