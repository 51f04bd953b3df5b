//! The boxes of initialisation sections and fragments (ISO/IEC 14496-12, 8.8).

use super::PackageError;
use crate::mux::boxes::{boxed, full, words};
use crate::mux::entries::description;
use crate::mux::headers::{Media, TrackBoxes, movie, track};
use crate::mux::parameter_sets::FrameClass;

/// The number of the only track.
const TRACK: u32 = 1;

/// Flags of a sample (8.8.3.1) that depends on no other one.
const INDEPENDENT: u32 = 0x200_0000;
/// Flags of a sample that depends on others.
const DEPENDENT: u32 = 0x100_0000;
/// `sample_is_non_sync_sample`.
const NON_SYNC: u32 = 0x1_0000;

/// A sample of a fragment. Times in the track's timescale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) duration: u32,
    pub(super) bytes: u32,
    pub(super) flags: u32,
    /// From decoding to presentation.
    pub(super) offset: i32,
}

/// The flags of a frame.
pub(super) fn flags_of(class: FrameClass) -> u32 {
    let depends = if class.is_intra() {
        INDEPENDENT
    } else {
        DEPENDENT
    };
    let sync = if class.is_sync() { 0 } else { NON_SYNC };
    depends | sync
}

/// `ftyp` and `moov` of a presentation with one track and this sample entry.
pub(super) fn init(media: Media, timescale: u32, entry: &[u8]) -> Vec<u8> {
    let empty = |kind| full(kind, 0, 0, &[&[0; 4]]);
    let sizes = full(b"stsz", 0, 0, &[&[0; 8]]);
    let tables = [
        description(entry),
        empty(b"stts"),
        empty(b"stsc"),
        sizes,
        empty(b"stco"),
    ];
    let track = track(&TrackBoxes {
        id: TRACK,
        media,
        duration: 0,
        timescale,
        media_duration: 0,
        edits: &[],
        tables: &tables.concat(),
    });
    let mut defaults = vec![];
    words(&mut defaults, &[TRACK, 1, 0, 0, 0]);
    let extends = boxed(b"mvex", &[&full(b"trex", 0, 0, &[&defaults])]);
    let mut init = boxed(b"ftyp", &[b"cmfc", &[0; 4], b"iso6cmfc"]);
    let movie = movie(timescale, 0, TRACK + 1);
    init.extend_from_slice(&boxed(b"moov", &[&movie, &track, &extends]));
    init
}

/// `styp`, in front of the fragment of a segment (ISO/IEC 23000-19, 7.3.3).
pub(super) fn segment_type() -> Vec<u8> {
    boxed(b"styp", &[b"msdh", &[0; 4], b"msdhcmfs"])
}

/// Appends a fragment, `moof` and `mdat`, to `out`. `data` holds the data of all samples in order.
pub(super) fn append(
    out: &mut Vec<u8>,
    sequence: u32,
    decode_time: i64,
    samples: &[Sample],
    data: &[u8],
) -> Result<(), PackageError> {
    let decode_time = u64::try_from(decode_time)
        .map_err(|_| PackageError::Unsupported("a frame is decoded before the clock begins"))?;
    let data_bytes = u32::try_from(data.len() + 8)
        .map_err(|_| PackageError::Unsupported("the segment is too large"))?;
    let flags = common(samples, |it| it.flags);
    let duration = common(samples, |it| it.duration);
    let offset = common(samples, |it| it.offset as u32);
    let has_offsets = offset != Some(0);
    // Offsets count from the `moof` box.
    let mut header_flags = 0x2_0000;
    let mut header = TRACK.to_be_bytes().to_vec();
    // The data offset, and the sizes.
    let mut run_flags = 0x201;
    match duration {
        Some(duration) => {
            header_flags |= 0x8;
            words(&mut header, &[duration]);
        }
        None => run_flags |= 0x100,
    }
    match flags {
        Some(flags) => {
            header_flags |= 0x20;
            words(&mut header, &[flags]);
        }
        None => run_flags |= 0x400,
    }
    if has_offsets {
        run_flags |= 0x800;
    }
    let header = full(b"tfhd", 0, header_flags, &[&header]);
    let time = full(b"tfdt", 1, 0, &[&decode_time.to_be_bytes()]);
    let mut rows = Vec::with_capacity(samples.len() * 16);
    for it in samples {
        if duration.is_none() {
            words(&mut rows, &[it.duration]);
        }
        words(&mut rows, &[it.bytes]);
        if flags.is_none() {
            words(&mut rows, &[it.flags]);
        }
        if has_offsets {
            words(&mut rows, &[it.offset as u32]);
        }
    }
    let number = full(b"mfhd", 0, 0, &[&sequence.to_be_bytes()]);
    // The headers of `moof`, `traf` and `trun`, and the two numbers of `trun`.
    let moof_bytes = 8 + number.len() + 8 + header.len() + time.len() + 20 + rows.len();
    let mut numbers = vec![];
    words(
        &mut numbers,
        &[samples.len() as u32, (moof_bytes + 8) as u32],
    );
    let run = full(b"trun", 1, run_flags, &[&numbers, &rows]);
    let fragment = boxed(b"traf", &[&header, &time, &run]);
    out.reserve(moof_bytes + data_bytes as usize);
    out.extend_from_slice(&boxed(b"moof", &[&number, &fragment]));
    out.extend_from_slice(&data_bytes.to_be_bytes());
    out.extend_from_slice(b"mdat");
    out.extend_from_slice(data);
    Ok(())
}

/// The value that all samples share.
fn common(samples: &[Sample], of: impl Fn(&Sample) -> u32) -> Option<u32> {
    let first = of(samples.first()?);
    samples.iter().all(|it| of(it) == first).then_some(first)
}
