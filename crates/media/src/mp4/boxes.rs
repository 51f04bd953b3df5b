//! Box headers: a length, a four-character code, a payload.

use crate::read::Reader;

/// A box header as in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxHeader {
    pub(crate) kind: [u8; 4],
    pub(crate) header_bytes: u64,
    /// Size of header and payload; `None` for "to the end of the file".
    pub(crate) size: Option<u64>,
}

/// Maximum header length: with a 64-bit size.
pub(crate) const MAX_HEADER_BYTES: u64 = 16;

impl BoxHeader {
    /// Parses a header; `None` if `bytes` are too few, or the size is smaller than the header.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let short = u64::from(reader.u32()?);
        let kind = reader.fourcc()?;
        let (header_bytes, size) = match short {
            0 => (8, None),
            1 => (16, Some(reader.u64()?)),
            size => (8, Some(size)),
        };
        (size.is_none_or(|it| it >= header_bytes)).then_some(Self {
            kind,
            header_bytes,
            size,
        })
    }
}

/// The boxes inside `bytes`, with their payloads. Stops at the first that does not fit.
pub(crate) fn children(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = BoxHeader::parse(rest)?;
        let size = header
            .size
            .map_or(Some(rest.len()), |it| usize::try_from(it).ok())?;
        let (whole, after) = rest.split_at_checked(size)?;
        rest = after;
        Some((header.kind, &whole[header.header_bytes as usize..]))
    })
}

/// The payload of the first box of a kind.
pub(crate) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(bytes)
        .find(|(it, _)| it == kind)
        .map(|(_, payload)| payload)
}

/// Version and payload after the version and flags of a full box.
pub(crate) fn full_box(payload: &[u8]) -> Option<(u8, Reader<'_>)> {
    let mut reader = Reader::new(payload);
    let version_and_flags = reader.u32()?;
    Some(((version_and_flags >> 24) as u8, reader))
}
