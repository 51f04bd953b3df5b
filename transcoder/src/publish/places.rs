//! Where the objects of a presentation are.

use domain::object_key::{ObjectKey, RenditionName};
use domain::plan::Rendition;

use super::Presentation;

impl Presentation<'_> {
    /// The key of a media playlist.
    pub(crate) fn playlist_key(&self, rendition: &RenditionName) -> ObjectKey {
        let (video, generation) = (self.video, self.generation.clone());
        ObjectKey::MediaPlaylist {
            video,
            generation,
            rendition: rendition.clone(),
        }
    }

    pub(super) fn segment_key(&self, rendition: &Rendition, index: u32, attempt: u32) -> ObjectKey {
        let (video, generation, format) = (self.video, self.generation.clone(), rendition.format);
        ObjectKey::Segment {
            video,
            generation,
            rendition: rendition.name.clone(),
            index,
            attempt,
            format,
        }
    }

    pub(super) fn init_key(&self, rendition: &Rendition, attempt: u32) -> ObjectKey {
        ObjectKey::InitSegment {
            video: self.video,
            generation: self.generation.clone(),
            rendition: rendition.name.clone(),
            attempt,
        }
    }

    /// URI of a media playlist, relative to the master playlist.
    pub(crate) fn variant_uri(&self, rendition: &RenditionName) -> String {
        let master = ObjectKey::Master { video: self.video }.path();
        let folder = master.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = self.playlist_key(rendition).path();
        path.strip_prefix(folder)
            .unwrap_or(&path)
            .trim_start_matches('/')
            .to_owned()
    }
}

/// The name of an object in its folder.
pub(super) fn last_part(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
