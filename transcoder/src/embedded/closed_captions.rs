//! The closed captions in the frames of a source: CEA-608 and CEA-708, as broadcasts and streaming
//! encoders write them.
//!
//! ffprobe reports them (`closed_captions`) only if it decodes frames: FFmpeg 5.1 prints 0
//! otherwise, 8.1 and 9.0 print it only with `-analyze_frames`. So one run delivers seconds from the
//! beginning and the middle of the video stream, and another one, if there is caption data, all of
//! it.

use std::sync::Arc;
use std::time::Duration;

use captions::{CaptionChannel, Track};
use domain::segment::{TICKS_PER_SECOND, seconds};

use crate::error::TranscodeError;
use crate::ffmpeg::arguments::{glimpses, transport_stream, video_stream};
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::probe::CaptionedVideo;
use crate::ffmpeg::process::{self, Cost, Run};
use crate::inspect::Inspected;
use crate::lanes::EncodeContext;
use crate::sink::CaptionSink;
use crate::stills::collect_numbered;

/// Duration of each part that is searched for caption data, seconds. Broadcasts have some in every
/// frame; some encoders write it only with a caption.
const GLIMPSE: f64 = 10.0;

/// Videos that are shorter are read completely at once, seconds.
const SHORT: f64 = 60.0;

/// Time limit for the parts.
const GLIMPSE_LIMIT: Duration = Duration::from_secs(600);

/// The result of reading the closed captions.
#[derive(Debug, Default)]
pub(super) struct ReadCaptions {
    /// Channels with text, and their cues on the clock of the presentation.
    pub(super) tracks: Vec<(CaptionChannel, Track)>,
    /// Whether the video has captions that could not be read.
    pub(super) unread: bool,
    /// Resources of the runs.
    pub(super) cost: Cost,
}

/// Reads the closed captions in the frames of the source.
pub(super) async fn read(
    context: &EncodeContext,
    source: &Inspected,
    video: &CaptionedVideo,
) -> Result<ReadCaptions, TranscodeError> {
    let mut result = ReadCaptions::default();
    let is_long = seconds(context.plan.duration()) >= SHORT;
    if is_long && source.normaliser.is_none() {
        let glimpses = run_glimpses(context, video).await?;
        result.cost = glimpses.cost;
        if !glimpses.found {
            return Ok(result);
        }
        result.unread = true;
    }
    let Some(all) = run_all(context, source, video).await? else {
        return Ok(result);
    };
    result.cost.cpu += all.cost.cpu;
    result.cost.wall += all.cost.wall;
    result.unread = all.failed && (result.unread || all.found);
    result.tracks = all.tracks;
    Ok(result)
}

/// The result of one run.
#[derive(Debug, Default)]
struct Delivered {
    /// Whether there is caption data.
    found: bool,
    /// Whether FFmpeg failed.
    failed: bool,
    /// The channels of the first file.
    tracks: Vec<(CaptionChannel, Track)>,
    cost: Cost,
}

/// Searches parts of the video for caption data.
async fn run_glimpses(
    context: &EncodeContext,
    video: &CaptionedVideo,
) -> Result<Delivered, TranscodeError> {
    let starts = [0.0, seconds(context.plan.duration()) / 2.0];
    let input = context.loopback.source_url();
    let input = (input.as_str(), context.probe.demuxer.as_str());
    let arguments = |url: &(dyn Fn(usize) -> String + Sync)| {
        glimpses(input, video.index, (&starts, GLIMPSE), url)
    };
    deliver(context, starts.len(), GLIMPSE_LIMIT, arguments).await
}

/// Reads the whole video stream. `None`: its packets have no times.
async fn run_all(
    context: &EncodeContext,
    source: &Inspected,
    video: &CaptionedVideo,
) -> Result<Option<Delivered>, TranscodeError> {
    let url = context.loopback.source_url();
    let origin = context.probe.origin_seconds();
    if source.normaliser.as_ref().is_some_and(|it| !it.has_times()) {
        return Ok(None);
    }
    let arguments = |output: &(dyn Fn(usize) -> String + Sync)| match &source.normaliser {
        Some(normaliser) => normaliser.packets(&url, |arguments, stream| {
            transport_stream(arguments, stream, origin, &output(0));
        }),
        None => video_stream(
            (&url, &context.probe.demuxer),
            video.index,
            origin,
            &output(0),
        ),
    };
    // It reads the whole source, without decoding video.
    let limit = Duration::from_secs_f64(600.0 + 2.0 * seconds(context.plan.duration()));
    deliver(context, 1, limit, arguments).await.map(Some)
}

/// Runs FFmpeg with so many outputs, and collects the captions in them. If FFmpeg fails, that is a
/// property of the source, and not an error.
async fn deliver(
    context: &EncodeContext,
    outputs: usize,
    time_limit: Duration,
    arguments: impl FnOnce(&(dyn Fn(usize) -> String + Sync)) -> Vec<String>,
) -> Result<Delivered, TranscodeError> {
    let end_ms = context.plan.duration() * 1000 / TICKS_PER_SECOND;
    let (sink, captions) = CaptionSink::new(end_ms);
    let delivery = context.loopback.deliver_to(Arc::new(sink));
    let arguments = arguments(&|number| delivery.url("closed-captions", &format!("{number}.ts")));
    let task = "read the captions in the video".to_owned();
    let run = Run {
        weight: Weight::Light,
        ..context.run(task, arguments, time_limit)
    };
    let outcome = process::run(run, &context.cancel).await;
    // Without it, only files that are in flight keep the channel open.
    drop(delivery);
    let (cost, failed) = match outcome {
        Ok(ended) => (ended.cost, None),
        Err(problem) => {
            let problem = context.cause(problem);
            if !problem.concerns_ffmpeg() {
                return Err(problem);
            }
            (Cost::default(), Some(problem))
        }
    };
    let files = collect_numbered(captions, outputs).await;
    let found = files.iter().any(|it| it.1.found);
    if let Some(problem) = failed.as_ref().filter(|_| found) {
        let log = problem.log_tail();
        tracing::warn!(
            error = problem as &dyn std::error::Error,
            log,
            "the captions in the video could not be read"
        );
    }
    let whole = files.iter().filter(|it| it.1.is_whole).count();
    let failed = failed.is_some() || whole < outputs;
    let first = files.into_iter().find(|it| it.0 == 0 && !failed);
    Ok(Delivered {
        found,
        failed,
        tracks: first.map(|it| it.1.tracks).unwrap_or_default(),
        cost,
    })
}
