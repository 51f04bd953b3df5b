use std::process::Command;

use proptest::prelude::*;

use super::*;

fn encode(size: &str, rate: &str, extra: &[&str]) -> Sps {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ts");
    let source = format!("testsrc2=s={size}:r={rate}");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        &source,
        "-frames:v",
        "2",
        "-c:v",
        "libx264",
    ]);
    assert!(ffmpeg.args(extra).arg(&path).status().unwrap().success());
    let report = crate::ts::scan(&std::fs::read(path).unwrap());
    Sps::parse(report.video().unwrap().sps.as_ref().unwrap()).unwrap()
}

#[test]
fn size_rate_and_format_are_read() {
    let sps = encode(
        "1920x1080",
        "30000/1001",
        &["-pix_fmt", "yuv420p", "-profile:v", "high", "-level", "4.0"],
    );
    assert_eq!(
        (sps.width, sps.height),
        (1920, 1080),
        "1080 is not a multiple of 16: cropped"
    );
    assert_eq!(sps.frame_rate, Some((30_000, 1001)));
    assert_eq!(sps.codec_string(), "avc1.640028");
    assert!(sps.is_common_format() && !sps.interlaced);

    let sps = encode(
        "320x180",
        "25",
        &[
            "-pix_fmt",
            "yuv420p",
            "-profile:v",
            "baseline",
            "-level",
            "3.0",
        ],
    );
    assert_eq!(
        (sps.width, sps.height, sps.frame_rate),
        (320, 180, Some((25, 1)))
    );
    assert_eq!(sps.codec_string(), "avc1.42c01e");

    let sps = encode("160x90", "25", &["-pix_fmt", "yuv422p10le"]);
    assert_eq!(
        (sps.bit_depth, sps.chroma_format, sps.profile),
        (10, 2, 122)
    );
    assert_eq!((sps.width, sps.height), (160, 90));

    let sps = encode(
        "720x576",
        "25",
        &[
            "-pix_fmt",
            "yuv420p",
            "-flags",
            "+ildct",
            "-vf",
            "setsar=16/11",
        ],
    );
    assert_eq!((sps.width, sps.height, sps.interlaced), (720, 576, true));
    assert_eq!(sps.pixel_aspect, Some((16, 11)));
    let colour = [
        "-pix_fmt",
        "yuv420p",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
        "-colorspace",
        "bt709",
    ];
    assert_eq!(encode("160x90", "25", &colour).color, Some((1, 1, 1)));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
        bytes[0] = 0x67;
        let _ = Sps::parse(&bytes);
        let _ = Sps::from_avcc(&bytes);
    }
}

#[test]
fn pictures_are_found_behind_other_units() {
    let unit = |bytes: &[u8]| [&[0, 0, 0, 9], bytes, &vec![0; 9 - bytes.len()]].concat();
    let sample = |units: &[&[u8]]| units.iter().flat_map(|it| unit(it)).collect::<Vec<u8>>();
    assert_eq!(
        frame_kind(&sample(&[&[0x67], &[0x68], &[0x06], &[0x65]]), 4),
        Some(FrameKind::Idr)
    );
    // first_mb_in_slice 0, slice_type 7 (I) and 5 (P).
    assert_eq!(
        frame_kind(&sample(&[&[0x06], &[0x41, 0b1000_1000]]), 4),
        Some(FrameKind::Intra)
    );
    assert_eq!(
        frame_kind(&sample(&[&[0x06], &[0x41, 0b1001_1000]]), 4),
        Some(FrameKind::Inter)
    );
    assert_eq!(frame_kind(&sample(&[&[0x67], &[0x68]]), 4), None);
    assert_eq!(frame_kind(&sample(&[&[0x65]])[..3], 4), None);
    assert_eq!(length_size(&[1, 0x64, 0, 0x1e, 0xff]), Some(4));
}
