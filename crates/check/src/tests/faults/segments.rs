//! Faults of segments.

use super::*;

/// Faults of the segments themselves.
pub(super) const SEGMENT_FAULTS: &[Fault] = &[
    fault("a segment is missing", "RFC8216-6.2.1", &[], |it| {
        it.remove(&Tree::segment("90p", 1))
    }),
    fault("a segment is empty", "RFC8216-3", &[], |it| {
        it.write(&Tree::segment("90p", 1), b"")
    }),
    fault("a segment of text", "RFC8216-4.3.2.4", &[], |it| {
        it.write(&Tree::segment("90p", 1), [b'x'; 4096])
    }),
    fault("a cut packet", "ISO13818-2.4.3", &[], |it| {
        it.change_segment("90p", 1, |mut plain| {
            plain.truncate(plain.len() - 100);
            plain
        });
    }),
    fault("a lost packet", "ISO13818-2.4.3", &[], |it| {
        it.change_segment("90p", 1, |mut plain| {
            plain.drain(188 * 6..188 * 7);
            plain
        });
    }),
    fault(
        "no PAT and PMT at the start",
        "RFC8216-3.2",
        &[
            "Apple-7.4",
            "RFC8216-4.3.5.1",
            "Apple-8.1",
            "Apple-8.22",
            "RFC8216-4.3.2.3",
            "ISO13818-2.4.3",
        ],
        |it| {
            it.change_segment("90p", 1, |plain| {
                let tables = tables(&plain);
                let rest: Vec<u8> = plain
                    .chunks(188)
                    .filter(|it| !tables.chunks(188).any(|table| table[1..3] == it[1..3]))
                    .flatten()
                    .copied()
                    .collect();
                [&rest[..188 * 20], &tables, &rest[188 * 20..]].concat()
            });
        },
    ),
    fault(
        "no keyframe at the start",
        "Apple-7.4",
        &["RFC8216-4.3.5.1"],
        |it| {
            it.change_segment("90p", 1, |plain| without_idr(plain, 0));
        },
    ),
    fault(
        "INDEPENDENT-SEGMENTS that are not",
        "RFC8216-4.3.5.1",
        &["Apple-7.4"],
        |it| {
            it.change_segment("180p", 2, |plain| without_idr(plain, 0));
        },
    ),
    fault("keyframes four seconds apart", "Apple-1.13", &[], |it| {
        it.change_segment("90p", 1, |plain| without_idr(plain, 1));
    }),
    fault(
        "a variant with a clock of its own",
        "RFC8216-6.2.4",
        &[],
        |it| {
            (0..3)
                .for_each(|index| it.change_segment("90p", index, |plain| shifted(plain, 90_000)));
        },
    ),
    fault(
        "a gap in the clock",
        "RFC8216-4.3.2.3",
        &["Apple-8.1", "Apple-8.22"],
        |it| {
            it.change_segment("90p", 2, |plain| shifted(plain, 45_000));
        },
    ),
    fault("boundaries elsewhere", "Apple-8.22", &[], |it| {
        let mut rest = vec![];
        it.change_segment("90p", 1, |plain| {
            let (before, after) = split(&plain, 1);
            rest = after;
            before
        });
        let key = super::build::KEYS[1].1;
        it.write("gen/90p/rest.ts", super::build::encrypt(&rest, &key, 9));
        let line =
            "#EXT-X-KEY:METHOD=AES-128,URI=\"../../keys/90p.key\",IV=0x9\n#EXTINF:4.0,\nrest.ts\n";
        let text = it.text(LOW);
        let entries: Vec<usize> = text.match_indices("#EXT-X-KEY").map(|(at, _)| at).collect();
        let second = text[entries[1]..entries[2]].replace("6.000000", "2.000000");
        it.write(
            LOW,
            [&text[..entries[1]], &second, line, &text[entries[2]..]].concat(),
        );
    }),
    fault("audio that starts late", "Edgereel-av-start", &[], |it| {
        (0..3).for_each(|index| {
            it.change_segment("audio-64k", index, |plain| shifted(plain, 30_000))
        });
    }),
    fault(
        "audio that ends early",
        "Edgereel-av-end",
        &["Apple-1.26", "Apple-1.27"],
        |it| {
            let text = it.text(AUDIO);
            let at = text.rfind("#EXT-X-KEY").unwrap();
            it.write(AUDIO, format!("{}#EXT-X-ENDLIST\n", &text[..at]));
        },
    ),
];
