//! The properties of an audio track that planning needs.

use super::Track;

/// A summary of an audio track, computed without visiting its samples: PCM has one per audio
/// sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioIndex {
    /// Units per second of the times.
    pub timescale: u32,
    /// Number of samples in the container: frames of the codec, or samples of PCM.
    pub sample_count: u32,
    /// Sum of all samples' durations, before edits.
    pub duration: u64,
    /// Size of all samples, bytes; for old QuickTime codecs an estimate.
    pub bytes: u64,
    /// Presentation time of the first sample, edits applied. Negative: the start is decoded but not
    /// played.
    pub first_pts: i64,
    /// End of the last sample, edits applied.
    pub end_pts: i64,
}

impl AudioIndex {
    /// Summarises `track`.
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

    /// Average bit rate, bit/s.
    pub fn bit_rate(&self) -> u64 {
        let bits = u128::from(self.bytes) * 8 * u128::from(self.timescale);
        (bits / u128::from(self.duration.max(1))) as u64
    }
}
