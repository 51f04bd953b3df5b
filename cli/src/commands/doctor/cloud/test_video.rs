//! A video of one segment, which only the check plays.

use domain::content_key::{ContentKey, KeyEncryptionKeys};
use domain::ids::{Generation, VideoId};
use domain::object_key::{ObjectKey, ObjectPrefix, RenditionName, SegmentFormat};
use platform::clock;

use crate::random;

const RENDITION: &str = "360p";

/// The objects of a video that the catalog does not have.
pub(super) struct TestVideo {
    pub(super) id: VideoId,
    /// In clear.
    pub(super) key: ContentKey,
    /// As stored. The check compares bytes, and decodes nothing.
    pub(super) segment: Vec<u8>,
    /// What is stored in both buckets, playlists last.
    pub(super) objects: Vec<(ObjectKey, Vec<u8>)>,
    /// Whether its key is stored.
    pub(super) is_encrypted: bool,
}

impl TestVideo {
    /// A new one; without keys that wrap its content key, it is not encrypted.
    pub(super) fn new(keys: Option<&KeyEncryptionKeys>) -> anyhow::Result<Self> {
        let video = VideoId::new(clock::now().get(), random::bytes()?);
        let generation = Generation::of("doctor", &video.to_string());
        let rendition: RenditionName = RENDITION.parse()?;
        let (key, segment) = (ContentKey::new(random::bytes()?), random::bytes::<752>()?);
        let plan = ObjectKey::Plan {
            video,
            generation: generation.clone(),
        };
        let mut objects = vec![(plan, b"{}".to_vec())];
        let mut key_line = String::new();
        if let Some(keys) = keys {
            let object = ObjectKey::ContentKey {
                video,
                generation: generation.clone(),
                key: rendition.clone(),
            };
            let wrapped = keys.wrap(&key, &object, random::bytes()?);
            objects.push((object, wrapped));
            key_line = format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{RENDITION}.key\"\n");
        }
        let object = ObjectKey::Segment {
            video,
            generation: generation.clone(),
            rendition: rendition.clone(),
            index: 0,
            attempt: 1,
            format: SegmentFormat::MpegTs,
        };
        let name = object
            .path()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        objects.push((object, segment.to_vec()));
        let media = format!(
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n{key_line}\
             #EXTINF:2.00000,\n{name}\n#EXT-X-ENDLIST\n"
        );
        let master = format!(
            "#EXTM3U\n#EXT-X-VERSION:4\n\
             #EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS=\"avc1.64001e\",RESOLUTION=640x360\n\
             {generation}/{RENDITION}/{RENDITION}.m3u8\n"
        );
        let playlist = ObjectKey::MediaPlaylist {
            video,
            generation,
            rendition,
        };
        objects.push((playlist, media.into_bytes()));
        objects.push((ObjectKey::Master { video }, master.into_bytes()));
        Ok(Self {
            id: video,
            key,
            segment: segment.to_vec(),
            objects,
            is_encrypted: keys.is_some(),
        })
    }

    /// Where its objects are.
    pub(super) fn families(&self) -> [ObjectPrefix; 3] {
        [
            ObjectPrefix::Outputs(self.id),
            ObjectPrefix::ContentKeys(self.id),
            ObjectPrefix::Manifests(self.id),
        ]
    }
}
