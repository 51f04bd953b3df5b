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
        let ticks = durations.map(|it| (it.value * TICKS_PER_SECOND as f64).round() as u64).collect();
        self.durations.insert(rendition.clone(), ticks);
    }

    /// Records what is shown now: the durations of the first segments.
    pub(super) fn show(&mut self, rendition: &RenditionName, durations: Vec<u64>) {
        self.durations.insert(rendition.clone(), durations);
    }

    /// The number of segments of a rendition that are shown.
    pub(super) fn count(&self, rendition: &RenditionName) -> u32 {
        self.durations.get(rendition).map_or(0, |it| it.len() as u32)
    }

    /// The shown duration of a segment, ticks; `None`: it was not shown.
    pub(super) fn duration(&self, rendition: &RenditionName, index: u32) -> Option<u64> {
        self.durations.get(rendition)?.get(index as usize).copied()
    }
}
