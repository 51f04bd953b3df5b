//! Segments from FFmpeg become fragments that FFmpeg decodes to the same frames at the same times.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::fmp4::{FragmentSamples, Init};
use crate::segment::{Measured, Scanner};

mod ac3;
mod audio;
mod av1;
mod damage;
mod hevc;
mod iframes;
mod video;

/// Runs a program and returns its output.
pub(super) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        // SVT-AV1 writes everything above errors, whatever FFmpeg's level is.
        .env("SVT_LOG", "1")
        .args(["-v", "error"])
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes segments with the settings of the transcoder: the presentation begins at 10 s.
pub(super) fn segments(folder: &Path, arguments: &str, seconds: &str) -> Vec<Vec<u8>> {
    let pattern = folder.join("%d.ts");
    let mut all: Vec<&str> = arguments.split(' ').collect();
    all.extend(["-f", "segment", "-segment_time", seconds]);
    let options = "pat_period=3600:sdt_period=3600:mpegts_flags=+initial_discontinuity";
    all.extend(["-segment_format_options", options, "-segment_format"]);
    all.extend(["mpegts", "-initial_offset", "9.3", "-avoid_negative_ts"]);
    all.extend(["disabled", "-muxdelay", "0.35", "-muxpreload", "0"]);
    all.push(pattern.to_str().unwrap());
    run("ffmpeg", &all);
    (0..)
        .map_while(|it| std::fs::read(folder.join(format!("{it}.ts"))).ok())
        .collect()
}

/// Packages consecutive segments, which must share one initialisation section.
pub(super) fn packaged(segments: &[Vec<u8>], codec: EsCodec) -> (Vec<u8>, Vec<Vec<u8>>) {
    packaged_until(segments, codec, &vec![None; segments.len()])
}

/// As [`packaged`], with the ends of the segments.
pub(super) fn packaged_until(
    segments: &[Vec<u8>],
    codec: EsCodec,
    ends: &[Option<i64>],
) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut init, mut media): (Option<Vec<u8>>, Vec<Vec<u8>>) = (None, vec![]);
    for ((sequence, segment), end) in (1..).zip(segments).zip(ends) {
        let place = Place {
            sequence,
            after: None,
            end: *end,
        };
        let packaged = package(segment, codec, &place).unwrap();
        assert_eq!(*init.get_or_insert(packaged.init.clone()), packaged.init);
        media.push(packaged.media);
    }
    (init.unwrap(), media)
}

/// Each segment ends where the next one begins.
pub(super) fn check_contiguous(init: &[u8], media: &[Vec<u8>]) {
    let gaps = gaps(init, media);
    assert!(gaps.iter().all(|it| *it == 0), "{gaps:?}");
}

/// The times from the end of each segment to the next one; negative if they overlap.
pub(super) fn gaps(init: &[u8], media: &[Vec<u8>]) -> Vec<i64> {
    let init = Init::parse(init).unwrap();
    let spans = media.iter().map(|segment| {
        let samples = FragmentSamples::read(&init, segment).unwrap().samples;
        let last = samples.last().unwrap();
        (samples[0].dts, last.dts + i64::from(last.duration))
    });
    let spans: Vec<(i64, i64)> = spans.collect();
    spans.windows(2).map(|it| it[1].0 - it[0].1).collect()
}

pub(super) fn measure(bytes: &[u8], init: Option<&[u8]>) -> Measured {
    let init = init.map(|it| Init::parse(it).unwrap());
    let mut scanner = Scanner::new(init.as_ref());
    scanner.push(bytes).unwrap();
    let measured = scanner.finish().unwrap();
    assert_eq!(measured.damage, None);
    measured
}

/// Checks of decoded frames, in the order of presentation. Decoding stops at the first error.
pub(super) fn hashes(input: &Path) -> Vec<String> {
    let input = input.to_str().unwrap();
    let mut all = vec![
        "-xerror",
        "-err_detect",
        "explode",
        "-i",
        input,
        "-fps_mode",
    ];
    all.extend(["passthrough", "-f", "framemd5", "-"]);
    let text = run("ffmpeg", &all);
    let lines = text.lines().filter(|it| !it.starts_with('#'));
    let hashes: Vec<String> = lines
        .map(|it| it.rsplit(',').next().unwrap().trim().to_owned())
        .collect();
    assert!(!hashes.is_empty());
    hashes
}

/// Packets as FFmpeg's demuxer reads them.
pub(super) fn packets(input: &Path, entries: &str) -> Vec<String> {
    let input = input.to_str().unwrap();
    let entries = format!("packet={entries}");
    let all = ["-show_entries", &entries, "-of", "csv=p=0", input];
    let text = run("ffprobe", &all);
    text.lines()
        .map(|it| it.trim_end_matches(',').to_owned())
        .filter(|it| !it.is_empty())
        .collect()
}
