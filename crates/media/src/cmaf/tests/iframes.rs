use super::*;
use crate::ts::cut_iframes;

/// Each I-frame alone is a file that FFmpeg decodes to the same image as the transport stream.
#[test]
fn each_frame_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        "-f lavfi -i testsrc2=s=128x72:r=1 -t 5 -c:v libx264 -g 1 -bf 0 -pix_fmt yuv420p";
    let chunk = &segments(folder.path(), arguments, "99")[0];
    let place = Place {
        sequence: 40,
        after: None,
        end: Some(900_000 + 5 * 90_000 - 45_000),
    };
    let packaged = package_iframes(chunk, EsCodec::H264, &place).unwrap();
    let cuts = cut_iframes(chunk).unwrap();
    assert_eq!((packaged.frames.len(), cuts.len()), (5, 5));
    let folder = folder.path();
    let (file, stream) = (folder.join("frame.mp4"), folder.join("frame.ts"));
    for (number, (frame, cut)) in packaged.frames.iter().zip(&cuts).enumerate() {
        assert_eq!(frame.pts, cut.pts);
        assert_eq!(frame.duration, if number == 4 { 45_000 } else { 90_000 });
        std::fs::write(&file, [&packaged.init[..], &frame.bytes].concat()).unwrap();
        std::fs::write(&stream, &cut.bytes).unwrap();
        let hash = hashes(&file);
        assert_eq!((hash.len(), &hash), (1, &hashes(&stream)));
        assert_eq!(packets(&file, "pts"), [frame.pts.to_string()]);
        let measured = measure(&frame.bytes, Some(&packaged.init)).video.unwrap();
        assert_eq!((measured.frames, measured.intra_frames), (1, 1));
        assert!(measured.starts_with_idr);
        assert_eq!(measured.duration_ticks(), i64::from(frame.duration));
    }
    // All frames together are one video.
    let all: Vec<u8> = packaged
        .frames
        .iter()
        .flat_map(|it| it.bytes.clone())
        .collect();
    std::fs::write(&file, [packaged.init, all].concat()).unwrap();
    std::fs::write(&stream, chunk).unwrap();
    assert_eq!(hashes(&file), hashes(&stream));
}

#[test]
fn other_frames_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "-f lavfi -i testsrc2=s=128x72:r=25 -t 4 -c:v libx264 -g 25 -sc_threshold 0 \
                     -bf 2 -pix_fmt yuv420p";
    let chunk = &segments(folder.path(), arguments, "99")[0];
    let packaged = package_iframes(chunk, EsCodec::H264, &Place::default()).unwrap();
    let times: Vec<_> = packaged
        .frames
        .iter()
        .map(|it| (it.pts, it.duration))
        .collect();
    assert_eq!(
        times,
        [0, 1, 2, 3].map(|it| (900_000 + it * 90_000, 90_000))
    );
}
