//! What viewers have been shown of a growing video, by this attempt or by an earlier one.

use std::collections::BTreeMap;

use domain::object_key::RenditionName;
use domain::segment::TICKS_PER_SECOND;
use hls::MediaPlaylist;

/// The segments that playlists name. What a playlist names never changes (RFC 8216, 4.3.3.5), also when the chunk in
/// hand is made again after a crash.
#[derive(Debug, Default)]
pub(super) struct ShownSegments {
    durations: BTreeMap<RenditionName, Vec<u64>>,
}

impl ShownSegments {
    /// Takes note of a playlist that an earlier attempt wrote.
    pub(super) fn read(&mut self, rendition: &RenditionName, text: &str) {
        let segments = MediaPlaylist::parse(text).playlist.segments;
        let durations = segments.iter().map_while(|it| it.duration.as_ref());
        let ticks = durations.map(|it| (it.value * TICKS_PER_SECOND as f64).round() as u64).collect();
        self.durations.insert(rendition.clone(), ticks);
    }

    /// Takes note of what is shown now: the durations of the first segments.
    pub(super) fn show(&mut self, rendition: &RenditionName, durations: Vec<u64>) {
        self.durations.insert(rendition.clone(), durations);
    }

    /// How many segments of a rendition are shown.
    pub(super) fn count(&self, rendition: &RenditionName) -> u32 {
        self.durations.get(rendition).map_or(0, |it| it.len() as u32)
    }

    /// The duration that viewers were shown of a segment, ticks; `None`: they were not shown it.
    pub(super) fn duration(&self, rendition: &RenditionName, index: u32) -> Option<u64> {
        self.durations.get(rendition)?.get(index as usize).copied()
    }
}
