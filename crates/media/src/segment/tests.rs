use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;

/// 4 s at 25 fps with a keyframe every 2 s and mono AAC at 48 kHz, by FFmpeg.
fn ffmpeg(folder: &Path, output: &[&str]) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .current_dir(folder)
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25"]);
    ffmpeg.args([
        "-f",
        "lavfi",
        "-i",
        "sine=r=48000",
        "-t",
        "4",
        "-c:v",
        "libx264",
        "-g",
        "50",
        "-c:a",
        "aac",
    ]);
    assert!(ffmpeg.args(output).status().unwrap().success());
}

fn transport_stream() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    ffmpeg(folder.path(), &["a.ts"]);
    std::fs::read(folder.path().join("a.ts")).unwrap()
}

fn fragments() -> (Init, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    ffmpeg(
        folder.path(),
        &[
            "-hls_time",
            "9",
            "-hls_segment_type",
            "fmp4",
            "-hls_segment_filename",
            "s%d.m4s",
            "a.m3u8",
        ],
    );
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    (Init::parse(&read("init.mp4")).unwrap(), read("s0.m4s"))
}

fn measure(bytes: &[u8], init: Option<&Init>) -> Result<Measured, Unmeasurable> {
    let mut scanner = Scanner::new(init);
    scanner.push(bytes)?;
    scanner.finish()
}

#[test]
fn the_first_bytes_decide_about_the_format() {
    for (head, expected) in [
        (
            &b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello"[..],
            Ok(Packing::WebVtt),
        ),
        (b"\xef\xbb\xbfWEBVTT", Ok(Packing::WebVtt)),
        (
            b"ID3\x04\x00\x00\x00\x00\x00\x3f and so on",
            Ok(Packing::PackedAudio),
        ),
        (
            b"\xff\xf1\x4c\x80\x02\x1f\xfc\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            Ok(Packing::PackedAudio),
        ),
        (b"\x47", Ok(Packing::Ts)),
        (b"\x00\x00\x00\x18styp and so on", Err(Unmeasurable::NoInit)),
        (
            b"<html>not a segment</html>",
            Err(Unmeasurable::UnknownFormat),
        ),
        (b"short", Err(Unmeasurable::UnknownFormat)),
        (b"", Err(Unmeasurable::UnknownFormat)),
    ] {
        let packing = measure(head, None).map(|it| it.packing);
        assert_eq!(packing, expected, "{}", String::from_utf8_lossy(head));
    }
}

#[test]
fn both_containers_measure_the_same_media() {
    let (init, segment) = fragments();
    let (ts, fmp4) = (
        measure(&transport_stream(), None).unwrap(),
        measure(&segment, Some(&init)).unwrap(),
    );
    assert_eq!((ts.packing, fmp4.packing), (Packing::Ts, Packing::Fmp4));
    for measured in [&ts, &fmp4] {
        assert_eq!(
            (
                measured.streams,
                &measured.damage,
                measured.lost_audio_bytes
            ),
            (2, &None, 0)
        );
        let (video, audio) = (
            measured.video.as_ref().unwrap(),
            measured.audio.as_ref().unwrap(),
        );
        assert_eq!(
            (
                video.frames,
                video.size,
                video.starts_with_idr,
                video.keyframes.len()
            ),
            (100, Some((160, 90)), true, 2)
        );
        assert_eq!(
            (video.duration_ticks(), video.intra_frames),
            (4 * 90_000, 2)
        );
        assert!(
            video
                .codec
                .as_ref()
                .is_some_and(|it| it.starts_with("avc1.")),
            "{video:?}"
        );
        assert_eq!(audio.codec.as_deref(), Some("mp4a.40.2"));
        assert!((audio.end - audio.start - 4.0).abs() < 0.05, "{audio:?}");
        assert_eq!(measured.lead(), Some(video));
    }
    let audio = ts.audio.unwrap();
    assert_eq!((audio.sample_rate, audio.channels), (Some(48_000), Some(1)));
    assert_eq!(audio.samples, audio.frames * 1024);
}

#[test]
fn damage_is_described() {
    let stream = transport_stream();
    let mut gap = stream.clone();
    gap.drain(188 * 20..188 * 21);
    for (bytes, expected) in [
        (
            stream[..stream.len() - 5].to_vec(),
            "183 bytes of a packet that is cut off at the end",
        ),
        (gap, "gaps in the continuity counters"),
    ] {
        let measured = measure(&bytes, None).unwrap();
        assert!(
            measured
                .damage
                .as_ref()
                .is_some_and(|it| it.contains(expected)),
            "{measured:?}"
        );
    }
    let (init, segment) = fragments();
    let measured = measure(&segment[..segment.len() - 9], Some(&init)).unwrap();
    assert_eq!(
        measured.damage.as_deref(),
        Some("the last 9 bytes are missing")
    );
}

#[test]
fn fragments_have_a_limit() {
    let mut scanner = Scanner::new(None);
    scanner.push(b"\x00\x00\x00\x18styp and so on").unwrap();
    let half = vec![0; MAX_FRAGMENT_BYTES / 2];
    scanner.push(&half).unwrap();
    assert_eq!(scanner.push(&half), Err(Unmeasurable::TooLarge));
}

#[test]
fn the_pieces_do_not_matter() {
    let (init, segment) = fragments();
    let stream = transport_stream();
    let whole = [
        measure(&stream, None).unwrap(),
        measure(&segment, Some(&init)).unwrap(),
    ];
    proptest!(|(sizes in prop::collection::vec(1_usize..5_000, 1..40))| {
        for (bytes, expected) in [(&stream, &whole[0]), (&segment, &whole[1])] {
            let mut scanner = Scanner::new(Some(&init));
            let mut rest = &bytes[..];
            for size in sizes.iter().cycle() {
                let (part, after) = rest.split_at(rest.len().min(*size));
                scanner.push(part).unwrap();
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(&scanner.finish().unwrap(), expected);
        }
    });
}

proptest! {
    #[test]
    fn ticks_survive_seconds(value in 0_i64..1 << 33, length in 0_i64..1 << 33) {
        prop_assert_eq!(ticks(seconds(value)), value);
        prop_assert_eq!(ticks(seconds(value + length)) - ticks(seconds(value)), length);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600), ts in any::<bool>()) {
        let mut bytes = bytes;
        if ts && let Some(first) = bytes.first_mut() {
            *first = 0x47;
        }
        drop(measure(&bytes, None));
    }
}
