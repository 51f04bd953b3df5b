//! Segments from FFmpeg become files that FFmpeg and our own reader agree with.

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::mp4::{Moov, Track, TrackKind};

mod parts;

/// Runs a program and returns its output.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(["-v", "error"])
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes segments of two seconds.
fn segments(folder: &Path, name: &str, arguments: &[&str]) -> Vec<Vec<u8>> {
    let pattern = folder.join(format!("{name}%d.ts"));
    let mut all = arguments.to_vec();
    all.extend([
        "-f",
        "segment",
        "-segment_time",
        "2",
        "-segment_format_options",
        "mpegts_copyts=1",
        "-segment_format",
        "mpegts",
    ]);
    all.extend(["-initial_offset", "10", pattern.to_str().unwrap()]);
    run("ffmpeg", &all);
    (0..)
        .map_while(|it| std::fs::read(folder.join(format!("{name}{it}.ts"))).ok())
        .collect()
}

const VIDEO: [&str; 16] = [
    "-f",
    "lavfi",
    "-i",
    "testsrc2=s=320x180:r=30000/1001",
    "-t",
    "6",
    "-c:v",
    "libx264",
    "-bf",
    "3",
    "-g",
    "60",
    "-x264-params",
    "keyint_min=60:scenecut=0",
    "-pix_fmt",
    "yuv420p",
];
const AUDIO: [&str; 12] = [
    "-f",
    "lavfi",
    "-i",
    "sine=f=440:r=48000",
    "-t",
    "6",
    "-c:a",
    "aac",
    "-ac",
    "2",
    "-b:a",
    "96k",
];

/// The time of the first frame.
fn origin_of(video: &[Vec<u8>]) -> u64 {
    let units = pes_units(&video[0], EsCodec::H264, None).unwrap();
    units.iter().map(|it| it.pts).min().unwrap() as u64
}

fn remuxed(video: &[Vec<u8>], audio: &[Vec<u8>], room: bool) -> Vec<u8> {
    let origin = origin_of(video);
    let tracks = if audio.is_empty() {
        Tracks::Video
    } else {
        Tracks::Both
    };
    let mut remuxer = Remuxer::new(origin, tracks);
    let (mut data, mut early) = (vec![], 0);
    for index in 0..video.len().max(audio.len()) {
        if let Some(segment) = video.get(index) {
            remuxer.push_video(segment).unwrap();
        }
        if let Some(segment) = audio.get(index) {
            remuxer.push_audio(segment).unwrap();
        }
        remuxer.take(origin + (index as u64 + 1) * 180_000, &mut data);
        early = early.max(data.len());
    }
    assert!(early > 0, "media data goes out before the end");
    remuxer.finish(&mut data);
    let bound = head_bound(180, 282, 6);
    let mut file = remuxer.head(room.then_some(bound)).unwrap();
    assert!(file.len() as u64 <= bound, "{}", file.len());
    file.extend(data);
    file
}

/// The index of a file, which must come before its media data.
fn index_of(file: &[u8]) -> Moov {
    let at = file.windows(4).position(|it| it == b"moov").unwrap();
    assert!(at < file.windows(4).position(|it| it == b"mdat").unwrap());
    let size = u32::from_be_bytes(*file[at - 4..].first_chunk().unwrap()) as usize;
    Moov::parse(&file[at + 4..at - 4 + size], file.len() as u64, false).unwrap()
}

fn hashes(input: &Path, stream: &str) -> Vec<String> {
    let text = run(
        "ffmpeg",
        &[
            "-i",
            input.to_str().unwrap(),
            "-map",
            stream,
            "-fps_mode",
            "passthrough",
            "-f",
            "framemd5",
            "-",
        ],
    );
    let lines = text.lines().filter(|it| !it.starts_with('#'));
    lines
        .map(|it| it.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

fn samples(track: &Track) -> Vec<crate::mp4::Sample> {
    track.table.samples().unwrap().collect()
}

#[test]
fn segments_become_a_file_that_begins_with_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (video, audio) = (
        segments(folder, "video", &VIDEO),
        segments(folder, "audio", &AUDIO),
    );
    assert_eq!(video.len(), 3);
    let joined = folder.join("joined.ts");
    std::fs::write(&joined, video.concat()).unwrap();
    for room in [false, true] {
        let file = remuxed(&video, &audio, room);
        let path = folder.join("film.mp4");
        std::fs::write(&path, &file).unwrap();

        // Every frame, at its time.
        assert_eq!(hashes(&path, "0:v"), hashes(&joined, "0:v"));
        let entries = "stream=codec_name,start_time,duration,nb_frames:format=duration";
        let path = path.to_str().unwrap();
        let found = run(
            "ffprobe",
            &["-show_entries", entries, "-of", "csv=p=0", path],
        );
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines[0], "h264,0.000000,6.006000,180", "{found}");
        assert!(lines[1].starts_with("aac,0.000000,"), "{found}");
        let keyframes = run(
            "ffprobe",
            &[
                "-select_streams",
                "v",
                "-skip_frame",
                "nokey",
                "-show_entries",
                "frame=pts_time",
                "-of",
                "csv=p=0",
                path,
            ],
        );
        let keyframes: Vec<&str> = keyframes
            .split_whitespace()
            .map(|it| it.trim_matches(','))
            .collect();
        assert_eq!(keyframes, ["0.000000", "2.002000", "4.004000"]);

        let moov = index_of(&file);
        moov.check_complete().unwrap();
        let track = moov.video().unwrap();
        let frames = samples(track);
        assert_eq!((frames.len(), track.kind), (180, TrackKind::Video));
        assert_eq!(frames.iter().filter(|it| it.sync).count(), 3);
        let last = frames.last().unwrap();
        let audio = samples(moov.audio().next().unwrap());
        let end = audio.last().unwrap();
        let data_end = (last.offset + u64::from(last.bytes)).max(end.offset + u64::from(end.bytes));
        assert_eq!(data_end, file.len() as u64);
        // Audio and video alternate every second.
        let distance = frames[30].offset.abs_diff(audio[47].offset);
        assert!(distance < 60_000, "{distance}");
    }
}

/// Audio that begins late, pauses, or ends early is not moved.
#[test]
fn audio_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let video = segments(folder, "video", &VIDEO);
    // Half a second of silence in the stream: the audio begins late.
    let mut late = AUDIO.to_vec();
    late.extend(["-af", "asetpts=PTS+0.5/TB"]);
    let late = segments(folder, "late", &late);
    let file = remuxed(&video, &late, false);
    let path = folder.join("late.mp4");
    std::fs::write(&path, file).unwrap();
    let times = |stream: &str| {
        let path = path.to_str().unwrap();
        let entries = "packet=pts_time";
        let text = run(
            "ffprobe",
            &[
                "-select_streams",
                stream,
                "-show_entries",
                entries,
                "-of",
                "csv=p=0",
                path,
            ],
        );
        let first = text.lines().next().unwrap().trim_matches(',');
        first.parse::<f64>().unwrap()
    };
    // FFmpeg put the first frame somewhat later than 10 s, and the priming of the audio earlier.
    let expected = 10.5 - 1_024.0 / 48_000.0 - origin_of(&video) as f64 / 90_000.0;
    assert!((times("a") - expected).abs() < 0.001, "{}", times("a"));
    assert_eq!(times("v"), 0.0);
}

#[test]
fn a_clock_that_jumps_makes_a_frame_longer() {
    // 48 kHz stereo AAC-LC.
    let frame = [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x3f, 0xfc, 1, 2];
    let mut audio = AudioTrack::default();
    for pts in [900_000, 901_920, 948_840, 950_760] {
        let data = frame.to_vec();
        let unit = crate::ts::PesUnit {
            pts,
            dts: pts,
            data,
        };
        audio.push(&unit).unwrap();
    }
    // 45,000 ticks are 24,000 samples.
    assert_eq!(audio.odd_durations, [(1, 25_024)]);
    assert_eq!(audio.duration, 4 * 1_024 + 24_000);
}

/// The packing of the segments does not change the file.
#[test]
fn fragments_become_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (video, audio) = (
        segments(folder, "video", &VIDEO),
        segments(folder, "audio", &AUDIO),
    );
    let expected = remuxed(&video, &audio, false);
    let origin = origin_of(&video);
    let mut remuxer = Remuxer::new(origin, Tracks::Both);
    let mut data = vec![];
    for index in 0..video.len().max(audio.len()) {
        let packaged = |segments: &[Vec<u8>], codec| {
            let place = crate::cmaf::Place::default();
            let segment = segments.get(index)?;
            let packaged = crate::cmaf::package(segment, codec, &place).unwrap();
            Some((Init::parse(&packaged.init).unwrap(), packaged.media))
        };
        if let Some((init, media)) = packaged(&video, EsCodec::H264) {
            remuxer.push_video_fragment(&init, &media).unwrap();
            assert!(remuxer.push_audio_fragment(&init, &media).is_err());
        }
        if let Some((init, media)) = packaged(&audio, EsCodec::AacAdts) {
            remuxer.push_audio_fragment(&init, &media).unwrap();
            assert!(remuxer.push_video_fragment(&init, &media).is_err());
        }
        remuxer.take(origin + (index as u64 + 1) * 180_000, &mut data);
    }
    remuxer.finish(&mut data);
    let head = remuxer.head(None).unwrap();
    assert!([head, data].concat() == expected);
}

#[test]
fn what_is_not_ours_is_refused() {
    let mut remuxer = Remuxer::new(900_000, Tracks::Video);
    assert!(matches!(
        remuxer.push_video(&[]),
        Err(RemuxError::Segment(SplitError::NoStream))
    ));
    assert!(matches!(
        remuxer.push_video(&[0x47; 200]),
        Err(RemuxError::Segment(SplitError::Damaged { .. }))
    ));
    assert!(matches!(
        remuxer.push_audio(&[]),
        Err(RemuxError::Unsupported(_))
    ));
    assert!(matches!(
        remuxer.head(None),
        Err(RemuxError::Unsupported(_))
    ));

    let folder = tempfile::tempdir().unwrap();
    let video = segments(folder.path(), "video", &VIDEO);
    // A packet in the middle is missing.
    let mut cut = video[0].clone();
    cut.drain(188 * 40..188 * 41);
    assert!(
        Remuxer::new(900_000, Tracks::Video)
            .push_video(&cut)
            .is_err()
    );
    remuxer.push_video(&video[0]).unwrap();
    assert!(matches!(
        remuxer.head(Some(1_000)),
        Err(RemuxError::NoRoom { room: 1_000, .. })
    ));
}

proptest! {
    #[test]
    fn any_frames_are_survived(units in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), any::<i32>(), any::<i32>()), 0..8)) {
        let (mut video, mut audio) = (VideoTrack::new(VideoCodec::H264), AudioTrack::default());
        for (data, pts, dts) in units {
            let unit = crate::ts::PesUnit { pts: pts.into(), dts: dts.into(), data };
            let _ = video.push(&unit);
            let _ = audio.push(&unit);
        }
    }
}
