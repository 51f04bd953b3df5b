//! `ID3v2` tags, which stand before the frames of an MP3 file and contain the cover.

/// Length of the header of a tag, bytes.
pub const HEADER_BYTES: usize = 10;

/// The length in bytes of the tag that begins with these bytes, header and footer included; `None`:
/// no tag begins here.
pub fn tag_bytes(head: &[u8]) -> Option<u64> {
    let head = head.first_chunk::<HEADER_BYTES>()?;
    let (flags, size) = (head[5], &head[6..]);
    let is_tag = head.starts_with(b"ID3") && head[3] != 0xff && head[4] != 0xff;
    // Seven bits in each byte, so that no byte looks like the sync of a frame.
    if !is_tag || size.iter().any(|it| *it >= 0x80) {
        return None;
    }
    let size = size.iter().fold(0, |size, it| size << 7 | u64::from(*it));
    let footer = if flags & 0x10 == 0 { 0 } else { HEADER_BYTES };
    Some(size + (HEADER_BYTES + footer) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_tag_is_read() {
        for (head, expected) in [
            (&b"ID3\x04\0\0\0\0\0\0"[..], Some(10)),
            (b"ID3\x03\0\0\0\0\x02\x01", Some(267)),
            (b"ID3\x04\0\x10\0\0\0\x01", Some(21)),
            (b"ID3\x04\0\0\x7f\x7f\x7f\x7f", Some((1 << 28) + 9)),
            (b"ID3\x04\0\0\0\0\0\x80", None),
            (b"ID3\xff\0\0\0\0\0\0", None),
            (b"ID3\x04\0\0\0\0\0", None),
            (b"TAG\x04\0\0\0\0\0\0", None),
        ] {
            assert_eq!(tag_bytes(head), expected, "{head:?}");
        }
    }
}
