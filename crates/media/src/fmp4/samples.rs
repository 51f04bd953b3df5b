//! The samples of a media segment, with their data.

use crate::mp4::{BoxHead, SampleEntry, child_box, child_boxes};

use super::Init;
use super::fragment::{Header, MAX_SAMPLES, Run, decode_time};

/// A sample of a media segment. Times in the track's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentSample<'a> {
    /// Decoding time.
    pub dts: i64,
    /// Presentation time, before edits.
    pub pts: i64,
    /// Duration until the next sample in decoding order.
    pub duration: u32,
    /// Whether decoding can start here.
    pub sync: bool,
    /// The data.
    pub data: &'a [u8],
}

/// The samples of a segment with a single track.
#[derive(Debug, Clone)]
pub struct FragmentSamples<'a> {
    /// Units per second of all times.
    pub timescale: u32,
    /// Sample entry of the track.
    pub entry: Option<&'a SampleEntry>,
    /// The samples in decoding order.
    pub samples: Vec<FragmentSample<'a>>,
}

/// The samples of a segment could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// The boxes contradict each other, or a sample is outside the segment.
    #[error("the fragmented MP4 segment is damaged at byte {offset}")]
    Damaged {
        /// Offset of the box with the damage, bytes.
        offset: usize,
    },
    /// The segment has no fragment of the only track of its initialisation section.
    #[error("the segment has no fragment of its track")]
    NoTrack,
}

impl<'a> FragmentSamples<'a> {
    /// Reads a segment whose initialisation section has one track.
    ///
    /// # Errors
    /// If any box or sample is damaged or missing: nothing is skipped.
    pub fn read(init: &'a Init, segment: &'a [u8]) -> Result<Self, SampleError> {
        let [track] = init.moov.tracks.as_slice() else {
            return Err(SampleError::NoTrack);
        };
        let mut reading = Reading {
            init,
            segment,
            track: track.id,
            samples: vec![],
        };
        let mut at = 0;
        while at < segment.len() {
            let damaged = SampleError::Damaged { offset: at };
            at += reading.next_box(at).ok_or(damaged)?;
        }
        if reading.samples.is_empty() {
            return Err(SampleError::NoTrack);
        }
        Ok(Self {
            timescale: track.timescale,
            entry: track.entry.as_ref(),
            samples: reading.samples,
        })
    }
}

struct Reading<'a> {
    init: &'a Init,
    segment: &'a [u8],
    track: u32,
    samples: Vec<FragmentSample<'a>>,
}

impl<'a> Reading<'a> {
    /// Reads the box at an offset and returns its size. `None`: it is damaged.
    fn next_box(&mut self, at: usize) -> Option<usize> {
        let rest = &self.segment[at..];
        let head = BoxHead::parse(rest)?;
        let size = head
            .size
            .map_or(Some(rest.len()), |it| it.try_into().ok())?;
        let payload = rest.get(head.header_bytes as usize..size)?;
        if &head.kind == b"moof" {
            for (_, traf) in child_boxes(payload).filter(|(kind, _)| kind == b"traf") {
                self.track_fragment(traf, at)?;
            }
        }
        Some(size)
    }

    /// `base`: offset of the `moof` box.
    fn track_fragment(&mut self, traf: &[u8], base: usize) -> Option<()> {
        let header = Header::parse(child_box(traf, b"tfhd")?, self.init)?;
        if header.defaults.track != self.track {
            return Some(());
        }
        // Positions of a file mean nothing in a segment.
        if header.has_base {
            return None;
        }
        let mut time = i64::try_from(child_box(traf, b"tfdt").and_then(decode_time)?).ok()?;
        let mut place = base;
        for (_, payload) in child_boxes(traf).filter(|(kind, _)| kind == b"trun") {
            let mut run = Run::parse(payload, header.defaults)?;
            if let Some(offset) = run.data_offset {
                place = base.checked_add_signed(offset as isize)?;
            }
            if (self.samples.len() as u64) + u64::from(run.count) > MAX_SAMPLES {
                return None;
            }
            for _ in 0..run.count {
                let row = run.next_row()?;
                let end = place.checked_add(row.size as usize)?;
                self.samples.push(FragmentSample {
                    dts: time,
                    pts: time.checked_add(i64::from(row.offset))?,
                    duration: row.duration,
                    sync: row.is_sync(),
                    data: self.segment.get(place..end)?,
                });
                time = time.checked_add(i64::from(row.duration))?;
                place = end;
            }
        }
        Some(())
    }
}
