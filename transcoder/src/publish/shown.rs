//! The segments of a growing video that viewers have been shown, by this attempt or an earlier one.

use std::collections::BTreeMap;

use domain::object_key::{Bucket, ObjectKey, RenditionName};
use domain::segment::{SegmentRecord, TICKS_PER_SECOND};
use hls::MediaPlaylist;

/// A segment in a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShownSegment {
    /// Its duration, ticks.
    pub(crate) duration: u64,
    /// Number of the production that made it, which is part of its name.
    pub(crate) attempt: u32,
}

impl From<&SegmentRecord> for ShownSegment {
    fn from(record: &SegmentRecord) -> Self {
        Self {
            duration: record.duration,
            attempt: record.attempt,
        }
    }
}

/// The segments in playlists. A playlist's segments never change (RFC 8216, 4.3.3.5), also when the
/// unfinished chunk is produced again after a crash.
#[derive(Debug, Default)]
pub(super) struct ShownSegments {
    segments: BTreeMap<RenditionName, Vec<ShownSegment>>,
}

impl ShownSegments {
    /// Records the playlist that an earlier attempt wrote.
    pub(super) fn read(&mut self, rendition: &RenditionName, playlist: &ObjectKey, text: &str) {
        let path = playlist.path();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let segments = MediaPlaylist::parse(text).playlist.segments;
        let shown = segments.iter().map_while(|it| {
            let seconds = it.duration.as_ref()?.value;
            match ObjectKey::parse(Bucket::Media, &format!("{folder}/{}", it.uri))? {
                ObjectKey::Segment { attempt, .. } => Some(ShownSegment {
                    duration: (seconds * TICKS_PER_SECOND as f64).round() as u64,
                    attempt,
                }),
                _ => None,
            }
        });
        self.segments.insert(rendition.clone(), shown.collect());
    }

    /// Records what is shown now: the first segments.
    pub(super) fn show(&mut self, rendition: &RenditionName, segments: Vec<ShownSegment>) {
        self.segments.insert(rendition.clone(), segments);
    }

    /// The number of segments of a rendition that are shown.
    pub(super) fn count(&self, rendition: &RenditionName) -> u32 {
        self.segments.get(rendition).map_or(0, |it| it.len() as u32)
    }

    /// A segment as it is shown; `None`: it is not shown.
    pub(super) fn segment(&self, rendition: &RenditionName, index: u32) -> Option<ShownSegment> {
        self.segments.get(rendition)?.get(index as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{generation, name, video};

    fn playlist(rendition: &RenditionName) -> ObjectKey {
        ObjectKey::MediaPlaylist {
            video: video(),
            generation: generation(),
            rendition: rendition.clone(),
        }
    }

    fn one(duration: u64, attempt: u32) -> ShownSegment {
        ShownSegment { duration, attempt }
    }

    #[test]
    fn what_a_playlist_shows_is_remembered() {
        let mut shown = ShownSegments::default();
        let rung = name("720p");
        assert_eq!((shown.count(&rung), shown.segment(&rung, 0)), (0, None));
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6.006,\n720p_00000.ts\n#EXTINF:5.994,\n720p_00001-3.ts\n";
        shown.read(&rung, &playlist(&rung), text);
        assert_eq!(shown.count(&rung), 2);
        assert_eq!(
            [0, 1, 2].map(|it| shown.segment(&rung, it)),
            [Some(one(540_540, 1)), Some(one(539_460, 3)), None]
        );
        assert_eq!(
            shown.count(&name("480p")),
            0,
            "of another rendition nothing is shown"
        );
        shown.show(&rung, vec![one(540_540, 1), one(539_460, 3), one(1, 4)]);
        assert_eq!(
            (shown.count(&rung), shown.segment(&rung, 2)),
            (3, Some(one(1, 4)))
        );
    }

    #[test]
    fn a_playlist_that_cannot_be_read_shows_nothing_after_its_fault() {
        for (text, count) in [
            ("", 0),
            ("not a playlist", 0),
            (
                "#EXTM3U\n#EXTINF:6,\n720p_00000.ts\n#EXTINF:nonsense,\n720p_00001.ts\n#EXTINF:6,\n720p_00002.ts\n",
                1,
            ),
            ("#EXTM3U\n#EXTINF:6,\n720p_00000.ts\n#EXTINF:6,\n1.ts\n", 1),
            ("#EXTM3U\n720p_00000.ts\n", 0),
        ] {
            let mut shown = ShownSegments::default();
            shown.read(&name("720p"), &playlist(&name("720p")), text);
            assert_eq!(shown.count(&name("720p")), count, "{text}");
        }
    }

    /// Durations are written with some digits, and read back as the same ticks.
    #[test]
    fn ticks_survive_a_playlist() {
        use hls::write::{MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec};
        let ticks: Vec<u64> = (0..2_000).map(|it| 500_000 + it * 7).collect();
        let segment = |duration: &u64| SegmentSpec {
            uri: "720p_00000.ts".to_owned(),
            duration: *duration,
            byte_range: None,
            map: None,
            key: None,
        };
        let segments = ticks.iter().map(segment).collect();
        let kind = MediaPlaylistKind::Event;
        let text = MediaPlaylistSpec {
            target_duration: 6,
            kind,
            iframes_only: false,
            segments,
        }
        .render();
        let mut shown = ShownSegments::default();
        shown.read(&name("720p"), &playlist(&name("720p")), &text);
        let read: Vec<_> = (0..2_000)
            .filter_map(|it| Some(shown.segment(&name("720p"), it)?.duration))
            .collect();
        assert_eq!(read, ticks);
    }
}
