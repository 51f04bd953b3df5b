//! Files of a part of the presentation, and of its audio alone.

use super::*;

/// Audio alone is a file of its own, with the packets of the segments.
#[test]
fn audio_alone_becomes_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let audio = segments(folder.path(), "audio", &AUDIO);
    let units = pes_units(&audio[0], EsCodec::AacAdts, None).unwrap();
    let origin = units[0].pts as u64;
    let mut remuxer = Remuxer::new(origin, Tracks::Audio);
    assert!(remuxer.head(None).is_err(), "nothing was added");
    assert!(remuxer.push_video(&audio[0]).is_err());
    let mut data = vec![];
    for (segment, until) in audio.iter().zip(1..) {
        remuxer.push_audio(segment).unwrap();
        remuxer.take(origin + until * 180_000, &mut data);
    }
    remuxer.finish(&mut data);
    let head = remuxer.head(Some(head_bound(0, 282, 6))).unwrap();
    assert_eq!(&head[4..12], b"ftypM4A ");
    let path = folder.path().join("sound.m4a");
    std::fs::write(&path, [head, data].concat()).unwrap();
    let joined = folder.path().join("joined.ts");
    std::fs::write(&joined, audio.concat()).unwrap();
    let heard = hashes(&path, "0:a");
    assert_eq!(heard, hashes(&joined, "0:a"));
    assert!(heard.len() > 280, "{}", heard.len());
    let entries = "stream=codec_name,start_time:format=nb_streams";
    let path = path.to_str().unwrap();
    let found = run(
        "ffprobe",
        &["-show_entries", entries, "-of", "csv=p=0", path],
    );
    assert_eq!(found, "aac,0.000000\n1\n");
}

/// The same frames and samples as in the whole file, from the start of the part to its end.
#[test]
fn a_part_is_cut_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (video, audio) = (
        segments(folder, "video", &VIDEO),
        segments(folder, "audio", &AUDIO),
    );
    let joined = folder.join("joined.ts");
    std::fs::write(&joined, video.concat()).unwrap();
    let all = hashes(&joined, "0:v");
    let origin = origin_of(&video);
    let frame = |number: u64| origin + number * 3_003;
    // In frames. Keyframes are 60 frames apart.
    for (start, end, exact, expected) in [
        (60, 120, true, 60..120),
        (60, 120, false, 60..120),
        (90, 150, true, 90..150),
        (90, 150, false, 60..150),
        (1, 2, true, 1..2),
        (0, 180, true, 0..180),
    ] {
        let part = Part {
            start: frame(start),
            end: frame(end),
            exact,
        };
        let first = (start / 60) as usize;
        for fragmented in [false, true] {
            let mut remuxer = Remuxer::of_part(part, Tracks::Both);
            let mut data = vec![];
            for index in first..video.len() {
                let (video, audio) = (&video[index], &audio[index]);
                match fragmented {
                    false => {
                        remuxer.push_video(video).unwrap();
                        remuxer.push_audio(audio).unwrap();
                    }
                    true => {
                        let packaged = |segment: &[u8], codec| {
                            let place = crate::cmaf::Place::default();
                            let made = crate::cmaf::package(segment, codec, &place).unwrap();
                            (Init::parse(&made.init).unwrap(), made.media)
                        };
                        let (init, media) = packaged(video, EsCodec::H264);
                        remuxer.push_video_fragment(&init, &media).unwrap();
                        let (init, media) = packaged(audio, EsCodec::AacAdts);
                        remuxer.push_audio_fragment(&init, &media).unwrap();
                    }
                }
                remuxer.take(origin + (index as u64 + 1) * 180_000, &mut data);
            }
            remuxer.finish(&mut data);
            let file = [remuxer.head(None).unwrap(), data].concat();
            let path = folder.join("part.mp4");
            std::fs::write(&path, &file).unwrap();
            let case = format!("{start}..{end} exact: {exact}, fragmented: {fragmented}");
            let mut seen = hashes(&path, "0:v");
            if !exact {
                // Frames after the end that others need.
                assert!(seen.len() - expected.len() <= 3, "{case}: {}", seen.len());
                seen.truncate(expected.len());
            }
            assert_eq!(seen, all[expected.clone()], "{case}");
            let seconds = expected.len() as f64 * 1_001.0 / 30_000.0;
            let entries = "stream=start_time,duration";
            let found = run(
                "ffprobe",
                &[
                    "-show_entries",
                    entries,
                    "-of",
                    "csv=p=0",
                    path.to_str().unwrap(),
                ],
            );
            // The audio ends before the last frame.
            for (line, slack) in found.lines().zip([0.002, 0.06]) {
                let (begins, lasts) = line.split_once(',').unwrap();
                let lasts: f64 = lasts.trim_matches(',').parse().unwrap();
                assert!(
                    begins.parse::<f64>().unwrap().abs() < 0.001,
                    "{case}: {found}"
                );
                let slack = if exact { slack } else { 0.11 };
                assert!((lasts - seconds).abs() < slack, "{case}: {found}");
            }
        }
    }
    // Before the first segment, after the last one, and empty.
    for (start, end) in [(0, 1), (frame(500), frame(600)), (frame(90), frame(90))] {
        let part = Part {
            start,
            end,
            exact: true,
        };
        let mut remuxer = Remuxer::of_part(part, Tracks::Both);
        for (video, audio) in video.iter().zip(&audio) {
            remuxer.push_video(video).unwrap();
            remuxer.push_audio(audio).unwrap();
        }
        let mut data = vec![];
        remuxer.finish(&mut data);
        drop(remuxer.head(None));
    }
}

/// The frame that is on the screen at the start of an exact part is its first one.
#[test]
fn a_part_may_begin_in_the_middle_of_a_frame() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let video = segments(folder, "video", &VIDEO);
    let joined = folder.join("joined.ts");
    std::fs::write(&joined, video.concat()).unwrap();
    let all = hashes(&joined, "0:v");
    let origin = origin_of(&video);
    for late in [1, 1_500, 3_002] {
        let part = Part {
            start: origin + 90 * 3_003 + late,
            end: origin + 119 * 3_003,
            exact: true,
        };
        let mut remuxer = Remuxer::of_part(part, Tracks::Video);
        remuxer.push_video(&video[1]).unwrap();
        let mut data = vec![];
        remuxer.finish(&mut data);
        let path = folder.join("part.mp4");
        std::fs::write(&path, [remuxer.head(None).unwrap(), data].concat()).unwrap();
        assert_eq!(hashes(&path, "0:v"), all[90..119], "{late}");
    }
}
