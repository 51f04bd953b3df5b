//! A trial of FFmpeg: two seconds of video go through the whole pipeline, into two segments per
//! rendition.
//!
//! A list of encoders and filters does not show whether they behave as expected: versions of FFmpeg
//! differ in what their options mean. The real pipeline therefore remuxes and encodes a real file,
//! and verifies the output.

use std::collections::{BTreeSet, HashSet};

use domain::job::Mode;
use domain::profile::{HdrOutput, Profile, Rung, VideoCodec};
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::local::{LocalJob, transcode};

/// 320x180, 25 frames per second, a keyframe every second, B-frames, AAC.
pub(crate) const FILM: &[u8] = include_bytes!("../assets/trial.mp4");

/// Transcodes two seconds of video with these tools. Takes about a second.
///
/// # Errors
/// Those of a job: verification names the first deviation.
pub async fn run(tools: &Tools) -> Result<(), TranscodeError> {
    transcode_film(tools, profile()).await
}

/// As [`run`], with rungs of codecs other than H.264 too, as a profile has them
/// in software.
///
/// # Errors
/// As [`run`].
pub async fn run_codecs(tools: &Tools, profile: &Profile) -> Result<(), TranscodeError> {
    match with_codecs(profile) {
        Some(trial) => transcode_film(tools, trial).await,
        None => Ok(()),
    }
}

/// As [`run`], with the watermark of a profile, whose image this FFmpeg has to decode and to draw.
///
/// # Errors
/// As [`run`].
pub async fn run_watermark(tools: &Tools, of: &Profile) -> Result<(), TranscodeError> {
    if of.watermark.image().is_none() {
        return Ok(());
    }
    let watermark = of.watermark.clone();
    let trial = Profile {
        watermark,
        ..profile()
    };
    transcode_film(tools, trial).await
}

/// As [`run`], for a codec that a profile encodes in hardware: one rung of it, with the settings of
/// the profile. The source is not remuxed, so the hardware gets its frames in their own size, which
/// every encoder accepts.
///
/// # Errors
/// As [`run`].
pub(crate) async fn run_hardware(
    tools: &Tools,
    of: &Profile,
    codec: VideoCodec,
) -> Result<(), TranscodeError> {
    transcode_film(tools, in_hardware(of, codec)).await
}

async fn transcode_film(tools: &Tools, profile: Profile) -> Result<(), TranscodeError> {
    let io = |source| TranscodeError::Io {
        doing: "could not write a temporary file".to_owned(),
        source,
    };
    // Encoded rungs, and a remuxed one, but nothing is remuxed beside a watermark.
    let is_remuxed = profile.source_rung.enabled && profile.watermark.image().is_none();
    let expected = 1 + usize::from(is_remuxed);
    let folder = tempfile::tempdir().map_err(io)?;
    let input = folder.path().join("trial.mp4");
    tokio::fs::write(&input, FILM).await.map_err(io)?;
    let job = LocalJob {
        input,
        out: folder.path().join("out"),
        profile,
        mode: Mode::Abr,
        encrypt: true,
        keep_failed: false,
        encoders: 1,
    };
    let report = Box::pin(transcode(tools, &job, |_| (), &CancellationToken::new())).await?;
    // The pipeline falls back to another strategy if one fails; here each has to work.
    let kinds: HashSet<bool> = report.rungs.iter().map(|it| it.copied).collect();
    if kinds.len() == expected
        && report.rungs.iter().all(|it| it.segments == 2)
        && report.missing.is_empty()
    {
        return Ok(());
    }
    Err(TranscodeError::Verification(
        "the trial did not come out as planned".to_owned(),
    ))
}

/// The trial of the codecs that a profile encodes in software; `None`: it has only H.264.
fn with_codecs(of: &Profile) -> Option<Profile> {
    let in_software = of
        .enabled_rungs()
        .map(|it| it.codec)
        .filter(|it| *it != VideoCodec::H264 && of.hardware_of(*it).is_none());
    let newer: BTreeSet<VideoCodec> = in_software.collect();
    if newer.is_empty() {
        return None;
    }
    let mut trial = profile();
    let smallest = trial.rungs.last()?.clone();
    trial
        .rungs
        .extend((1..).zip(newer).map(|(number, codec)| Rung {
            name: format!("newer-{number}").parse().expect("a legal name"),
            codec,
            ..smallest.clone()
        }));
    (trial.segment_format, trial.hevc, trial.av1) =
        (of.segment_format, of.hevc.clone(), of.av1.clone());
    Some(trial)
}

/// The trial of a codec that a profile encodes in hardware.
fn in_hardware(of: &Profile, codec: VideoCodec) -> Profile {
    let mut trial = profile();
    let own_size = |rung: &mut Rung| (rung.width, rung.height, rung.video_kbps) = (320, 180, 300);
    trial.rungs.truncate(1);
    trial.rungs.iter_mut().for_each(own_size);
    trial.source_rung.enabled = false;
    (trial.segment_format, trial.hevc, trial.av1) =
        (of.segment_format, of.hevc.clone(), of.av1.clone());
    if codec == VideoCodec::H264 {
        trial.encoder = of.encoder.clone();
        return trial;
    }
    trial.encoder.rate_control = of.encoder.rate_control;
    let beside = trial.rungs.first().cloned().map(|first| Rung {
        name: "newer".parse().expect("a legal name"),
        codec,
        hdr: Some(HdrOutput::ToneMap),
        ..first
    });
    trial.rungs.extend(beside);
    trial
}

/// A remuxed rung with its audio, two encoded rungs with audio at two rates.
pub(crate) fn profile() -> Profile {
    let mut profile = Profile {
        segment_seconds: 1.0,
        keyframe_seconds: 1.0,
        ..Profile::default()
    };
    profile.rungs.truncate(2);
    for (rung, (height, kbps)) in profile.rungs.iter_mut().zip([(120, 96), (90, 64)]) {
        rung.enabled = true;
        (rung.width, rung.height, rung.audio_kbps) = (height * 16 / 9, height, kbps);
        rung.video_kbps = 100;
    }
    profile
}
