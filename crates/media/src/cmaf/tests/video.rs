use super::*;
use crate::ts::begin_with_first_frame;

/// Checks that a stream of segments is the same video in both packings.
pub(super) fn check(name: &str, segments: &[Vec<u8>], codec: EsCodec, folder: &Path) {
    let (init, media) = if name.contains("variable") {
        // Nothing in a segment shows how long its last frame is presented.
        let starts = segments.iter().skip(1);
        let starts = starts.map(|it| Some(measure(it, None).video.unwrap().start_ticks()));
        packaged_until(segments, codec, &starts.chain([None]).collect::<Vec<_>>())
    } else {
        packaged(segments, codec)
    };
    check_contiguous(&init, &media);
    let (joined, file) = (folder.join("joined.ts"), folder.join("joined.mp4"));
    std::fs::write(&joined, segments.concat()).unwrap();
    std::fs::write(&file, [init.clone(), media.concat()].concat()).unwrap();
    assert_eq!(hashes(&file), hashes(&joined), "{name}");
    assert_eq!(
        packets(&file, "pts,dts"),
        packets(&joined, "pts,dts"),
        "{name}"
    );
    for (segment, media) in segments.iter().zip(&media) {
        let (ts, fmp4) = (measure(segment, None), measure(media, Some(&init)));
        let (ts, fmp4) = (ts.video.unwrap(), fmp4.video.unwrap());
        let of = |it: &crate::segment::StreamInfo| {
            let keyframes: Vec<i64> = it
                .keyframes
                .iter()
                .map(|it| (it * 90_000.0).round() as i64)
                .collect();
            (
                (it.start_ticks(), it.frames, it.intra_frames, keyframes),
                (it.codec.clone(), it.size, it.starts_with_idr),
            )
        };
        assert_eq!(of(&fmp4), of(&ts), "{name}");
        let end = |it: &crate::segment::StreamInfo| it.start_ticks() + it.duration_ticks();
        // The last decoded frame of a variable frame rate has another duration than the last
        // presented one.
        let tolerance = if name.contains("variable") { 9_000 } else { 1 };
        assert!((end(&fmp4) - end(&ts)).abs() <= tolerance, "{name}");
    }
}

/// Checks 6 s in segments of 2 s.
fn check_encoded(rate: &str, filter: &str, options: &str) {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("-f lavfi -i testsrc2=s=128x72:r={rate} -t 6 {filter}");
    let keys = "-force_key_frames expr:gte(t,n_forced*2)";
    let encoder = "-c:v libx264 -preset veryfast -pix_fmt yuv420p";
    let arguments = format!("{source} {keys} {encoder} {options}");
    let segments = segments(folder.path(), &arguments, "2");
    assert_eq!(segments.len(), 3, "{arguments}");
    check(&arguments, &segments, EsCodec::H264, folder.path());
}

#[test]
fn constant_frame_rates() {
    for (rate, frames) in [
        ("24000/1001", "0"),
        ("24000/1001", "2"),
        ("25", "1"),
        ("30000/1001", "3"),
        ("60", "4"),
    ] {
        check_encoded(
            rate,
            "-sn",
            &format!("-bf {frames} -b_strategy 0 -forced-idr 1"),
        );
    }
}

#[test]
fn references_between_reordered_frames() {
    let pyramid = "-bf 4 -b_strategy 0 -forced-idr 1 -x264-params b-pyramid=normal:ref=4";
    check_encoded("30", "-sn", pyramid);
}

#[test]
fn groups_that_refer_to_the_segment_before() {
    // x264 repeats parameter sets in front of IDR frames only.
    let repeated = "-flags +global_header -bsf:v dump_extra=freq=keyframe";
    let options = format!("-bf 2 -b_strategy 0 -x264-params open-gop=1 {repeated}");
    check_encoded("25", "-sn", &options);
}

#[test]
fn variable_frame_rates() {
    let filter = "-vf select='not(eq(mod(n,7),3))*not(between(n,20,24))' -fps_mode vfr";
    for frames in ["0", "2"] {
        let options = format!("-bf {frames} -b_strategy 0 -forced-idr 1 -metadata variable=1");
        check_encoded("30", filter, &options);
    }
}

/// The first segment of a presentation begins to be decoded when its first frame is shown.
#[test]
fn moved_decoding_times() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "-f lavfi -i testsrc2=s=128x72:r=24000/1001 -t 6 -c:v libx264 -bf 2 -g 48 \
                     -b_strategy 0 -sc_threshold 0 -pix_fmt yuv420p";
    let mut segments = segments(folder.path(), arguments, "2");
    assert!(begin_with_first_frame(&mut segments[0]));
    check("moved", &segments, EsCodec::H264, folder.path());
    let (init, media) = packaged(&segments, EsCodec::H264);
    let init = Init::parse(&init).unwrap();
    let samples = FragmentSamples::read(&init, &media[0]).unwrap().samples;
    assert_eq!((samples[0].dts, samples[0].pts), (900_000, 900_000));
}

/// The transcoder encodes chunks in runs of their own, each of which begins at its own frame.
#[test]
fn separate_runs_are_contiguous() {
    for (codec, encoder) in [
        (EsCodec::H264, "libx264 -preset veryfast -b_strategy 0"),
        (
            EsCodec::Hevc,
            "libx265 -preset ultrafast -x265-params log-level=none:open-gop=0",
        ),
    ] {
        let mut all = vec![];
        // 144 frames of 1001/24000 s.
        for run in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let offset = format!("{:.6}", f64::from(run) * 6.006);
            let arguments = format!(
                "-f lavfi -i testsrc2=s=128x72:r=24000/1001 -frames:v 144 -c:v {encoder} -bf 3 \
                 -pix_fmt yuv420p -force_key_frames expr:gte(t,n_forced*2) -forced-idr 1 \
                 -output_ts_offset {offset}"
            );
            all.extend(segments(folder.path(), &arguments, "2"));
        }
        assert_eq!(all.len(), 9);
        let (init, media) = packaged(&all, codec);
        // Half ticks are rounded away from zero, so the delay of a new run may be a tick longer.
        let gaps = gaps(&init, &media);
        let within = |it: &usize| it % 3 != 2;
        assert!((0..8).filter(within).all(|it| gaps[it] == 0), "{gaps:?}");
        assert!(gaps.iter().all(|it| (-1..=0).contains(it)), "{gaps:?}");
    }
}

/// The end that the caller knows counts where nothing else shows it.
#[test]
fn the_end_of_the_presentation() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "-f lavfi -i testsrc2=s=128x72:r=25 -t 2 -c:v libx264 -bf 0 -pix_fmt yuv420p";
    let segments = segments(folder.path(), arguments, "9");
    let place = Place {
        sequence: 7,
        after: None,
        end: Some(1_085_000),
    };
    let packaged = package(&segments[0], EsCodec::H264, &place).unwrap();
    let init = Init::parse(&packaged.init).unwrap();
    let report = crate::fmp4::scan(&packaged.media, &init);
    assert_eq!(report.tracks[0].end_pts, 1_085_000);
    let number = packaged.media.windows(4).position(|it| it == b"mfhd");
    let number = &packaged.media[number.unwrap() + 8..];
    assert_eq!(number.first_chunk(), Some(&[0, 0, 0, 7]));
    // Half a wrap of the clock later.
    let after = Some((3_i64 << 33) + 800_000);
    let later = Place { after, ..place };
    let later = package(&segments[0], EsCodec::H264, &later).unwrap();
    let report = crate::fmp4::scan(&later.media, &init);
    assert_eq!(report.tracks[0].base_decode_time, Some((3 << 33) + 900_000));
}

#[test]
fn the_sample_entry_has_colours_and_aspect() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "-f lavfi -i testsrc2=s=128x72:r=25 -t 1 -vf setsar=4/3 -c:v libx264 -pix_fmt \
                     yuv420p -color_primaries bt709 -color_trc bt709 -colorspace bt709 \
                     -color_range tv -level 3.1 -profile:v main";
    let segments = segments(folder.path(), arguments, "9");
    let (init, media) = packaged(&segments, EsCodec::H264);
    let parsed = Init::parse(&init).unwrap();
    let track = &parsed.moov.tracks[0];
    let entry = track.entry.as_ref().unwrap();
    assert_eq!(
        (&entry.fourcc, entry.width, entry.height),
        (b"avc1", 128, 72)
    );
    assert_eq!(entry.pixel_aspect, Some((4, 3)));
    let color = entry.color.unwrap();
    assert_eq!((color.primaries, color.transfer, color.matrix), (1, 1, 1));
    assert_eq!(
        (track.timescale, track.duration, track.edits.len()),
        (90_000, 0, 0)
    );
    assert_eq!(&entry.config.as_ref().unwrap()[..5], &[1, 77, 64, 31, 0xff]);
    // Neither delimiters nor parameter sets are in the samples; SEI messages are.
    let samples = FragmentSamples::read(&parsed, &media[0]).unwrap().samples;
    let mut kinds = vec![];
    for sample in &samples {
        let mut rest = sample.data;
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            kinds.push(after[0] & 0x1f);
            rest = &after[u32::from_be_bytes(*length) as usize..];
        }
    }
    assert!(kinds.contains(&6) && kinds.contains(&5), "{kinds:?}");
    assert!(kinds.iter().all(|it| ![7, 8, 9].contains(it)), "{kinds:?}");
}
