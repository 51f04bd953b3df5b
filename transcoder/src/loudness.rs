//! Measures the loudness of the audio tracks of a source, for profiles that normalise it.
//!
//! The gain must be known before the first segment is encoded, so the audio is decoded once more, and
//! the video becomes playable later by this time.

use std::time::Duration;

use domain::loudness::{Level, Loudness};
use domain::profile::Profile;
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::{MeteredTrack, loudness, meter, surround_meter};
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::probe::input_arguments;
use crate::ffmpeg::process::{self, Cost, Run};
use crate::inspect::Inspected;
use crate::loopback::Loopback;

/// Time limit. Audio of twelve hours takes minutes.
const TIME_LIMIT: Duration = Duration::from_secs(2 * 3600);

/// The integrated loudness of silence, LUFS: the absolute gate of ITU-R BS.1770.
const SILENCE: Level = Level::of_tenths(-700);

/// Measures the tracks of `source`, if the profile needs it, and returns the cost. A track that is
/// silent has no loudness; neither has audio that FFmpeg cannot decode to its end.
pub(crate) async fn measure(
    tools: &Tools,
    loopback: &Loopback,
    profile: &Profile,
    source: &mut Inspected,
    cancel: &CancellationToken,
) -> Result<Cost, TranscodeError> {
    if !profile.loudness.normalise || source.probe.audio.is_empty() {
        return Ok(Cost::default());
    }
    let url = loopback.source_url();
    let arguments = match &source.normaliser {
        Some(normaliser) => normaliser.loudness(&url),
        None => {
            let mut input = input_arguments(&source.probe.demuxer);
            input.extend(["-i".to_owned(), url]);
            let tracks = source.probe.audio.iter().map(|it| MeteredTrack {
                index: it.index,
                channels: it.channels,
                surround: profile.surround.includes(it.channels),
            });
            loudness(input, &tracks.collect::<Vec<_>>())
        }
    };
    let run = Run {
        tools,
        port: loopback.port(),
        files: vec![],
        weight: Weight::Heavy { runs: 1 },
        hardware: vec![],
        task: "measure the loudness".to_owned(),
        arguments,
        time_limit: TIME_LIMIT,
    };
    let ended = match process::run(run, cancel).await {
        Ok(ended) => ended,
        Err(error) => {
            return match loopback.take_failure() {
                Some(failure) => Err(failure),
                // The encoder reads the same audio, and reports what is wrong with it.
                None if error.may_be_the_source() => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the loudness is unknown"
                    );
                    Ok(Cost::default())
                }
                None => Err(error),
            };
        }
    };
    for (number, track) in source.probe.audio.iter_mut().enumerate() {
        track.loudness = parse(&ended.report, &meter(number));
        track.surround_loudness = parse(&ended.report, &surround_meter(number));
    }
    Ok(ended.cost)
}

/// Parses the report of one meter, as FFmpeg (5.1 to 9.0) prints it; `None`: silence, or no report.
fn parse(report: &[String], meter: &str) -> Option<Loudness> {
    let is_start = |it: &String| it.contains(meter) && it.contains("Summary:");
    // FFmpeg before 7.0 configures its filters twice, and the first meter measures nothing.
    let start = report.iter().rposition(is_start)?;
    let own = report.iter().skip(start + 1);
    let own = own.take_while(|it| !it.contains("Summary:"));
    let value = |label: &str| {
        own.clone().find_map(|line| {
            let value = line.trim().strip_prefix(label)?;
            let number = value.split_whitespace().next()?.parse::<f64>().ok()?;
            number.is_finite().then(|| Level::from(number))
        })
    };
    let loudness = Loudness {
        integrated_lufs: value("I:")?,
        range_lu: value("LRA:")?,
        true_peak_dbtp: value("Peak:")?,
    };
    (loudness.integrated_lufs > SILENCE).then_some(loudness)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
[ebur128@track0 @ 0x55e7d3619680] [info] Summary:
  Integrated loudness:
    I:           0.0 LUFS
  Loudness range:
    LRA:         0.0 LU
  True peak:
    Peak:       -inf dBFS
[ebur128@track1 @ 0x7fab6bc28940] [info] Summary:

  Integrated loudness:
    I:         -70.0 LUFS
    Threshold:   0.0 LUFS

  Loudness range:
    LRA:         0.0 LU
    Threshold:   0.0 LUFS
    LRA low:     0.0 LUFS
    LRA high:    0.0 LUFS

  True peak:
    Peak:       -inf dBFS
[ebur128@track0 @ 0x7fab6bc28800] [info] Summary:

  Integrated loudness:
    I:         -24.8 LUFS
    Threshold: -34.8 LUFS

  Loudness range:
    LRA:         3.1 LU
    Threshold:   3.0 LUFS
    LRA low:     -27.0 LUFS
    LRA high:    -23.9 LUFS

  True peak:
    Peak:       -4.1 dBFS
[info] bench: maxrss=17436KiB";

    #[test]
    fn a_report_is_found_by_its_meter() {
        let report: Vec<String> = REPORT.lines().map(str::to_owned).collect();
        let expected = Loudness {
            integrated_lufs: Level::of_tenths(-248),
            range_lu: Level::of_tenths(31),
            true_peak_dbtp: Level::of_tenths(-41),
        };
        assert_eq!(parse(&report, &meter(0)), Some(expected));
        // Silent.
        assert_eq!(parse(&report, &meter(1)), None);
        assert_eq!(parse(&report, &meter(2)), None);
        for length in 0..report.len() {
            let _ = parse(&report[..length], &meter(0));
        }
    }
}
