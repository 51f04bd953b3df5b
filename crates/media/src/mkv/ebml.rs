//! EBML (RFC 8794): element ids, variable-length sizes, numbers.

/// An element's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: u32,
    pub(super) head_bytes: u64,
    /// Size of the payload in bytes; `None`: unknown, as in live streams.
    pub(super) size: Option<u64>,
}

/// Maximum length of a head: four bytes of id, eight of size.
pub(super) const MAX_HEAD_BYTES: u64 = 12;

/// Parses a head; `None` if `bytes` do not begin with one, or are too few.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let first = *bytes.first()?;
    let id_bytes = first.leading_zeros() as usize + 1;
    if id_bytes > 4 {
        return None;
    }
    let id = bytes
        .get(..id_bytes)?
        .iter()
        .fold(0u32, |id, &byte| id << 8 | u32::from(byte));
    let marker = *bytes.get(id_bytes)?;
    let size_bytes = marker.leading_zeros() as usize + 1;
    if size_bytes > 8 {
        return None;
    }
    let raw = bytes.get(id_bytes..id_bytes + size_bytes)?;
    let all = raw
        .iter()
        .fold(0u64, |size, &byte| size << 8 | u64::from(byte));
    let mask = (1u64 << (7 * size_bytes)) - 1;
    let size = all & mask;
    Some(Head {
        id,
        head_bytes: (id_bytes + size_bytes) as u64,
        size: (size != mask).then_some(size),
    })
}

/// The elements inside `bytes` with their payloads; stops at the first that does not fit.
pub(super) fn children(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let head = head(rest)?;
        let body = rest.get(head.head_bytes as usize..)?;
        let (payload, after) = body.split_at_checked(usize::try_from(head.size?).ok()?)?;
        rest = after;
        Some((head.id, payload))
    })
}

/// Parses an unsigned number of up to eight bytes.
pub(super) fn unsigned(payload: &[u8]) -> Option<u64> {
    (payload.len() <= 8).then(|| {
        payload
            .iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte))
    })
}

/// Parses a floating-point number of four or eight bytes.
pub(super) fn float(payload: &[u8]) -> Option<f64> {
    match payload.len() {
        4 => Some(f64::from(f32::from_bits(unsigned(payload)? as u32))),
        8 => Some(f64::from_bits(unsigned(payload)?)),
        _ => None,
    }
}
