//! VIDEO-RANGE and the colours of the video.

use super::build::ffmpeg;
use super::*;

/// Two seconds with these transfer characteristics, by x264's name.
fn video(folder: &Path, transfer: &str) {
    let colors = format!("colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc");
    let playlist = format!("{transfer}.m3u8");
    let source = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-t", "2"];
    let code = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-x264-params",
        &colors,
    ];
    let hls = ["-f", "hls", "-hls_playlist_type", "vod", &playlist];
    ffmpeg(folder, &[&source[..], &code, &hls].concat());
}

#[test]
fn the_range_is_that_of_the_video() {
    let folder = tempfile::tempdir().unwrap();
    for transfer in ["smpte2084", "arib-std-b67", "bt2020-10", "bt709"] {
        video(folder.path(), transfer);
    }
    for (transfer, declared, fix) in [
        ("smpte2084", "PQ", None),
        ("smpte2084", "HLG", Some("PQ")),
        ("smpte2084", "SDR", Some("PQ")),
        ("smpte2084", "", Some("PQ")),
        ("arib-std-b67", "HLG", None),
        ("arib-std-b67", "PQ", Some("HLG")),
        ("arib-std-b67", "SDR", Some("HLG")),
        // HLG that older decoders take for SDR.
        ("bt2020-10", "HLG", None),
        ("bt2020-10", "SDR", None),
        ("bt709", "SDR", None),
        ("bt709", "", None),
        ("bt709", "PQ", Some("SDR")),
    ] {
        let range = match declared {
            "" => String::new(),
            it => format!(",VIDEO-RANGE={it}"),
        };
        let master = folder.path().join("master.m3u8");
        let text = format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000{range}\n{transfer}.m3u8\n");
        std::fs::write(&master, text).unwrap();
        let report = check(&master);
        let mut own = report
            .findings
            .iter()
            .filter(|it| it.rule == "RFC8216bis-4.4.6.2");
        let found = own.next();
        let expected = fix.map(|it| format!("Write VIDEO-RANGE={it}."));
        assert_eq!(
            found.map(|it| it.fix.clone()),
            expected,
            "{transfer} {declared}"
        );
        assert!(found.is_none_or(|it| it.level == Level::Must));
        if (transfer, declared) == ("smpte2084", "") {
            let message =
                "VIDEO-RANGE is missing, and `smpte20840.ts` is PQ (transfer characteristics 16)";
            assert_eq!(found.unwrap().message, message);
        }
    }
}
