//! `moof`: fragments, their runs of samples, and their default values.

use crate::mp4::{BoxHead, child_box, child_boxes};
use crate::read::Reader;

use super::{Init, SegmentReport, TrackRun};

/// Maximum number of samples per run: a run declares its samples in 32 bits, and they may have no
/// bytes at all.
const MAX_SAMPLES_PER_RUN: u32 = 1 << 20;
const MAX_SAMPLES: u64 = 1 << 22;
const MAX_SYNC_TIMES: usize = 65_536;
/// `sample_is_non_sync_sample` in the flags of a sample.
const NON_SYNC: u32 = 0x1_0000;

/// The values of `trex`, and the overrides of `tfhd`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults {
    track: u32,
    duration: u32,
    size: u32,
    flags: u32,
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
        let defaults = self.header(child_box(traf, b"tfhd")?)?;
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

    fn header(&self, payload: &[u8]) -> Option<Defaults> {
        let mut reader = Reader::new(payload);
        let flags = reader.u32()? & 0xff_ffff;
        let track = reader.u32()?;
        let known = self.init.defaults.iter().find(|it| it.track == track);
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
        Some(defaults)
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
            starts_with_sync: false,
            sync_pts: Vec::new(),
            bytes: 0,
        });
        self.report.tracks.len() - 1
    }

    /// Reads a `trun` and returns the decode time after it.
    fn run(&mut self, at: usize, payload: &[u8], defaults: Defaults, start: i64) -> Option<i64> {
        let mut reader = Reader::new(payload);
        let version_and_flags = reader.u32()?;
        let flags = version_and_flags & 0xff_ffff;
        let count = reader.u32()?;
        self.samples += u64::from(count);
        if count > MAX_SAMPLES_PER_RUN || self.samples > MAX_SAMPLES {
            return None;
        }
        if flags & 0x1 != 0 {
            reader.skip(4)?;
        }
        let first_flags = if flags & 0x4 != 0 {
            Some(reader.u32()?)
        } else {
            None
        };
        let run = &mut self.report.tracks[at];
        let mut time = start;
        for index in 0..count {
            let duration = if flags & 0x100 != 0 {
                reader.u32()?
            } else {
                defaults.duration
            };
            let size = if flags & 0x200 != 0 {
                reader.u32()?
            } else {
                defaults.size
            };
            let own_flags = if flags & 0x400 != 0 {
                reader.u32()?
            } else {
                defaults.flags
            };
            let offset = if flags & 0x800 != 0 { reader.i32()? } else { 0 };
            let sample_flags = if index == 0 {
                first_flags.unwrap_or(own_flags)
            } else {
                own_flags
            };
            let pts = time.checked_add(i64::from(offset))?;
            let end = pts.checked_add(i64::from(duration))?;
            time = time.checked_add(i64::from(duration))?;
            run.note(pts, end, size, duration, sample_flags & NON_SYNC == 0);
        }
        Some(time)
    }
}

impl TrackRun {
    fn note(&mut self, pts: i64, end: i64, size: u32, duration: u32, sync: bool) {
        self.starts_with_sync |= self.samples == 0 && sync;
        self.samples += 1;
        self.bytes += u64::from(size);
        self.duration += u64::from(duration);
        self.min_pts = self.min_pts.min(pts);
        self.end_pts = self.end_pts.max(end);
        if sync {
            self.sync_samples += 1;
            if self.sync_pts.len() < MAX_SYNC_TIMES {
                self.sync_pts.push(pts);
            }
        }
    }
}

fn decode_time(payload: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(payload);
    let version = reader.u32()? >> 24;
    if version == 1 {
        reader.u64()
    } else {
        reader.u32().map(u64::from)
    }
}
