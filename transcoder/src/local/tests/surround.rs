//! Surround renditions of real sources, whose channels FFmpeg decodes: each has a tone of its own.

use std::path::Path;
use std::process::Command;

use domain::profile::Profile;

use super::sound::{convert_by, ffmpeg};

/// Frequencies of the tones, Hz: front left and right, centre, low-frequency effects, back left and
/// right. That of the effects is one that encoders keep in this channel.
const TONES: [f64; 6] = [440.0, 660.0, 880.0, 60.0, 1320.0, 1760.0];

/// Expressions of so many channels of a layout, each with a tone. In 7.1, the side channels share the
/// tones of the back channels.
fn tones(channels: usize) -> String {
    let tone = |channel: usize| {
        let frequency = TONES
            .get(channel)
            .unwrap_or(&TONES[channel.saturating_sub(2).min(5)]);
        format!("0.2*sin(2*PI*{frequency}*t)")
    };
    (0..channels).map(tone).collect::<Vec<_>>().join("|")
}

/// The samples of each channel of an audio rendition, 48 kHz, in the order of 5.1.
fn decoded(input: &Path) -> Vec<Vec<f32>> {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-nostdin",
        "-v",
        "error",
        "-allowed_extensions",
        "ALL",
        "-i",
    ]);
    command.arg(input).args(["-map", "0:a:0", "-ar", "48000"]);
    let output = command.args(["-f", "f32le", "-"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let samples = output.stdout.chunks_exact(4);
    let samples: Vec<f32> = samples
        .map(|it| f32::from_le_bytes(*it.first_chunk().unwrap()))
        .collect();
    let channel = |number| samples.iter().skip(number).step_by(6).copied().collect();
    (0..6).map(channel).collect()
}

/// The amplitude of a tone (Goertzel) in a second from the middle of the samples.
fn amplitude(samples: &[f32], frequency: f64) -> f64 {
    let middle = samples.len() / 2;
    let window = &samples[middle - 24_000..middle + 24_000];
    let factor = 2.0 * (2.0 * std::f64::consts::PI * frequency / 48_000.0).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in window {
        (one, two) = (f64::from(*sample) + factor * one - two, one);
    }
    let power = one * one + two * two - factor * one * two;
    power.max(0.0).sqrt() / 24_000.0
}

/// Codec, channels and layout, as ffprobe reports them.
fn described(input: &Path) -> String {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-allowed_extensions", "ALL", "-show_entries"]);
    command.args([
        "stream=codec_name,channels,channel_layout",
        "-of",
        "csv=p=0",
    ]);
    let output = command.arg(input).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found = text.lines().find(|it| !it.trim().is_empty());
    let found = found.unwrap_or_default().trim();
    found.trim_end_matches(',').to_owned()
}

fn profile(codec: &str, format: &str) -> Profile {
    let text = format!(
        "segment_seconds = 2.0\nsegment_format = \"{format}\"\n[surround]\nenabled = true\ncodec = \"{codec}\"\n"
    );
    Profile::parse(&text).unwrap()
}

/// The playlist of a rendition beside the master playlist.
fn playlist(master: &Path, name: &str) -> std::path::PathBuf {
    let text = std::fs::read_to_string(master).unwrap();
    let of = |it: &str| {
        it.split('"')
            .find(|it| it.ends_with(&format!("/{name}.m3u8")))
            .map(str::to_owned)
    };
    let uri = text
        .lines()
        .find_map(of)
        .unwrap_or_else(|| panic!("{name}: {text}"));
    master.parent().unwrap().join(uri)
}

/// Every layout and codec, in both containers: each tone is in its channel, and no other one is.
#[tokio::test]
async fn each_channel_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    // AC-3 has side channels, and PCM in Matroska declares no layout.
    let (flac, ac3, pcm) = ("flac", "ac3", "pcm_s16le");
    for (source, channels, codec, format, expected) in [
        (flac, 6, "aac", "mpeg-ts", "aac,6,5.1"),
        (ac3, 6, "aac", "fmp4", "aac,6,5.1"),
        (flac, 8, "ac-3", "mpeg-ts", "ac3,6,5.1(side)"),
        (ac3, 6, "ac-3", "fmp4", "ac3,6,5.1(side)"),
        (flac, 6, "ec-3", "fmp4", "eac3,6,5.1(side)"),
        (pcm, 6, "ec-3", "mpeg-ts", "eac3,6,5.1(side)"),
    ] {
        let name = format!("{source}-{channels}-{codec}-{format}");
        let (input, out) = (
            folder.path().join(format!("{name}.mkv")),
            folder.path().join("out").join(&name),
        );
        let layout = if channels == 8 { "7.1" } else { "5.1" };
        let audio = format!("aevalsrc='{}':c={layout}:s=48000:d=5", tones(channels));
        let picture = "testsrc2=s=320x180:r=25:d=5";
        let inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", &audio];
        let video = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50"];
        let sound = ["-c:a", source, "-b:a", "640k"];
        ffmpeg(&[&inputs[..], &video, &sound].concat(), &input);

        let report = convert_by(profile(codec, format), &input, &out).await;
        let report = report.unwrap_or_else(|it| panic!("{name}: {it:?}"));
        let surround = playlist(&report.master, "audio-surround");
        assert_eq!(described(&surround), expected, "{name}");
        let channels = decoded(&surround);
        let seconds = channels[0].len() as f64 / 48_000.0;
        assert!((seconds - 5.0).abs() < 0.06, "{name}: {seconds} s");
        for (place, samples) in channels.iter().enumerate() {
            for (other, frequency) in TONES.into_iter().enumerate() {
                let found = amplitude(samples, frequency);
                match place == other {
                    true => assert!((0.1..0.5).contains(&found), "{name}: {place} has {found}"),
                    false => assert!(found < 0.01, "{name}: {place} has {found} of {other}"),
                }
            }
        }
        let stereo = playlist(&report.master, "audio-128k");
        assert_eq!(described(&stereo), "aac,2,stereo", "{name}");
        let master = std::fs::read_to_string(&report.master).unwrap();
        let kind = if codec == "aac" { "mp4a.40.2" } else { codec };
        let variant = master
            .lines()
            .find(|it| it.contains("AUDIO=\"audio-surround\""))
            .unwrap_or_else(|| panic!("{name}: {master}"));
        assert!(variant.contains(&format!(",{kind}\"")), "{name}: {variant}");
        assert_eq!(master.matches("CHANNELS=\"6\"").count(), 1, "{master}");
    }
}

/// A file without video has both, each as a variant with its group, and each as loud as the profile says.
#[tokio::test]
async fn audio_files_have_surround_too() {
    let folder = tempfile::tempdir().unwrap();
    for (name, codec, format) in [
        ("a.flac", "aac", "mpeg-ts"),
        ("a.wav", "ac-3", "fmp4"),
        ("a.m4a", "aac", "fmp4"),
    ] {
        let (input, out) = (
            folder.path().join(name),
            folder.path().join("out").join(name),
        );
        let noise = "anoisesrc=r=48000:d=14:a=0.1:c=pink:seed=7,pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0";
        ffmpeg(&["-f", "lavfi", "-i", noise], &input);
        let mut profile = profile(codec, format);
        profile.loudness.normalise = true;
        let report = convert_by(profile, &input, &out).await;
        let report = report.unwrap_or_else(|it| panic!("{name}: {it:?}"));
        assert_eq!(report.audio.len(), 2, "{name}");
        let master = std::fs::read_to_string(&report.master).unwrap();
        for (group, channels) in [("audio-128k", "2"), ("audio-surround", "6")] {
            let member = format!(
                "GROUP-ID=\"{group}\",NAME=\"Audio\",LANGUAGE=\"und\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"{channels}\""
            );
            assert!(master.contains(&member), "{name}: {master}");
            let variant = format!(",AUDIO=\"{group}\",CLOSED-CAPTIONS=NONE\n");
            assert_eq!(master.matches(&variant).count(), 1, "{name}: {master}");
            let measured = loudness(&playlist(&report.master, group));
            assert!(
                (measured + 16.0).abs() < 1.0,
                "{name} {group}: {measured} LUFS"
            );
        }
    }
}

/// Integrated loudness, LUFS.
fn loudness(input: &Path) -> f64 {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-nostdin",
        "-hide_banner",
        "-nostats",
        "-allowed_extensions",
        "ALL",
        "-i",
    ]);
    command.arg(input).args([
        "-map",
        "0:a:0",
        "-af",
        "ebur128=framelog=verbose",
        "-f",
        "null",
        "-",
    ]);
    let log = String::from_utf8(command.output().unwrap().stderr).unwrap();
    let (_, rest) = log.rsplit_once("    I:").unwrap_or_else(|| panic!("{log}"));
    rest.split_whitespace().next().unwrap().parse().unwrap()
}
