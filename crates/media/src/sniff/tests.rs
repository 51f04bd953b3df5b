use std::process::Command;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(head: &[u8], expected: NotVideo) {
    assert_eq!(
        sniff(head),
        Some(Kind::NotVideo(expected)),
        "{:?}",
        String::from_utf8_lossy(head)
    );
}

#[test]
fn files_other_than_videos_are_named() {
    check(b"", NotVideo::Empty);
    check(b"\xff\xd8\xff\xe0\0\x10JFIF", NotVideo::Jpeg);
    check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", NotVideo::Png);
    check(b"%PDF-1.7\n%\xe2\xe3", NotVideo::Pdf);
    check(b"PK\x03\x04\x14\0\0\0", NotVideo::Zip);
    check(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", NotVideo::Heif);
    check(b"RIFF\x24\0\0\0WAVEfmt ", NotVideo::Wav);
    check(b"ID3\x04\0\0\0\0\0\0", NotVideo::Mp3);
    check(b"<!DOCTYPE html><html>", NotVideo::Html);
    check("Dear all, caf\u{e9} at five.\n".as_bytes(), NotVideo::Text);
    check(&"caf\u{e9}".as_bytes()[..4], NotVideo::Text);
    check(b"MZ is how this letter begins", NotVideo::Text);
    check(
        b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
        NotVideo::Subtitles,
    );
}

#[test]
fn files_that_refer_to_others_are_named() {
    for (text, expected) in [
        (
            "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
            NotVideo::HlsPlaylist,
        ),
        ("\u{feff}#EXTM3U\n", NotVideo::HlsPlaylist),
        ("\n\n#EXTM3U\n", NotVideo::HlsPlaylist),
        (
            "ffconcat version 1.0\nfile /etc/passwd\n",
            NotVideo::FfconcatScript,
        ),
        ("# a list\nfile '/etc/passwd'\n", NotVideo::FfconcatScript),
        (
            "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
            NotVideo::Sdp,
        ),
        (
            "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">",
            NotVideo::DashManifest,
        ),
    ] {
        check(text.as_bytes(), expected);
        assert!(expected.is_reference());
    }
}

#[test]
fn every_container_that_ffmpeg_writes_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format, codec, expected) in [
        ("a.mp4", "mp4", "mpeg4", ContainerKind::Mp4),
        ("a.mov", "mov", "mpeg4", ContainerKind::Mp4),
        ("a.3gp", "3gp", "mpeg4", ContainerKind::Mp4),
        ("a.mkv", "matroska", "mpeg4", ContainerKind::Matroska),
        ("a.ts", "mpegts", "mpeg2video", ContainerKind::MpegTs),
        ("a.mpg", "mpeg", "mpeg2video", ContainerKind::MpegPs),
        ("a.avi", "avi", "mpeg4", ContainerKind::Avi),
        ("a.flv", "flv", "flv", ContainerKind::Flv),
        ("a.wmv", "asf", "msmpeg4", ContainerKind::Asf),
        ("a.mxf", "mxf", "mpeg2video", ContainerKind::Mxf),
        ("a.wtv", "wtv", "mpeg2video", ContainerKind::Wtv),
        ("a.h264", "h264", "libx264", ContainerKind::H264),
        (
            "a.m2v",
            "mpeg2video",
            "mpeg2video",
            ContainerKind::MpegVideo,
        ),
        ("a.m4v", "m4v", "mpeg4", ContainerKind::Mpeg4Video),
    ] {
        let path = folder.path().join(name);
        let args = [
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=176x144:r=25",
            "-frames:v",
            "20",
        ];
        let made = Command::new("ffmpeg")
            .args(args)
            .args(["-c:v", codec, "-f", format])
            .arg(&path)
            .status();
        assert!(made.unwrap().success(), "{name}");
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            sniff(&bytes[..bytes.len().min(SNIFF_BYTES)]),
            Some(Kind::Video(expected)),
            "{name}"
        );
        let known = Command::new("ffprobe")
            .args(["-v", "error", "-f", expected.demuxer()])
            .arg(&path)
            .status();
        assert!(known.unwrap().success(), "{name}");
    }
}

#[test]
fn transport_streams_are_found_in_all_packet_sizes_and_at_any_phase() {
    for size in [188, 192, 204] {
        for phase in [0, 4, 100] {
            let mut bytes = vec![0x11u8; phase + size * 6];
            bytes[phase..]
                .iter_mut()
                .step_by(size)
                .for_each(|it| *it = 0x47);
            assert_eq!(
                sniff(&bytes),
                Some(Kind::Video(ContainerKind::MpegTs)),
                "{size} {phase}"
            );
        }
    }
    let mut behind = b"HTTP/1.1 200 OK\r\n\r\n".repeat(40);
    let start = behind.len();
    behind.resize(start + 10 * 188, 0x11);
    behind[start..]
        .iter_mut()
        .step_by(188)
        .for_each(|it| *it = 0x47);
    assert_eq!(sniff(&behind), Some(Kind::Video(ContainerKind::MpegTs)));
    assert_eq!(sniff(&[0x11; 2000]), None);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in "\\PC{0,100}") {
        let _ = sniff(&bytes);
        let _ = sniff(text.as_bytes());
    }
}
