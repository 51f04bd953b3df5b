//! Encoders in hardware on a machine without any: every program refuses to start, and says why. The
//! command lines have only options that FFmpeg lists for the encoder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::ffmpegs::FFmpeg;
use e2e::media::make_film;
use e2e::program::{Answer, edgereel_run_with, text};

/// Codecs with the table of the profile that has the name of their encoder.
const CODECS: [(&str, &str); 3] = [("h264", "encoder"), ("hevc", "hevc"), ("av1", "av1")];

/// Options that FFmpeg has for every encoder.
const OF_ALL: [&str; 10] = [
    "-b:v",
    "-minrate",
    "-maxrate",
    "-bufsize",
    "-bf",
    "-flags",
    "-global_quality",
    "-pix_fmt",
    // The encoder lists it under this name, with the suffix of the stream.
    "-profile:v",
    "-c:v",
];

/// Writes a profile with one codec in hardware.
fn profile(folder: &Path, codec: &str, name: &str, control: &str) -> PathBuf {
    let rung = |name: &str, codec: &str| {
        format!(
            "[[rung]]\nname = \"{name}\"\ncodec = \"{codec}\"\nhdr = \"tone_map\"\nwidth = 640\nheight = 360\n\
             video_kbps = 400\naudio_kbps = 64\n"
        )
    };
    let rungs = match codec {
        "h264" => rung("h264", "h264"),
        _ => rung("h264", "h264") + &rung("newer", codec),
    };
    let table = CODECS.iter().find(|it| it.0 == codec).unwrap().1;
    let mut head = format!(
        "name = \"gpu\"\nsegment_format = \"fmp4\"\n[encoder]\nrate_control = \"{control}\"\n"
    );
    if table != "encoder" {
        head += &format!("[{table}]\n");
    }
    let path = folder.join("gpu.toml");
    std::fs::write(&path, format!("{head}name = \"{name}\"\n{rungs}")).unwrap();
    path
}

/// Transcodes with a profile, and logs the command lines.
async fn transcode(
    ffmpeg: &FFmpeg,
    folder: &Path,
    film: &Path,
    profile: &Path,
    device: &str,
) -> Answer {
    let mut environment = ffmpeg.environment();
    environment.push(("EDGEREEL_HARDWARE_DEVICE".to_owned(), device.to_owned()));
    let (film, profile, out) = (text(film), text(profile), text(&folder.join("out")));
    let arguments = [
        "transcode",
        &film,
        "--out",
        &out,
        "--profile",
        &profile,
        "--json",
        "--log",
        "transcoder=debug",
    ];
    edgereel_run_with(&environment, &arguments, folder, Duration::from_secs(120)).await
}

/// The options of an encoder in a command line.
fn options(log: &str, encoder: &str) -> BTreeSet<String> {
    let start = format!("-c:v {encoder} ");
    let runs = log.split(&start).skip(1);
    let words = runs.flat_map(|it| it.split(" -g ").next().unwrap_or_default().split(' '));
    words
        .filter(|it| it.starts_with('-'))
        .map(str::to_owned)
        .collect()
}

/// The options that FFmpeg lists for an encoder.
fn listed(ffmpeg: &FFmpeg, encoder: &str) -> String {
    let program = ffmpeg.folder.as_ref().map(|it| it.join("ffmpeg"));
    let program = program.unwrap_or_else(|| "ffmpeg".into());
    let output = Command::new(program)
        .args(["-hide_banner", "-h", &format!("encoder={encoder}")])
        .stdin(Stdio::null())
        .output();
    String::from_utf8_lossy(&output.expect("this FFmpeg starts").stdout).into_owned()
}

fn message(answer: &Answer) -> String {
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    let error = &answer.last()["error"];
    assert_eq!(error["code"], "no-hardware", "{error}");
    error["message"].as_str().unwrap_or_default().to_owned()
}

fn has_a_gpu() -> bool {
    let found = ["/dev/dri", "/dev/nvidiactl"]
        .iter()
        .any(|it| Path::new(it).exists());
    if found {
        testkit::skipped("this machine has a GPU");
    }
    found
}

/// Every encoder of an FFmpeg: the test encode runs with it, and fails for the right reason.
async fn refuses(ffmpeg: FFmpeg) {
    if has_a_gpu() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let film = make_film(&folder.path().join("film.mp4"), "640x360", "25", 1.0, &[]);
    for (codec, table) in CODECS {
        for name in ["nvenc", "vaapi", "qsv"] {
            let encoder = format!("{codec}_{name}");
            let profile = profile(folder.path(), codec, name, "capped-crf");
            let answer = transcode(
                &ffmpeg,
                folder.path(),
                &film,
                &profile,
                "/dev/dri/renderD128",
            )
            .await;
            let message = message(&answer);
            assert!(
                message.contains("profile `gpu`") && message.contains(&format!("`{encoder}`")),
                "{message}"
            );
            assert!(message.contains(&format!("in `[{table}]`")), "{message}");
            let used = options(&answer.stderr, &encoder);
            if !ffmpeg.has("encoders", &encoder) {
                assert!(message.contains("install a build that does"), "{message}");
                assert!(used.is_empty());
                continue;
            }
            let device = if name == "nvenc" {
                "/dev/nvidiactl"
            } else {
                "/dev/dri/renderD128"
            };
            let line = if name == "nvenc" {
                "Cannot load libcuda.so.1"
            } else {
                "No VA display found for device"
            };
            let advice = if name == "nvenc" {
                "--gpus all"
            } else {
                "--device /dev/dri"
            };
            for part in [&format!("`{device}` is missing"), line, advice] {
                assert!(message.contains(part), "{part}: {message}");
            }
            let list = listed(&ffmpeg, &encoder);
            assert!(used.len() > 5, "{used:?}\n{}", answer.stderr);
            for option in used.iter().filter(|it| !OF_ALL.contains(&it.as_str())) {
                let is_listed = list
                    .lines()
                    .any(|it| it.split_whitespace().next() == Some(option));
                assert!(
                    is_listed,
                    "{} {encoder} has no option {option}",
                    ffmpeg.name
                );
            }
        }
    }
    assert!(!folder.path().join("out/hls").exists(), "nothing was made");
}

#[tokio::test]
async fn the_ffmpeg_on_the_path_refuses() {
    refuses(FFmpeg::on_path()).await;
}

#[tokio::test]
async fn ffmpeg_8_1_refuses() {
    if let Some(ffmpeg) = FFmpeg::installed("8.1") {
        refuses(ffmpeg).await;
    }
}

#[tokio::test]
async fn ffmpeg_9_0_refuses() {
    if let Some(ffmpeg) = FFmpeg::installed("9.0") {
        refuses(ffmpeg).await;
    }
}

/// A device that is there, and whose driver refuses.
#[tokio::test]
async fn a_driver_that_refuses_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let film = make_film(&folder.path().join("film.mp4"), "640x360", "25", 1.0, &[]);
    let profile = profile(folder.path(), "h264", "vaapi", "cbr");
    let answer = transcode(
        &FFmpeg::on_path(),
        folder.path(),
        &film,
        &profile,
        "/dev/null",
    )
    .await;
    let message = message(&answer);
    for part in [
        "the driver or the device refused it (Device creation failed",
        "`vainfo`",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(
        answer.stderr.contains("vaapi=vaapi:/dev/null"),
        "{}",
        answer.stderr
    );
}

/// The transcoder, `serve` and `dev` check their profiles in the same way; `doctor` reports all.
#[tokio::test]
async fn every_program_refuses_and_doctor_reports() {
    if has_a_gpu() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    profile(&profiles, "h264", "nvenc", "capped-crf");
    let (profiles, data) = (text(&profiles), text(&folder.path().join("data")));
    let environment = [("EDGEREEL_PROFILES_DIR".to_owned(), profiles)];
    let run = async |arguments: &[&str]| {
        let arguments = [arguments, &["--data", &data]].concat();
        let limit = Duration::from_secs(120);
        edgereel_run_with(&environment, &arguments, folder.path(), limit).await
    };
    let doctor = run(&["doctor", "--json"]).await;
    assert_eq!(doctor.code, Some(1), "{}", doctor.stderr);
    let findings = doctor.last()["findings"].as_array().unwrap().clone();
    let finding = findings.iter().find(|it| it["what"] == "hardware").unwrap();
    assert_eq!(finding["state"], "error");
    assert!(
        finding["found"]
            .as_str()
            .unwrap()
            .contains("`/dev/nvidiactl` is missing"),
        "{finding}"
    );
    let dev = run(&["dev", "--json", "--listen", "127.0.0.1:0"]).await;
    assert!(message(&dev).contains("`h264_nvenc`"));
}

/// The encoder of Apple is known, and no program that runs on Linux has it.
#[tokio::test]
async fn videotoolbox_is_of_another_system() {
    let folder = tempfile::tempdir().unwrap();
    let film = make_film(&folder.path().join("film.mp4"), "640x360", "25", 1.0, &[]);
    let profile = profile(folder.path(), "h264", "videotoolbox", "cbr");
    let answer = transcode(
        &FFmpeg::on_path(),
        folder.path(),
        &film,
        &profile,
        "/dev/null",
    )
    .await;
    assert!(
        message(&answer).contains("Apple's computers only"),
        "{:?}",
        answer.last()
    );
}
