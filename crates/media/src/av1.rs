//! AV1 (AV1 Bitstream & Decoding Process Specification): OBUs (5.3), sequence headers (5.5) and the
//! metadata of HDR (5.8).

mod metadata;
mod sequence;

use crate::read::Reader;

pub(crate) use metadata::note_metadata;
pub use sequence::{Color, SequenceHeader};

/// The first bytes of a temporal unit where decoding can start, as encoders write it: a temporal
/// delimiter, and a sequence header with its size.
pub(crate) const START: [u8; 3] = [0x12, 0, 0x0a];

/// `obu_type` (6.2.2).
pub(crate) const SEQUENCE_HEADER: u8 = 1;
pub(crate) const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const METADATA: u8 = 5;
const FRAME: u8 = 6;
pub(crate) const PADDING: u8 = 15;

/// An OBU of a stream in the low-overhead format (5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Obu<'a> {
    pub(crate) kind: u8,
    /// The OBU with its header.
    pub(crate) whole: &'a [u8],
    pub(crate) payload: &'a [u8],
    /// Whether the OBU continues after the bytes that are known.
    pub(crate) truncated: bool,
}

/// The OBUs of a temporal unit, or of its beginning: the last one may be truncated.
pub(crate) fn obus(bytes: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut reader = Reader::new(rest);
        let header = reader.u8()?;
        // The forbidden bit.
        if header & 0x80 != 0 {
            return None;
        }
        if header & 4 != 0 {
            reader.skip(1)?;
        }
        // Without a size, the OBU is the last one.
        let size = match header & 2 {
            0 => reader.len(),
            _ => leb128(&mut reader)?,
        };
        let truncated = size > reader.len();
        let payload = reader.take(size.min(reader.len()))?;
        let (whole, after) = rest.split_at(rest.len() - reader.len());
        rest = after;
        Some(Obu {
            kind: header >> 3 & 0xf,
            whole,
            payload,
            truncated,
        })
    })
}

/// A number of seven bits per byte, least significant first (4.10.5).
fn leb128(reader: &mut Reader<'_>) -> Option<usize> {
    let mut value = 0_u64;
    for number in 0..8 {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

/// The kind of the first frame of a temporal unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A key frame that is shown: decoding can start here, if a sequence header comes before it.
    Key,
    /// Intra-coded; following frames may refer to earlier ones.
    Intra,
    /// Refers to other frames, or shows an earlier one again.
    Inter,
}

/// Reads the kind of frame of an OBU (5.9.2). `None`: it has no frame header, or that is truncated.
pub(crate) fn frame_kind(obu: &Obu<'_>) -> Option<FrameKind> {
    if obu.kind != FRAME_HEADER && obu.kind != FRAME {
        return None;
    }
    let first = *obu.payload.first()?;
    let shows_existing = first & 0x80 != 0;
    Some(match (shows_existing, first >> 5 & 3, first >> 4 & 1) {
        (false, 0, 1) => FrameKind::Key,
        (false, 0 | 2, _) => FrameKind::Intra,
        _ => FrameKind::Inter,
    })
}

#[cfg(test)]
mod tests;
