//! NAL units of H.264 and HEVC: byte streams (ISO/IEC 14496-10 and 23008-2, annex B), emulation
//! prevention, and SEI messages.

use crate::read::Reader;

/// The NAL units of a byte stream, without start codes and trailing zeros.
pub(crate) fn nal_units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = next_start_code(bytes, 0).map(|it| it + 3);
    std::iter::from_fn(move || {
        let begin = start?;
        let next = next_start_code(bytes, begin);
        start = next.map(|it| it + 3);
        let nal = &bytes[begin..next.unwrap_or(bytes.len())];
        let end = nal.iter().rposition(|it| *it != 0).map_or(0, |it| it + 1);
        Some(&nal[..end])
    })
}

/// Removes the emulation prevention bytes (0x03).
pub(crate) fn without_emulation(nal: &[u8]) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(byte);
    }
    rbsp
}

/// The messages in the payload of an SEI NAL unit without emulation prevention bytes (ISO/IEC
/// 14496-10, 7.3.2.3.1; 23008-2, 7.3.5): type and payload of each. Ends at the first that is
/// truncated, as the trailing bits are.
pub(crate) fn sei_messages(rbsp: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut reader = Reader::new(rbsp);
    std::iter::from_fn(move || {
        let kind = sei_number(&mut reader)?;
        let bytes = sei_number(&mut reader)?;
        Some((kind, reader.take(bytes as usize)?))
    })
}

/// A number in steps of 255.
fn sei_number(reader: &mut Reader<'_>) -> Option<u32> {
    let mut sum = 0_u32;
    loop {
        let byte = reader.u8()?;
        sum = sum.checked_add(u32::from(byte))?;
        if byte != 255 {
            return Some(sum);
        }
    }
}

/// Offset of the next `00 00 01` at `from` or later.
fn next_start_code(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some([a, b, c]) = bytes.get(at..at + 3) {
        match (a, b, c) {
            (0, 0, 1) => return Some(at),
            // No start code includes a byte above 1.
            (_, _, 2..) => at += 3,
            (_, 1.., _) => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_are_between_start_codes() {
        for (bytes, expected) in [
            (
                &[0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 7, 1, 0, 0, 1, 5][..],
                vec![&[9, 0xf0][..], &[7, 1], &[5]],
            ),
            (
                &[7, 7, 0, 0, 1, 5, 0, 2, 0, 0, 3, 1, 0, 0],
                vec![&[5, 0, 2, 0, 0, 3, 1]],
            ),
            (
                &[0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 8],
                vec![&[1, 0, 1], &[8]],
            ),
            (&[0, 0, 1], vec![&[]]),
            (&[0, 0], vec![]),
            (&[], vec![]),
        ] {
            assert_eq!(nal_units(bytes).collect::<Vec<_>>(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn messages_end_at_the_first_that_is_truncated() {
        let long = [&[255, 1, 255, 2][..], &[7; 257], &[4, 1, 9, 0x80]].concat();
        for (rbsp, expected) in [
            (&long[..], vec![(256, &[7; 257][..]), (4, &[9])]),
            (&[4, 2, 1], vec![]),
            (&[4, 0, 5, 1, 3], vec![(4, &[][..]), (5, &[3])]),
            (&[255; 40], vec![]),
            (&[], vec![]),
        ] {
            assert_eq!(sei_messages(rbsp).collect::<Vec<_>>(), expected, "{rbsp:?}");
        }
    }
}
