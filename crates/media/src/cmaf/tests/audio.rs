use super::*;
use crate::aac::SAMPLES_PER_BLOCK;

/// An hour of a lane's audio: no sample is missing or repeated between its segments.
#[test]
fn an_hour_without_a_gap() {
    for rate in [44_100, 48_000] {
        let folder = tempfile::tempdir().unwrap();
        let source = format!("-f lavfi -i anullsrc=r={rate}:cl=mono -t 3600 -c:a aac -b:a 32k");
        let segments = segments(folder.path(), &source, "6");
        assert!(segments.len() > 590);
        let (init, media) = packaged(&segments, EsCodec::AacAdts);
        check_contiguous(&init, &media);
        let parsed = Init::parse(&init).unwrap();
        let all = |it: &Vec<u8>| FragmentSamples::read(&parsed, it).unwrap().samples.len() as i64;
        let frames: i64 = media.iter().map(all).sum();
        let read = FragmentSamples::read(&parsed, media.last().unwrap()).unwrap();
        let last = read.samples.last().unwrap();
        assert_eq!((read.timescale, last.duration), (rate, SAMPLES_PER_BLOCK));
        // The encoder's priming is one frame before 10 s.
        let end = last.dts + i64::from(last.duration);
        assert_eq!(end, i64::from(rate) * 10 + (frames - 1) * 1_024);
    }
}

#[test]
fn frames_are_the_same() {
    for (rate, channels) in [(44_100, 2), (48_000, 1), (48_000, 6), (32_000, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let source = format!(
            "-f lavfi -i sine=f=440:r={rate} -t 8 -c:a aac -b:a 96k -ac {channels} -ar {rate}"
        );
        let segments = segments(folder.path(), &source, "2");
        let (init, media) = packaged(&segments, EsCodec::AacAdts);
        check_contiguous(&init, &media);
        let folder = folder.path();
        let (joined, file) = (folder.join("joined.ts"), folder.join("joined.mp4"));
        std::fs::write(&joined, segments.concat()).unwrap();
        std::fs::write(&file, [init.clone(), media.concat()].concat()).unwrap();
        assert_eq!(hashes(&file), hashes(&joined));
        // A frame of a transport stream has an ADTS header of seven bytes.
        let sizes = |it: &Path| -> Vec<i64> {
            let sizes = packets(it, "size");
            sizes.iter().map(|it| it.parse().unwrap()).collect()
        };
        let expected: Vec<i64> = sizes(&joined).iter().map(|it| it - 7).collect();
        assert_eq!(sizes(&file), expected);
        for (segment, media) in segments.iter().zip(&media) {
            let (ts, fmp4) = (measure(segment, None), measure(media, Some(&init)));
            let (ts, fmp4) = (ts.audio.unwrap(), fmp4.audio.unwrap());
            assert_eq!((fmp4.frames, &fmp4.codec), (ts.frames, &ts.codec));
            assert_eq!(
                (fmp4.channels, fmp4.start_ticks()),
                (ts.channels, ts.start_ticks())
            );
            assert!(fmp4.duration_ticks().abs_diff(ts.duration_ticks()) <= 1);
        }
    }
}

/// Equal parameters give equal initialisation sections, whatever the bit rate.
#[test]
fn the_initialisation_section_does_not_depend_on_the_frames() {
    let inits = ["32k", "128k"].map(|rate| {
        let folder = tempfile::tempdir().unwrap();
        let source = format!("-f lavfi -i sine -t 1 -ac 2 -c:a aac -b:a {rate}");
        let segments = segments(folder.path(), &source, "9");
        packaged(&segments, EsCodec::AacAdts).0
    });
    assert_eq!(inits[0], inits[1]);
}
