use proptest::prelude::*;

use super::*;
use crate::parse_stored;

const ETX: u8 = 0x03;
const BS: u8 = 0x08;
const FF: u8 = 0x0c;
const CR: u8 = 0x0d;
const HCR: u8 = 0x0e;
const EXT1: u8 = 0x10;
const P16: u8 = 0x18;
const CW0: u8 = 0x80;
const CLW: u8 = 0x88;
const DSW: u8 = 0x89;
const HDW: u8 = 0x8a;
const TGW: u8 = 0x8b;
const DLW: u8 = 0x8c;
const DLY: u8 = 0x8d;
const RST: u8 = 0x8f;
const SPA: u8 = 0x90;
const SPC: u8 = 0x91;
const SPL: u8 = 0x92;
const SWA: u8 = 0x97;
const DF0: u8 = 0x98;

/// Defines window 0, three rows at the bottom of the picture.
fn window(visible: bool) -> Vec<u8> {
    define(0, visible, 3, (0x80 | 95, 7))
}

/// Defines a window: its rows, and its anchor: the vertical place and the point.
fn define(number: u8, visible: bool, rows: u8, anchor: (u8, u8)) -> Vec<u8> {
    let visible = if visible { 0x38 } else { 0x18 };
    let (vertical, point) = anchor;
    vec![
        DF0 | number,
        visible,
        vertical,
        50,
        point << 4 | (rows - 1),
        31,
        0x11,
    ]
}

/// The block of a service.
fn block(service: u8, codes: &[u8]) -> Vec<u8> {
    let mut block = match service {
        7.. => vec![7 << 5 | codes.len() as u8, service],
        _ => vec![service << 5 | codes.len() as u8],
    };
    block.extend(codes);
    block
}

/// A packet with these blocks, padded.
fn packet(blocks: &[u8]) -> Vec<u8> {
    let mut packet = vec![((blocks.len() + 2) / 2) as u8];
    packet.extend(blocks);
    packet.resize(packet.len().next_multiple_of(2), 0);
    packet
}

#[derive(Default)]
struct Stream {
    decoder: Cea708,
}

impl Stream {
    /// Codes of service 1, at a time.
    fn at(self, ms: u64, codes: &[&[u8]]) -> Self {
        self.service(1, ms, codes)
    }

    fn service(mut self, service: u8, ms: u64, codes: &[&[u8]]) -> Self {
        for part in codes.concat().chunks(30) {
            self = self.bytes(ms, &packet(&block(service, part)));
        }
        self
    }

    /// The bytes of a packet.
    fn bytes(mut self, ms: u64, packet: &[u8]) -> Self {
        for (index, pair) in packet.chunks(2).enumerate() {
            self.decoder.push(index == 0, [pair[0], pair[1]], ms);
        }
        self
    }

    fn finish(self) -> Vec<(u8, Track)> {
        self.decoder.finish(60_000)
    }

    /// The captions of service 1, which is the only one, without the head of the file.
    fn text(self) -> String {
        let mut tracks = self.finish();
        assert!(tracks.len() < 2 && tracks.iter().all(|it| it.0 == 1));
        let file = tracks.pop().map(|it| it.1.to_vtt()).unwrap_or_default();
        file.trim_start_matches("WEBVTT").trim().to_owned()
    }
}

#[test]
fn a_hidden_window_pops_on_and_is_hidden() {
    let text = Stream::default()
        .at(
            0,
            &[
                &window(false),
                &[SPL, 0, 0],
                b"Hello,",
                &[CR],
                b"world",
                &[ETX],
            ],
        )
        .at(1_000, &[&[DSW, 1]])
        .at(3_000, &[&[HDW, 1]])
        .at(4_000, &[&[TGW, 1]])
        .at(5_000, &[&[DLW, 1]])
        .text();
    insta::assert_snapshot!(text, @"
    00:00:01.000 --> 00:00:03.000
    Hello,
    world

    00:00:04.000 --> 00:00:05.000
    Hello,
    world
    ");
}

#[test]
fn a_visible_window_rolls_up() {
    let text = Stream::default()
        .at(0, &[&window(true), &[SPL, 2, 0], b"One"])
        .at(500, &[b" more"])
        .at(2_000, &[&[CR], b"Two"])
        .at(4_000, &[&[CR], b"Three"])
        .at(6_000, &[&[CR], b"Four"])
        .at(8_000, &[&[CLW, 1]])
        .text();
    insta::assert_snapshot!(text, @"
    00:00:00.000 --> 00:00:02.000
    One more

    00:00:02.000 --> 00:00:04.000
    One more
    Two

    00:00:04.000 --> 00:00:06.000
    One more
    Two
    Three

    00:00:06.000 --> 00:00:08.000
    Two
    Three
    Four
    ");
}

#[test]
fn windows_are_read_from_top_to_bottom() {
    let text = Stream::default()
        .at(0, &[&define(0, false, 1, (0x80 | 90, 6)), b"below"])
        .at(0, &[&define(3, false, 2, (0x80 | 10, 0)), b"above"])
        .at(1_000, &[&[DSW, 0b1001]])
        .at(2_000, &[&[HDW, 1]])
        .at(3_000, &[&[RST]])
        .text();
    insta::assert_snapshot!(text, @"
    00:00:01.000 --> 00:00:02.000
    above
    below

    00:00:02.000 --> 00:00:03.000 line:0
    above
    ");
}

#[test]
fn an_anchor_is_a_side_of_the_window() {
    for (anchor, rows, is_top) in [
        // Relative: percent.
        ((0x80, 0), 4, true),
        ((0x80 | 40, 0), 2, false),
        ((0x80 | 50, 7), 4, true),
        ((0x80 | 45, 4), 4, false),
        // Absolute: one of 75 lines.
        ((74, 8), 2, false),
        ((37, 8), 2, true),
        ((0, 15), 1, true),
    ] {
        let lines = vec![b"x\r".to_vec(); usize::from(rows) - 1].concat();
        let tracks = Stream::default()
            .at(0, &[&define(0, true, rows, anchor), &lines, b"x"])
            .finish();
        let cue = tracks[0].1.cues.last().unwrap();
        let expected = if is_top { "line:0" } else { "" };
        assert_eq!(cue.settings, expected, "{anchor:?}");
    }
}

#[test]
fn characters_and_styles() {
    let text = Stream::default()
        .at(
            0,
            &[
                &window(true),
                &[SPA, 5, 0x80, SPC, 1, 2, 3],
                b"slanted",
                &[SPA, 5, 0x40],
                b"line",
            ],
        )
        .at(
            0,
            &[
                &[SPA, 5, 0, CR],
                b"A & B <c>",
                &[0xe9, 0x7f, EXT1, 0x39, EXT1, 0x26, EXT1, 0xa0],
            ],
        )
        .at(
            0,
            &[
                &[CR, P16, 0xac, 0x00, P16, 0xd8, 0, P16, 0, 7],
                b"xy",
                &[BS],
                b"z",
            ],
        )
        .text();
    insta::assert_snapshot!(text, @"
    00:00:00.000 --> 00:01:00.000
    <i>slanted</i><u>line</u>
    A &amp; B &lt;c&gt;é♪™__
    가xz
    ");
}

#[test]
fn codes_without_text_are_skipped_with_their_parameters() {
    // Each code, and the bytes after it, which are no text.
    let skipped: &[&[u8]] = &[
        &[0x11, b'x'],
        &[0x19, b'x', b'x'],
        &[SWA, b'x', b'x', b'x', b'x'],
        &[SPC, b'x', b'x', b'x'],
        &[0x93],
        &[EXT1, 0x00],
        &[EXT1, 0x08, b'x'],
        &[EXT1, 0x10, b'x', b'x'],
        &[EXT1, 0x18, b'x', b'x', b'x'],
        &[EXT1, 0x80, b'x', b'x', b'x', b'x'],
        &[EXT1, 0x88, b'x', b'x', b'x', b'x', b'x'],
        &[EXT1, 0x90, 3, b'x', b'x', b'x'],
    ];
    for code in skipped {
        let text = Stream::default()
            .at(0, &[&window(true), code, b"text"])
            .text();
        assert!(text.ends_with("\ntext"), "{code:x?}: {text}");
    }
}

#[test]
fn text_without_a_window_is_lost() {
    let text = Stream::default()
        .at(0, &[b"lost", &[DSW, 0xff], &[CW0 | 3], b"lost"])
        .text();
    assert_eq!(text, "");
    let text = Stream::default()
        .at(0, &[&window(true), &[CW0 | 3], b"kept"])
        .text();
    assert!(text.ends_with("\nkept"), "the window before: {text}");
}

#[test]
fn a_row_and_a_window_are_erased() {
    let text = Stream::default()
        .at(
            0,
            &[
                &window(false),
                b"wrong",
                &[HCR],
                b"right",
                &[CR],
                b"second",
                &[DSW, 1],
            ],
        )
        .at(1_000, &[&[FF], b"new"])
        .text();
    insta::assert_snapshot!(text, @"
    00:00:00.000 --> 00:00:01.000
    right
    second

    00:00:01.000 --> 00:01:00.000
    new
    ");
}

/// Receivers that are switched on later learn the windows from it.
#[test]
fn a_definition_that_is_repeated_changes_nothing() {
    let text = Stream::default()
        .at(0, &[&window(false), b"shown", &[DSW, 1]])
        .at(1_000, &[&window(false)])
        .at(2_000, &[&[HDW, 1]])
        .at(3_000, &[&window(false)])
        .text();
    assert_eq!(text, "00:00:00.000 --> 00:00:02.000\nshown");
    let text = Stream::default()
        .at(0, &[&window(true), b"shown", &[HDW, 1]])
        .at(1_000, &[&window(true)])
        .text();
    assert_eq!(text, "", "it stays hidden");
}

#[test]
fn delays_are_passed_over() {
    let text = Stream::default()
        .at(0, &[&window(true), &[DLY, 255], b"text"])
        .at(1_000, &[&[HDW, 1]])
        .text();
    assert_eq!(text, "00:00:00.000 --> 00:00:01.000\ntext");
}

#[test]
fn a_window_that_is_defined_again_keeps_its_text() {
    let text = Stream::default()
        .at(0, &[&window(true), b"one", &[CR], b"two", &[CR], b"three"])
        .at(
            1_000,
            &[&define(0, true, 2, (0x80 | 95, 7)), &[SPL, 15, 0], b"2"],
        )
        .text();
    insta::assert_snapshot!(text, @"
    00:00:00.000 --> 00:00:01.000
    one
    two
    three

    00:00:01.000 --> 00:01:00.000
    one
    2wo
    ");
}

#[test]
fn services_are_separate() {
    let stream = Stream::default()
        .service(1, 0, &[&window(true), b"English"])
        .service(
            2,
            0,
            &[
                &window(true),
                "Espa\u{f1}ol"
                    .chars()
                    .map(|it| it as u8)
                    .collect::<Vec<_>>()
                    .as_slice(),
            ],
        )
        .service(9, 0, &[&window(true), b"Others"])
        .bytes(
            0,
            &packet(&[block(1, b" too"), vec![0], block(2, b"padding")].concat()),
        );
    let texts: Vec<_> = stream
        .finish()
        .into_iter()
        .map(|it| (it.0, it.1.cues[0].text.clone()))
        .collect();
    let expected = [(1, "English too"), (2, "Español"), (9, "Others")];
    assert_eq!(texts, expected.map(|it| (it.0, it.1.to_owned())));
    let crowd = (1..=63).fold(Stream::default(), |stream, service| {
        stream.service(service, 0, &[&window(true), b"text"])
    });
    assert_eq!(crowd.finish().len(), MOST_SERVICES);
}

#[test]
fn a_code_continues_in_the_next_block() {
    let codes = [
        window(true),
        b"text".to_vec(),
        vec![SPA, 5, 0x80],
        b"!".to_vec(),
    ]
    .concat();
    for cut in 1..codes.len() {
        let text = Stream::default()
            .at(0, &[&codes[..cut]])
            .at(100, &[&codes[cut..]])
            .text();
        assert!(text.ends_with("\ntext<i>!</i>"), "{cut}: {text}");
    }
}

#[test]
fn lost_and_damaged_packets_cost_what_is_in_them() {
    let whole = packet(&block(1, &[window(true), b"one".to_vec()].concat()));
    let stream = Stream::default()
        .bytes(0, &whole)
        // Its beginning is missing.
        .decoder_only(|it| it.push(false, *b"xy", 0))
        // It is cut off by the next one.
        .bytes(0, &packet(&block(1, b" two and a lot more"))[..6])
        .bytes(1_000, &packet(&block(1, b" three")));
    assert!(stream.text().ends_with("\none two three"));
    // In the middle of a code.
    let cut = packet(&block(1, &window(true)));
    let stream = Stream::default().bytes(0, &cut[..6]).bytes(
        1_000,
        &packet(&block(1, &[window(true), b"text".to_vec()].concat())),
    );
    assert!(stream.text().ends_with("\ntext"));
}

impl Stream {
    fn decoder_only(mut self, push: impl FnOnce(&mut Cea708)) -> Self {
        push(&mut self.decoder);
        self
    }
}

#[test]
fn the_text_of_a_cue_is_limited() {
    let row = [vec![SPA, 0, 0x80, b'&'], vec![SPA, 0, 0, b'&']]
        .concat()
        .repeat(32);
    let mut stream = Stream::default();
    for number in 0..8 {
        stream = stream.at(0, &[&define(number, true, 16, (0x80, 0))]);
        for _ in 0..16 {
            stream = stream.at(0, &[&row, &[CR]]);
        }
    }
    let (_, track) = stream.finish().pop().unwrap();
    assert!(track.cues.iter().any(|it| it.text.len() > 3_000));
    assert_eq!(parse_stored(track.to_vtt().as_bytes()).unwrap(), track);
}

proptest! {
    #[test]
    fn any_bytes_become_ordered_cues(
        packets in prop::collection::vec(
            (1..8_u8, prop::collection::vec(prop_oneof![0x20..0x80_u8, 0x80..0xa0_u8, any::<u8>()], 0..31)),
            0..60,
        ),
        raw in prop::collection::vec((any::<bool>(), any::<[u8; 2]>()), 0..60),
    ) {
        let mut stream = Stream::default();
        let mut at = 0;
        for (service, codes) in packets {
            at += 100;
            stream = stream.bytes(at, &packet(&block(service, &codes)));
        }
        for (begins, data) in raw {
            at += 16;
            stream.decoder.push(begins, data, at);
        }
        for (_, track) in stream.finish() {
            for cue in &track.cues {
                prop_assert!(cue.start_ms < cue.end_ms);
            }
            for pair in track.cues.windows(2) {
                prop_assert!(pair[0].end_ms <= pair[1].start_ms);
            }
            prop_assert_eq!(&parse_stored(track.to_vtt().as_bytes()).unwrap(), &track);
        }
    }
}
