//! Sources that have only audio, and sources with several audio tracks, converted by FFmpeg.

use std::path::{Path, PathBuf};
use std::process::Command;

use domain::failure::SourceProblem;
use domain::profile::Profile;

use super::super::*;

/// Runs the FFmpeg on the path.
pub(super) fn ffmpeg(arguments: &[&str], output: &Path) {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments);
    assert!(
        command.arg(output).status().unwrap().success(),
        "{arguments:?}"
    );
}

/// A tone of some seconds.
fn tone(seconds: &str) -> String {
    format!("sine=frequency=440:sample_rate=44100:duration={seconds}")
}

async fn convert(input: &Path, out: &Path) -> Result<LocalReport, TranscodeError> {
    convert_by(Profile::default(), input, out).await
}

pub(super) async fn convert_by(
    profile: Profile,
    input: &Path,
    out: &Path,
) -> Result<LocalReport, TranscodeError> {
    let job = LocalJob {
        input: input.to_owned(),
        out: out.to_owned(),
        profile,
        mode: Mode::Abr,
        encrypt: false,
        keep_failed: false,
        encoders: 2,
    };
    let tools = Tools::find(None, None).unwrap();
    Box::pin(transcode(&tools, &job, |_| (), &CancellationToken::new())).await
}

/// The files in the folder of the generation whose names end so.
fn files(out: &Path, end: &str) -> Vec<PathBuf> {
    let mut folders = vec![out.join("hls")];
    let mut found = vec![];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The sum of EXTINF in a media playlist, seconds.
fn duration_of(playlist: &Path) -> f64 {
    let text = std::fs::read_to_string(playlist).unwrap();
    hls::MediaPlaylist::parse(&text).playlist.duration()
}

#[tokio::test]
async fn each_kind_of_audio_file_plays() {
    let folder = tempfile::tempdir().unwrap();
    let cover = folder.path().join("cover.png");
    ffmpeg(
        &["-f", "lavfi", "-i", "testsrc2=s=320x320", "-frames:v", "1"],
        &cover,
    );
    let cover = cover.to_str().unwrap();
    let art = [
        "-i",
        cover,
        "-map",
        "0",
        "-map",
        "1",
        "-c:v",
        "png",
        "-disposition:v",
        "attached_pic",
    ];
    for (name, options, is_copied) in [
        (
            "cover.mp3",
            &[&art[..], &["-c:a", "libmp3lame", "-id3v2_version", "3"]].concat()[..],
            false,
        ),
        (
            "bare.mp3",
            &[
                "-c:a",
                "libmp3lame",
                "-write_xing",
                "0",
                "-id3v2_version",
                "0",
            ],
            false,
        ),
        ("a.wav", &["-c:a", "pcm_s24le", "-ar", "96000"], false),
        ("a.flac", &["-c:a", "flac"], false),
        ("a.m4a", &["-c:a", "aac", "-b:a", "128k"], true),
        (
            "fragmented.m4a",
            &["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"],
            false,
        ),
        ("a.aac", &["-c:a", "aac"], false),
        ("a.ogg", &["-c:a", "libvorbis"], false),
        ("a.opus", &["-c:a", "libopus", "-ar", "48000"], false),
        ("a.webm", &["-c:a", "libopus", "-ar", "48000"], false),
        ("a.ts", &["-c:a", "mp2"], false),
    ] {
        let (input, out) = (
            folder.path().join(name),
            folder.path().join("out").join(name),
        );
        ffmpeg(
            &[&["-f", "lavfi", "-i", &tone("14")], options].concat(),
            &input,
        );
        let report = convert(&input, &out)
            .await
            .unwrap_or_else(|it| panic!("{name}: {it:?}"));
        assert!(
            (report.duration_s - 14.0).abs() < 0.1,
            "{name}: {}",
            report.duration_s
        );
        assert!(
            report.missing.is_empty() && report.rungs.is_empty(),
            "{name}"
        );
        let [audio] = &report.audio[..] else {
            panic!("{name}: {:?}", report.audio)
        };
        assert_eq!(
            (audio.codecs.as_str(), audio.copied),
            ("mp4a.40.2", is_copied),
            "{name}"
        );
        let master = std::fs::read_to_string(&report.master).unwrap();
        assert!(master.contains("CODECS=\"mp4a.40.2\""), "{name}: {master}");
        assert!(
            !master.contains("RESOLUTION") && !master.contains("EXT-X-MEDIA"),
            "{name}"
        );
        let playlists = files(&out, ".m3u8");
        let playlist = playlists
            .iter()
            .find(|it| !it.ends_with("master.m3u8"))
            .unwrap();
        assert!((duration_of(playlist) - 14.0).abs() < 0.1, "{name}");
        assert_eq!(files(&out, ".ts").len(), 3, "{name}");
        assert_eq!(
            files(&out, ".jpg").len(),
            1,
            "{name}: the waveform and no other image"
        );
    }
}

#[tokio::test]
async fn audio_that_is_cut_off_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in [
        ("a.flac", &["-c:a", "flac"][..]),
        ("a.m4a", &["-c:a", "aac"]),
    ] {
        let input = folder.path().join(name);
        ffmpeg(
            &[&["-f", "lavfi", "-i", &tone("60")], options].concat(),
            &input,
        );
        let bytes = std::fs::read(&input).unwrap();
        std::fs::write(&input, &bytes[..bytes.len() / 2]).unwrap();
        let refused = convert(&input, &folder.path().join("out")).await;
        assert!(
            matches!(
                refused,
                Err(TranscodeError::Source(SourceProblem::Truncated))
            ),
            "{name}: {refused:?}"
        );
    }
}

/// Two languages, the second one shorter, become two renditions of the length of the video.
#[tokio::test]
async fn each_audio_track_is_a_rendition() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("film.mkv"), folder.path().join("out"));
    let (first, second) = (tone("8"), tone("3"));
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x240:r=25:d=8",
            "-f",
            "lavfi",
            "-i",
            &first,
            "-f",
            "lavfi",
            "-i",
            &second,
            "-map",
            "0",
            "-map",
            "1",
            "-map",
            "2",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "50",
            "-c:a",
            "libmp3lame",
            "-metadata:s:a:0",
            "language=eng",
            "-metadata:s:a:1",
            "language=deu",
            "-metadata:s:a:1",
            "title=Kommentar",
            "-disposition:a:1",
            "comment",
        ],
        &input,
    );
    let report = convert(&input, &out).await.unwrap();
    let master = std::fs::read_to_string(&report.master).unwrap();
    let media: Vec<_> = master
        .lines()
        .filter(|it| it.contains("TYPE=AUDIO"))
        .collect();
    assert_eq!(media.len(), 2, "{master}");
    assert!(
        media[0].contains("NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES"),
        "{master}"
    );
    assert!(
        media[1].contains("NAME=\"Kommentar\",LANGUAGE=\"de\",CHANNELS"),
        "{master}"
    );
    for playlist in files(&out, ".m3u8") {
        if !playlist.ends_with("master.m3u8") {
            let found = duration_of(&playlist);
            assert!((found - 8.0).abs() < 0.1, "{}: {found}", playlist.display());
        }
    }
}

/// The last frame stands until the audio ends; before the first one, it is shown early.
#[tokio::test]
async fn audio_outside_the_video_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (name, video, audio, mode, offset) in [
        ("short-tail.mp4", "4", "4.2", Mode::Abr, "0"),
        ("tail.mp4", "4", "6", Mode::Abr, "0"),
        ("tail-copy.mp4", "4", "6", Mode::Copy, "0"),
        ("long-tail.mp4", "4", "34", Mode::Abr, "0"),
        ("lead.mp4", "3", "5", Mode::Abr, "2"),
    ] {
        let (input, out) = (
            folder.path().join(name),
            folder.path().join("out").join(name),
        );
        let (picture, sound) = (format!("testsrc2=s=320x240:r=25:d={video}"), tone(audio));
        ffmpeg(
            &[
                "-itsoffset",
                offset,
                "-f",
                "lavfi",
                "-i",
                &picture,
                "-f",
                "lavfi",
                "-i",
                &sound,
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-g",
                "50",
                "-c:a",
                "aac",
                "-b:a",
                "96k",
            ],
            &input,
        );
        let job = LocalJob {
            input,
            out: out.clone(),
            profile: Profile::default(),
            mode,
            encrypt: false,
            keep_failed: false,
            encoders: 2,
        };
        let tools = Tools::find(None, None).unwrap();
        let done = Box::pin(transcode(&tools, &job, |_| (), &CancellationToken::new())).await;
        let report = done.unwrap_or_else(|it| panic!("{name}: {it:?}"));
        let expected: f64 = audio.parse().unwrap();
        assert!(
            (report.duration_s - expected).abs() < 0.1,
            "{name}: {}",
            report.duration_s
        );
        for playlist in files(&out, ".m3u8") {
            if !playlist.ends_with("master.m3u8") && !playlist.ends_with("iframes.m3u8") {
                let found = duration_of(&playlist);
                // The remuxed rung has its own frames, and players hold the last one.
                let most = if playlist.ends_with("source.m3u8") {
                    0.25
                } else {
                    0.1
                };
                assert!(
                    (found - expected).abs() < most,
                    "{}: {found}",
                    playlist.display()
                );
            }
        }
    }
}
