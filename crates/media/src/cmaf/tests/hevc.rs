use super::*;
use crate::mp4::{SampleEntry, child_box};
use crate::ts::cut_iframes;

const ENCODER: &str = "-c:v libx265 -preset ultrafast -x265-params log-level=none";

/// Makes 6 s in segments of 2 s.
fn encoded(folder: &Path, rate: &str, format: &str, parameters: &str) -> Vec<Vec<u8>> {
    let source = format!("-f lavfi -i testsrc2=s=128x72:r={rate} -t 6 -pix_fmt {format}");
    let keys = "-force_key_frames expr:gte(t,n_forced*2) -forced-idr 1";
    let arguments = format!("{source} {keys} {ENCODER}:{parameters}");
    segments(folder, &arguments, "2")
}

fn entry(init: &[u8]) -> SampleEntry {
    let init = Init::parse(init).unwrap();
    init.moov.tracks[0].entry.clone().unwrap()
}

#[test]
fn frames_are_the_same() {
    for (rate, format, frames, codec) in [
        ("24000/1001", "yuv420p", 0, "hvc1.1.6.L30.90"),
        ("25", "yuv420p10le", 2, "hvc1.2.4.L30.90"),
        ("60", "yuv420p", 4, "hvc1.1.6.L60.90"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let parameters = format!("open-gop=0:bframes={frames}:b-adapt=0");
        let segments = encoded(folder.path(), rate, format, &parameters);
        assert_eq!(segments.len(), 3);
        for segment in &segments {
            let video = measure(segment, None).video.unwrap();
            assert_eq!(video.codec.as_deref(), Some(codec));
            assert_eq!(video.size, Some((128, 72)));
            assert!(video.starts_with_idr);
            assert_eq!((video.intra_frames, video.keyframes.len()), (1, 1));
        }
        video::check(rate, &segments, EsCodec::Hevc, folder.path());
    }
}

/// With an open group, the first frames that are presented refer to the segment before.
#[test]
fn groups_that_refer_to_the_segment_before() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!(
        "-f lavfi -i testsrc2=s=128x72:r=25 -t 6 -pix_fmt yuv420p \
         {ENCODER}:open-gop=1:keyint=50:min-keyint=50:bframes=2:b-adapt=0:scenecut=0"
    );
    let segments = segments(folder.path(), &arguments, "1.9");
    assert_eq!(segments.len(), 3);
    let starts = segments.iter().map(|it| measure(it, None).video.unwrap());
    let starts: Vec<_> = starts
        .map(|it| (it.starts_with_idr, it.keyframes.len(), it.intra_frames))
        .collect();
    assert_eq!(starts, [(true, 1, 1), (false, 0, 1), (false, 0, 1)]);
    video::check("open", &segments, EsCodec::Hevc, folder.path());
}

/// The configuration agrees with that of FFmpeg's own MP4 files.
#[test]
fn the_sample_entry_is_that_of_ffmpeg() {
    let folder = tempfile::tempdir().unwrap();
    let parameters = "open-gop=0:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:\
                      max-cll=1000,400:master-display=";
    let display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)";
    let parameters = format!("{parameters}{display}");
    let segments = encoded(folder.path(), "25", "yuv420p10le", &parameters);
    let (init, media) = packaged(&segments, EsCodec::Hevc);
    let own = entry(&init);
    let (stream, file) = (folder.path().join("0.ts"), folder.path().join("a.mp4"));
    let (stream, path) = (stream.to_str().unwrap(), file.to_str().unwrap());
    run(
        "ffmpeg",
        &["-i", stream, "-c", "copy", "-tag:v", "hvc1", path],
    );
    let theirs = entry(&std::fs::read(&file).unwrap());
    assert_eq!((&own.fourcc, own.width, own.height), (b"hvc1", 128, 72));
    assert_eq!(own.color, theirs.color);
    assert_eq!(own.color.map(|it| it.transfer), Some(16));
    let (own, theirs) = (own.config.unwrap(), theirs.config.unwrap());
    // Profile and level; chroma and depths; layers and lengths.
    for range in [0..13, 16..19, 21..22] {
        assert_eq!(own[range.clone()], theirs[range]);
    }
    let sets = |it: &[u8]| -> Vec<Vec<u8>> {
        let units = crate::h265::hvcc_units(it).unwrap();
        let is_set = |it: &&[u8]| (32..35).contains(&(it[0] >> 1));
        units.filter(is_set).map(<[u8]>::to_vec).collect()
    };
    assert_eq!(sets(&own), sets(&theirs));
    assert_eq!(sets(&own).len(), 3);

    // The metadata of HDR is in boxes, and for FFmpeg the same as in the stream.
    for kind in [&b"mdcv"[..], b"clli"] {
        assert!(init.windows(4).any(|it| it == kind));
    }
    let light = init.windows(4).position(|it| it == b"clli").unwrap();
    assert_eq!(init[light + 4..light + 8], [0x03, 0xe8, 0x01, 0x90]);
    // The primary of green comes first.
    let display = init.windows(4).position(|it| it == b"mdcv").unwrap();
    assert_eq!(init[display + 4..display + 8], [0x33, 0xc2, 0x86, 0xc4]);
    std::fs::write(&file, [init.clone(), media.concat()].concat()).unwrap();
    let side = |input: &str| {
        let entries = "stream=color_transfer:stream_side_data";
        run("ffprobe", &["-show_entries", entries, "-of", "flat", input])
    };
    let found = side(path);
    assert!(found.contains("max_content=1000"), "{found}");
    assert!(found.contains("green_x=\"13250/50000\""), "{found}");
    assert!(child_box(&init, b"moov").is_some());
}

#[test]
fn each_intra_frame_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!(
        "-f lavfi -i testsrc2=s=128x72:r=1 -t 4 -pix_fmt yuv420p {ENCODER}:keyint=1:bframes=0"
    );
    let chunk = &segments(folder.path(), &arguments, "99")[0];
    let packaged = package_iframes(chunk, EsCodec::Hevc, &Place::default()).unwrap();
    let cuts = cut_iframes(chunk).unwrap();
    assert_eq!((packaged.frames.len(), cuts.len()), (4, 4));
    let (file, stream) = (folder.path().join("a.mp4"), folder.path().join("a.ts"));
    for (frame, cut) in packaged.frames.iter().zip(&cuts) {
        assert_eq!((frame.pts, frame.duration), (cut.pts, 90_000));
        std::fs::write(&file, [&packaged.init[..], &frame.bytes].concat()).unwrap();
        std::fs::write(&stream, &cut.bytes).unwrap();
        assert_eq!(hashes(&file), hashes(&stream));
    }
}

/// A download in HEVC is made from fragments.
#[test]
fn fragments_become_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let parameters = "open-gop=0:bframes=3:max-cll=1000,400";
    let segments = encoded(folder.path(), "30", "yuv420p10le", parameters);
    let (init, media) = packaged(&segments, EsCodec::Hevc);
    let parsed = Init::parse(&init).unwrap();
    let mut remuxer = crate::remux::Remuxer::new(900_000, crate::remux::Tracks::Video);
    for segment in &media {
        remuxer.push_video_fragment(&parsed, segment).unwrap();
    }
    let mut data = vec![];
    remuxer.finish(&mut data);
    let head = remuxer.head(None).unwrap();
    assert!(head.windows(4).any(|it| it == b"clli"));
    let (file, joined) = (folder.path().join("a.mp4"), folder.path().join("a.ts"));
    std::fs::write(&file, [head, data].concat()).unwrap();
    std::fs::write(&joined, segments.concat()).unwrap();
    assert_eq!(hashes(&file), hashes(&joined));
    let frames = packets(&file, "pts_time").len();
    assert_eq!(frames, 180);
}
