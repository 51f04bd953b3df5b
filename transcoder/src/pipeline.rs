//! The complete processing of one video: inspect, plan, transcode, verify, publish.
//!
//! Every step can be interrupted and repeated: recorded chunks are not produced a second time, and
//! playlists only refer to stored objects.
//!
//! [`run`] is called once per claim of a job. It tries up to three strategies for the source
//! (`try_strategies`). In each of them, `GenerationRun` produces and publishes the generation, and
//! [`lanes`] does the three kinds of work.

use std::sync::Arc;
use std::time::Instant;

use catalog::RenditionRecord;
use domain::failure::SourceProblem;
use domain::ids::{Generation, VideoId};
use domain::job::{Mode, Stage};
use domain::object_key::ObjectKey;
use domain::per_title::PerTitle;
use domain::plan::{
    ChunkPlan, CopyDecision, CopyReplacement, EncodePlan, Rendition, RenditionKind,
};
use domain::prices::Prices;
use domain::probe::AudioStream;
use domain::profile::Profile;
use domain::receipt::Receipt;
use domain::segment::ChunkRecord;
use platform::object_store::SharedStore;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::content_keys::ContentKeyStore;
use crate::error::TranscodeError;
use crate::fan_out::FanOutServices;
use crate::ffmpeg::Tools;
use crate::ffmpeg::process::Cost;
use crate::inspect::{Inspected, inspect, inspect_sequentially};
use crate::journal::Journal;
use crate::lanes;
use crate::loopback::Loopback;
use crate::loudness;
use crate::per_title;
use crate::publish::{Publisher, SourceFacts};
use crate::reused::ReusedRenditions;
use crate::sink::GenerationWriter;
use crate::source::{Blocks, Source};
use crate::spans;
use crate::stored_plan;

mod context;
mod encoding;
mod fan_out;
mod feeding;
mod generation;
mod keys;
mod progress;
mod replacement;

pub(crate) use context::{Materials, encoders_for};
use fan_out::lead;
use feeding::{open_relays, while_feeding};
use generation::GenerationRun;
use keys::content_keys;

/// The inputs of the pipeline.
pub(crate) struct TranscodeRequest {
    /// FFmpeg and ffprobe.
    pub tools: Tools,
    /// The source to read.
    pub source: Arc<dyn Source>,
    /// The store to publish to.
    pub store: SharedStore,
    /// The source of content keys.
    pub content_keys: Arc<dyn ContentKeyStore>,
    /// The record of finished chunks, and the progress reports.
    pub journal: Arc<dyn Journal>,
    /// The video to transcode.
    pub video: VideoId,
    /// The generation to produce.
    pub generation: Generation,
    /// Ladder and settings.
    pub profile: Profile,
    /// A ladder of rungs, or one remuxed rung.
    pub mode: Mode,
    /// The renditions to reuse, if only some rungs are re-encoded.
    pub reused: Option<ReusedRenditions>,
    /// Number of parallel encoders, of one thread each.
    pub encoders: usize,
    /// Prices, by which the profile's `copy_top` decides.
    pub prices: Prices,
    /// What it needs to let other transcoders take part; `None`: it encodes alone.
    pub fan_out: Option<FanOutServices>,
}

/// A generation that is verified and published.
#[derive(Debug)]
pub(crate) struct Published {
    /// The plan by which it was encoded.
    pub plan: EncodePlan,
    /// The published renditions.
    pub renditions: Vec<RenditionRecord>,
    /// Seconds from the start of `run` until the video was playable; `None`: an earlier attempt made it playable.
    pub playable_after_s: Option<f64>,
    /// The resources that it used.
    pub receipt: Receipt,
    /// The rungs that a later job encodes in place of the remuxed rung.
    pub replacement: Option<CopyReplacement>,
}

/// Processes the video. Stops within moments when cancelled.
pub(crate) async fn run(
    request: &TranscodeRequest,
    cancel: &CancellationToken,
) -> Result<Published, TranscodeError> {
    let started = Instant::now();
    request.journal.progress(Stage::Probe, 0).await?;
    let blocks = Blocks::new(Arc::clone(&request.source));
    let loopback = Loopback::start(blocks.clone()).await?;
    let inspection = inspect(&request.tools, &blocks, &loopback, &request.profile);
    let inspection = inspection.instrument(spans::stage(Stage::Probe));
    let mut source = tokio::select! {
        source = inspection => source.map_err(|error| loopback.take_failure().unwrap_or(error))?,
        () = cancel.cancelled() => return Err(TranscodeError::Cancelled),
    };
    let measured = match request.reused {
        // The audio is reused.
        Some(_) => Cost::default(),
        None => {
            let (tools, profile) = (&request.tools, &request.profile);
            loudness::measure(tools, &loopback, profile, &mut source, cancel).await?
        }
    };
    let inspected_after = started.elapsed();
    let choices = per_title::choose(request, &loopback, &source, cancel).await?;
    let attempt = (started, choices.as_ref());
    let outcome = try_strategies(request, source, &blocks, loopback, attempt, cancel).await;
    let mut published = outcome?;
    published
        .receipt
        .add_stage(Stage::Probe, inspected_after.as_millis() as u64);
    published.receipt.cpu_ms += measured.cpu.as_millis() as u64;
    published.receipt.bytes_in += blocks.fetched();
    published.receipt.store_reads += blocks.requests();
    published.receipt.wall_ms = started.elapsed().as_millis() as u64;
    Ok(published)
}

/// Tries the strategies for a source, the cheapest first: remux the top rung, encode all rungs,
/// read the source from its beginning through a normaliser. All of them belong to one attempt of
/// the job, as the retry policy counts it. `attempt`: when it began, and the measurements of the rungs.
async fn try_strategies(
    request: &TranscodeRequest,
    mut source: Inspected,
    blocks: &Blocks,
    mut loopback: Loopback,
    attempt: (Instant, Option<&PerTitle>),
    cancel: &CancellationToken,
) -> Result<Published, TranscodeError> {
    // Whether recorded chunks may be used. Not if they may have the fault that made a strategy fail.
    let mut trusted = true;
    let mut encoders = request.encoders;
    loop {
        let allowed = (trusted, encoders);
        let problem = match process(request, &source, allowed, loopback, attempt, cancel).await {
            Err(problem) => problem,
            published => return published,
        };
        loopback = Loopback::start(blocks.clone()).await?;
        match (problem, &source.normaliser) {
            // Once more, with all of the memory, or one session of the GPU. Recorded chunks stay.
            (
                problem @ (TranscodeError::OutOfMemory { .. } | TranscodeError::Hardware { .. }),
                _,
            ) if encoders > 1 => {
                tracing::warn!("continuing with one encoder: {problem}");
                encoders = 1;
            }
            (TranscodeError::NotCopyable(reason), None) if source.probe.index.closed_gops => {
                tracing::warn!("encoding it after all: {reason}");
                source.probe.index.closed_gops = false;
            }
            // Audio is decoded from its beginning: the next attempt would fail in the same way.
            (problem, _) if problem.may_be_the_source() && source.probe.video.is_none() => {
                return Err(cannot_be_processed(&problem));
            }
            (problem, None) if problem.may_be_the_source() => {
                tracing::warn!(
                    error = &problem as &dyn std::error::Error,
                    "reading the source from its beginning after all"
                );
                let inspection = inspect_sequentially(
                    &request.tools,
                    &loopback,
                    &request.profile,
                    &source.probe.demuxer,
                );
                let measured = |it: &AudioStream| (it.loudness, it.surround_loudness);
                let loudness: Vec<_> = source.probe.audio.iter().map(measured).collect();
                source = tokio::select! {
                    source = inspection => source.map_err(|error| loopback.take_failure().unwrap_or(error))?,
                    () = cancel.cancelled() => return Err(TranscodeError::Cancelled),
                };
                for (track, loudness) in source.probe.audio.iter_mut().zip(loudness) {
                    (track.loudness, track.surround_loudness) = loudness;
                }
                trusted = false;
            }
            // When read from its beginning, the same file fails in the same way: the source is at
            // fault.
            (problem, Some(_)) if problem.may_be_the_source() => {
                return Err(cannot_be_processed(&problem));
            }
            (problem, _) => return Err(problem),
        }
    }
}

/// The error of a source that no strategy can process, for this reason.
fn cannot_be_processed(problem: &TranscodeError) -> TranscodeError {
    tracing::warn!(
        error = problem as &dyn std::error::Error,
        "the source cannot be processed"
    );
    SourceProblem::Damaged.into()
}

/// Processes the video by one strategy, with at most `encoders`; `trusted`: reuses recorded chunks.
async fn process(
    request: &TranscodeRequest,
    source: &Inspected,
    (trusted, encoders): (bool, usize),
    loopback: Loopback,
    (started, choices): (Instant, Option<&PerTitle>),
    cancel: &CancellationToken,
) -> Result<Published, TranscodeError> {
    let probe = &source.probe;
    let plan = spans::named_stage("plan").in_scope(|| match &request.reused {
        Some(reused) => reused.plan(probe, &request.profile, request.mode, choices),
        None => EncodePlan::with_choices(probe, &request.profile, request.mode, choices)
            .map_err(TranscodeError::from),
    })?;
    let work = request
        .reused
        .as_ref()
        .map_or_else(|| plan.clone(), |it| plan.only(it.rungs()));
    request.tools.check_depth(&work).await?;
    let encoders = encoders_for(&request.tools, &request.profile, (&work, probe), encoders);
    match &plan.copy {
        CopyDecision::Remux(_) => {
            tracing::info!(video.id = %request.video, "remuxing the top rung, encoding {}", work.rungs.len())
        }
        CopyDecision::Encode(why) => {
            let (rungs, tracks) = (work.rungs.len(), work.audio.len());
            tracing::info!(video.id = %request.video, "encoding {rungs} rungs and {tracks} audio renditions with {encoders} encoders: {why}")
        }
    }
    let writer = GenerationWriter::new(
        Arc::clone(&request.store),
        request.video,
        request.generation.clone(),
        request.journal.next_attempt().await?,
    );
    let keys = content_keys(request, &plan).await?;
    let facts = SourceFacts::new(&plan, probe);
    let stored = stored_plan::render(request.video, &request.generation, &plan, probe, &facts);
    let key = ObjectKey::Plan {
        video: request.video,
        generation: request.generation.clone(),
    };
    writer.put(&key, stored.into()).await?;
    // Whatever ends the attempt also ends its FFmpeg processes.
    let stop = cancel.child_token();
    let _stop = stop.clone().drop_guard();
    let materials = Materials {
        tools: &request.tools,
        profile: &request.profile,
        probe,
        loopback,
        writer,
        keys,
        encoders,
    };
    let mut context = materials.context(&plan, work, stop).await?;
    let mut publisher = Publisher::new(context.writer.clone(), &plan, facts);
    request
        .journal
        .renditions(&publisher.planned_renditions())
        .await?;
    let finished = request.journal.finished().await?;
    let finished: Vec<ChunkRecord> = finished
        .into_iter()
        .filter(|it| trusted && fits_plan(&plan, it))
        .collect();
    let feeding = source
        .normaliser
        .as_ref()
        .map(|it| open_relays(it, &mut context, request.reused.is_some(), &finished));
    finished
        .iter()
        .for_each(|it| publisher.records_mut().add(it));

    let lead = lead(request, source, &plan, &context.writer, &publisher).await?;
    let mut run = GenerationRun {
        request,
        trusted,
        plan: &plan,
        context: &context,
        lead: lead.as_ref(),
        publisher,
        playable: watch::Sender::new(false),
        playable_after_s: None,
        started,
    };
    let result = match feeding {
        Some(arguments) => {
            let feed = context.feed(arguments);
            while_feeding(run.all_chunks(), feed).await
        }
        None => run.all_chunks().await,
    };
    let result = match result {
        Ok(()) => run.publish(source).await,
        Err(problem) => Err(problem),
    };
    if result.is_err() {
        // FFmpeg's last segments may still be on their way to the store: wait for them, so that
        // nothing is stored after the caller's clean-up.
        context.cancel.cancel();
        context.writer.close().await;
    }
    result
}

/// Whether a recorded chunk fits this plan. It may not if only one of the plans, that of the chunk
/// or this one, remuxes the top rung.
fn fits_plan(plan: &EncodePlan, record: &ChunkRecord) -> bool {
    let Some(chunk) = plan.chunks(record.lane).get(record.index as usize) else {
        return false;
    };
    let renditions = plan.renditions(record.lane);
    let names: std::collections::HashSet<_> =
        record.segments.iter().map(|it| &it.rendition).collect();
    let known = record
        .segments
        .iter()
        .filter(|it| !plan.is_iframes(&it.rendition));
    names.len() == renditions.len()
        && renditions
            .iter()
            .all(|it| names.contains(&it.name) && is_whole(plan, chunk, record, it))
        && known.into_iter().all(|it| {
            let boundary = plan.boundaries.get(it.index as usize);
            chunk.segments.contains(&it.index)
                && boundary.is_some_and(|at| {
                    at.ticks.abs_diff(it.start) <= plan.frame_rate.ticks_of_frame(1) + 4_000
                })
        })
}

/// Whether a recorded chunk has all segments of a rendition. The last segment of the video may be
/// missing if it would be very short: see `lanes::may_be_missing`.
fn is_whole(
    plan: &EncodePlan,
    chunk: &ChunkPlan,
    record: &ChunkRecord,
    rendition: &Rendition,
) -> bool {
    let has = |index: u32| {
        record
            .segments
            .iter()
            .any(|it| it.rendition == rendition.name && it.index == index)
    };
    if rendition.kind == RenditionKind::IFrames {
        return has(chunk.index);
    }
    chunk
        .segments
        .clone()
        .all(|it| has(it) || lanes::may_be_missing(plan, it))
}

#[cfg(test)]
mod tests;
