use std::process::Command;

use proptest::prelude::*;

use super::*;

/// The sequence header of two frames.
fn encode(source: &str, format: &str, options: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ts");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.env("SVT_LOG", "1");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "2"]);
    ffmpeg.args(["-pix_fmt", format]).args(options.split(' '));
    assert!(ffmpeg.arg(&path).status().unwrap().success());
    let report = crate::ts::scan(&std::fs::read(path).unwrap());
    let video = report.video().unwrap();
    assert_eq!((video.frames, video.starts_with_idr), (2, true));
    video.sps.clone().unwrap()
}

const SVT: &str = "-c:v libsvtav1 -preset 12";
const AOM: &str = "-c:v libaom-av1 -usage realtime -cpu-used 8";

#[test]
fn size_and_format_are_read() {
    let hd = "testsrc2=s=1280x720:r=30";
    let header = SequenceHeader::parse(&encode(hd, "yuv420p", SVT)).unwrap();
    assert_eq!((header.width, header.height), (1280, 720));
    assert_eq!((header.bit_depth, header.subsampling), (8, (true, true)));
    assert_eq!(header.codec_string(), "av01.0.05M.08");

    let hdr = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv";
    let small = "testsrc2=s=322x182:r=25";
    let header = SequenceHeader::parse(&encode(small, "yuv420p10le", &format!("{SVT} {hdr}")));
    let header = header.unwrap();
    assert_eq!(
        (header.width, header.height, header.bit_depth),
        (322, 182, 10)
    );
    assert_eq!(header.color.description, Some((9, 16, 9)));
    let codec = header.codec_string();
    assert!(
        codec.starts_with("av01.0.00M.10.0.110.09.16.09.0"),
        "{codec}"
    );

    let header = SequenceHeader::parse(&encode(small, "yuv444p", AOM)).unwrap();
    assert_eq!((header.profile, header.subsampling), (1, (false, false)));
    let codec = header.codec_string();
    assert!(codec.starts_with("av01.1.00M.08.0.000."), "{codec}");
    assert_eq!((header.width, header.height), (322, 182));
}

#[test]
fn units_are_split() {
    // A delimiter, a sequence header, an OBU with an extension, and a frame with a size of 129.
    let unit = [0x12, 0, 0x0a, 2, 1, 2, 0x2e, 0, 1, 9, 0x32, 0x81, 1, 0x10];
    let found: Vec<_> = obus(&unit)
        .map(|it| (it.kind, it.whole.len(), it.payload.len(), it.truncated))
        .collect();
    let expected = [
        (2, 2, 0, false),
        (1, 4, 2, false),
        (5, 4, 1, false),
        (6, 4, 1, true),
    ];
    assert_eq!(found, expected);
    // Without a size, an OBU is the last one.
    let last: Vec<_> = obus(&[0x30, 0x10, 3]).map(|it| it.payload.len()).collect();
    assert_eq!(last, [2]);
    assert_eq!(obus(&[0x80, 0]).count(), 0);
}

#[test]
fn frames_have_kinds() {
    for (first, expected) in [
        (0x10, FrameKind::Key),
        // Not shown yet.
        (0x00, FrameKind::Intra),
        (0x50, FrameKind::Intra),
        (0x30, FrameKind::Inter),
        (0x80, FrameKind::Inter),
    ] {
        let unit = [0x32, 1, first];
        let obu = obus(&unit).next().unwrap();
        assert_eq!(frame_kind(&obu), Some(expected), "{first:x}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        mut bytes in prop::collection::vec(any::<u8>(), 0..100),
        valid in any::<bool>(),
    ) {
        if valid && bytes.len() > 2 {
            (bytes[0], bytes[1]) = (0x0a, bytes.len() as u8 - 2);
        }
        let _ = SequenceHeader::parse(&bytes);
        let _ = SequenceHeader::from_av1c(&bytes);
        for obu in obus(&bytes) {
            let _ = frame_kind(&obu);
        }
    }
}
