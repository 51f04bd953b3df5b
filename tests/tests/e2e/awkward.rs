//! Unusual inputs: each output is upright, even, decodable, and conforms.

use std::path::{Path, PathBuf};

use e2e::media::{H264, complaints_of_decoding, ffmpeg, film, has_encoder, make_film, probe, shared_media, try_ffmpeg};
use e2e::program::{check, text, transcode};
use serde_json::Value;

/// A case in its own directory.
struct Case {
    folder: tempfile::TempDir,
}

/// The expected output.
struct Expected<'a> {
    /// Size of the largest rung, pixels.
    size: (u64, u64),
    /// Number of audio channels; `None`: no audio.
    channels: Option<u64>,
    /// `FRAME-RATE` of every rung in the master playlist; empty: any.
    rate: &'a str,
    /// Duration and tolerance, seconds.
    seconds: (f64, f64),
}

const STEREO: Option<u64> = Some(2);

fn expected(size: (u64, u64), channels: Option<u64>, seconds: f64) -> Expected<'static> {
    Expected { size, channels, rate: "", seconds: (seconds, 0.25) }
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Generates a file: inputs, then options.
    fn make(&self, name: &str, inputs: &[String], options: &[&str]) -> PathBuf {
        let path = self.path(name);
        let mut all = inputs.to_vec();
        all.extend(options.iter().map(|it| (*it).to_owned()));
        all.push(text(&path));
        ffmpeg(&all);
        path
    }

    async fn check(&self, input: &Path, expected: Expected<'_>) {
        let (out, temporary) = (self.path("out"), self.path("tmp"));
        std::fs::create_dir_all(&temporary).unwrap();
        let answer = transcode(input, &out, &temporary, &["--encrypt"]).await;
        assert_eq!(answer.code, Some(0), "{}: {:?}\n{}", input.display(), answer.last(), answer.stderr);
        let report = answer.last();
        assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "temporary files are left");
        let master = report["master"].as_str().unwrap();
        let top = &report["rungs"][0];
        let size = (top["width"].as_u64().unwrap(), top["height"].as_u64().unwrap());
        assert_eq!(size, expected.size, "{report:#}");
        let duration = report["duration_s"].as_f64().unwrap();
        let (seconds, off) = expected.seconds;
        assert!((duration - seconds).abs() <= off, "{duration} s instead of {seconds} s: {report:#}");
        let rungs = report["rungs"].as_array().unwrap();
        for rendition in rungs.iter().chain(report["audio"].as_array().unwrap()) {
            let name = rendition["name"].as_str().unwrap();
            let playlist = find(&out.join("hls"), &format!("{name}.m3u8"));
            let complaints = complaints_of_decoding(&text(&playlist));
            assert_eq!(complaints, "", "{name} of {}", input.display());
            check_stream(&probe(&text(&playlist)), rendition, &expected);
        }
        let declared = std::fs::read_to_string(master).unwrap();
        for line in declared.lines().filter(|it| it.starts_with("#EXT-X-STREAM-INF")) {
            assert!(line.contains(expected.rate), "{} instead of {}", line, expected.rate);
        }
        assert_eq!(report["audio"].as_array().unwrap().is_empty(), expected.channels.is_none(), "{report:#}");
        check(master, &temporary).await;
    }
}

fn check_stream(found: &Value, rendition: &Value, expected: &Expected<'_>) {
    let streams = found["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 1, "{found:#}");
    let stream = &streams[0];
    if stream["codec_type"] == "audio" {
        assert_eq!((stream["codec_name"].as_str(), stream["channels"].as_u64()), (Some("aac"), expected.channels));
        return;
    }
    assert_eq!(stream["codec_name"], "h264");
    assert_eq!(stream["pix_fmt"], "yuv420p", "8 bits, 4:2:0");
    let (width, height) = (stream["width"].as_u64().unwrap(), stream["height"].as_u64().unwrap());
    assert!(width % 2 == 0 && height % 2 == 0, "{width}x{height} is odd");
    assert_eq!((Some(width), Some(height)), (rendition["width"].as_u64(), rendition["height"].as_u64()));
    let transfer = stream["color_transfer"].as_str().unwrap_or("");
    assert!(!["smpte2084", "arib-std-b67"].contains(&transfer), "still HDR: {transfer}");
    assert!(matches!(stream["field_order"].as_str(), None | Some("progressive" | "unknown")), "{stream:#}");
}

fn find(folder: &Path, name: &str) -> PathBuf {
    let found = e2e::dev::files(folder).into_iter().find(|it| it.file_name().is_some_and(|it| it == name));
    folder.join(found.unwrap_or_else(|| panic!("no {name} below {}", folder.display())))
}

/// Video without audio.
fn silent(size: &str, rate: &str, seconds: f64) -> Vec<String> {
    film(size, rate, seconds)[..4].to_vec()
}

#[tokio::test]
async fn rotated() {
    let case = Case::new();
    let flat = make_film(&case.path("flat.mp4"), "640x360", "24", 5.0, &[]);
    let turned = case.path("turned.mp4");
    let modern = ["-display_rotation", "90", "-i", &text(&flat), "-c", "copy", &text(&turned)].map(str::to_owned);
    if !try_ffmpeg(&modern).status.success() {
        // FFmpeg before 6.0: the same by the tag that older muxers accept.
        ffmpeg(&["-i", &text(&flat), "-c", "copy", "-metadata:s:v:0", "rotate=90", &text(&turned)].map(str::to_owned));
    }
    assert!(probe(&text(&turned))["streams"][0]["side_data_list"][0]["rotation"].is_i64(), "it is not turned");
    case.check(&turned, expected((360, 640), Some(1), 5.0)).await;
}

#[tokio::test]
async fn portrait() {
    let case = Case::new();
    let film = make_film(&case.path("portrait.mp4"), "360x640", "30", 5.0, &[]);
    case.check(&film, expected((360, 640), Some(1), 5.0)).await;
}

#[tokio::test]
async fn odd_sizes() {
    let case = Case::new();
    let options = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", "-c:a", "aac"];
    let film = case.make("odd.mp4", &film("641x361", "25", 4.0), &options);
    case.check(&film, expected((640, 360), Some(1), 4.0)).await;
}

#[tokio::test]
async fn no_audio() {
    let case = Case::new();
    let film = case.make("silent.mp4", &silent("640x360", "24", 4.0), &H264[..8]);
    case.check(&film, expected((640, 360), None, 4.0)).await;
}

#[tokio::test]
async fn six_channels() {
    let case = Case::new();
    let film = make_film(&case.path("film.mp4"), "320x180", "24", 6.0, &["-ac", "6"]);
    case.check(&film, expected((320, 180), STEREO, 6.0)).await;
}

#[tokio::test]
async fn mono_at_44100() {
    let case = Case::new();
    let film = make_film(&case.path("film.mp4"), "320x180", "24", 6.0, &["-ac", "1", "-ar", "44100"]);
    case.check(&film, expected((320, 180), Some(1), 6.0)).await;
}

#[tokio::test]
async fn audio_that_begins_late() {
    let case = Case::new();
    let mut inputs = silent("320x180", "24", 6.0);
    inputs.extend(["-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=duration=5.5:sample_rate=48000"].map(str::to_owned));
    let film = case.make("late.mp4", &inputs, &H264);
    case.check(&film, expected((320, 180), Some(1), 6.0)).await;
}

#[tokio::test]
async fn audio_that_ends_early() {
    let case = Case::new();
    let mut inputs = silent("320x180", "24", 8.0);
    inputs.extend(["-f", "lavfi", "-i", "sine=duration=3:sample_rate=48000"].map(str::to_owned));
    let film = case.make("short-sound.mp4", &inputs, &H264);
    case.check(&film, expected((320, 180), Some(1), 8.0)).await;
}

#[tokio::test]
async fn variable_frame_rate() {
    let case = Case::new();
    let mut options = H264.to_vec();
    options.extend(["-vf", "select='gt(mod(n,5),1)'", "-fps_mode", "vfr"]);
    let film = case.make("variable.mkv", &film("320x180", "30", 8.0), &options);
    case.check(&film, expected((320, 180), Some(1), 8.0)).await;
}

#[tokio::test]
async fn interlaced_mpeg2() {
    let case = Case::new();
    let mut options = vec!["-vf", "tinterlace=interleave_top,fieldorder=tff", "-c:v", "mpeg2video", "-b:v", "2M"];
    options.extend(["-flags", "+ildct+ilme", "-g", "12", "-c:a", "mp2", "-f", "mpegts"]);
    let film = case.make("interlaced.ts", &film("720x576", "50", 6.0), &options);
    case.check(&film, expected((450, 360), Some(1), 6.0)).await;
}

#[tokio::test]
async fn hdr_in_ten_bits() {
    if !has_encoder("libx265") {
        testkit::missing("FFmpeg with libx265", "scripts/setup.sh");
        return;
    }
    let case = Case::new();
    let mut options = vec!["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1"];
    options.extend(["-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc"]);
    options.extend([
        "-x265-params",
        "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc",
        "-c:a",
        "aac",
    ]);
    let film = case.make("hdr.mp4", &film("640x360", "25", 4.0), &options);
    case.check(&film, expected((640, 360), Some(1), 4.0)).await;
}

#[tokio::test]
async fn webm_without_cues() {
    if !has_encoder("libvpx-vp9") {
        testkit::missing("FFmpeg with libvpx-vp9", "scripts/setup.sh");
        return;
    }
    let case = Case::new();
    let options = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus", "-live", "1"];
    let film = case.make("live.webm", &film("320x180", "30", 5.0), &options);
    case.check(&film, expected((320, 180), Some(1), 5.0)).await;
}

#[tokio::test]
async fn avi_of_another_age() {
    let case = Case::new();
    let options = ["-c:v", "mpeg4", "-q:v", "5", "-bf", "2", "-c:a", "libmp3lame", "-ar", "44100"];
    let film = case.make("old.avi", &film("480x200", "25", 5.0), &options);
    case.check(&film, expected((432, 180), Some(1), 5.0)).await;
}

#[tokio::test]
async fn one_frame() {
    let case = Case::new();
    let mut options = H264.to_vec();
    options.extend(["-frames:v", "1", "-an"]);
    let film = case.make("one.mp4", &silent("320x180", "25", 1.0), &options);
    case.check(&film, Expected { seconds: (0.04, 0.05), ..expected((320, 180), None, 0.0) }).await;
}

#[tokio::test]
async fn a_third_of_a_second() {
    let case = Case::new();
    let film = make_film(&case.path("short.mp4"), "320x180", "30", 0.3, &[]);
    case.check(&film, Expected { seconds: (0.3, 0.08), ..expected((320, 180), Some(1), 0.0) }).await;
}

#[tokio::test]
async fn high_frame_rate_is_halved() {
    let case = Case::new();
    let film = make_film(
        &case.path("fast.mp4"),
        "320x180",
        "120",
        4.0,
        &["-r", "120000/1001", "-video_track_timescale", "120000"],
    );
    case.check(&film, Expected { rate: "FRAME-RATE=59.940", ..expected((320, 180), Some(1), 4.0) }).await;
}

/// Files that were joined without encoding have overlapping audio at every join: copied audio must
/// not drift.
#[tokio::test]
async fn joined_files_stay_in_time() {
    let case = Case::new();
    let piece = make_film(&case.path("piece.mp4"), "320x180", "24", 3.0, &["-preset", "veryfast", "-bf", "3"]);
    let inputs = ["-stream_loop", "19", "-i", &text(&piece)].map(str::to_owned);
    let joined = case.make("joined.mp4", &inputs, &["-c", "copy"]);
    case.check(&joined, Expected { seconds: (60.0, 1.0), ..expected((320, 180), Some(1), 60.0) }).await;
}

/// Remuxing an open GOP would show broken frames after a seek: it has to be encoded.
#[tokio::test]
async fn open_groups_of_pictures_are_not_remuxed() {
    let case = Case::new();
    let options = [
        "-c:v",
        "libx264",
        "-preset",
        "fast",
        "-pix_fmt",
        "yuv420p",
        "-x264-params",
        "open-gop=1:keyint=48:bframes=3",
        "-c:a",
        "aac",
    ];
    let film = case.make("open.mkv", &film("640x360", "24", 10.0), &options);
    case.check(&film, expected((640, 360), Some(1), 10.0)).await;
}

/// Third-party files, if they are available: ready and decodable, or refused with a message.
#[tokio::test]
async fn files_of_others() {
    let Some(folder) = shared_media() else {
        testkit::skipped("there is no directory of shared media beside the checkout");
        return;
    };
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    names.retain(|it| it.extension().is_some_and(|it| it != "md") && it.metadata().unwrap().len() < 3_000_000);
    // A file of six minutes is for benchmarks.
    names.retain(|it| !it.ends_with("standard-1080p-6min.mp4"));
    names.sort();
    for input in names {
        let case = Case::new();
        let (out, temporary) = (case.path("out"), case.path("tmp"));
        std::fs::create_dir_all(&temporary).unwrap();
        let answer = transcode(&input, &out, &temporary, &[]).await;
        let report = answer.last();
        println!("{}: {:?} in {:?}", input.display(), answer.code, answer.took);
        assert_eq!(answer.code, Some(0), "{}: {report}\n{}", input.display(), answer.stderr);
        for rendition in report["rungs"].as_array().unwrap().iter().chain(report["audio"].as_array().unwrap()) {
            let playlist = find(&out.join("hls"), &format!("{}.m3u8", rendition["name"].as_str().unwrap()));
            assert_eq!(complaints_of_decoding(&text(&playlist)), "", "{}: {}", input.display(), playlist.display());
        }
        check(report["master"].as_str().unwrap(), &temporary).await;
    }
}
