//! The shared test sources, each with its expected outcome, with every FFmpeg.

mod cases;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cases::{Case, Made, Outcome, PATCHES, Ready, cases};
use e2e::dev::files;
use e2e::ffmpegs::FFmpeg;
use e2e::look::{Sources, likeness};
use e2e::media::complaints_of_decoding;
use e2e::program::{check, text};
use futures::FutureExt as _;
use serde_json::Value;

impl Made<'_> {
    /// The playlists of the rungs, with their entries in the report.
    fn rungs(&self) -> Vec<(PathBuf, &Value)> {
        let all = files(&self.out);
        let rungs = self.report["rungs"].as_array().unwrap();
        let playlist = |rung: &Value| {
            let name = format!("{}.m3u8", rung["name"].as_str().unwrap());
            self.out
                .join(all.iter().find(|it| it.ends_with(&name)).unwrap())
        };
        rungs.iter().map(|it| (playlist(it), it)).collect()
    }

    async fn check(&self, expected: &Ready) {
        let seconds = self.report["duration_s"].as_f64().unwrap();
        assert!(
            expected
                .seconds
                .iter()
                .any(|it| (seconds - it).abs() <= 0.25),
            "it lasts {seconds} s"
        );
        let top = &self.report["rungs"][0];
        let size = (
            top["width"].as_u64().unwrap(),
            top["height"].as_u64().unwrap(),
        );
        assert_eq!(size, expected.size.unwrap_or(size));
        assert!(!expected.encoded || top["copied"] == false, "it was copied");

        let master = PathBuf::from(self.report["master"].as_str().unwrap());
        let declared = std::fs::read_to_string(&master).unwrap();
        for line in declared
            .lines()
            .filter(|it| it.starts_with("#EXT-X-STREAM-INF"))
        {
            assert!(
                line.contains(&format!("FRAME-RATE={}", expected.rate)),
                "{line}"
            );
        }
        assert_eq!(complaints_of_decoding(&text(&master)), "");
        let seen = self.sources.look(&master).await;
        self.check_audio(expected, &seen);
        check_frames(expected, &seen, "the master playlist");
        for (playlist, rung) in self.rungs() {
            let name = rung["name"].as_str().unwrap();
            if expected.each_rung {
                let seen = self.sources.look(&playlist).await;
                check_frames(expected, &seen, name);
                if rung["copied"] == false && !expected.rate.is_empty() {
                    let rate =
                        (seen["pictures"].as_f64().unwrap() - 1.0) / seen["span"].as_f64().unwrap();
                    let declared: f64 = expected.rate.parse().unwrap();
                    assert!(
                        (rate / declared - 1.0).abs() < 0.01,
                        "{name} has {rate} frames per second"
                    );
                }
            }
            for (view, pictures) in expected.views {
                let seen = self.sources.distinct(&playlist, view, self.folder).await;
                assert_eq!(seen, *pictures, "frames of {name} through {view}");
            }
            if let Some(source) = expected.moving {
                let seen = self.sources.look(&playlist).await;
                assert!(seen["combed"].as_f64().unwrap() < 0.1, "{name}: {seen}");
                assert_eq!(seen["pictures"], 90, "{name}: {seen}");
                let decibels = likeness(&playlist, source, (720, 480));
                assert!(
                    decibels > 20.0,
                    "{name} does not show what moves: {decibels} dB"
                );
            }
        }
    }

    fn check_audio(&self, expected: &Ready, seen: &Value) {
        assert!(
            expected.tones.contains(&seen["tones"].as_u64().unwrap()),
            "tones: {seen}"
        );
        let audible = self.report["audio"]
            .as_array()
            .is_some_and(|it| !it.is_empty());
        assert!(
            audible || *expected.tones.end() == 0,
            "it has no audio: {}",
            self.report
        );
        if *expected.tones.end() > 0 && expected.views.is_empty() {
            let off = seen["av_ms"]
                .as_i64()
                .unwrap_or_else(|| panic!("no tone is near a flash: {seen}"));
            assert!((off - expected.av_ms).abs() <= 40, "out of step: {seen}");
        }
    }
}

fn check_frames(expected: &Ready, seen: &Value, of: &str) {
    let distinct = seen["distinct"].as_u64().unwrap();
    // Counted by other views, or judged by their motion.
    if expected.views.is_empty() && expected.moving.is_none() {
        assert!(
            expected.pictures.contains(&distinct),
            "frames of {of}: {seen}"
        );
        assert_eq!(seen["unread"], 0, "frames of {of}: {seen}");
    }
    if let Some((first, last)) = expected.numbers {
        assert_eq!(
            (seen["first"].as_u64(), seen["last"].as_u64()),
            (Some(first), Some(last)),
            "{of}: {seen}"
        );
    }
    if expected.colours {
        for (patch, right) in PATCHES.iter().enumerate() {
            for (channel, right) in right.iter().enumerate() {
                let found = seen["colours"][patch][channel].as_i64().unwrap();
                assert!(
                    (found - right).abs() <= 10,
                    "colours of {of}: {}",
                    seen["colours"]
                );
            }
        }
    }
}

async fn judge(ffmpeg: &FFmpeg, sources: &Sources, case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let (out, temporary) = (folder.path().join("out"), folder.path().join("tmp"));
    std::fs::create_dir(&temporary).unwrap();
    let (input, to) = (text(&sources.made.join(case.file)), text(&out));
    let arguments = ["transcode", &input, "--out", &to, "--json"];
    let answer = ffmpeg
        .edgereel(&arguments, &temporary, Duration::from_secs(180))
        .await;
    assert_eq!(
        std::fs::read_dir(&temporary).unwrap().count(),
        0,
        "temporary files are left"
    );
    let report = answer.last();
    let code = match &case.outcome {
        Outcome::Refused(code) => Some(*code),
        Outcome::Ready(it) if it.decoder.is_some_and(|it| !ffmpeg.has("decoders", it)) => {
            Some("unsupported-codec")
        }
        Outcome::Ready(_) | Outcome::Audio => None,
    };
    if let Some(code) = code {
        assert_eq!(report["error"]["code"], code, "{report}\n{}", answer.stderr);
        assert!(
            report["error"]["message"]
                .as_str()
                .is_some_and(|it| !it.contains("try again")),
            "{report}"
        );
        assert_eq!(
            files(&out),
            Vec::<PathBuf>::new(),
            "something is left of what was refused"
        );
        return;
    }
    assert_eq!(answer.code, Some(0), "{report}\n{}", answer.stderr);
    if let Outcome::Ready(expected) = &case.outcome {
        Made {
            sources,
            out,
            folder: folder.path(),
            report,
        }
        .check(expected)
        .await;
    }
    if matches!(case.outcome, Outcome::Audio) {
        assert_eq!(
            report["rungs"].as_array().map(Vec::len),
            Some(0),
            "{report}"
        );
    }
    check(report["master"].as_str().unwrap(), &temporary).await;
    assert_eq!(
        std::fs::read_dir(&temporary).unwrap().count(),
        0,
        "temporary files are left"
    );
}

async fn judge_all(ffmpeg: &FFmpeg) {
    let Some(sources) = Sources::make(Path::new(env!("CARGO_TARGET_TMPDIR"))).await else {
        return;
    };
    let cases = cases();
    let missing: Vec<PathBuf> = files(&sources.made)
        .into_iter()
        .filter(|it| !cases.iter().any(|case| it.ends_with(case.file)))
        .collect();
    assert_eq!(
        missing,
        Vec::<PathBuf>::new(),
        "cases without an expectation"
    );
    let runs = cases
        .iter()
        .map(|case| (case.file, judge(ffmpeg, &sources, case).boxed_local()))
        .collect();
    testkit::together(runs, 2).await;
}

#[tokio::test]
async fn with_the_ffmpeg_on_the_path() {
    judge_all(&FFmpeg::on_path()).await;
}

#[tokio::test]
async fn with_ffmpeg_8_1() {
    if let Some(ffmpeg) = FFmpeg::installed("8.1") {
        judge_all(&ffmpeg).await;
    }
}

#[tokio::test]
async fn with_ffmpeg_9_0() {
    if let Some(ffmpeg) = FFmpeg::installed("9.0") {
        judge_all(&ffmpeg).await;
    }
}
