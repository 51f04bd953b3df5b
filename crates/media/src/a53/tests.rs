use proptest::prelude::*;

use super::*;

/// The user data of triplets, each with its first byte.
pub(crate) fn user_data(triplets: &[[u8; 3]]) -> Vec<u8> {
    let mut out = CAPTIONS.to_vec();
    out.extend([0xc0 | triplets.len() as u8, 0xff]);
    out.extend(triplets.concat());
    out.push(0xff);
    out
}

/// A message of type 4 with this content.
fn message(content: &[u8]) -> Vec<u8> {
    let payload = [&ATSC[..], content].concat();
    let mut out = vec![4];
    out.extend(std::iter::repeat_n(255, payload.len() / 255));
    out.push((payload.len() % 255) as u8);
    out.extend(payload);
    out
}

/// A byte stream with one SEI unit between two others, with emulation prevention.
pub(crate) fn stream(header: &[u8], messages: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1];
    out.extend_from_slice(header);
    let mut zeros = 0;
    for &byte in messages.iter().chain(&[0x80]) {
        if zeros == 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out.extend([0, 0, 1, 0x65, 0x88, 0x84, 0xab]);
    out
}

/// The SEI unit of an H.264 frame with these triplets.
pub(crate) fn h264(triplets: &[[u8; 3]]) -> Vec<u8> {
    stream(&[6], &message(&user_data(triplets)))
}

fn find(carrier: Carrier, bytes: &[u8]) -> (bool, Vec<Triplet>) {
    let (mut finder, mut found) = (CaptionFinder::new(carrier), vec![]);
    let any = finder.push(bytes, &mut found);
    (finder.end(&mut found) | any, found)
}

const FIRST: [u8; 3] = [0xfc, 0x94, 0x2c];
const SECOND: [u8; 3] = [0xfd, 0x15, 0x2c];
const PACKET: [u8; 3] = [0xff, 0x02, 0x21];
const REST: [u8; 3] = [0xfe, 0, 0];
const PADDING: [u8; 3] = [0xf8, 0x80, 0x80];

fn triplet(kind: CaptionKind, data: [u8; 2]) -> Triplet {
    Triplet { kind, data }
}

#[test]
fn each_carrier_has_its_units() {
    let content = user_data(&[FIRST, SECOND, PADDING, PACKET, REST]);
    let expected = vec![
        triplet(CaptionKind::FirstField, [0x94, 0x2c]),
        triplet(CaptionKind::SecondField, [0x15, 0x2c]),
        triplet(CaptionKind::Cea708 { begins: true }, [0x02, 0x21]),
        triplet(CaptionKind::Cea708 { begins: false }, [0, 0]),
    ];
    let sei = message(&content);
    let mpeg2 = [&[0, 0, 1, 0, 9, 0, 0, 1, 0xb2][..], &content, &[0, 0, 1, 1]].concat();
    for (carrier, bytes) in [
        (Carrier::H264, stream(&[6], &sei)),
        (Carrier::Hevc, stream(&[39 << 1, 1], &sei)),
        (Carrier::Hevc, stream(&[40 << 1, 1], &sei)),
        (Carrier::Mpeg2, mpeg2),
    ] {
        assert_eq!(
            find(carrier, &bytes),
            (true, expected.clone()),
            "{carrier:?}"
        );
        for other in [Carrier::H264, Carrier::Hevc, Carrier::Mpeg2] {
            let is_own = other == carrier;
            assert_eq!(find(other, &bytes).0, is_own, "{carrier:?} as {other:?}");
        }
    }
}

#[test]
fn messages_are_read_one_by_one() {
    let one = message(&user_data(&[FIRST]));
    let other = message(&user_data(&[SECOND]));
    let foreign = [&[4, 5, 0xb5, 0, 0x2f, 3, 4][..], &[5, 2, 8, 8]].concat();
    let long = [&[5, 255, 100][..], &[7; 355]].concat();
    let mut lying = message(&user_data(&[FIRST, FIRST]));
    // The count of triplets: flags, type, size and provider are before it.
    lying[10] = 0xc0 | 31;
    let mut disabled = one.clone();
    disabled[10] &= !0x40;
    for (name, messages, any, count) in [
        ("two messages", [&one[..], &other].concat(), true, 2),
        (
            "others before",
            [&foreign[..], &long, &one].concat(),
            true,
            1,
        ),
        ("others only", [&foreign[..], &long].concat(), false, 0),
        ("only padding", message(&user_data(&[PADDING])), true, 0),
        ("no triplets", message(&user_data(&[])), true, 0),
        ("switched off", disabled, true, 0),
        (
            "a count beyond the end",
            [&lying[..], &one].concat(),
            true,
            1,
        ),
        ("truncated", one[..one.len() - 6].to_vec(), false, 0),
        ("of another type", message(b"GA94\x06\x41\xff"), false, 0),
        (
            "five messages",
            message(&user_data(&[FIRST; 31])).repeat(5),
            true,
            MOST_TRIPLETS,
        ),
    ] {
        let found = find(Carrier::H264, &stream(&[6], &messages));
        assert_eq!((found.0, found.1.len()), (any, count), "{name}");
    }
}

#[test]
fn a_unit_that_is_too_large_is_left_out() {
    let padding = |bytes: usize| {
        let mut out = vec![5];
        out.extend(std::iter::repeat_n(255, bytes / 255));
        out.push((bytes % 255) as u8);
        out.extend(std::iter::repeat_n(7, bytes));
        [out, message(&user_data(&[FIRST]))].concat()
    };
    assert!(find(Carrier::H264, &stream(&[6], &padding(10_000))).0);
    assert!(!find(Carrier::H264, &stream(&[6], &padding(20_000))).0);
    // The next unit is read again.
    let both = [stream(&[6], &padding(20_000)), h264(&[FIRST])].concat();
    assert_eq!(find(Carrier::H264, &both).1.len(), 1);
}

#[test]
fn emulation_prevention_is_removed() {
    // Only a triplet that is not valid can begin with a byte that must be escaped.
    let bytes = h264(&[[0xfc, 0, 0], [1, 2, 3], [0xfd, 0, 0]]);
    assert!(bytes.windows(3).any(|it| it == [0, 0, 3]), "{bytes:02x?}");
    let found = find(Carrier::H264, &bytes).1;
    let data: Vec<[u8; 2]> = found.iter().map(|it| it.data).collect();
    assert_eq!(data, [[0, 0], [0, 0]]);
}

proptest! {
    #[test]
    fn the_pieces_do_not_matter(
        triplets in prop::collection::vec(any::<[u8; 3]>(), 0..31),
        damage in prop::collection::vec((0..200_usize, any::<u8>()), 0..4),
        size in 1..40_usize,
    ) {
        let mut bytes = h264(&triplets);
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        for carrier in [Carrier::H264, Carrier::Hevc, Carrier::Mpeg2] {
            let whole = find(carrier, &bytes);
            let (mut finder, mut found, mut any) = (CaptionFinder::new(carrier), vec![], false);
            for piece in bytes.chunks(size) {
                any |= finder.push(piece, &mut found);
            }
            any |= finder.end(&mut found);
            prop_assert_eq!(&(any, found), &whole);
        }
    }

    #[test]
    fn valid_triplets_are_found(triplets in prop::collection::vec(any::<[u8; 3]>(), 0..31)) {
        let expected: Vec<[u8; 2]> = triplets
            .iter()
            .filter(|it| it[0] & 4 != 0)
            .map(|it| [it[1], it[2]])
            .collect();
        let (any, found) = find(Carrier::H264, &h264(&triplets));
        let data: Vec<[u8; 2]> = found.iter().map(|it| it.data).collect();
        prop_assert_eq!((any, data), (true, expected));
    }
}
