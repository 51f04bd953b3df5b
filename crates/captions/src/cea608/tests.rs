use proptest::prelude::*;

use super::*;
use crate::{MAX_BYTES, MAX_CUES, markup, parse_stored};

mod modes;

const RCL: u8 = 0x20;
const BS: u8 = 0x21;
const DER: u8 = 0x24;
const RU2: u8 = 0x25;
const RU3: u8 = 0x26;
const RDC: u8 = 0x29;
const TR: u8 = 0x2a;
const EDM: u8 = 0x2c;
const CR: u8 = 0x2d;
const ENM: u8 = 0x2e;
const EOC: u8 = 0x2f;

/// With odd parity.
fn odd(byte: u8) -> u8 {
    byte | u8::from(byte.count_ones().is_multiple_of(2)) << 7
}

/// A stream of pairs, 33 ms each.
#[derive(Default)]
struct Stream {
    decoder: Cea608,
    at: u64,
    /// 0 for the first channel of a field, 8 for the second.
    channel: u8,
    second_field: bool,
}

impl Stream {
    /// A stream of CC1 to CC4.
    fn of(number: u8) -> Self {
        Self {
            channel: if number.is_multiple_of(2) { 8 } else { 0 },
            second_field: number > 2,
            ..Self::default()
        }
    }

    fn at(mut self, ms: u64) -> Self {
        self.at = ms;
        self
    }

    fn raw(mut self, pair: [u8; 2]) -> Self {
        let field = match self.second_field {
            true => Field::Second,
            false => Field::First,
        };
        self.decoder.push(field, pair, self.at);
        self.at += 33;
        self
    }

    fn pair(self, first: u8, second: u8) -> Self {
        self.raw([odd(first), odd(second)])
    }

    /// A code, sent twice.
    fn code(self, first: u8, second: u8) -> Self {
        let first = first | self.channel;
        self.pair(first, second).pair(first, second)
    }

    /// A command.
    fn does(self, command: u8) -> Self {
        let first = if self.second_field { 0x15 } else { 0x14 };
        self.code(first, command)
    }

    /// Moves the cursor to the start of a row, from 1.
    fn row(self, row: u8) -> Self {
        let (first, second) = match row {
            1 => (0x11, 0x40),
            2 => (0x11, 0x60),
            7 => (0x16, 0x40),
            8 => (0x16, 0x60),
            13 => (0x13, 0x60),
            14 => (0x14, 0x40),
            _ => (0x14, 0x60),
        };
        self.code(first, second)
    }

    fn says(self, text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        let pairs = bytes.chunks_exact(2);
        pairs.fold(self, |stream, it| stream.pair(it[0], it[1]))
    }

    /// All cues, with the channel where it is not CC1.
    fn cues(self) -> Vec<String> {
        let tracks = self.decoder.finish(60_000);
        let cue = |number: u8, it: &crate::Cue| {
            let channel = match number {
                1 => String::new(),
                number => format!("CC{number} "),
            };
            let text = it.text.replace('\n', " / ");
            format!(
                "{channel}{}-{} {} {text}",
                it.start_ms, it.end_ms, it.settings
            )
            .replace("  ", " ")
        };
        let of = |(number, track): &(u8, Track)| -> Vec<String> {
            track.cues.iter().map(|it| cue(*number, it)).collect()
        };
        tracks.iter().flat_map(of).collect()
    }
}

#[test]
fn each_channel_is_its_own() {
    for (number, prefix) in [(1, ""), (2, "CC2 "), (3, "CC3 "), (4, "CC4 ")] {
        let stream = Stream::of(number)
            .does(RCL)
            .row(15)
            .says("Hello")
            .at(1_000)
            .does(EOC);
        let cues = stream.at(2_000).does(EDM).cues();
        assert_eq!(cues, [format!("{prefix}1000-2000 Hello")]);
    }
    // Characters belong to the channel of the last code.
    let mut stream = Stream::of(1).does(RCL).row(15).says("One");
    stream.channel = 8;
    stream = stream.does(RCL).row(15).says("Two").at(1_000).does(EOC);
    stream.channel = 0;
    stream = stream.says("").does(EOC);
    assert_eq!(stream.cues(), ["1066-60000 One", "CC2 1000-60000 Two"]);
}

#[test]
fn styles_become_tags() {
    let style = |first, second| Stream::of(1).does(RDC).code(first, second);
    let text = |stream: Stream| {
        let cues = stream.at(1_000).does(EDM).cues();
        cues.join("|")
            .split_once(' ')
            .map(|it| it.1.to_owned())
            .unwrap_or_default()
    };
    for (stream, expected) in [
        (style(0x14, 0x6e).says("all of it"), "<i>all of it</i>"),
        (style(0x14, 0x6f).says("both"), "<i><u>both</u></i>"),
        (style(0x14, 0x61).says("under"), "<u>under</u>"),
        (
            style(0x14, 0x60)
                .says("it ")
                .code(0x11, 0x2e)
                .says("is")
                .code(0x11, 0x20)
                .says("so"),
            "it <i>is</i> so",
        ),
        (
            style(0x14, 0x60)
                .code(0x11, 0x2f)
                .says("a")
                .code(0x11, 0x2e)
                .says("b"),
            "<i><u>a</u></i> <i>b</i>",
        ),
        (
            style(0x14, 0x60).says("a").code(0x17, 0x23).says("b"),
            "a b",
        ),
        (style(0x14, 0x7e).says("right-aligned"), "rigd"),
        (style(0x14, 0x60).says("a < b"), "a &lt; b"),
        (
            style(0x14, 0x60)
                .says("x")
                .code(0x13, 0x29)
                .says("x")
                .code(0x13, 0x2b)
                .says("an8"),
            "{an8",
        ),
    ] {
        assert_eq!(text(stream), expected);
    }
}

#[test]
fn characters_have_their_sets() {
    let says = |stream: Stream| {
        let cues = stream.at(1_000).does(EDM).cues();
        cues.first()
            .and_then(|it| it.split_once(' '))
            .map(|it| it.1.to_owned())
    };
    let start = || Stream::of(1).does(RDC).row(15);
    assert_eq!(
        says(start().says("*\\^_`{|}~\x7f'")).unwrap(),
        "áéíóúç÷Ññ█'"
    );
    assert_eq!(
        says(
            start()
                .code(0x11, 0x37)
                .says("la")
                .code(0x11, 0x39)
                .code(0x11, 0x30)
        )
        .unwrap(),
        "♪la ®"
    );
    // An extended character replaces the one before it.
    let german = start()
        .says("GrO")
        .code(0x13, 0x33)
        .says("s")
        .code(0x13, 0x34)
        .says("e");
    assert_eq!(says(german).unwrap(), "Größe");
    let french = start()
        .says("c'est")
        .says("a")
        .code(0x12, 0x3e)
        .says("oui")
        .code(0x12, 0x3f);
    assert_eq!(says(french).unwrap(), "c'est«ou»");
    // At the end of a row, too.
    let full = start().says(&"x".repeat(40)).code(0x13, 0x35);
    assert_eq!(says(full).unwrap(), format!("{}¥", "x".repeat(31)));
    let mut second_channel = Stream::of(2).does(RDC).row(15).says("u").code(0x12, 0x25);
    second_channel.at = 1_000;
    assert_eq!(second_channel.does(EDM).cues(), ["CC2 132-1000 ü"]);
}

#[test]
fn corrections_take_effect() {
    let start = || Stream::of(1).does(RCL).row(15);
    let text = |stream: Stream| stream.at(1_000).does(EOC).cues().join("|");
    assert_eq!(text(start().says("ab").does(BS).says("c")), "1000-60000 ac");
    assert_eq!(text(start().does(BS).says("c")), "1000-60000 c");
    assert_eq!(
        text(start().says("wrong").row(15).says("ok").does(DER)),
        "1000-60000 ok"
    );
    assert_eq!(text(start().says("wrong").does(ENM)), "");
    assert_eq!(text(start().says("a").does(CR).says("b")), "1000-60000 ab");
}

#[test]
fn codes_count_once_even_if_padding_is_between_them() {
    let last = |pairs: &[[u8; 2]]| {
        let stream = Stream::of(1).does(RU2).row(15).says("a");
        let stream = pairs.iter().fold(stream, |stream, it| stream.raw(*it));
        let cues = stream.says("b").cues();
        let text = cues.last().and_then(|it| it.split_once(' '));
        text.map(|it| it.1.to_owned()).unwrap_or_default()
    };
    let (cr, padding) = ([0x94, 0xad], [0x80, 0x80]);
    for (pairs, text) in [
        (&[cr][..], "a / b"),
        (&[cr, cr], "a / b"),
        (&[cr, padding, cr], "a / b"),
        // The second one rolls the first row out of the window.
        (&[cr, padding, padding, padding, padding, cr], "b"),
        (&[cr, cr, cr], "b"),
    ] {
        assert_eq!(last(pairs), text, "{pairs:02x?}");
    }
}

#[test]
fn what_is_not_a_caption_is_left_out() {
    let text = Stream::of(1)
        .does(TR)
        .says("a text")
        .does(RCL)
        .row(15)
        .says("a caption");
    assert_eq!(text.at(1_000).does(EOC).cues(), ["1000-60000 a caption"]);
    // Characters before any code: the stream was cut.
    let cut = Stream::of(1)
        .says("half a")
        .does(EDM)
        .says("word")
        .does(RCL)
        .row(15)
        .says("whole");
    assert_eq!(cut.at(1_000).does(EOC).cues(), ["1000-60000 whole"]);
    // A packet of XDS between the pairs of a caption.
    let xds = Stream::of(3)
        .does(RCL)
        .row(15)
        .says("be")
        .pair(0x01, 0x05)
        .says("NAME");
    let xds = xds
        .pair(0x0f, 0x1d)
        .does(RCL)
        .says("fore")
        .at(1_000)
        .does(EOC);
    assert_eq!(xds.cues(), ["CC3 1000-60000 before"]);
    // Damaged pairs: a character becomes a block, a code is sent again.
    let damaged = Stream::of(1)
        .raw([0x14, 0x20])
        .raw([0x94, 0x20])
        .row(15)
        .raw([0xc1, 0x42]);
    assert_eq!(damaged.at(1_000).does(EOC).cues(), ["1000-60000 A█"]);
}

#[test]
fn memory_is_bounded() {
    let mut decoder = Cea608::new();
    let mut push = |first, second, at| decoder.push(Field::First, [odd(first), odd(second)], at);
    push(0x14, RU2, 0);
    for number in 0..MAX_CUES as u64 + 500 {
        let at = number * 1_000;
        push(0x14, CR, at);
        push(b'a' + (number % 26) as u8, b'a', at);
    }
    let tracks = decoder.finish(u64::MAX);
    assert_eq!((tracks.len(), tracks[0].1.cues.len()), (1, MAX_CUES));
    assert!(tracks[0].1.to_vtt().len() < MAX_BYTES);
}

/// Pairs that are likely to mean something.
fn pairs() -> impl Strategy<Value = Vec<(bool, [u8; 2], u64)>> {
    let pair = prop_oneof![
        (0x10..0x20_u8, 0x20..0x80_u8).prop_map(|it| [odd(it.0), odd(it.1)]),
        (prop_oneof![Just(0x14_u8), Just(0x1c)], 0x20..0x30_u8)
            .prop_map(|it| [odd(it.0), odd(it.1)]),
        (0x20..0x80_u8, 0x20..0x80_u8).prop_map(|it| [odd(it.0), odd(it.1)]),
        any::<[u8; 2]>(),
    ];
    let time = prop_oneof![0..50_u64, 0..5_000_u64];
    prop::collection::vec((any::<bool>(), pair, time), 0..400)
}

proptest! {
    #[test]
    fn any_pairs_give_ordered_cues(pairs in pairs(), end in 0..900_000_u64) {
        let (mut decoder, mut at) = (Cea608::new(), 0);
        for (second, pair, after) in pairs {
            at += after;
            let field = if second { Field::Second } else { Field::First };
            decoder.push(field, pair, at);
        }
        for (_, track) in decoder.finish(end) {
            let mut before = 0;
            for cue in &track.cues {
                prop_assert!(before <= cue.start_ms && cue.start_ms < cue.end_ms, "{track:?}");
                prop_assert_eq!(&markup::clean(&cue.text).text, &cue.text);
                prop_assert!(!cue.text.is_empty());
                before = cue.end_ms;
            }
            prop_assert_eq!(parse_stored(track.to_vtt().as_bytes()).unwrap(), track);
        }
    }
}
