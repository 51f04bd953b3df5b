//! Fragmented MPEG-4, as written by FFmpeg's own HLS muxer.

use std::sync::OnceLock;

use tempfile::TempDir;

use super::build::{copy_of, encrypt, ffmpeg};
use super::edit::Tree;
use super::*;

/// Two segments of 12 s in total, video and audio together, with a master playlist.
fn good() -> &'static Path {
    static TREE: OnceLock<TempDir> = OnceLock::new();
    TREE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let source = [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=160x90:r=25",
            "-f",
            "lavfi",
            "-i",
            "sine",
            "-t",
            "12",
        ];
        let code = [
            "-c:v",
            "libx264",
            "-g",
            "50",
            "-bf",
            "2",
            "-sc_threshold",
            "0",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
        ];
        let hls = [
            "-f",
            "hls",
            "-hls_time",
            "6",
            "-hls_playlist_type",
            "vod",
            "-hls_segment_type",
            "fmp4",
            "a.m3u8",
        ];
        ffmpeg(folder.path(), &[&source[..], &code, &hls].concat());
        folder
    })
    .path()
}

#[track_caller]
fn find(rule: &str, also: &[&str], plant: impl FnOnce(&Tree<'_>)) {
    let copy = copy_of(good());
    plant(&Tree(copy.path()));
    let report = check(&copy.path().join("a.m3u8"));
    assert!(
        report.findings.iter().any(|it| it.rule == rule),
        "{rule} was not found, but\n{}",
        listing(&report)
    );
    let others: Vec<_> = broken(&report, Level::Must)
        .into_iter()
        .filter(|it| *it != rule && !also.contains(it))
        .collect();
    assert_eq!(others, [] as [&str; 0], "{}", listing(&report));
}

#[test]
fn good_fragments_pass() {
    let report = check(&good().join("a.m3u8"));
    assert!(report.ok, "{}", listing(&report));
    assert_eq!(report.checked.segments, 2);
    assert!((report.checked.seconds - 12.0).abs() < 0.1);
}

#[test]
fn faults_of_fragments_are_found() {
    find("Apple-8.20", &[], |it| {
        it.replace("a.m3u8", "#EXT-X-MAP:URI=\"init.mp4\"\n", "")
    });
    find("RFC8216-6.2.1", &[], |it| it.remove("init.mp4"));
    find("RFC8216-3.3", &[], |it| {
        it.write("init.mp4", "no boxes here at all")
    });
    find("RFC8216-3.3", &[], |it| {
        let bytes = it.bytes("a1.m4s");
        it.write("a1.m4s", &bytes[..bytes.len() - 50]);
    });
    find("RFC8216-7", &[], |it| {
        it.replace("a.m3u8", "#EXT-X-VERSION:7", "#EXT-X-VERSION:5")
    });
    find("Apple-8.1", &[], |it| {
        it.replace_first("a.m3u8", "#EXTINF:6.0", "#EXTINF:5.0")
    });
    find("RFC8216-4.3.2.5", &[], |it| {
        let key = [5; 16];
        it.write("key", key);
        it.write("init.mp4", encrypt(&it.bytes("init.mp4"), &key, 0));
        for index in 0..2 {
            let file = format!("a{index}.m4s");
            it.write(&file, encrypt(&it.bytes(&file), &key, index));
        }
        it.replace(
            "a.m3u8",
            "#EXT-X-MAP",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXT-X-MAP",
        );
    });
}

#[test]
fn audio_inside_the_video_is_remarked() {
    let copy = copy_of(good());
    Tree(copy.path()).write(
        "master.m3u8",
        "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS=\"avc1.640014,mp4a.40.2\",RESOLUTION=160x90\na.m3u8\n",
    );
    let report = check(&copy.path().join("master.m3u8"));
    assert!(
        broken(&report, Level::Should).contains(&"Apple-9.5"),
        "{}",
        listing(&report)
    );
}
