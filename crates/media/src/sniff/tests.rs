use std::process::Command;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(head: &[u8], expected: NotMedia) {
    assert_eq!(
        sniff(head),
        Some(Kind::NotMedia(expected)),
        "{:?}",
        String::from_utf8_lossy(head)
    );
}

#[test]
fn other_files_are_named() {
    check(b"", NotMedia::Empty);
    check(b"\xff\xd8\xff\xe0\0\x10JFIF", NotMedia::Jpeg);
    check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", NotMedia::Png);
    check(b"%PDF-1.7\n%\xe2\xe3", NotMedia::Pdf);
    check(b"PK\x03\x04\x14\0\0\0", NotMedia::Zip);
    check(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", NotMedia::Heif);
    check(b"<!DOCTYPE html><html>", NotMedia::Html);
    check("Dear all, caf\u{e9} at five.\n".as_bytes(), NotMedia::Text);
    check(&"caf\u{e9}".as_bytes()[..4], NotMedia::Text);
    check(b"MZ is how this letter begins", NotMedia::Text);
    check(
        b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
        NotMedia::Subtitles,
    );
}

#[test]
fn files_that_refer_to_others_are_named() {
    for (text, expected) in [
        (
            "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
            NotMedia::HlsPlaylist,
        ),
        ("\u{feff}#EXTM3U\n", NotMedia::HlsPlaylist),
        ("\n\n#EXTM3U\n", NotMedia::HlsPlaylist),
        (
            "ffconcat version 1.0\nfile /etc/passwd\n",
            NotMedia::FfconcatScript,
        ),
        ("# a list\nfile '/etc/passwd'\n", NotMedia::FfconcatScript),
        (
            "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
            NotMedia::Sdp,
        ),
        (
            "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">",
            NotMedia::DashManifest,
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
            Some(Kind::Media(expected)),
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
fn every_audio_file_that_ffmpeg_writes_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format, codec, expected) in [
        ("a.mp3", "mp3", "libmp3lame", ContainerKind::Mp3),
        ("bare.mp3", "mp3", "libmp3lame", ContainerKind::Mp3),
        ("a.mp2", "mp2", "mp2", ContainerKind::Mp3),
        ("a.wav", "wav", "pcm_s16le", ContainerKind::Wav),
        ("a.aiff", "aiff", "pcm_s16be", ContainerKind::Aiff),
        ("a.flac", "flac", "flac", ContainerKind::Flac),
        ("a.aac", "adts", "aac", ContainerKind::Adts),
        ("a.m4a", "ipod", "aac", ContainerKind::Mp4),
        ("a.ogg", "ogg", "libvorbis", ContainerKind::Ogg),
        ("a.opus", "ogg", "libopus", ContainerKind::Ogg),
        ("a.mka", "matroska", "flac", ContainerKind::Matroska),
    ] {
        let path = folder.path().join(name);
        let (version, xing) = if name == "bare.mp3" {
            ("0", "0")
        } else {
            ("4", "1")
        };
        let mut making = Command::new("ffmpeg");
        making.args(["-v", "error", "-f", "lavfi", "-i", "sine=d=1:r=48000"]);
        if format == "mp3" {
            making.args(["-id3v2_version", version, "-write_xing", xing]);
        }
        making.args(["-c:a", codec, "-f", format]).arg(&path);
        assert!(making.status().unwrap().success(), "{name}");
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.starts_with(b"ID3"), name == "a.mp3", "{name}");
        assert_eq!(
            sniff(&bytes[..bytes.len().min(SNIFF_BYTES)]),
            Some(Kind::Media(expected)),
            "{name}"
        );
    }
}

#[test]
fn what_follows_a_tag_decides() {
    let mp3 = [0xff, 0xfb, 0x90, 0x00];
    let adts = [0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc];
    for (rest, expected) in [
        (&mp3[..], Some(ContainerKind::Mp3)),
        (&[&[0; 300][..], &mp3].concat(), Some(ContainerKind::Mp3)),
        (&adts, Some(ContainerKind::Adts)),
        (b"fLaC\0\0\0\x22", Some(ContainerKind::Flac)),
        (b"#EXTM3U\n", None),
        (&[0; 300], None),
        (b"", None),
    ] {
        assert_eq!(after_tag(rest), expected, "{rest:?}");
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
                Some(Kind::Media(ContainerKind::MpegTs)),
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
    assert_eq!(sniff(&behind), Some(Kind::Media(ContainerKind::MpegTs)));
    assert_eq!(sniff(&[0x11; 2000]), None);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in "\\PC{0,100}") {
        let _ = sniff(&bytes);
        let _ = after_tag(&bytes);
        let _ = sniff(text.as_bytes());
    }
}
