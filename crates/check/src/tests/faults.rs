//! Planted faults: each has to be found under its rule, without violations of other MUST rules.

use super::build::{copy_of, good};
use super::edit::{AUDIO, HIGH, IFRAMES, LOW, MASTER, Tree, shifted, split, tables, without_idr};
use super::*;

struct Fault {
    name: &'static str,
    /// The rule under which it has to be found.
    rule: &'static str,
    /// Other MUST rules that the same fault violates.
    also: &'static [&'static str],
    plant: fn(&Tree<'_>),
}

const fn fault(name: &'static str, rule: &'static str, also: &'static [&'static str], plant: fn(&Tree<'_>)) -> Fault {
    Fault { name, rule, also, plant }
}

/// Faults of the master playlist.
const MASTER_FAULTS: &[Fault] = &[
    fault("no AVERAGE-BANDWIDTH", "Apple-9.14", &[], |it| it.remove_attribute(MASTER, "AVERAGE-BANDWIDTH")),
    fault("no CODECS", "Apple-9.1", &["Apple-9.3"], |it| it.remove_attribute(MASTER, "CODECS")),
    fault("CODECS of another profile", "Apple-9.1", &[], |it| it.replace(MASTER, "avc1.4d400c", "avc1.64000c")),
    fault("CODECS of too low a level", "Apple-9.1", &[], |it| it.replace(MASTER, "avc1.4d400c", "avc1.4d400b")),
    fault("CODECS without the audio", "Apple-9.1", &[], |it| it.replace(MASTER, ",mp4a.40.2", "")),
    fault("CODECS with audio that is not there", "Apple-9.1", &["Apple-1.26", "Apple-1.27"], |it| {
        it.replace(MASTER, "mp4a.40.2", "mp4a.40.2,ec-3");
        it.remove_attribute(MASTER, "AUDIO");
    }),
    fault("no RESOLUTION", "Apple-9.2", &["Apple-9.4"], |it| it.remove_attribute(MASTER, "RESOLUTION")),
    fault("another RESOLUTION", "Apple-9.2", &[], |it| it.replace(MASTER, "320x180", "640x360")),
    fault("no FRAME-RATE", "Apple-9.15", &[], |it| it.remove_attribute(MASTER, "FRAME-RATE")),
    fault("another FRAME-RATE", "Apple-9.15", &[], |it| it.replace(MASTER, "25.000", "50.000")),
    fault("FRAME-RATE above 60", "Apple-1.19", &["Apple-9.15"], |it| it.replace(MASTER, "25.000", "120.000")),
    fault("BANDWIDTH too low", "Apple-1.27", &["RFC8216-4.3.4.2", "RFC8216-4.3.4.3"], |it| {
        it.set(MASTER, "INF:BANDWIDTH=", |rate| (rate.parse::<u64>().unwrap() * 4 / 5).to_string());
    }),
    fault("BANDWIDTH too high", "Apple-1.27", &[], |it| {
        it.set(MASTER, "INF:BANDWIDTH=", |rate| (rate.parse::<u64>().unwrap() * 2).to_string());
    }),
    fault("AVERAGE-BANDWIDTH too low", "Apple-1.26", &[], |it| {
        it.set(MASTER, "AVERAGE-BANDWIDTH=", |_| "1000".to_owned())
    }),
    fault("AVERAGE-BANDWIDTH above BANDWIDTH", "RFC8216-4.3.4.2", &["Apple-1.26"], |it| {
        it.set(MASTER, "AVERAGE-BANDWIDTH=", |_| "99000000".to_owned());
    }),
    fault("no BANDWIDTH", "RFC8216-4.3.4.2", &[], |it| {
        let text = it.text(MASTER);
        let line = text.lines().find(|it| it.starts_with("#EXT-X-STREAM-INF")).unwrap();
        let value = line.split("INF:").nth(1).unwrap().split_once(',').unwrap();
        it.replace_first(MASTER, &format!("{},", value.0), "");
    }),
    fault("I-frame BANDWIDTH too low", "RFC8216-4.3.4.3", &[], |it| {
        it.set(MASTER, "I-FRAME-STREAM-INF:BANDWIDTH=", |_| "1000".to_owned());
    }),
    fault("an audio group that is not there", "RFC8216-4.3.4.2", &["Apple-1.26", "Apple-1.27", "Apple-9.1"], |it| {
        it.replace(MASTER, "AUDIO=\"audio\"", "AUDIO=\"sound\"");
    }),
    fault("two defaults in a group", "RFC8216-4.3.4.1.1", &[], |it| {
        let text = it.text(MASTER);
        let media = text.lines().find(|it| it.starts_with("#EXT-X-MEDIA")).unwrap();
        it.replace(MASTER, media, &format!("{media}\n{}", media.replace("English", "German")));
    }),
    fault("two members of one name", "RFC8216-4.3.4.1.1", &[], |it| {
        let text = it.text(MASTER);
        let media = text.lines().find(|it| it.starts_with("#EXT-X-MEDIA")).unwrap();
        it.replace(MASTER, media, &format!("{media}\n{}", media.replace("DEFAULT=YES", "DEFAULT=NO")));
    }),
    fault("a default that may not be selected", "RFC8216-4.3.4.1", &[], |it| {
        it.replace(MASTER, "AUTOSELECT=YES", "AUTOSELECT=NO");
    }),
    fault("no NAME", "RFC8216-4.3.4.1", &[], |it| it.remove_attribute(MASTER, "NAME")),
    fault("no LANGUAGE", "Apple-8.10", &[], |it| it.remove_attribute(MASTER, "LANGUAGE")),
    fault("no CHANNELS", "RFC8216-4.3.4.1-CHANNELS", &[], |it| it.remove_attribute(MASTER, "CHANNELS")),
    fault("an unused group", "Edgereel-unused-group", &[], |it| {
        let text = it.text(MASTER);
        let media = text.lines().find(|it| it.starts_with("#EXT-X-MEDIA")).unwrap();
        it.replace(MASTER, media, &format!("{media}\n{}", media.replace("\"audio\"", "\"other\"")));
    }),
    fault("no I-frame playlist", "Apple-6.1", &[], |it| {
        let text = it.text(MASTER);
        let lines = text.lines().filter(|it| !it.starts_with("#EXT-X-I-FRAME"));
        it.write(MASTER, lines.map(|it| format!("{it}\n")).collect::<String>());
    }),
    fault("I-frame variant without CODECS", "Apple-9.3", &[], |it| {
        it.replace(MASTER, "CODECS=\"avc1.4d400b\",RESOLUTION=160x90,URI", "RESOLUTION=160x90,URI");
    }),
    fault("I-frame variant without RESOLUTION", "Apple-9.4", &[], |it| {
        it.replace(MASTER, "RESOLUTION=160x90,URI", "URI")
    }),
    fault("no INDEPENDENT-SEGMENTS", "Apple-9.11", &[], |it| it.replace(MASTER, "#EXT-X-INDEPENDENT-SEGMENTS\n", "")),
    fault("the same variant twice", "Edgereel-duplicate-variant", &[], |it| {
        let text = it.text(MASTER);
        let start = text.find("#EXT-X-STREAM-INF").unwrap();
        let end = start + text[start..].find(".m3u8\n").unwrap() + 6;
        it.write(MASTER, [&text[..end], &text[start..]].concat());
    }),
    fault("an attribute list that is none", "RFC8216-4.2", &[], |it| it.replace(MASTER, "DEFAULT=YES", "DEFAULT=yes")),
    fault("a tag of the other kind", "RFC8216-4.1", &[], |it| {
        it.write(MASTER, format!("{}#EXT-X-TARGETDURATION:6\n", it.text(MASTER)));
    }),
    fault("a variant that is not there", "RFC8216-6.2.1", &[], |it| it.remove(LOW)),
    fault("a URI from the root", "Edgereel-absolute-uri", &[], |it| {
        let absolute = format!("{}/{LOW}", it.0.display());
        it.replace(MASTER, &format!("\n{LOW}"), &format!("\n{absolute}"));
    }),
    fault("a token in the query", "Edgereel-credentials", &[], |it| {
        it.replace(MASTER, &format!("\n{LOW}"), &format!("\n{LOW}?token=abc"));
    }),
];

/// Faults of media playlists.
const PLAYLIST_FAULTS: &[Fault] = &[
    fault("no #EXTM3U", "RFC8216-4.3.1.1", &[], |it| it.replace(LOW, "#EXTM3U\n", "")),
    fault("no target duration", "RFC8216-4.3.3.1", &[], |it| it.replace(LOW, "#EXT-X-TARGETDURATION:6\n", "")),
    fault("target duration too low", "RFC8216-4.3.3.1", &["Apple-7.7"], |it| {
        for file in [HIGH, LOW, AUDIO] {
            it.replace(file, "DURATION:6", "DURATION:5");
        }
    }),
    fault("segments longer than the target duration", "Apple-7.7", &["RFC8216-4.3.3.1"], |it| {
        for file in [HIGH, LOW, AUDIO] {
            it.replace(file, "DURATION:6", "DURATION:5");
        }
    }),
    fault("target durations differ", "RFC8216-6.2.4", &[], |it| it.replace(LOW, "DURATION:6", "DURATION:7")),
    fault("target duration of the audio differs", "Apple-8.2", &[], |it| it.replace(AUDIO, "DURATION:6", "DURATION:8")),
    fault("target duration of twelve seconds", "Apple-7.5", &[], |it| {
        for file in [HIGH, LOW, AUDIO] {
            it.replace(file, "DURATION:6", "DURATION:12");
        }
    }),
    fault("no PLAYLIST-TYPE", "Apple-8.6", &[], |it| it.replace(LOW, "#EXT-X-PLAYLIST-TYPE:VOD\n", "")),
    fault("no ENDLIST", "RFC8216-4.3.3.5", &[], |it| it.replace(LOW, "#EXT-X-ENDLIST\n", "")),
    fault("no segments", "RFC8216-2", &["Apple-8.22"], |it| {
        it.write(LOW, "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-ENDLIST\n");
    }),
    fault("version too low", "RFC8216-7", &[], |it| it.replace(IFRAMES, "VERSION:4", "VERSION:3")),
    fault("a segment without EXTINF", "RFC8216-4.3.2.1", &["Apple-1.27", "Apple-1.26"], |it| {
        let text = it.text(LOW);
        let extinf = text.lines().find(|it| it.starts_with("#EXTINF")).unwrap();
        it.replace_first(LOW, &format!("{extinf}\n"), "");
    }),
    fault("EXTINF off by half a second", "Apple-8.1", &[], |it| {
        it.replace_first(LOW, "#EXTINF:6.000000", "#EXTINF:5.500000")
    }),
    fault("EXTINF with a wrong sum", "Apple-8.1", &[], |it| it.replace(LOW, "#EXTINF:6.000000", "#EXTINF:6.025000")),
    fault("MEDIA-SEQUENCE too late", "RFC8216-4.3.3.2", &[], |it| {
        it.replace(LOW, "#EXT-X-MEDIA-SEQUENCE:0\n", "");
        it.replace(LOW, "#EXT-X-ENDLIST", "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ENDLIST");
    }),
    fault("START outside", "RFC8216-4.3.5.2", &[], |it| {
        it.replace(LOW, "#EXT-X-MEDIA-SEQUENCE:0\n", "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-START:TIME-OFFSET=100\n");
    }),
    fault("not UTF-8", "RFC8216-4", &[], |it| {
        let mut bytes = it.bytes(LOW);
        bytes.extend(b"# caf\xe9\n");
        it.write(LOW, bytes);
    }),
    fault("segments in the wrong order", "RFC8216-4.3.2.3", &["Apple-8.1", "RFC8216-6.2.4"], |it| {
        let text = it.text(LOW);
        let (one, two) = (text.find("#EXT-X-KEY").unwrap(), text.rfind("#EXT-X-KEY").unwrap());
        let end = text.find("#EXT-X-ENDLIST").unwrap();
        it.write(LOW, [&text[..one], &text[two..end], &text[one..two], &text[end..]].concat());
    }),
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

/// Faults of the segments themselves.
const SEGMENT_FAULTS: &[Fault] = &[
    fault("a segment is missing", "RFC8216-6.2.1", &[], |it| it.remove(&Tree::segment("90p", 1))),
    fault("a segment is empty", "RFC8216-3", &[], |it| it.write(&Tree::segment("90p", 1), b"")),
    fault("a segment of text", "RFC8216-4.3.2.4", &[], |it| it.write(&Tree::segment("90p", 1), [b'x'; 4096])),
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
        &["Apple-7.4", "RFC8216-4.3.5.1", "Apple-8.1", "Apple-8.22", "RFC8216-4.3.2.3", "ISO13818-2.4.3"],
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
    fault("no keyframe at the start", "Apple-7.4", &["RFC8216-4.3.5.1"], |it| {
        it.change_segment("90p", 1, |plain| without_idr(plain, 0));
    }),
    fault("INDEPENDENT-SEGMENTS that are not", "RFC8216-4.3.5.1", &["Apple-7.4"], |it| {
        it.change_segment("180p", 2, |plain| without_idr(plain, 0));
    }),
    fault("keyframes four seconds apart", "Apple-1.13", &[], |it| {
        it.change_segment("90p", 1, |plain| without_idr(plain, 1));
    }),
    fault("a variant with a clock of its own", "RFC8216-6.2.4", &[], |it| {
        (0..3).for_each(|index| it.change_segment("90p", index, |plain| shifted(plain, 90_000)));
    }),
    fault("a gap in the clock", "RFC8216-4.3.2.3", &["Apple-8.1", "Apple-8.22"], |it| {
        it.change_segment("90p", 2, |plain| shifted(plain, 45_000));
    }),
    fault("boundaries elsewhere", "Apple-8.22", &[], |it| {
        let mut rest = vec![];
        it.change_segment("90p", 1, |plain| {
            let (before, after) = split(&plain, 1);
            rest = after;
            before
        });
        let key = super::build::KEYS[1].1;
        it.write("gen/90p/rest.ts", super::build::encrypt(&rest, &key, 9));
        let line = "#EXT-X-KEY:METHOD=AES-128,URI=\"../../keys/90p.key\",IV=0x9\n#EXTINF:4.0,\nrest.ts\n";
        let text = it.text(LOW);
        let entries: Vec<usize> = text.match_indices("#EXT-X-KEY").map(|(at, _)| at).collect();
        let second = text[entries[1]..entries[2]].replace("6.000000", "2.000000");
        it.write(LOW, [&text[..entries[1]], &second, line, &text[entries[2]..]].concat());
    }),
    fault("audio that starts late", "Edgereel-av-start", &[], |it| {
        (0..3).for_each(|index| it.change_segment("audio-64k", index, |plain| shifted(plain, 30_000)));
    }),
    fault("audio that ends early", "Edgereel-av-end", &["Apple-1.26", "Apple-1.27"], |it| {
        let text = it.text(AUDIO);
        let at = text.rfind("#EXT-X-KEY").unwrap();
        it.write(AUDIO, format!("{}#EXT-X-ENDLIST\n", &text[..at]));
    }),
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
    fault("another key", "RFC8216-4.3.2.4", &[], |it| it.write("keys/90p.key", [9; 16])),
    fault("another IV", "RFC8216-4.3.2.4", &[], |it| {
        it.replace(LOW, "IV=0x00000000000000000000000000000001", "IV=0x00000000000000000000000000000101");
    }),
    fault("a key in hexadecimal", "RFC8216-5.1", &[], |it| it.write("keys/90p.key", "02".repeat(16))),
    fault("a key that is not there", "RFC8216-5.1", &[], |it| it.remove("keys/90p.key")),
    fault("the same IV twice", "RFC8216-5.2", &[], |it| {
        let key = super::build::KEYS[1].1;
        let mut plain = vec![];
        it.change_segment("90p", 2, |it| {
            plain.clone_from(&it);
            it
        });
        it.write(&Tree::segment("90p", 2), super::build::encrypt(&plain, &key, 1));
        it.replace(LOW, "IV=0x00000000000000000000000000000002", "IV=0x00000000000000000000000000000001");
    }),
    fault("encrypted without EXT-X-KEY", "RFC8216-3", &[], |it| {
        let text = it.text(LOW);
        let lines = text.lines().filter(|it| !it.starts_with("#EXT-X-KEY"));
        it.write(LOW, lines.map(|it| format!("{it}\n")).collect::<String>());
    }),
    fault("METHOD=NONE with a URI", "RFC8216-4.3.2.4", &[], |it| {
        it.replace(LOW, "#EXT-X-ENDLIST", "#EXT-X-KEY:METHOD=NONE,URI=\"x\"\n#EXT-X-ENDLIST");
    }),
    fault("a key without URI", "RFC8216-4.3.2.4", &[], |it| {
        it.replace(LOW, "#EXT-X-ENDLIST", "#EXT-X-KEY:METHOD=AES-128\n#EXT-X-ENDLIST");
    }),
    fault("no I-FRAMES-ONLY", "RFC8216-4.3.4.3", &[], |it| it.replace(IFRAMES, "#EXT-X-I-FRAMES-ONLY\n", "")),
    fault("a byte range beyond the file", "RFC8216-4.3.2.2", &[], |it| {
        let text = it.text(IFRAMES);
        let range = text.lines().rfind(|it| it.starts_with("#EXT-X-BYTERANGE")).unwrap();
        let offset = range.split_once('@').unwrap().1;
        it.replace(IFRAMES, range, &format!("#EXT-X-BYTERANGE:99999968@{offset}"));
    }),
    fault("a byte range of the wrong length", "RFC8216-4.3.2.4", &[], |it| {
        let text = it.text(IFRAMES);
        let range = text.lines().find(|it| it.starts_with("#EXT-X-BYTERANGE")).unwrap();
        let length: u64 = range["#EXT-X-BYTERANGE:".len()..].split('@').next().unwrap().parse().unwrap();
        it.replace_first(IFRAMES, range, &format!("#EXT-X-BYTERANGE:{}@0", length - 16));
    }),
    fault("an I-frame entry with many frames", "RFC8216-4.3.3.6", &["RFC8216-4.3.4.3"], |it| {
        let text = it.text(IFRAMES);
        let (range, file) = (text.lines().find(|it| it.starts_with("#EXT-X-BYTERANGE")).unwrap(), "iframes_00000.ts");
        it.replace_first(IFRAMES, &format!("{range}\n{file}"), "../90p/90p_00000.ts");
        it.replace_first(IFRAMES, "keys/iframes.key", "keys/90p.key");
    }),
    fault("I-frames three seconds apart", "Apple-6.2", &[], |it| {
        let text = it.text(IFRAMES);
        let (head, rest) = text.split_at(text.find("#EXT-X-KEY").unwrap());
        let entries: Vec<&str> = rest.split_inclusive(".ts\n").collect();
        let kept: String = entries[..18].iter().step_by(3).map(|it| it.replace("1.000000", "3.000000")).collect();
        it.write(IFRAMES, format!("{head}{kept}#EXT-X-ENDLIST\n"));
    }),
    fault("I-frames at other times than EXTINF says", "Apple-8.1", &[], |it| {
        it.replace(IFRAMES, "#EXTINF:1.000000", "#EXTINF:1.200000");
    }),
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
        return Err(format!("{name}: {} was not found, but\n{}", fault.rule, listing(&report)));
    }
    let must = broken(&report, Level::Must);
    if let Some(other) = must.iter().find(|it| **it != fault.rule && !fault.also.contains(it)) {
        return Err(format!("{name}: {other} was found as well:\n{}", listing(&report)));
    }
    if report.ok != must.is_empty() {
        return Err(format!("{name}: the verdict contradicts the findings"));
    }
    Ok(())
}
