use super::*;

const ENCODER: &str = "-c:v libsvtav1 -preset 12";
/// MP4 files have no temporal delimiters; what an encoder writes to a transport stream has.
const COPY: &str = "-c copy -bsf:v av1_metadata=td=insert";

/// FFmpeg does not read AV1 from a transport stream, so the same video in an MP4 file of its own is
/// the reference.
#[test]
fn frames_are_the_same() {
    for format in ["yuv420p", "yuv420p10le"] {
        let folder = tempfile::tempdir().unwrap();
        let encoder = format!(
            "-f lavfi -i testsrc2=s=128x72:r=24000/1001 -t 6 -pix_fmt {format} {ENCODER} -g 48"
        );
        let whole = folder.path().join("whole.mp4");
        let mut all: Vec<&str> = encoder.split(' ').collect();
        all.push(whole.to_str().unwrap());
        run("ffmpeg", &all);
        let copied = format!("-i {} {COPY}", whole.to_str().unwrap());
        let segments = segments(folder.path(), &copied, "2");
        assert_eq!(segments.len(), 3);
        let (init, media) = packaged(&segments, EsCodec::Av1);
        check_contiguous(&init, &media);
        let file = folder.path().join("joined.mp4");
        std::fs::write(&file, [init.clone(), media.concat()].concat()).unwrap();
        assert_eq!(hashes(&file), hashes(&whole));
        for (segment, media) in segments.iter().zip(&media) {
            let (ts, fmp4) = (measure(segment, None), measure(media, Some(&init)));
            let (ts, fmp4) = (ts.video.unwrap(), fmp4.video.unwrap());
            let depth = if format == "yuv420p" { "08" } else { "10" };
            assert_eq!(ts.codec, Some(format!("av01.0.00M.{depth}")));
            assert_eq!((&fmp4.codec, fmp4.size), (&ts.codec, Some((128, 72))));
            assert_eq!((fmp4.frames, fmp4.size), (ts.frames, ts.size));
            assert_eq!(fmp4.start_ticks(), ts.start_ticks());
            assert!(fmp4.duration_ticks().abs_diff(ts.duration_ticks()) <= 1);
            assert!(ts.starts_with_idr && fmp4.starts_with_idr);
            assert_eq!((ts.keyframes.len(), fmp4.keyframes.len()), (1, 1));
            assert_eq!(fmp4.intra_frames, ts.intra_frames);
        }
        let frames = package_iframes(&segments[1], EsCodec::Av1, &Place::default()).unwrap();
        assert_eq!(frames.frames.len(), 1);
        let single = [frames.init, frames.frames[0].bytes.clone()].concat();
        std::fs::write(&file, single).unwrap();
        assert_eq!(hashes(&file).len(), 1);
    }
}

/// The sample entry agrees with that of FFmpeg's own MP4 file.
#[test]
fn the_sample_entry_is_that_of_ffmpeg() {
    let folder = tempfile::tempdir().unwrap();
    let colors = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";
    let encoder =
        format!("-f lavfi -i testsrc2=s=128x72:r=25 -t 1 -pix_fmt yuv420p10le {ENCODER} {colors}");
    let whole = folder.path().join("whole.mp4");
    let mut all: Vec<&str> = encoder.split(' ').collect();
    all.push(whole.to_str().unwrap());
    run("ffmpeg", &all);
    let copied = format!("-i {} {COPY}", whole.to_str().unwrap());
    let segments = segments(folder.path(), &copied, "9");
    let (init, _) = packaged(&segments, EsCodec::Av1);
    let [own, theirs] = [init, std::fs::read(&whole).unwrap()].map(|it| {
        let init = Init::parse(&it).unwrap();
        init.moov.tracks[0].entry.clone().unwrap()
    });
    assert_eq!((&own.fourcc, own.width, own.height), (b"av01", 128, 72));
    // The sequence header that SVT-AV1 gives to a muxer is not the one in its stream.
    let [own_config, config] = [&own, &theirs].map(|it| it.config.clone().unwrap());
    assert_eq!(own_config[..4], config[..4]);
    assert_eq!(
        own.color.map(|it| (it.primaries, it.transfer)),
        Some((9, 16))
    );
}
