//! A file, and what is expected of its video.

use super::*;

/// A case in its own directory.
pub(super) struct Case {
    pub(super) folder: tempfile::TempDir,
}

/// The expected output.
pub(super) struct Expected<'a> {
    /// Size of the largest rung, pixels.
    pub(super) size: (u64, u64),
    /// Number of audio channels; `None`: no audio.
    pub(super) channels: Option<u64>,
    /// `FRAME-RATE` of every rung in the master playlist; empty: any.
    pub(super) rate: &'a str,
    /// Duration and tolerance, seconds.
    pub(super) seconds: (f64, f64),
}

pub(super) const STEREO: Option<u64> = Some(2);

pub(super) fn expected(size: (u64, u64), channels: Option<u64>, seconds: f64) -> Expected<'static> {
    Expected {
        size,
        channels,
        rate: "",
        seconds: (seconds, 0.25),
    }
}

impl Case {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Generates a file: inputs, then options.
    pub(super) fn make(&self, name: &str, inputs: &[String], options: &[&str]) -> PathBuf {
        let path = self.path(name);
        let mut all = inputs.to_vec();
        all.extend(options.iter().map(|it| (*it).to_owned()));
        all.push(text(&path));
        ffmpeg(&all);
        path
    }

    pub(super) async fn check(&self, input: &Path, expected: Expected<'_>) {
        let (out, temporary) = (self.path("out"), self.path("tmp"));
        std::fs::create_dir_all(&temporary).unwrap();
        let answer = transcode(input, &out, &temporary, &["--encrypt"]).await;
        assert_eq!(
            answer.code,
            Some(0),
            "{}: {:?}\n{}",
            input.display(),
            answer.last(),
            answer.stderr
        );
        let report = answer.last();
        assert_eq!(
            std::fs::read_dir(&temporary).unwrap().count(),
            0,
            "temporary files are left"
        );
        let master = report["master"].as_str().unwrap();
        let top = &report["rungs"][0];
        let size = (
            top["width"].as_u64().unwrap(),
            top["height"].as_u64().unwrap(),
        );
        assert_eq!(size, expected.size, "{report:#}");
        let duration = report["duration_s"].as_f64().unwrap();
        let (seconds, off) = expected.seconds;
        assert!(
            (duration - seconds).abs() <= off,
            "{duration} s instead of {seconds} s: {report:#}"
        );
        let rungs = report["rungs"].as_array().unwrap();
        for rendition in rungs.iter().chain(report["audio"].as_array().unwrap()) {
            let name = rendition["name"].as_str().unwrap();
            let playlist = find(&out.join("hls"), &format!("{name}.m3u8"));
            let complaints = complaints_of_decoding(&text(&playlist));
            assert_eq!(complaints, "", "{name} of {}", input.display());
            check_stream(&probe(&text(&playlist)), rendition, &expected);
        }
        let declared = std::fs::read_to_string(master).unwrap();
        for line in declared
            .lines()
            .filter(|it| it.starts_with("#EXT-X-STREAM-INF"))
        {
            assert!(
                line.contains(expected.rate),
                "{} instead of {}",
                line,
                expected.rate
            );
        }
        assert_eq!(
            report["audio"].as_array().unwrap().is_empty(),
            expected.channels.is_none(),
            "{report:#}"
        );
        check(master, &temporary).await;
    }
}

fn check_stream(found: &Value, rendition: &Value, expected: &Expected<'_>) {
    let streams = found["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 1, "{found:#}");
    let stream = &streams[0];
    if stream["codec_type"] == "audio" {
        assert_eq!(
            (stream["codec_name"].as_str(), stream["channels"].as_u64()),
            (Some("aac"), expected.channels)
        );
        return;
    }
    assert_eq!(stream["codec_name"], "h264");
    assert_eq!(stream["pix_fmt"], "yuv420p", "8 bits, 4:2:0");
    let (width, height) = (
        stream["width"].as_u64().unwrap(),
        stream["height"].as_u64().unwrap(),
    );
    assert!(width % 2 == 0 && height % 2 == 0, "{width}x{height} is odd");
    assert_eq!(
        (Some(width), Some(height)),
        (rendition["width"].as_u64(), rendition["height"].as_u64())
    );
    let transfer = stream["color_transfer"].as_str().unwrap_or("");
    assert!(
        !["smpte2084", "arib-std-b67"].contains(&transfer),
        "still HDR: {transfer}"
    );
    assert!(
        matches!(
            stream["field_order"].as_str(),
            None | Some("progressive" | "unknown")
        ),
        "{stream:#}"
    );
}

pub(super) fn find(folder: &Path, name: &str) -> PathBuf {
    let found = e2e::dev::files(folder)
        .into_iter()
        .find(|it| it.file_name().is_some_and(|it| it == name));
    folder.join(found.unwrap_or_else(|| panic!("no {name} below {}", folder.display())))
}

/// Video without audio.
pub(super) fn silent(size: &str, rate: &str, seconds: f64) -> Vec<String> {
    film(size, rate, seconds)[..4].to_vec()
}
