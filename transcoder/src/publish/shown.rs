//! The segments of a growing video that viewers have been shown, by this attempt or an earlier one.

use std::collections::BTreeMap;

use domain::object_key::RenditionName;
use domain::segment::TICKS_PER_SECOND;
use hls::MediaPlaylist;

/// The segments in playlists. A playlist's segments never change (RFC 8216, 4.3.3.5), also when the
/// unfinished chunk is produced again after a crash.
#[derive(Debug, Default)]
pub(super) struct ShownSegments {
    durations: BTreeMap<RenditionName, Vec<u64>>,
}

impl ShownSegments {
    /// Records the playlist that an earlier attempt wrote.
    pub(super) fn read(&mut self, rendition: &RenditionName, text: &str) {
        let segments = MediaPlaylist::parse(text).playlist.segments;
        let durations = segments.iter().map_while(|it| it.duration.as_ref());
        let ticks = durations
            .map(|it| (it.value * TICKS_PER_SECOND as f64).round() as u64)
            .collect();
        self.durations.insert(rendition.clone(), ticks);
    }

    /// Records what is shown now: the durations of the first segments.
    pub(super) fn show(&mut self, rendition: &RenditionName, durations: Vec<u64>) {
        self.durations.insert(rendition.clone(), durations);
    }

    /// The number of segments of a rendition that are shown.
    pub(super) fn count(&self, rendition: &RenditionName) -> u32 {
        self.durations
            .get(rendition)
            .map_or(0, |it| it.len() as u32)
    }

    /// The shown duration of a segment, ticks; `None`: it was not shown.
    pub(super) fn duration(&self, rendition: &RenditionName, index: u32) -> Option<u64> {
        self.durations.get(rendition)?.get(index as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    #[test]
    fn what_a_playlist_shows_is_remembered() {
        let mut shown = ShownSegments::default();
        let rung = name("720p");
        assert_eq!((shown.count(&rung), shown.duration(&rung, 0)), (0, None));
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6.006,\n0.ts\n#EXTINF:5.994,\n1.ts\n";
        shown.read(&rung, text);
        assert_eq!(shown.count(&rung), 2);
        assert_eq!(
            [0, 1, 2].map(|it| shown.duration(&rung, it)),
            [Some(540_540), Some(539_460), None]
        );
        assert_eq!(
            shown.count(&name("480p")),
            0,
            "of another rendition nothing is shown"
        );
        shown.show(&rung, vec![540_540, 539_460, 1]);
        assert_eq!((shown.count(&rung), shown.duration(&rung, 2)), (3, Some(1)));
    }

    #[test]
    fn a_playlist_that_cannot_be_read_shows_nothing_after_its_fault() {
        for (text, count) in [
            ("", 0),
            ("not a playlist", 0),
            (
                "#EXTM3U\n#EXTINF:6,\n0.ts\n#EXTINF:nonsense,\n1.ts\n#EXTINF:6,\n2.ts\n",
                1,
            ),
            ("#EXTM3U\n0.ts\n", 0),
        ] {
            let mut shown = ShownSegments::default();
            shown.read(&name("720p"), text);
            assert_eq!(shown.count(&name("720p")), count, "{text}");
        }
    }

    /// Durations are written with some digits, and read back as the same ticks.
    #[test]
    fn ticks_survive_a_playlist() {
        use hls::write::{MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec};
        let ticks: Vec<u64> = (0..2_000).map(|it| 500_000 + it * 7).collect();
        let segment = |duration: &u64| SegmentSpec {
            uri: "0.ts".to_owned(),
            duration: *duration,
            byte_range: None,
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
        shown.read(&name("720p"), &text);
        let read: Vec<_> = (0..2_000)
            .filter_map(|it| shown.duration(&name("720p"), it))
            .collect();
        assert_eq!(read, ticks);
    }
}
