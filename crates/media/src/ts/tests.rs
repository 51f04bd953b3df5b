use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;

/// 6 s at 25 fps, keyframe every 2 s, two B-frames, mono AAC at 44.1 kHz; made by FFmpeg.
fn sample(extra: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ts");
    ffmpeg(
        &[
            &["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-f", "lavfi", "-i", "sine", "-t", "6"],
            &["-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "2", "-c:a", "aac"][..],
            extra,
        ]
        .concat(),
        &path,
    );
    std::fs::read(path).unwrap()
}

fn ffmpeg(args: &[&str], output: &Path) {
    let status = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(args).arg(output).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_segment_is_described_as_it_is() {
    let bytes = sample(&[]);
    let report = scan(&bytes);
    assert!(report.is_intact(), "{report:?}");
    assert!(report.starts_with_tables);
    assert_eq!(report.bytes, bytes.len() as u64);

    let video = report.video().unwrap();
    assert_eq!((video.codec, video.frames, video.pes_count), (EsCodec::H264, 150, 150));
    assert!(video.starts_with_idr);
    assert_eq!(video.random_access.len(), 3);
    assert_eq!(video.random_access[1].pts - video.random_access[0].pts, 2 * 90_000);
    assert_eq!(video.duration_ticks(None), Some(6 * 90_000));
    assert_eq!(bytes[video.random_access[1].offset as usize], SYNC_BYTE);
    assert!(video.sps.as_ref().is_some_and(|it| it[0] & 0x1f == 7));

    let audio = report.audio().unwrap();
    assert_eq!(audio.codec, EsCodec::AacAdts);
    let header = audio.adts.unwrap();
    assert_eq!((header.sample_rate, header.channels, header.object_type), (44_100, 1, 2));
    // Encoder delay makes one or two more frames than the sound has.
    assert!((259..=261).contains(&audio.frames), "{}", audio.frames);
    assert!(audio.frames > audio.pes_count);
    let seconds = audio.duration_s().unwrap();
    assert!((seconds - audio.samples as f64 / 44_100.0).abs() < 0.001, "{seconds}");
}

#[test]
fn the_pieces_do_not_matter() {
    let bytes = sample(&[]);
    let whole = scan(&bytes);
    for size in [1, 7, 187, 188, 189, 4096] {
        let mut scanner = TsScanner::new();
        bytes.chunks(size).for_each(|it| scanner.push(it));
        assert_eq!(scanner.finish(), whole, "pieces of {size} bytes");
    }
}

#[test]
fn hevc_random_access_is_seen() {
    let report = scan(&sample(&["-c:v", "libx265", "-x265-params", "log-level=none:keyint=50", "-tag:v", "hvc1"]));
    let video = report.video().unwrap();
    assert_eq!((video.codec, video.frames), (EsCodec::Hevc, 150));
    assert!(video.starts_with_idr);
    assert_eq!(video.random_access.len(), 3);
}

#[test]
fn time_stamps_that_wrap_go_on() {
    // 2^33 ticks are 95443.7 s: the wrap falls into the middle.
    let report = scan(&sample(&["-output_ts_offset", "95440"]));
    let video = report.video().unwrap();
    assert_eq!(video.duration_ticks(None), Some(6 * 90_000));
    assert_eq!(video.dts_steps_back, 0);
    assert!(video.max_pts.unwrap() > 1 << 33);
    let audio = report.audio().unwrap();
    assert!((audio.min_pts.unwrap() - video.min_pts.unwrap()).abs() < 90_000);
}

#[test]
fn damage_is_counted() {
    let bytes = sample(&[]);
    let check = |name: &str, damaged: &[u8], seen: fn(&TsReport) -> bool| {
        let report = scan(damaged);
        assert!(seen(&report) && !report.is_intact(), "{name}: {report:?}");
    };
    check("a cut packet", &bytes[..bytes.len() - 100], |it| it.trailing_bytes == 88);

    let video = scan(&bytes).video().unwrap().random_access[1].offset as usize;
    let mut lost = bytes.clone();
    lost.drain(video + 188..video + 2 * 188);
    check("a lost packet", &lost, |it| it.continuity_errors() == 1);

    let mut shifted = bytes.clone();
    shifted.splice(video..video, [1, 2, 3]);
    check("bytes between packets", &shifted, |it| it.sync_errors == 1);

    let mut table = bytes.clone();
    let pmt = table.chunks(188).position(|it| it[1] & 0x1f == 0x10 && it[2] == 0).unwrap() * 188;
    table[pmt + 12] ^= 1;
    check("a wrong table", &table, |it| it.bad_tables == 1);

    // CBC with a wrong vector garbles the first 16 bytes in the bits that differ.
    for byte in [0, 6, 9, 15] {
        let mut garbled = bytes.clone();
        garbled[byte] ^= 1;
        check("a wrong vector", &garbled, |it| it.starts_damaged);
    }
    check("an audio packet cut short", &without_last_audio_packet(&bytes), |it| it.audio().unwrap().short_pes == 1);
}

fn without_last_audio_packet(bytes: &[u8]) -> Vec<u8> {
    let pid = scan(bytes).audio().unwrap().pid;
    let last = bytes.chunks(188).rposition(|it| u16::from_be_bytes([it[1] & 0x1f, it[2]]) == pid).unwrap();
    let mut bytes = bytes.to_vec();
    bytes.drain(last * 188..(last + 1) * 188);
    bytes
}

#[test]
fn each_cut_decodes_alone_and_all_form_one_stream() {
    let bytes = sample(&["-an", "-g", "1", "-bf", "0", "-r", "1"]);
    let cuts = cut_iframes(&bytes).unwrap();
    assert_eq!(cuts.len(), 6);
    for (index, cut) in cuts.iter().enumerate() {
        let report = scan(&cut.bytes);
        assert!(report.is_intact() && report.starts_with_tables, "{report:?}");
        let video = report.video().unwrap();
        assert_eq!((video.frames, video.starts_with_idr, cut.starts_with_idr), (1, true, true));
        assert_eq!(cut.pts - cuts[0].pts, index as i64 * 90_000);
    }
    let joined = scan(&cuts.iter().flat_map(|it| it.bytes.clone()).collect::<Vec<_>>());
    assert!(joined.is_intact(), "{joined:?}");
    assert_eq!(joined.video().unwrap().frames, 6);
    decodes_to(1, &cuts[3].bytes);
}

fn decodes_to(frames: usize, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.ts");
    std::fs::write(&path, bytes).unwrap();
    let output =
        Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&path).args(["-f", "framemd5", "-"]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().filter(|it| !it.starts_with('#')).count(), frames);
}

#[test]
fn what_cannot_be_cut_says_so() {
    assert_eq!(cut_iframes(&[]), Err(CutError::NoVideo));
    assert_eq!(cut_iframes(&[0x47; 100]), Err(CutError::Damaged { offset: 0 }));
    assert_eq!(cut_iframes(&[0; 188]), Err(CutError::Damaged { offset: 0 }));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), sync in any::<bool>()) {
        if sync {
            bytes.iter_mut().step_by(188).for_each(|it| *it = SYNC_BYTE);
        }
        let report = scan(&bytes);
        prop_assert_eq!(report.bytes, bytes.len() as u64);
        let _ = cut_iframes(&bytes);
    }
}

#[test]
fn any_mutation_is_survived() {
    let bytes = sample(&["-t", "1"]);
    proptest!(|(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40))| {
        let mut mutated = bytes.clone();
        for (at, value) in flips {
            // Most bytes are picture data; headers are where damage matters.
            let at = at.index(mutated.len());
            let header = at - at % 188 + at % 24;
            mutated[header] = value;
        }
        let report = scan(&mutated);
        prop_assert_eq!(report.bytes, mutated.len() as u64);
        let _ = cut_iframes(&mutated);
    });
}
