//! Fragmented MP4 segments (ISO/IEC 14496-12, 8.8; CMAF): the contents of a segment, given the
//! `moov` of its initialisation section.

use crate::mp4::{Moov, Mp4Error};
use crate::read::Reader;

mod fragment;
mod samples;

use fragment::Defaults;
pub use samples::{FragmentSample, FragmentSamples, SampleError};

/// An initialisation section: `moov` and the defaults of its fragments.
#[derive(Debug, Clone)]
pub struct Init {
    /// The parsed `moov` box.
    pub moov: Moov,
    defaults: Vec<Defaults>,
}

impl Init {
    /// Parses a whole initialisation section.
    ///
    /// # Errors
    /// [`Mp4Error::NoMoov`] if there is none, and the errors of [`Moov::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Mp4Error> {
        let payload = crate::mp4::child_box(bytes, b"moov").ok_or(Mp4Error::NoMoov)?;
        let moov = Moov::parse(payload, bytes.len() as u64, true)?;
        Ok(Self {
            moov,
            defaults: fragment::defaults(payload),
        })
    }
}

/// One track's part of a segment. Times in the track's timescale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRun {
    /// Track id, as in the `moov`.
    pub track: u32,
    /// Units per second; 0 if the initialisation section does not contain the track.
    pub timescale: u32,
    /// Decode time of the first sample (`tfdt`); `None` if it is missing.
    pub base_decode_time: Option<u64>,
    /// Earliest presentation time.
    pub min_pts: i64,
    /// Latest end of a presentation.
    pub end_pts: i64,
    /// Sum of the samples' durations.
    pub duration: u64,
    /// Number of samples in all fragments.
    pub samples: u64,
    /// Number of samples that are marked as sync.
    pub sync_samples: u64,
    /// Number of samples that are marked as sync or as independent of others.
    pub intra_samples: u64,
    /// Whether the first sample is marked as sync.
    pub starts_with_sync: bool,
    /// Presentation times of sync samples; at most 65,536 are kept.
    pub sync_pts: Vec<i64>,
    /// Presentation times of all samples; at most 65,536 are kept.
    pub pts: Vec<i64>,
    /// Total size of all samples, bytes.
    pub bytes: u64,
}

/// The contents of a media segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentReport {
    /// Tracks in the order of appearance.
    pub tracks: Vec<TrackRun>,
    /// Number of `moof` boxes.
    pub fragments: u32,
    /// Whether there is a `styp` box.
    pub has_segment_type: bool,
    /// Bytes that a box declares beyond the end: the segment is truncated.
    pub missing_bytes: u64,
    /// Whether a box has an impossible size.
    pub damaged: bool,
    /// Whether there is a `moov` box: the segment initialises itself.
    pub has_moov: bool,
}

/// Analyses a media segment in memory.
pub fn scan(bytes: &[u8], init: &Init) -> SegmentReport {
    let mut scan = fragment::SegmentScan::new(init);
    let mut reader = Reader::new(bytes);
    while reader.len() > 0 && scan.next_box(&mut reader) {}
    scan.report
}

#[cfg(test)]
mod tests;
