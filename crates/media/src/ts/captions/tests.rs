use proptest::prelude::*;

use super::super::psi::crc32;
use super::*;
use crate::a53::tests::{h264, user_data};
use crate::a53::{CaptionKind, Triplet};

const PMT: u16 = 0x1000;
const VIDEO: u16 = 0x100;
const FRAME: i64 = 3_003;

/// A writer of transport streams with one video stream.
struct Writer {
    bytes: Vec<u8>,
    counters: std::collections::HashMap<u16, u8>,
}

impl Writer {
    fn new(stream_type: u8) -> Self {
        let mut this = Self {
            bytes: vec![],
            counters: std::collections::HashMap::new(),
        };
        this.section(0, 0, &[0, 1, 0xe0 | (PMT >> 8) as u8, PMT as u8]);
        let audio = [0x0f, 0xe1, 1, 0xf0, 0];
        let video = [stream_type, 0xe0 | (VIDEO >> 8) as u8, VIDEO as u8, 0xf0, 0];
        this.section(PMT, 2, &[&[0xe1, 0, 0xf0, 0][..], &audio, &video].concat());
        this
    }

    fn section(&mut self, pid: u16, table: u8, body: &[u8]) {
        let length = body.len() as u8 + 9;
        let mut section = [&[table, 0xb0, length, 0, 1, 0xc1, 0, 0][..], body].concat();
        section.extend(crc32(&section).to_be_bytes());
        section.insert(0, 0);
        self.packets(pid, &section);
    }

    /// An access unit, with its times in frames.
    fn unit(mut self, pts: i64, dts: i64, payload: &[u8]) -> Self {
        let stamp = |mark: u8, frames: i64| {
            let time = frames * FRAME;
            [
                mark | ((time >> 30 & 7) as u8) << 1 | 1,
                (time >> 22) as u8,
                (time >> 14) as u8 | 1,
                (time >> 7) as u8,
                (time << 1) as u8 | 1,
            ]
        };
        let header = [0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10];
        let pes = [&header[..], &stamp(0x30, pts), &stamp(0x10, dts), payload].concat();
        self.packets(VIDEO, &pes);
        self
    }

    /// An access unit without times.
    fn timeless(mut self, payload: &[u8]) -> Self {
        let header = [0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0];
        self.packets(VIDEO, &[&header[..], payload].concat());
        self
    }

    fn packets(&mut self, pid: u16, payload: &[u8]) {
        for (index, part) in payload.chunks(PACKET_BYTES - 4).enumerate() {
            let counter = self.counters.entry(pid).or_default();
            let start = u8::from(index == 0) << 6;
            let stuffing = PACKET_BYTES - 4 - part.len();
            let control = if stuffing > 0 { 0x30 } else { 0x10 };
            let header = [
                0x47,
                start | (pid >> 8) as u8,
                pid as u8,
                control | *counter,
            ];
            *counter = (*counter + 1) & 0xf;
            self.bytes.extend(header);
            let field = [stuffing.saturating_sub(1) as u8, 0];
            let filled = field.into_iter().chain(std::iter::repeat(0xff));
            self.bytes.extend(filled.take(stuffing));
            self.bytes.extend_from_slice(part);
        }
    }
}

/// A frame whose captions have this number, larger than one packet.
fn frame(number: u8) -> Vec<u8> {
    [h264(&[[0xfc, number, 0]]), vec![0xab; 300]].concat()
}

/// Presentation time in frames, and the numbers of the triplets.
fn numbers(units: &[CaptionUnit]) -> Vec<(i64, Vec<u8>)> {
    let numbers = |it: &CaptionUnit| it.triplets.iter().map(|it| it.data[0]).collect();
    units
        .iter()
        .map(|it| (it.pts / FRAME, numbers(it)))
        .collect()
}

fn scan(bytes: &[u8]) -> Vec<CaptionUnit> {
    let mut scanner = CaptionScanner::new();
    let mut units = scanner.push(bytes);
    units.extend(scanner.finish());
    units
}

/// Eight frames with two B-frames between each pair of others, in decoding order.
fn reordered() -> Vec<u8> {
    let order = [
        (1, 0),
        (4, 1),
        (2, 2),
        (3, 3),
        (7, 4),
        (5, 5),
        (6, 6),
        (8, 7),
    ];
    let frames = order
        .into_iter()
        .fold(Writer::new(0x1b), |writer, (pts, dts)| {
            writer.unit(pts, dts, &frame(pts as u8))
        });
    frames.bytes
}

#[test]
fn captions_come_in_the_order_of_presentation() {
    let expected: Vec<(i64, Vec<u8>)> = (1..=8).map(|it| (it, vec![it as u8])).collect();
    assert_eq!(numbers(&scan(&reordered())), expected);
    // Each comes as soon as no later frame can precede it.
    let (mut scanner, bytes, mut counts) = (CaptionScanner::new(), reordered(), vec![]);
    for packet in bytes.chunks(PACKET_BYTES) {
        counts.push(scanner.push(packet).len());
    }
    assert!(counts.iter().all(|it| *it <= 2), "{counts:?}");
    assert_eq!(scanner.finish().len(), 1);
}

/// Program streams lack times where a frame does not begin a packet: FFmpeg knows those of
/// B-pictures.
#[test]
fn reference_pictures_without_a_time_are_put_in_order() {
    // I1 P4 B2 B3 P7 B5 B6 P8, with picture types I, P and B.
    let order = [
        (1, 1),
        (4, 2),
        (2, 3),
        (3, 3),
        (7, 2),
        (5, 3),
        (6, 3),
        (8, 2),
    ];
    let mut writer = Writer::new(0x02);
    for (dts, (number, kind)) in (0..).zip(order) {
        let user_data = user_data(&[[0xfc, number, 0]]);
        let header = [0, 0, 1, 0, 0, kind << 3, 0xff, 0xf8, 0, 0, 1, 0xb2];
        let payload = [&header[..], &user_data, &[0, 0, 1, 1], &[0xab; 300]].concat();
        writer = match kind {
            2 => writer.timeless(&payload),
            _ => writer.unit(i64::from(number), dts, &payload),
        };
    }
    let found: Vec<u8> = numbers(&scan(&writer.bytes))
        .into_iter()
        .flat_map(|it| it.1)
        .collect();
    assert_eq!(found, [1, 2, 3, 4, 5, 6, 7, 8]);
    // Other codecs do not show which frames are reordered.
    let writer = Writer::new(0x1b).unit(1, 1, &frame(1)).timeless(&frame(2));
    let found = numbers(&scan(&writer.unit(3, 3, &frame(3)).bytes));
    assert_eq!(found, [(1, vec![1]), (1, vec![2]), (3, vec![3])]);
}

#[test]
fn messages_of_both_fields_belong_to_their_frame() {
    let both = [h264(&[[0xfc, 1, 0], [0xfd, 2, 0]]), h264(&[[0xff, 3, 0]])].concat();
    let bytes = Writer::new(0x1b)
        .unit(5, 5, &both)
        .unit(6, 6, &[0; 9])
        .bytes;
    let triplet = |kind, number| Triplet {
        kind,
        data: [number, 0],
    };
    let expected = CaptionUnit {
        pts: 5 * FRAME,
        triplets: vec![
            triplet(CaptionKind::FirstField, 1),
            triplet(CaptionKind::SecondField, 2),
            triplet(CaptionKind::Cea708 { begins: true }, 3),
        ],
    };
    assert_eq!(scan(&bytes), [expected]);
}

#[test]
fn damage_costs_only_the_messages_in_it() {
    let frames = (1..=4).fold(Writer::new(0x1b), |writer, it| {
        writer.unit(it, it, &frame(it as u8))
    });
    let bytes = frames.bytes;
    let packets: Vec<&[u8]> = bytes.chunks(PACKET_BYTES).collect();
    let without = |lost: &[usize]| {
        let kept = (0..packets.len()).filter(|it| !lost.contains(it));
        kept.flat_map(|it| packets[it])
            .copied()
            .collect::<Vec<u8>>()
    };
    let found = |bytes: &[u8]| -> Vec<u8> {
        numbers(&scan(bytes))
            .into_iter()
            .flat_map(|it| it.1)
            .collect()
    };
    // Two tables, then two packets of each frame: the captions are in the first.
    assert_eq!(packets.len(), 10);
    assert_eq!(found(&bytes), [1, 2, 3, 4]);
    assert_eq!(found(&without(&[4])), [1, 3, 4]);
    assert_eq!(found(&without(&[5])), [1, 2, 3, 4]);
    assert_eq!(found(&without(&[5, 6])), [1, 2, 4]);
    assert_eq!(found(&bytes[..7 * PACKET_BYTES - 100]), [1, 2]);
    let noise = [
        &bytes[..4 * PACKET_BYTES],
        &[1, 2, 3],
        &bytes[4 * PACKET_BYTES..],
    ]
    .concat();
    assert_eq!(found(&noise), [1, 2, 3, 4]);
    let mut marked = bytes.clone();
    marked[6 * PACKET_BYTES + 1] |= 0x80;
    assert_eq!(found(&marked), [1, 2, 4], "a packet marked as damaged");
}

#[test]
fn padding_counts_as_captions_and_other_video_does_not() {
    for (stream_type, payload, has_captions) in [
        (0x1b, h264(&[[0xf8, 0x80, 0x80]]), true),
        (0x1b, vec![0, 0, 1, 0x65, 0x88], false),
        (0x24, h264(&[[0xfc, 1, 0]]), false),
        (0x0f, h264(&[[0xfc, 1, 0]]), false),
    ] {
        let bytes = Writer::new(stream_type).unit(1, 1, &payload).bytes;
        let mut scanner = CaptionScanner::new();
        assert_eq!(scanner.push(&bytes), []);
        let found = scanner.finish().len();
        assert_eq!(
            (scanner.has_captions(), found),
            (has_captions, 0),
            "{stream_type:#x}"
        );
    }
}

#[test]
fn a_clock_that_wraps_goes_on() {
    let last = (1_i64 << 33) / FRAME;
    let order = [last - 1, last, last + 1, last + 2];
    let frames = order
        .into_iter()
        .zip(1..)
        .fold(Writer::new(0x1b), |writer, (at, number)| {
            writer.unit(at, at, &frame(number))
        });
    let expected: Vec<(i64, Vec<u8>)> = order
        .into_iter()
        .zip(1..)
        .map(|it| (it.0, vec![it.1]))
        .collect();
    assert_eq!(numbers(&scan(&frames.bytes)), expected);
}

#[test]
fn memory_is_bounded() {
    // Every frame claims to be presented later than all others.
    let frames = (0..200).fold(Writer::new(0x1b), |writer, it| {
        writer.unit(1_000 + it, 0, &frame(it as u8))
    });
    let mut scanner = CaptionScanner::new();
    let units = scanner.push(&frames.bytes);
    assert!(scanner.waiting.len() <= MOST_WAITING && scanner.carry.len() < PACKET_BYTES);
    assert_eq!(units.len() + scanner.finish().len(), 200);
}

proptest! {
    #[test]
    fn the_pieces_do_not_matter_and_damage_is_survived(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        size in 1..700_usize,
    ) {
        let mut bytes = reordered();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = scan(&bytes);
        let mut scanner = CaptionScanner::new();
        let mut units: Vec<CaptionUnit> = bytes.chunks(size).flat_map(|it| scanner.push(it)).collect();
        units.extend(scanner.finish());
        prop_assert_eq!(units, whole);
    }

    #[test]
    fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..1200), sync in any::<bool>()) {
        if sync {
            bytes.iter_mut().step_by(PACKET_BYTES).for_each(|it| *it = SYNC_BYTE);
        }
        let _ = scan(&bytes);
    }
}
