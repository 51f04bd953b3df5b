//! Fragmented MP4 segments (ISO/IEC 14496-12, 8.8; CMAF): what one holds, given the `moov` of its
//! initialisation section.

use crate::mp4::{Moov, Mp4Error};
use crate::read::Reader;

mod fragment;

use fragment::Defaults;

/// An initialisation section: `moov` and the defaults of its fragments.
#[derive(Debug, Clone)]
pub struct Init {
    /// The tracks.
    pub moov: Moov,
    defaults: Vec<Defaults>,
}

impl Init {
    /// Parses a whole initialisation section.
    ///
    /// # Errors
    /// [`Mp4Error::NoMoov`] when there is none, and what [`Moov::parse`] finds.
    pub fn parse(bytes: &[u8]) -> Result<Self, Mp4Error> {
        let payload = crate::mp4::child_box(bytes, b"moov").ok_or(Mp4Error::NoMoov)?;
        let moov = Moov::parse(payload, bytes.len() as u64, true)?;
        Ok(Self { moov, defaults: fragment::defaults(payload) })
    }
}

/// One track's part of a segment. Times in the track's timescale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRun {
    /// As in the `moov`.
    pub track: u32,
    /// Units per second; 0 when the initialisation section does not know the track.
    pub timescale: u32,
    /// Decode time of the first sample (`tfdt`); `None` when it is missing.
    pub base_decode_time: Option<u64>,
    /// Earliest presentation.
    pub min_pts: i64,
    /// Latest end of a presentation.
    pub end_pts: i64,
    /// Sum of the samples' durations.
    pub duration: u64,
    /// Samples of all fragments.
    pub samples: u64,
    /// Samples that are marked as sync.
    pub sync_samples: u64,
    /// Whether the first sample is marked as sync.
    pub starts_with_sync: bool,
    /// Presentation times of sync samples; at most 65,536 are kept.
    pub sync_pts: Vec<i64>,
    /// Bytes of all samples.
    pub bytes: u64,
}

/// A media segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentReport {
    /// Tracks in the order in which they appear.
    pub tracks: Vec<TrackRun>,
    /// `moof` boxes.
    pub fragments: u32,
    /// `styp` is there.
    pub has_segment_type: bool,
    /// Bytes that a box claims beyond the end: the segment is cut off.
    pub missing_bytes: u64,
    /// A box whose size cannot be.
    pub damaged: bool,
    /// A `moov` inside the segment: it initialises itself.
    pub has_moov: bool,
}

/// Describes a media segment that is in memory.
pub fn scan(bytes: &[u8], init: &Init) -> SegmentReport {
    let mut scan = fragment::SegmentScan::new(init);
    let mut reader = Reader::new(bytes);
    while reader.len() > 0 && scan.next_box(&mut reader) {}
    scan.report
}

#[cfg(test)]
mod tests;
