use std::process::Command;

use proptest::prelude::*;

use super::*;

/// The parameter set of two frames from x265.
fn encode(source: &str, format: &str, extra: &[&str], parameters: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ts");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", source]);
    ffmpeg.args(["-frames:v", "2", "-c:v", "libx265", "-preset", "ultrafast"]);
    let parameters = format!("log-level=none{parameters}");
    ffmpeg.args(["-pix_fmt", format, "-x265-params", &parameters]);
    assert!(ffmpeg.args(extra).arg(&path).status().unwrap().success());
    let report = crate::ts::scan(&std::fs::read(path).unwrap());
    report.video().unwrap().sps.clone().unwrap()
}

#[test]
fn size_rate_and_format_are_read() {
    let source = "testsrc2=s=1920x1080:r=24000/1001";
    let sps = Sps::parse(&encode(source, "yuv420p", &[], "")).unwrap();
    // 1080 is not a multiple of 8: the window crops it.
    assert_eq!((sps.width, sps.height), (1920, 1080));
    assert_eq!(sps.frame_rate, Some((24_000, 1_001)));
    let format = |it: &Sps| (it.chroma_format, it.bit_depth, it.chroma_bit_depth);
    assert_eq!(format(&sps), (1, 8, 8));
    assert_eq!(sps.codec_string(), "hvc1.1.6.L120.90");
    assert_eq!((sps.color, sps.pixel_aspect), (None, Some((1, 1))));

    let colors = ":colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=full";
    let filter = ["-vf", "setsar=4/3"];
    let source = "testsrc2=s=130x74:r=50";
    let sps = Sps::parse(&encode(source, "yuv420p10le", &filter, colors)).unwrap();
    assert_eq!((sps.width, sps.height), (130, 74));
    assert_eq!(sps.frame_rate, Some((50, 1)));
    assert_eq!(format(&sps), (1, 10, 10));
    assert_eq!(sps.profile.profile, 2);
    assert!(sps.codec_string().starts_with("hvc1.2.4.L"));
    assert_eq!(sps.color, Some((9, 16, 9)));
    assert_eq!(
        (sps.full_range, sps.pixel_aspect),
        (Some(true), Some((4, 3)))
    );

    // Range extensions, with scaling lists, temporal layers and many references.
    let options = ":scaling-list=default:temporal-layers=1:bframes=4:b-pyramid=1:ref=5";
    let sps = Sps::parse(&encode(source, "yuv422p10le", &[], options)).unwrap();
    assert_eq!((sps.width, sps.height), (130, 74));
    assert_eq!(format(&sps), (2, 10, 10));
    assert_eq!((sps.profile.profile, sps.frame_rate), (4, Some((50, 1))));
}

#[test]
fn codecs_are_written_as_in_annex_e() {
    let main = Profile {
        space: 0,
        high_tier: false,
        profile: 1,
        compatibility: 0x6000_0000,
        constraints: [0xb0, 0, 0, 0, 0, 0],
        level: 93,
    };
    let other = Profile {
        space: 1,
        high_tier: true,
        profile: 4,
        compatibility: 0x8200_0000,
        constraints: [0xb0, 0, 0x23, 0, 0, 0],
        level: 120,
    };
    let none = Profile {
        constraints: [0; 6],
        ..main
    };
    for (profile, expected) in [
        (main, "hvc1.1.6.L93.B0"),
        (other, "hvc1.A4.41.H120.B0.0.23"),
        (none, "hvc1.1.6.L93"),
    ] {
        assert_eq!(profile.codec_string(), expected);
        assert_eq!(Profile::parse(&profile.to_bytes()), profile);
    }
}

#[test]
fn metadata_of_hdr_is_found_among_messages() {
    let display: Vec<u8> = (1..=24).collect();
    let mut nal = vec![39 << 1, 1, 5, 2, 9, 9, 137, 24];
    nal.extend_from_slice(&display);
    // Emulation prevention is not part of a message.
    nal.extend_from_slice(&[144, 4, 0, 0, 3, 1, 2, 0x80]);
    let mut hdr = HdrMetadata::default();
    hdr.note(&nal);
    assert_eq!(hdr.mastering_display.unwrap(), display[..]);
    assert_eq!(hdr.light_levels, Some([0, 0, 1, 2]));
    let mut none = HdrMetadata::default();
    nal[0] = 40 << 1;
    none.note(&nal);
    assert_eq!(none, HdrMetadata::default());
}

#[test]
fn any_damage_is_survived() {
    let sps = encode("testsrc2=s=64x64", "yuv420p", &[], "");
    let flips = prop::collection::vec((0..sps.len(), any::<u8>()), 1..20);
    proptest!(|(flips in flips, cut in 0..sps.len())| {
        let mut sps = sps.clone();
        for (at, value) in flips {
            sps[at] = value;
        }
        let _ = Sps::parse(&sps);
        let _ = Sps::parse(&sps[..cut]);
        let _ = Sps::from_hvcc(&sps);
        HdrMetadata::default().note(&sps);
    });
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        kind in 32_u8..41,
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = kind << 1;
        }
        let _ = Sps::parse(&bytes);
        let _ = Sps::from_hvcc(&bytes);
        HdrMetadata::default().note(&bytes);
    }
}
