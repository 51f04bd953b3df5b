//! What a planner needs to know of an audio track.

use super::Track;

/// An audio track, summed up without visiting its samples: PCM has one per sample of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioIndex {
    /// Units per second of the times.
    pub timescale: u32,
    /// Samples of the container: frames of the codec, or samples of PCM.
    pub sample_count: u32,
    /// Sum of all samples' durations, before edits.
    pub duration: u64,
    /// Bytes of all samples; for old QuickTime codecs an estimate.
    pub bytes: u64,
    /// When the first sample presents, edits applied. Negative: the start is decoded and not heard.
    pub first_pts: i64,
    /// When the last sample ends, edits applied.
    pub end_pts: i64,
}

impl AudioIndex {
    /// Sums up `track`.
    pub fn new(track: &Track) -> Self {
        let duration = track.table.total_duration();
        let first_pts = track.presentation_shift();
        let end = first_pts.saturating_add(i64::try_from(duration).unwrap_or(i64::MAX));
        Self {
            timescale: track.timescale,
            sample_count: track.table.sample_count(),
            duration,
            bytes: track.table.total_bytes(),
            first_pts,
            end_pts: track.edit_end().map_or(end, |it| it.min(end)),
        }
    }

    /// Mean bits per second.
    pub fn bit_rate(&self) -> u64 {
        let bits = u128::from(self.bytes) * 8 * u128::from(self.timescale);
        (bits / u128::from(self.duration.max(1))) as u64
    }
}
