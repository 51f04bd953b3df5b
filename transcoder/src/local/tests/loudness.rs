//! Profiles that bring audio to a loudness, with real sources and FFmpeg as the meter.

use std::path::Path;
use std::process::Command;

use domain::profile::Profile;

use super::sound::{convert_by, ffmpeg};

/// Integrated loudness, LUFS, and the maximum sample, dBFS, and the time of the first sample
/// that is almost as loud, seconds.
fn meter(input: &Path) -> (f64, f64, f64) {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-hide_banner", "-nostats", "-i"])
        .arg(input);
    // A metered mono file is heard from two loudspeakers.
    let graph = "ebur128=dualmono=true:framelog=verbose,volumedetect";
    command.args(["-map", "0:a:0", "-af", graph, "-f", "null", "-"]);
    let log = String::from_utf8(command.output().unwrap().stderr).unwrap();
    let value = |label: &str| {
        let (_, rest) = log
            .rsplit_once(label)
            .unwrap_or_else(|| panic!("{label}: {log}"));
        rest.split_whitespace()
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    let mut samples = Command::new("ffmpeg");
    samples.args(["-nostdin", "-v", "error", "-i"]).arg(input);
    samples.args([
        "-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le", "-",
    ]);
    let samples = samples.output().unwrap().stdout;
    let samples = samples.chunks_exact(2);
    let samples = samples.map(|it| u32::from(i16::from_le_bytes([it[0], it[1]]).unsigned_abs()));
    let samples: Vec<u32> = samples.collect();
    let loudest = samples.iter().max().unwrap();
    let loud = samples.iter().position(|it| it * 10 > loudest * 8);
    (
        value("    I:"),
        value("max_volume:"),
        loud.expect("a click") as f64 / 48_000.0,
    )
}

/// Quiet and loud audio, mono and stereo, with a click that is louder than the rest: the result has
/// the loudness of the profile, no peak above its maximum, and the click where it was.
#[tokio::test]
async fn audio_is_brought_to_the_loudness_of_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    let profile = Profile::parse("[loudness]\nnormalise = true\nmax_peak_dbtp = -1.5").unwrap();
    for (name, amplitude, louder_db, channels, is_limited) in [
        ("quiet-stereo", 0.2, 0, 2, true),
        ("quiet-mono", 0.2, 0, 1, true),
        ("loud", 0.6, 9, 2, false),
        // Mixed down to stereo, and measured like that.
        ("surround", 0.2, 0, 6, true),
    ] {
        let input = folder.path().join(format!("{name}.wav"));
        let noise = format!("anoisesrc=r=48000:d=20:a={amplitude}:c=pink:seed=7");
        // A burst of ten milliseconds after 13 seconds, within the audio of the second chunk.
        let click = "aevalsrc='if(between(t,13,13.01),0.9*sin(2*PI*1000*t),0)':s=48000:d=20";
        let layout = match channels {
            1 => "mono",
            2 => "stereo",
            _ => "5.1",
        };
        let graph = format!(
            "[0:a][1:a]amix=inputs=2:normalize=0,volume={louder_db}dB,pan={layout}|{}",
            (0..channels)
                .map(|it| format!("c{it}=c0"))
                .collect::<Vec<_>>()
                .join("|")
        );
        ffmpeg(
            &[
                "-f",
                "lavfi",
                "-i",
                &noise,
                "-f",
                "lavfi",
                "-i",
                click,
                "-filter_complex",
                &graph,
            ],
            &input,
        );
        let out = folder.path().join("out").join(name);
        let report = convert_by(profile.clone(), &input, &out).await.unwrap();
        let [track] = &report.loudness[..] else {
            panic!("{name}: {:?}", report.loudness)
        };
        let (before, _, clicked) = meter(&input);
        let (after, peak, clicks) = meter(&report.master);
        if channels <= 2 {
            let measured = track.measured.integrated_lufs.as_f64();
            assert!(
                (measured - before).abs() < 0.11,
                "{name}: {before} {track:?}"
            );
        }
        assert!((after + 16.0).abs() < 1.3, "{name}: {after} {track:?}");
        assert!(peak <= -1.0, "{name}: {peak}");
        assert_eq!(
            track.measured.true_peak_dbtp + track.gain_db > (-1.5).into(),
            is_limited,
            "{name}: {track:?}"
        );
        // Elsewhere, everything is as loud as the click.
        if is_limited {
            assert!(
                (clicks - clicked).abs() < 0.0015,
                "{name}: {clicked} {clicks}"
            );
        }
    }
}

/// Without measured audio, nothing changes.
#[tokio::test]
async fn silence_has_no_loudness() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("silence.wav");
    ffmpeg(
        &["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "7"],
        &input,
    );
    let profile = Profile::parse("[loudness]\nnormalise = true").unwrap();
    let report = convert_by(profile, &input, &folder.path().join("out"))
        .await
        .unwrap();
    assert!(report.loudness.is_empty() && (report.duration_s - 7.0).abs() < 0.1);
}
