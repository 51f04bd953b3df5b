//! `moof`: fragments, their runs of samples, and their default values.

use crate::mp4::{BoxHead, child_box, child_boxes};
use crate::read::Reader;

use super::{Init, SegmentReport, TrackRun};

/// Maximum number of samples per run: a run declares its samples in 32 bits, and they may have no
/// bytes at all.
const MAX_SAMPLES_PER_RUN: u32 = 1 << 20;
pub(super) const MAX_SAMPLES: u64 = 1 << 22;
const MAX_TIMES: usize = 65_536;
/// `sample_is_non_sync_sample` in the flags of a sample.
const NON_SYNC: u32 = 0x1_0000;
/// `sample_depends_on`, and its value of an intra-coded frame.
const DEPENDS_ON: u32 = 0x300_0000;
const INDEPENDENT: u32 = 0x200_0000;

/// The values of `trex`, and the overrides of `tfhd`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults {
    pub(super) track: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

/// A sample in a `trun`, with the defaults applied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) duration: u32,
    pub(super) size: u32,
    flags: u32,
    /// Ticks from decoding to presentation.
    pub(super) offset: i32,
}

impl Row {
    pub(super) fn is_sync(&self) -> bool {
        self.flags & NON_SYNC == 0
    }

    /// Whether it is marked as independent of other samples.
    fn is_intra(&self) -> bool {
        self.flags & DEPENDS_ON == INDEPENDENT
    }
}

/// A `trun` whose samples are not read yet.
pub(super) struct Run<'a> {
    pub(super) count: u32,
    /// Offset of the first sample from the base of the fragment; `None`: after the previous run.
    pub(super) data_offset: Option<i32>,
    flags: u32,
    first_flags: Option<u32>,
    defaults: Defaults,
    rows: Reader<'a>,
}

impl<'a> Run<'a> {
    pub(super) fn parse(payload: &'a [u8], defaults: Defaults) -> Option<Self> {
        let mut rows = Reader::new(payload);
        let flags = rows.u32()? & 0xff_ffff;
        let count = rows.u32().filter(|it| *it <= MAX_SAMPLES_PER_RUN)?;
        let mut optional = |flag: u32| match flags & flag {
            0 => Some(None),
            _ => rows.u32().map(Some),
        };
        let data_offset = optional(0x1)?.map(|it| it as i32);
        let first_flags = optional(0x4)?;
        Some(Self {
            count,
            data_offset,
            flags,
            first_flags,
            defaults,
            rows,
        })
    }

    /// The next sample. The caller counts them.
    pub(super) fn next_row(&mut self) -> Option<Row> {
        let flags = self.flags;
        let mut or = |flag: u32, default: u32| match flags & flag {
            0 => Some(default),
            _ => self.rows.u32(),
        };
        let mut row = Row {
            duration: or(0x100, self.defaults.duration)?,
            size: or(0x200, self.defaults.size)?,
            flags: or(0x400, self.defaults.flags)?,
            offset: or(0x800, 0)? as i32,
        };
        row.flags = self.first_flags.take().unwrap_or(row.flags);
        Some(row)
    }
}

/// The `trex` boxes of a `moov`.
pub(super) fn defaults(moov: &[u8]) -> Vec<Defaults> {
    let mvex = child_box(moov, b"mvex").unwrap_or_default();
    child_boxes(mvex)
        .filter(|(kind, _)| kind == b"trex")
        .filter_map(|(_, payload)| trex(payload))
        .collect()
}

fn trex(payload: &[u8]) -> Option<Defaults> {
    let mut reader = Reader::new(payload);
    reader.skip(4)?;
    let track = reader.u32()?;
    reader.skip(4)?;
    Some(Defaults {
        track,
        duration: reader.u32()?,
        size: reader.u32()?,
        flags: reader.u32()?,
    })
}

/// `tfhd`.
pub(super) struct Header {
    pub(super) defaults: Defaults,
    /// Whether data offsets count from a position of the file.
    pub(super) has_base: bool,
}

impl Header {
    pub(super) fn parse(payload: &[u8], init: &Init) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let flags = reader.u32()? & 0xff_ffff;
        let track = reader.u32()?;
        let known = init.defaults.iter().find(|it| it.track == track);
        let mut defaults = Defaults {
            track,
            ..known.copied().unwrap_or_default()
        };
        if flags & 0x1 != 0 {
            reader.skip(8)?;
        }
        if flags & 0x2 != 0 {
            reader.skip(4)?;
        }
        if flags & 0x8 != 0 {
            defaults.duration = reader.u32()?;
        }
        if flags & 0x10 != 0 {
            defaults.size = reader.u32()?;
        }
        if flags & 0x20 != 0 {
            defaults.flags = reader.u32()?;
        }
        Some(Self {
            defaults,
            has_base: flags & 0x1 != 0,
        })
    }
}

pub(super) struct SegmentScan<'a> {
    init: &'a Init,
    pub(super) report: SegmentReport,
    samples: u64,
}

impl<'a> SegmentScan<'a> {
    pub(super) fn new(init: &'a Init) -> Self {
        Self {
            init,
            report: SegmentReport::default(),
            samples: 0,
        }
    }

    /// Reads one box; `false` if no further one can be read.
    pub(super) fn next_box(&mut self, reader: &mut Reader<'_>) -> bool {
        let Some(head) = BoxHead::parse(reader.rest()) else {
            self.report.damaged = true;
            return false;
        };
        let available = reader.len() as u64;
        let size = head.size.unwrap_or(available);
        if size > available {
            self.report.missing_bytes = size - available;
            return false;
        }
        let Some(whole) = reader.take(size as usize) else {
            return false;
        };
        let payload = &whole[head.header_bytes as usize..];
        match &head.kind {
            b"styp" => self.report.has_segment_type = true,
            b"moov" => self.report.has_moov = true,
            b"moof" => {
                self.report.fragments += 1;
                for (_, traf) in child_boxes(payload).filter(|(kind, _)| kind == b"traf") {
                    self.report.damaged |= self.track_fragment(traf).is_none();
                }
            }
            _ => {}
        }
        true
    }

    fn track_fragment(&mut self, traf: &[u8]) -> Option<()> {
        let header = Header::parse(child_box(traf, b"tfhd")?, self.init)?;
        let defaults = header.defaults;
        let base = child_box(traf, b"tfdt").and_then(decode_time);
        let mut time = match base {
            Some(base) => i64::try_from(base).ok()?,
            None => 0,
        };
        let at = self.track(defaults.track, base);
        for (_, run) in child_boxes(traf).filter(|(kind, _)| kind == b"trun") {
            time = self.run(at, run, defaults, time)?;
        }
        Some(())
    }

    /// Index of the report of a track, which is created if it is new.
    fn track(&mut self, track: u32, base: Option<u64>) -> usize {
        if let Some(at) = self.report.tracks.iter().position(|it| it.track == track) {
            return at;
        }
        let timescale = self
            .init
            .moov
            .tracks
            .iter()
            .find(|it| it.id == track)
            .map_or(0, |it| it.timescale);
        self.report.tracks.push(TrackRun {
            track,
            timescale,
            base_decode_time: base,
            min_pts: i64::MAX,
            end_pts: i64::MIN,
            duration: 0,
            samples: 0,
            sync_samples: 0,
            intra_samples: 0,
            starts_with_sync: false,
            sync_pts: Vec::new(),
            pts: Vec::new(),
            bytes: 0,
        });
        self.report.tracks.len() - 1
    }

    /// Reads a `trun` and returns the decode time after it.
    fn run(&mut self, at: usize, payload: &[u8], defaults: Defaults, start: i64) -> Option<i64> {
        let mut run = Run::parse(payload, defaults)?;
        self.samples += u64::from(run.count);
        if self.samples > MAX_SAMPLES {
            return None;
        }
        let track = &mut self.report.tracks[at];
        let mut time = start;
        for _ in 0..run.count {
            let row = run.next_row()?;
            let pts = time.checked_add(i64::from(row.offset))?;
            let end = pts.checked_add(i64::from(row.duration))?;
            time = time.checked_add(i64::from(row.duration))?;
            track.note(pts, end, &row);
        }
        Some(time)
    }
}

impl TrackRun {
    fn note(&mut self, pts: i64, end: i64, row: &Row) {
        let sync = row.is_sync();
        self.starts_with_sync |= self.samples == 0 && sync;
        self.samples += 1;
        if self.pts.len() < MAX_TIMES {
            self.pts.push(pts);
        }
        self.bytes += u64::from(row.size);
        self.duration += u64::from(row.duration);
        self.min_pts = self.min_pts.min(pts);
        self.end_pts = self.end_pts.max(end);
        self.intra_samples += u64::from(sync || row.is_intra());
        if sync {
            self.sync_samples += 1;
            if self.sync_pts.len() < MAX_TIMES {
                self.sync_pts.push(pts);
            }
        }
    }
}

pub(super) fn decode_time(payload: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(payload);
    let version = reader.u32()? >> 24;
    if version == 1 {
        reader.u64()
    } else {
        reader.u32().map(u64::from)
    }
}
