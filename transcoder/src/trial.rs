//! A trial of FFmpeg: two seconds of video go through the whole pipeline, into two segments per
//! rendition.
//!
//! A list of encoders and filters does not show whether they behave as expected: versions of FFmpeg
//! differ in what their options mean. The real pipeline therefore remuxes and encodes a real file,
//! and verifies the output.

use std::collections::HashSet;

use domain::job::Mode;
use domain::profile::Profile;
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
    let io = |source| TranscodeError::Io {
        doing: "could not write a temporary file".to_owned(),
        source,
    };
    let folder = tempfile::tempdir().map_err(io)?;
    let input = folder.path().join("trial.mp4");
    tokio::fs::write(&input, FILM).await.map_err(io)?;
    let job = LocalJob {
        input,
        out: folder.path().join("out"),
        profile: profile(),
        mode: Mode::Abr,
        encrypt: true,
        keep_failed: false,
        encoders: 1,
    };
    let report = Box::pin(transcode(tools, &job, |_| (), &CancellationToken::new())).await?;
    // The pipeline falls back to another strategy if one fails; here each has to work.
    let kinds: HashSet<bool> = report.rungs.iter().map(|it| it.copied).collect();
    if kinds.len() == 2
        && report.rungs.iter().all(|it| it.segments == 2)
        && report.missing.is_empty()
    {
        return Ok(());
    }
    Err(TranscodeError::Verification(
        "the trial did not come out as planned".to_owned(),
    ))
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
