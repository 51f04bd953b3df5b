mod limits;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use limits::{boxed, survive};

fn make(args: &[&str], name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    run("ffmpeg", &[&["-v", "error", "-y"], args].concat(), &path);
    std::fs::read(path).unwrap()
}

fn run(program: &str, args: &[&str], path: &Path) -> String {
    let output = Command::new(program).args(args).arg(path).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

const PICTURE: [&str; 8] = [
    "-f",
    "lavfi",
    "-i",
    "testsrc2=s=160x90:r=25",
    "-f",
    "lavfi",
    "-i",
    "sine",
];
const CODE: [&str; 14] = [
    "-t",
    "6",
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-g",
    "50",
    "-bf",
    "2",
    "-c:a",
    "aac",
    "-x264-params",
    "scenecut=0:open-gop=0",
];

fn sample(extra: &[&str]) -> Vec<u8> {
    make(&[&PICTURE[..], &CODE, extra].concat(), "a.mp4")
}

/// Walks `bytes` as a remote file and counts the requests.
fn walk(bytes: &[u8]) -> Result<(Moov, usize, u64), Mp4Error> {
    walk_claimed(bytes, bytes.len() as u64)
}

fn walk_claimed(bytes: &[u8], claimed: u64) -> Result<(Moov, usize, u64), Mp4Error> {
    let mut walker = BoxWalker::new(claimed);
    let mut fetched = 0;
    for requests in 0.. {
        assert!(requests < 1000, "the walker does not end");
        match walker.step()? {
            Step::Done(moov) => return Ok((*moov, requests, fetched)),
            Step::Need { offset, len } => {
                assert!(len > 0 && offset + len <= claimed);
                let start = (offset as usize).min(bytes.len());
                let end = ((offset + len) as usize).min(bytes.len());
                fetched += (end - start) as u64;
                walker.supply(offset, &bytes[start..end]);
            }
        }
    }
    unreachable!()
}

fn index_of(bytes: &[u8]) -> VideoIndex {
    let (moov, ..) = walk(bytes).unwrap();
    VideoIndex::new(moov.video().unwrap()).unwrap()
}

#[test]
fn the_index_says_what_ffprobe_says() {
    let variants: [(&str, &[&str]); 6] = [
        ("plain", &[]),
        ("no B-frames", &["-bf", "0"]),
        ("index in front", &["-movflags", "+faststart"]),
        (
            "negative composition offsets",
            &["-movflags", "+negative_cts_offsets"],
        ),
        ("no edit list", &["-use_editlist", "0"]),
        ("another timescale", &["-video_track_timescale", "1000"]),
    ];
    for (name, args) in variants {
        assert_agrees_with_ffprobe(name, &sample(args));
    }
}

/// Checks counts, keyframes and times against what FFmpeg's own demuxer reports.
#[track_caller]
fn assert_agrees_with_ffprobe(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    std::fs::write(&path, bytes).unwrap();
    let args = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=pts,dts,size,pos,flags",
        "-of",
        "csv=p=0",
    ];
    let text = run("ffprobe", &args, &path);
    let packets: Vec<Vec<&str>> = text.lines().map(|it| it.split(',').collect()).collect();
    let index = index_of(bytes);

    assert_eq!(index.frame_count as usize, packets.len(), "{name}");
    let keyframes: Vec<_> = packets
        .iter()
        .enumerate()
        .filter(|(_, it)| it[4].starts_with('K'))
        .collect();
    assert_eq!(index.keyframes.len(), keyframes.len(), "{name}");
    for (ours, (number, theirs)) in index.keyframes.iter().zip(keyframes) {
        let pts: i64 = theirs[0].parse().unwrap();
        assert_eq!((ours.pts, ours.sample as usize), (pts, number), "{name}");
        assert_eq!(ours.offset, theirs[3].parse::<u64>().unwrap(), "{name}");
        let before: u64 = packets[..number]
            .iter()
            .map(|it| it[2].parse::<u64>().unwrap())
            .sum();
        assert_eq!(ours.bytes_before, before, "{name}");
    }
    let shown = packets
        .iter()
        .filter(|it| !it[4].contains('D'))
        .map(|it| it[0].parse::<i64>().unwrap());
    assert_eq!(index.first_pts, shown.min().unwrap(), "{name}");
}

#[test]
fn a_standard_file_is_summarised() {
    let bytes = sample(&[]);
    let (moov, ..) = walk(&bytes).unwrap();
    assert!(!moov.fragmented);
    moov.check_complete().unwrap();
    let track = moov.video().unwrap();
    let entry = track.entry.as_ref().unwrap();
    assert_eq!(
        (entry.fourcc_text().as_str(), entry.width, entry.height),
        ("avc1", 160, 90)
    );
    assert_eq!((track.rotation, track.entries), (Rotation::None, 1));

    let index = VideoIndex::new(track).unwrap();
    assert_eq!((index.frame_count, index.keyframes.len()), (150, 3));
    assert!(index.closed_gops && index.starts_with_keyframe && index.has_uniform_frames());
    assert_eq!(
        index.frame_rate(),
        (u64::from(index.timescale), u64::from(index.timescale) / 25)
    );
    assert_eq!(index.seconds(index.max_keyframe_gap), 2.0);
    assert_eq!(index.seconds(index.end_pts - index.first_pts), 6.0);
    assert_eq!(
        (
            index.hidden_at_start,
            index.hidden_at_end,
            index.complex_edits
        ),
        (0, 0, false)
    );
    assert_eq!(index.bytes_between(0, 3), Some(index.bytes));
    assert_eq!(
        index.bytes_between(0, 1).unwrap() + index.bytes_between(1, 3).unwrap(),
        index.bytes
    );
    assert_eq!(index.bytes_between(2, 4), None);

    let audio = AudioIndex::new(moov.audio().next().unwrap());
    assert_eq!(audio.timescale, 44_100);
    assert!((259..=261).contains(&audio.sample_count));
    // FFmpeg's encoder delay: 1024 samples are decoded and not played.
    assert_eq!(audio.first_pts, -1024);
    assert!(
        (30_000..200_000).contains(&audio.bit_rate()),
        "{}",
        audio.bit_rate()
    );
}

#[test]
fn open_gops_are_seen() {
    let open = sample(&[
        "-x264-params",
        "open-gop=1:scenecut=0:b-adapt=0:keyint=50:min-keyint=50",
        "-bf",
        "3",
    ]);
    assert!(!index_of(&open).closed_gops);
    assert_agrees_with_ffprobe("open GOPs", &open);
}

#[test]
fn a_cut_in_the_middle_of_a_gop_hides_frames() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.mp4");
    std::fs::write(&source, sample(&[])).unwrap();
    let cut = make(
        &["-ss", "1", "-i", source.to_str().unwrap(), "-c", "copy"],
        "cut.mp4",
    );
    let index = index_of(&cut);
    assert!(index.hidden_at_start > 10, "{index:?}");
    assert_agrees_with_ffprobe("a cut", &cut);
}

#[test]
fn audio_that_starts_first_pushes_the_video_back() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.mp4");
    std::fs::write(&source, sample(&[])).unwrap();
    let source = source.to_str().unwrap();
    let late = make(
        &[
            "-itsoffset",
            "0.5",
            "-i",
            source,
            "-i",
            source,
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-c",
            "copy",
        ],
        "late.mp4",
    );
    let index = index_of(&late);
    assert_eq!(index.seconds(index.first_pts), 0.5);
    assert_agrees_with_ffprobe("late video", &late);
}

#[test]
fn few_requests_suffice_wherever_the_index_is() {
    // Raw frames make the file large and its index small.
    let args = [
        &PICTURE[..4],
        &["-t", "4", "-c:v", "rawvideo", "-pix_fmt", "yuv420p"],
    ]
    .concat();
    let behind = make(&args, "a.mov");
    let front = make(&[&args[..], &["-movflags", "+faststart"]].concat(), "b.mov");
    for bytes in [behind, front] {
        let (moov, requests, fetched) = walk(&bytes).unwrap();
        assert_eq!(moov.video().unwrap().table.sample_count(), 100);
        assert!(
            requests <= 2 && fetched < 600 << 10,
            "{requests} requests for {fetched} bytes"
        );
        moov.check_complete().unwrap();
    }
}

#[test]
fn fragmented_files_are_recognised() {
    let bytes = sample(&["-movflags", "+frag_keyframe+empty_moov"]);
    let (moov, ..) = walk(&bytes).unwrap();
    assert!(moov.fragmented);
    assert_eq!(moov.video().unwrap().entry.as_ref().unwrap().width, 160);
}

#[test]
fn rotation_is_read_from_the_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.mp4");
    std::fs::write(&source, sample(&[])).unwrap();
    let mut seen = Vec::new();
    for angle in [0, 90, 180, 270] {
        let rotate = format!("rotate={angle}");
        let turned = make(
            &[
                "-i",
                source.to_str().unwrap(),
                "-c",
                "copy",
                "-metadata:s:v",
                &rotate,
            ],
            "turned.mp4",
        );
        let (moov, ..) = walk(&turned).unwrap();
        let degrees = moov.video().unwrap().rotation.degrees().unwrap();
        std::fs::write(&source, turned).unwrap();
        let args = [
            "-v",
            "error",
            "-show_entries",
            "stream_side_data=rotation",
            "-of",
            "csv=p=0",
        ];
        // FFmpeg counts in the opposite direction.
        let theirs: i64 = run("ffprobe", &args, &source).trim().parse().unwrap_or(0);
        assert_eq!(i64::from(degrees), (-theirs).rem_euclid(360), "{angle}");
        seen.push(degrees);
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 90, 180, 270]);
}

#[test]
fn problems_are_reported() {
    let check =
        |bytes: &[u8], expected: Mp4Error| assert_eq!(walk(bytes).map(|_| ()), Err(expected));
    check(&[], Mp4Error::NotMp4);
    check(b"hello, this is a text and not a film", Mp4Error::NotMp4);
    let bytes = sample(&[]);
    let (mdat, size) = (
        bytes.windows(4).position(|it| it == b"mdat").unwrap() - 4,
        bytes.len() as u64,
    );
    let mdat_end =
        mdat as u64 + u64::from(u32::from_be_bytes(*bytes[mdat..].first_chunk().unwrap()));
    check(&bytes[..mdat_end as usize], Mp4Error::NoMoov);
    check(
        &bytes[..40_000],
        Mp4Error::Truncated {
            expected: mdat_end,
            actual: 40_000,
        },
    );
    check(
        &bytes[..bytes.len() - 5],
        Mp4Error::Truncated {
            expected: size,
            actual: size - 5,
        },
    );
    // A server that sends less than it declared.
    assert!(matches!(
        walk_claimed(&bytes[..50_000], size),
        Err(Mp4Error::Truncated { .. } | Mp4Error::NoMoov)
    ));

    let mut huge = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x01moov\0\0\0\x10\0\0\0\0".to_vec();
    huge.resize(100, 0);
    check(&huge, Mp4Error::MoovTooLarge { bytes: 16 << 32 });
}

#[test]
fn a_file_with_its_index_in_front_that_was_cut_off_is_found_out() {
    let bytes = sample(&["-movflags", "+faststart"]);
    let (moov, ..) = walk(&bytes[..bytes.len() - 1000]).unwrap();
    assert!(
        matches!(moov.check_complete(), Err(Mp4Error::Truncated { expected, actual }) if expected == actual + 1000)
    );
}

#[test]
fn any_mutation_is_survived() {
    let bytes = sample(&["-t", "1"]);
    let moov = bytes.windows(4).position(|it| it == b"moov").unwrap();
    proptest!(|(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
                cut in any::<prop::sample::Index>(), whole in any::<bool>())| {
        let mut mutated = bytes.clone();
        for (at, value) in flips {
            let at = moov + at.index(mutated.len() - moov);
            mutated[at] = value;
        }
        survive(if whole { &mutated } else { &mutated[..cut.index(mutated.len())] });
    });
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..500), kind in 0usize..3) {
        survive(&bytes);
        survive(&boxed([b"moov", b"ftyp", b"mdat"][kind], &bytes));
        survive(&[boxed(b"ftyp", b"isom"), boxed(b"moov", &bytes)].concat());
    }
}
