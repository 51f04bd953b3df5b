//! Subtitle renditions: a valid one, and planted faults.

use std::path::Path;

use hls::write::{MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec, SubtitleSpec, with_subtitles};

use super::build::{copy_of, good};
use super::edit::MASTER;
use super::*;

/// The first frame of FFmpeg's segments is at 1.4 s.
const MAP: &str = "X-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00.000\n";
const FIRST: &str = "\n00:01.000 --> 00:04.000\none\n\n00:10.000 --> 00:14.000\ntwo\n";
const SECOND: &str = "\n00:10.000 --> 00:14.000\ntwo\n";

/// Adds subtitles of two segments, 12 and 6 s long.
fn add(folder: &Path, segments: [&str; 2]) {
    let subtitles = folder.join("gen/en");
    std::fs::create_dir_all(&subtitles).unwrap();
    let entry = |index: usize, seconds: u64| SegmentSpec {
        uri: format!("en_{index}.vtt"),
        duration: seconds * 90_000,
        byte_range: None,
        map: None,
        key: None,
    };
    let playlist = MediaPlaylistSpec {
        target_duration: 12,
        kind: MediaPlaylistKind::Vod,
        iframes_only: false,
        segments: vec![entry(0, 12), entry(1, 6)],
    };
    std::fs::write(subtitles.join("en.m3u8"), playlist.render()).unwrap();
    for (index, text) in segments.iter().enumerate() {
        std::fs::write(subtitles.join(format!("en_{index}.vtt")), text).unwrap();
    }
    let master = std::fs::read_to_string(folder.join(MASTER)).unwrap();
    let entry = SubtitleSpec {
        name: "English".to_owned(),
        language: "en".to_owned(),
        uri: "gen/en/en.m3u8".to_owned(),
        default: true,
        forced: false,
        sdh: false,
    };
    std::fs::write(folder.join(MASTER), with_subtitles(&master, &[entry])).unwrap();
}

fn report(segments: [&str; 2]) -> Report {
    let copy = copy_of(good());
    add(copy.path(), segments);
    check(&copy.path().join(MASTER))
}

#[test]
fn subtitles_conform() {
    let [first, second] = [FIRST, SECOND].map(|it| format!("WEBVTT\n{MAP}{it}"));
    let found = report([&first, &second]);
    let plain = check(&good().join(MASTER));
    assert_eq!(listing(&found), listing(&plain));
}

#[test]
fn faults_of_subtitles_are_found() {
    let [first, second] = [FIRST, SECOND].map(|it| format!("WEBVTT\n{MAP}{it}"));
    let empty = format!("WEBVTT\n{MAP}");
    let shifted = first.replace("126000", "9000000");
    let late = format!("{second}\n00:30.000 --> 00:31.000\nlate\n");
    let damaged = first.replace("00:04.000", "soon");
    for (name, segments, rule) in [
        ("no map", [&first, "WEBVTT\n"], "RFC8216-3.5"),
        (
            "a cue that is not repeated",
            [&first, &empty],
            "RFC8216-3.5",
        ),
        ("a damaged time", [&damaged, &second], "RFC8216-3.5"),
        ("another clock", [&shifted, &second], "Edgereel-cues"),
        (
            "a cue outside of the segment",
            [&first, &late],
            "Edgereel-cues",
        ),
        ("not WebVTT", [&first, "1\n"], "RFC8216-3"),
    ] {
        let found = report(segments);
        assert!(
            found.findings.iter().any(|it| it.rule == rule),
            "{name}: {rule} was not found, but\n{}",
            listing(&found)
        );
    }
}
