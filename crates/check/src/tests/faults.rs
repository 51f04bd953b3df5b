//! Planted faults: each has to be found under its rule, without violations of other MUST rules.

mod master;
mod segments;

use super::build::{copy_of, good};
use super::edit::{AUDIO, HIGH, IFRAMES, LOW, MASTER, Tree, shifted, split, tables, without_idr};
use super::*;
use master::MASTER_FAULTS;
use segments::SEGMENT_FAULTS;

struct Fault {
    name: &'static str,
    /// The rule under which it has to be found.
    rule: &'static str,
    /// Other MUST rules that the same fault violates.
    also: &'static [&'static str],
    plant: fn(&Tree<'_>),
}

const fn fault(
    name: &'static str,
    rule: &'static str,
    also: &'static [&'static str],
    plant: fn(&Tree<'_>),
) -> Fault {
    Fault {
        name,
        rule,
        also,
        plant,
    }
}

/// Faults of media playlists.
const PLAYLIST_FAULTS: &[Fault] = &[
    fault("no #EXTM3U", "RFC8216-4.3.1.1", &[], |it| {
        it.replace(LOW, "#EXTM3U\n", "")
    }),
    fault("no target duration", "RFC8216-4.3.3.1", &[], |it| {
        it.replace(LOW, "#EXT-X-TARGETDURATION:6\n", "")
    }),
    fault(
        "target duration too low",
        "RFC8216-4.3.3.1",
        &["Apple-7.7"],
        |it| {
            for file in [HIGH, LOW, AUDIO] {
                it.replace(file, "DURATION:6", "DURATION:5");
            }
        },
    ),
    fault(
        "segments longer than the target duration",
        "Apple-7.7",
        &["RFC8216-4.3.3.1"],
        |it| {
            for file in [HIGH, LOW, AUDIO] {
                it.replace(file, "DURATION:6", "DURATION:5");
            }
        },
    ),
    fault("target durations differ", "RFC8216-6.2.4", &[], |it| {
        it.replace(LOW, "DURATION:6", "DURATION:7")
    }),
    fault(
        "target duration of the audio differs",
        "Apple-8.2",
        &[],
        |it| it.replace(AUDIO, "DURATION:6", "DURATION:8"),
    ),
    fault(
        "target duration of twelve seconds",
        "Apple-7.5",
        &[],
        |it| {
            for file in [HIGH, LOW, AUDIO] {
                it.replace(file, "DURATION:6", "DURATION:12");
            }
        },
    ),
    fault("no PLAYLIST-TYPE", "Apple-8.6", &[], |it| {
        it.replace(LOW, "#EXT-X-PLAYLIST-TYPE:VOD\n", "")
    }),
    fault("no ENDLIST", "RFC8216-4.3.3.5", &[], |it| {
        it.replace(LOW, "#EXT-X-ENDLIST\n", "")
    }),
    fault("no segments", "RFC8216-2", &["Apple-8.22"], |it| {
        it.write(
            LOW,
            "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-ENDLIST\n",
        );
    }),
    fault("version too low", "RFC8216-7", &[], |it| {
        it.replace(IFRAMES, "VERSION:4", "VERSION:3")
    }),
    fault(
        "a segment without EXTINF",
        "RFC8216-4.3.2.1",
        &["Apple-1.27", "Apple-1.26"],
        |it| {
            let text = it.text(LOW);
            let extinf = text.lines().find(|it| it.starts_with("#EXTINF")).unwrap();
            it.replace_first(LOW, &format!("{extinf}\n"), "");
        },
    ),
    fault("EXTINF off by half a second", "Apple-8.1", &[], |it| {
        it.replace_first(LOW, "#EXTINF:6.000000", "#EXTINF:5.500000")
    }),
    fault("EXTINF with a wrong sum", "Apple-8.1", &[], |it| {
        it.replace(LOW, "#EXTINF:6.000000", "#EXTINF:6.025000")
    }),
    fault("MEDIA-SEQUENCE too late", "RFC8216-4.3.3.2", &[], |it| {
        it.replace(LOW, "#EXT-X-MEDIA-SEQUENCE:0\n", "");
        it.replace(
            LOW,
            "#EXT-X-ENDLIST",
            "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ENDLIST",
        );
    }),
    fault("START outside", "RFC8216-4.3.5.2", &[], |it| {
        it.replace(
            LOW,
            "#EXT-X-MEDIA-SEQUENCE:0\n",
            "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-START:TIME-OFFSET=100\n",
        );
    }),
    fault("not UTF-8", "RFC8216-4", &[], |it| {
        let mut bytes = it.bytes(LOW);
        bytes.extend(b"# caf\xe9\n");
        it.write(LOW, bytes);
    }),
    fault(
        "segments in the wrong order",
        "RFC8216-4.3.2.3",
        &["Apple-8.1", "RFC8216-6.2.4"],
        |it| {
            let text = it.text(LOW);
            let (one, two) = (
                text.find("#EXT-X-KEY").unwrap(),
                text.rfind("#EXT-X-KEY").unwrap(),
            );
            let end = text.find("#EXT-X-ENDLIST").unwrap();
            it.write(
                LOW,
                [&text[..one], &text[two..end], &text[one..two], &text[end..]].concat(),
            );
        },
    ),
    fault(
        "the same segment twice",
        "Edgereel-duplicate-segment",
        &["RFC8216-4.3.2.3", "Apple-8.1", "Apple-8.22"],
        |it| {
            let text = it.text(LOW);
            let start = text.rfind("#EXT-X-KEY").unwrap();
            let end = text.find("#EXT-X-ENDLIST").unwrap();
            it.write(LOW, [&text[..end], &text[start..]].concat());
        },
    ),
];

/// Faults of encryption, keys and I-frames.
const CRYPT_FAULTS: &[Fault] = &[
    fault("a cut ciphertext", "RFC8216-4.3.2.4", &[], |it| {
        let file = Tree::segment("90p", 1);
        let bytes = it.bytes(&file);
        it.write(&file, &bytes[..bytes.len() - 5]);
    }),
    fault("wrong padding", "RFC8216-4.3.2.4", &[], |it| {
        let file = Tree::segment("90p", 1);
        let bytes = it.bytes(&file);
        it.write(&file, &bytes[..bytes.len() - 16]);
    }),
    fault("another key", "RFC8216-4.3.2.4", &[], |it| {
        it.write("keys/90p.key", [9; 16])
    }),
    fault("another IV", "RFC8216-4.3.2.4", &[], |it| {
        it.replace(
            LOW,
            "IV=0x00000000000000000000000000000001",
            "IV=0x00000000000000000000000000000101",
        );
    }),
    fault("a key in hexadecimal", "RFC8216-5.1", &[], |it| {
        it.write("keys/90p.key", "02".repeat(16))
    }),
    fault("a key that is not there", "RFC8216-5.1", &[], |it| {
        it.remove("keys/90p.key")
    }),
    fault("the same IV twice", "RFC8216-5.2", &[], |it| {
        let key = super::build::KEYS[1].1;
        let mut plain = vec![];
        it.change_segment("90p", 2, |it| {
            plain.clone_from(&it);
            it
        });
        it.write(
            &Tree::segment("90p", 2),
            super::build::encrypt(&plain, &key, 1),
        );
        it.replace(
            LOW,
            "IV=0x00000000000000000000000000000002",
            "IV=0x00000000000000000000000000000001",
        );
    }),
    fault("encrypted without EXT-X-KEY", "RFC8216-3", &[], |it| {
        let text = it.text(LOW);
        let lines = text.lines().filter(|it| !it.starts_with("#EXT-X-KEY"));
        it.write(LOW, lines.map(|it| format!("{it}\n")).collect::<String>());
    }),
    fault("METHOD=NONE with a URI", "RFC8216-4.3.2.4", &[], |it| {
        it.replace(
            LOW,
            "#EXT-X-ENDLIST",
            "#EXT-X-KEY:METHOD=NONE,URI=\"x\"\n#EXT-X-ENDLIST",
        );
    }),
    fault("a key without URI", "RFC8216-4.3.2.4", &[], |it| {
        it.replace(
            LOW,
            "#EXT-X-ENDLIST",
            "#EXT-X-KEY:METHOD=AES-128\n#EXT-X-ENDLIST",
        );
    }),
    fault("no I-FRAMES-ONLY", "RFC8216-4.3.4.3", &[], |it| {
        it.replace(IFRAMES, "#EXT-X-I-FRAMES-ONLY\n", "")
    }),
    fault(
        "a byte range beyond the file",
        "RFC8216-4.3.2.2",
        &[],
        |it| {
            let text = it.text(IFRAMES);
            let range = text
                .lines()
                .rfind(|it| it.starts_with("#EXT-X-BYTERANGE"))
                .unwrap();
            let offset = range.split_once('@').unwrap().1;
            it.replace(
                IFRAMES,
                range,
                &format!("#EXT-X-BYTERANGE:99999968@{offset}"),
            );
        },
    ),
    fault(
        "a byte range of the wrong length",
        "RFC8216-4.3.2.4",
        &[],
        |it| {
            let text = it.text(IFRAMES);
            let range = text
                .lines()
                .find(|it| it.starts_with("#EXT-X-BYTERANGE"))
                .unwrap();
            let length: u64 = range["#EXT-X-BYTERANGE:".len()..]
                .split('@')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            it.replace_first(
                IFRAMES,
                range,
                &format!("#EXT-X-BYTERANGE:{}@0", length - 16),
            );
        },
    ),
    fault(
        "an I-frame entry with many frames",
        "RFC8216-4.3.3.6",
        &["RFC8216-4.3.4.3"],
        |it| {
            let text = it.text(IFRAMES);
            let (range, file) = (
                text.lines()
                    .find(|it| it.starts_with("#EXT-X-BYTERANGE"))
                    .unwrap(),
                "iframes_00000.ts",
            );
            it.replace_first(IFRAMES, &format!("{range}\n{file}"), "../90p/90p_00000.ts");
            it.replace_first(IFRAMES, "keys/iframes.key", "keys/90p.key");
        },
    ),
    fault("I-frames three seconds apart", "Apple-6.2", &[], |it| {
        let text = it.text(IFRAMES);
        let (head, rest) = text.split_at(text.find("#EXT-X-KEY").unwrap());
        let entries: Vec<&str> = rest.split_inclusive(".ts\n").collect();
        let kept: String = entries[..18]
            .iter()
            .step_by(3)
            .map(|it| it.replace("1.000000", "3.000000"))
            .collect();
        it.write(IFRAMES, format!("{head}{kept}#EXT-X-ENDLIST\n"));
    }),
    fault(
        "I-frames at other times than EXTINF says",
        "Apple-8.1",
        &[],
        |it| {
            it.replace(IFRAMES, "#EXTINF:1.000000", "#EXTINF:1.200000");
        },
    ),
];

#[test]
fn faults_of_the_master_playlist_are_found() {
    find_all(MASTER_FAULTS);
}

#[test]
fn faults_of_media_playlists_are_found() {
    find_all(PLAYLIST_FAULTS);
}

#[test]
fn faults_of_segments_are_found() {
    find_all(SEGMENT_FAULTS);
}

#[test]
fn faults_of_encryption_and_iframes_are_found() {
    find_all(CRYPT_FAULTS);
}

fn find_all(faults: &[Fault]) {
    let complaints: Vec<String> = faults.iter().filter_map(|it| find(it).err()).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Plants the fault in a copy and checks it; fails if it is not found, or if others are found too.
fn find(fault: &Fault) -> Result<(), String> {
    let copy = copy_of(good());
    (fault.plant)(&Tree(copy.path()));
    let report = check(&copy.path().join(MASTER));
    let name = fault.name;
    if !report.findings.iter().any(|it| it.rule == fault.rule) {
        return Err(format!(
            "{name}: {} was not found, but\n{}",
            fault.rule,
            listing(&report)
        ));
    }
    let must = broken(&report, Level::Must);
    if let Some(other) = must
        .iter()
        .find(|it| **it != fault.rule && !fault.also.contains(it))
    {
        return Err(format!(
            "{name}: {other} was found as well:\n{}",
            listing(&report)
        ));
    }
    if report.ok != must.is_empty() {
        return Err(format!("{name}: the verdict contradicts the findings"));
    }
    Ok(())
}
