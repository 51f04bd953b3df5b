use std::process::Command;

use proptest::prelude::*;

use super::*;

/// Segments of 2 s of a stream of 6 s, and their initialisation section, from FFmpeg's HLS muxer.
fn segments() -> (Vec<u8>, Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.current_dir(folder.path());
    ffmpeg.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=25",
        "-f",
        "lavfi",
        "-i",
        "sine",
        "-t",
        "6",
    ]);
    ffmpeg.args([
        "-c:v",
        "libx264",
        "-g",
        "50",
        "-sc_threshold",
        "0",
        "-c:a",
        "aac",
        "-hls_time",
        "2",
    ]);
    ffmpeg.args([
        "-hls_list_size",
        "0",
        "-hls_segment_type",
        "fmp4",
        "-hls_segment_filename",
        "s%d.m4s",
        "a.m3u8",
    ]);
    assert!(ffmpeg.status().unwrap().success());
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    (
        read("init.mp4"),
        (0..3).map(|it| read(&format!("s{it}.m4s"))).collect(),
    )
}

#[test]
fn segments_are_described_as_they_are() {
    let (init, segments) = segments();
    let init = Init::parse(&init).unwrap();
    assert_eq!(init.moov.tracks.len(), 2);
    let video_id = init.moov.video().unwrap().id;
    let mut next = None;
    for segment in &segments {
        let report = scan(segment, &init);
        assert!(
            !report.damaged && report.missing_bytes == 0 && report.has_segment_type,
            "{report:?}"
        );
        let video = report
            .tracks
            .iter()
            .find(|it| it.track == video_id)
            .unwrap();
        assert_eq!(
            (video.samples, video.sync_samples, video.starts_with_sync),
            (50, 1, true)
        );
        assert_eq!(video.duration, 2 * u64::from(video.timescale));
        assert_eq!(
            video.end_pts - video.min_pts,
            2 * i64::from(video.timescale)
        );
        let start = video.base_decode_time.unwrap();
        assert!(next.is_none_or(|it| it == start));
        next = Some(start + video.duration);
        assert_eq!(report.tracks.len(), 2);
    }
}

#[test]
fn damage_is_seen() {
    let (init, segments) = segments();
    assert!(matches!(Init::parse(&segments[0]), Err(Mp4Error::NoMoov)));
    let init = Init::parse(&init).unwrap();
    let cut = scan(&segments[0][..segments[0].len() - 100], &init);
    assert_eq!(cut.missing_bytes, 100);
    assert!(scan(b"no box", &init).damaged);
}

#[test]
fn any_mutation_is_survived() {
    let (init, segments) = segments();
    proptest!(|(flips in proptest::collection::vec((0usize..1500, any::<u8>()), 1..20), in_init in any::<bool>())| {
        let (mut init, mut segment) = (init.clone(), segments[1].clone());
        for (at, value) in flips {
            let target = if in_init { &mut init } else { &mut segment };
            let at = at % target.len();
            target[at] = value;
        }
        if let Ok(init) = Init::parse(&init) {
            let _ = scan(&segment, &init);
        }
    });
}
