//! Per-title encoding: measures samples of a source, for profiles that choose the CRF of each rung and
//! the rungs themselves by them.
//!
//! The choices must be known before the first segment is encoded, so the video becomes playable later
//! by this time. A measurement that fails or takes too long never fails the video: its rungs have the
//! CRF of the profile then. A second attempt at a generation reads the choices of the first one from
//! the stored plan, because the recorded chunks were encoded by them.

use std::time::Instant;

use domain::job::Stage;
use domain::object_key::ObjectKey;
use domain::per_title::{PerTitle, Sample, Skipped, choose as choose_rungs, samples, time_limit};
use domain::plan::EncodePlan;
use domain::probe::{Probe, Seeking};
use platform::object_store::ObjectStoreExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::error::TranscodeError;
use crate::inspect::Inspected;
use crate::loopback::Loopback;
use crate::pipeline::TranscodeRequest;
use crate::reused::LARGEST_MANIFEST;
use crate::spans;
use crate::stored_plan;

mod measurement;

use measurement::{Measurement, full_size};

/// Chooses the rungs of a source and their CRF; `None`: the profile alone decides, or there is nothing
/// to encode.
///
/// # Errors
/// If the source violates a limit or cannot be read, the store fails, or the job is cancelled.
pub(crate) async fn choose(
    request: &TranscodeRequest,
    loopback: &Loopback,
    source: &Inspected,
    cancel: &CancellationToken,
) -> Result<Option<PerTitle>, TranscodeError> {
    if !request.profile.per_title.enabled {
        return Ok(None);
    }
    if let Some(choices) = recorded(request).await? {
        return Ok(Some(choices));
    }
    let whole = plan_without_choices(request, &source.probe)?;
    let plan = match &request.reused {
        Some(reused) => whole.only(reused.rungs()),
        None => whole.clone(),
    };
    if plan.rungs.is_empty() {
        return Ok(None);
    }
    let parts = samples(&source.probe.index, plan.frame_rate);
    let Some(measure) = request.tools.measure() else {
        return Ok(Some(skip(request, Skipped::NoMeasure)));
    };
    if let Some(reason) = obstacle(source, &parts) {
        return Ok(Some(skip(request, reason)));
    }
    request.journal.progress(Stage::Measure, 0).await?;
    let started = Instant::now();
    let mut measurement = Measurement {
        request,
        loopback,
        probe: &source.probe,
        plan: &plan,
        full: full_size(&whole),
        measure,
        cancel,
        ends: started + time_limit(plan.duration()),
        cpu: std::time::Duration::ZERO,
    };
    let measuring = measurement.run(&parts);
    let outcome = measuring.instrument(spans::stage(Stage::Measure)).await;
    let cpu_ms = measurement.cpu.as_millis() as u64;
    let mut choices = match outcome {
        Ok((count, measured)) => PerTitle {
            measure: Some(measure),
            skipped: None,
            samples: count,
            rungs: choose_rungs(&request.profile, measure, plan.copy.is_remux(), &measured),
            cpu_ms: 0,
            wall_ms: 0,
        },
        Err(TranscodeError::Cancelled) if cancel.is_cancelled() => {
            return Err(TranscodeError::Cancelled);
        }
        Err(problem) => {
            if let Some(failure) = loopback.take_failure() {
                return Err(failure);
            }
            tracing::warn!(
                video.id = %request.video,
                error = &problem as &dyn std::error::Error,
                "per-title encoding has no measurements: the rungs have the CRF of the profile"
            );
            match problem {
                TranscodeError::TimedOut { .. } => PerTitle::skipped(Skipped::TooSlow),
                _ => PerTitle::skipped(Skipped::Failed),
            }
        }
    };
    (choices.cpu_ms, choices.wall_ms) = (cpu_ms, started.elapsed().as_millis() as u64);
    if request.reused.is_some() {
        choices.keep_all();
    }
    report(request, &choices);
    Ok(Some(choices))
}

/// The choices of an earlier attempt at this generation.
async fn recorded(request: &TranscodeRequest) -> Result<Option<PerTitle>, TranscodeError> {
    let key = ObjectKey::Plan {
        video: request.video,
        generation: request.generation.clone(),
    };
    let stored = request
        .store
        .read_if_present(&key, LARGEST_MANIFEST)
        .await?;
    Ok(stored.and_then(|it| stored_plan::choices_of(&it)))
}

/// The plan of the generation if nothing is measured.
fn plan_without_choices(
    request: &TranscodeRequest,
    probe: &Probe,
) -> Result<EncodePlan, TranscodeError> {
    let (profile, mode) = (&request.profile, request.mode);
    Ok(match &request.reused {
        Some(reused) => reused.plan(probe, profile, mode, None)?,
        None => EncodePlan::new(probe, profile, mode)?,
    })
}

/// The reason why a source is not measured.
fn obstacle(source: &Inspected, parts: &[Sample]) -> Option<Skipped> {
    let video = source.probe.video.as_ref()?;
    if video.hdr.is_some() || video.wide_gamut {
        Some(Skipped::Hdr)
    } else if source.normaliser.is_some() || source.probe.index.seeking == Seeking::Sequential {
        Some(Skipped::Unseekable)
    } else if parts.is_empty() {
        Some(Skipped::TooShort)
    } else {
        None
    }
}

fn skip(request: &TranscodeRequest, reason: Skipped) -> PerTitle {
    let why = reason.reason();
    tracing::info!(video.id = %request.video, "the rungs have the CRF of the profile: {why}");
    PerTitle::skipped(reason)
}

fn report(request: &TranscodeRequest, choices: &PerTitle) {
    let rungs = choices.rungs.iter().map(|it| match &it.same_as {
        None => format!("{} with CRF {}", it.name, it.crf),
        Some(_) => format!("{} left out", it.name),
    });
    let rungs = rungs.collect::<Vec<_>>().join(", ");
    if !rungs.is_empty() {
        tracing::info!(video.id = %request.video, wall_ms = choices.wall_ms, "measured: {rungs}");
    }
}

#[cfg(test)]
mod tests;
