//! A trial of FFmpeg: two seconds of video go through the whole pipeline, into two segments per
//! rendition.
//!
//! A list of encoders and filters does not show whether they behave as expected: versions of FFmpeg
//! differ in what their options mean. The real pipeline therefore remuxes and encodes a real file,
//! and verifies the output.

use std::collections::{BTreeSet, HashSet};

use domain::job::Mode;
use domain::profile::{Profile, Rung, VideoCodec};
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

/// As [`run`], with rungs of codecs other than H.264 too, as a profile has them.
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

async fn transcode_film(tools: &Tools, profile: Profile) -> Result<(), TranscodeError> {
    let io = |source| TranscodeError::Io {
        doing: "could not write a temporary file".to_owned(),
        source,
    };
    let folder = tempfile::tempdir().map_err(io)?;
    // Nothing is remuxed beside a watermark.
    let expected = if profile.watermark.image().is_some() {
        1
    } else {
        2
    };
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

/// The trial of the codecs of a profile; `None`: it has only H.264.
fn with_codecs(of: &Profile) -> Option<Profile> {
    let codecs: BTreeSet<VideoCodec> = of.enabled_rungs().map(|it| it.codec).collect();
    let newer = codecs.iter().filter(|it| **it != VideoCodec::H264);
    let mut trial = profile();
    let smallest = trial.rungs.last()?.clone();
    trial
        .rungs
        .extend((1..).zip(newer).map(|(number, codec)| Rung {
            name: format!("newer-{number}").parse().expect("a legal name"),
            codec: *codec,
            ..smallest.clone()
        }));
    (trial.segment_format, trial.hevc, trial.av1) =
        (of.segment_format, of.hevc.clone(), of.av1.clone());
    (codecs.len() > 1).then_some(trial)
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
