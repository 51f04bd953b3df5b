//! Changes when a fragment is decoded.

use crate::read::Reader;

/// Gives a fragment another decoding time, in units of its timescale. Presentation times follow. A
/// decoder reads fragments from different parts of a video as one, if their times ascend.
///
/// Returns whether the fragment has a 64-bit decoding time, as [`super::package`] writes it.
pub fn set_decode_time(fragment: &mut [u8], time: u64) -> bool {
    let Some(at) = position(fragment) else {
        return false;
    };
    fragment[at..at + 8].copy_from_slice(&time.to_be_bytes());
    true
}

/// Offset of the time in `moof/traf/tfdt` (ISO/IEC 14496-12, 8.8.12), version 1.
fn position(fragment: &[u8]) -> Option<usize> {
    let (mut from, mut to) = (0, fragment.len());
    for kind in [b"moof", b"traf", b"tfdt"] {
        (from, to) = child(fragment, from, to, kind)?;
    }
    let is_long = *fragment.get(from)? == 1;
    // Version and flags come first.
    (is_long && to - from >= 12).then_some(from + 4)
}

/// Begin and end of the contents of a box among the boxes from `from` to `to`.
fn child(bytes: &[u8], mut from: usize, to: usize, wanted: &[u8; 4]) -> Option<(usize, usize)> {
    loop {
        let mut head = Reader::new(bytes.get(from..to)?);
        let size = head.u32()? as usize;
        let kind = head.take(4)?;
        let end = from.checked_add(size).filter(|it| *it <= to && size >= 8)?;
        if kind == wanted {
            return Some((from + 8, end));
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cmaf::fragment::{Sample, append};

    fn fragment(time: i64) -> Vec<u8> {
        let sample = Sample {
            duration: 3_600,
            bytes: 4,
            flags: 0,
            offset: 7_200,
        };
        let mut bytes = vec![];
        append(&mut bytes, 1, time, &[sample], b"data").unwrap();
        bytes
    }

    #[test]
    fn a_fragment_gets_the_time_that_it_would_have_been_written_with() {
        let mut moved = fragment(900_000);
        assert!(set_decode_time(&mut moved, 1 << 40));
        assert_eq!(moved, fragment(1 << 40));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            set_decode_time(&mut bytes, 7);
        }

        #[test]
        fn a_shortened_fragment_is_survived(length in 0_usize..100) {
            let mut bytes = fragment(5);
            bytes.truncate(length);
            set_decode_time(&mut bytes, 7);
        }
    }
}
