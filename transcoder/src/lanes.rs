//! The three kinds of work on a video, in parallel: remuxing, encoding, audio.
//!
//! Each lane processes its chunks in order and records a chunk as soon as all of its segments are
//! stored, so a crash costs at most the current chunk. Remuxing and audio are one long FFmpeg run
//! that delivers chunk after chunk; encoding is one run per chunk. If the source is unseekable,
//! encoding is one long run too, and reads from the normaliser.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::object_key::RenditionName;
use domain::plan::ChunkPlan;
use domain::profile::EncoderSettings;
use domain::segment::{ChunkRecord, Lane, SegmentRecord, seconds};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::content_keys::RenditionKeys;
use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::{CommandInputs, NewerCodecs, WatermarkInput, iframe_interval};
use crate::ffmpeg::process::{self, Cost, Run};
use crate::loopback::Loopback;
use crate::normalise::Feed;
use crate::sink::GenerationWriter;
use crate::tone_map::ToneMap;
use crate::watermark::WatermarkFile;

mod assembly;
mod pace;
mod run;

use assembly::Assembly;
pub(crate) use assembly::may_be_missing;
pub(crate) use pace::{FirstRungProgress, Pace};

/// The state that the lanes of one job share.
pub(crate) struct EncodeContext {
    /// FFmpeg and ffprobe.
    pub tools: Tools,
    /// The plan of the lanes.
    pub plan: domain::plan::EncodePlan,
    /// The properties of the source.
    pub probe: domain::probe::Probe,
    /// Encoder settings.
    pub encoder: EncoderSettings,
    /// Settings of the encoders of other codecs than H.264.
    pub newer: NewerCodecs,
    /// The local server from which FFmpeg reads the source, and to which it delivers segments.
    pub loopback: Loopback,
    /// URLs of the normaliser's outputs, which the runs read instead of the source if it needs one.
    pub feeds: HashMap<Feed, String>,
    /// The conversion table from HDR or wide gamut to SDR, for sources that need it.
    pub tone_map: Option<ToneMap>,
    /// The image in the frames, if the plan has one.
    pub watermark: Option<WatermarkFile>,
    /// Writer of the objects of this generation.
    pub writer: GenerationWriter,
    /// Content key of each rendition; empty: nothing is encrypted.
    pub keys: HashMap<RenditionName, RenditionKeys>,
    /// Number of parallel encoders, of one thread each.
    pub encoders: usize,
    /// How far the first rung is.
    pub first_rung: FirstRungProgress,
    /// Cancels all work.
    pub cancel: CancellationToken,
}

/// An output of a lane.
#[derive(Debug)]
pub(crate) enum LaneOutput {
    /// A segment that is verified and stored. Viewers may watch it at once; it is recorded with its
    /// chunk.
    Segment {
        /// Measured facts of the segment.
        record: SegmentRecord,
        /// Codecs found in its bitstream (RFC 6381).
        codecs: String,
    },
    /// A chunk of which every segment is stored.
    Chunk(ChunkRecord),
}

/// The maximum number of threads of the first rung. Its frames are scaled by one thread, which is
/// the limit on more processors.
const FIRST_RUNG_THREADS: usize = 4;

impl EncodeContext {
    /// Produces all chunks of a lane from `first` on in one run, and sends each segment and each
    /// chunk as it is finished.
    #[tracing::instrument(name = "lane", skip_all, fields(lane = lane.as_str(), first_chunk = first))]
    pub(crate) async fn run_through(
        &self,
        lane: Lane,
        first: usize,
        made: &mpsc::Sender<LaneOutput>,
    ) -> Result<(), TranscodeError> {
        let chunks = &self.plan.chunks(lane)[first..];
        let Some(start) = chunks.first() else {
            return Ok(());
        };
        let (sink, mut stored) = self.sink(lane);
        let sink = Arc::new(sink);
        let delivery = self.loopback.deliver_to(Arc::clone(&sink) as _);
        let output = |name: &str, file: &str| delivery.url(name, file);
        let source = self.source_url(lane);
        let context = self.command_inputs(&source, &output);
        let hardware = context.hardware(lane);
        let threads = self.threads_of_run(lane);
        let arguments = match lane {
            Lane::Copy => context.copy(start),
            Lane::Audio => context.audio(start),
            Lane::First | Lane::Encode => context.encode(lane, chunks, threads as u32),
        };
        let span = self
            .plan
            .span(&(start.segments.start..self.plan.segments()));
        let is_encoding = matches!(lane, Lane::First | Lane::Encode);
        if lane == Lane::First {
            self.first_rung.reached(span.start.ticks);
        }
        // Audio is only as fast as the video if it is read from a normaliser, or waits for a first rung.
        let waits = !self.feeds.is_empty() || self.plan.first.is_some();
        let factor = if is_encoding || waits { 200.0 } else { 2.0 };
        let limit = time_limit(seconds(span.end.ticks - span.start.ticks), factor);
        let task = format!(
            "make the {} renditions from {:.0} s on",
            lane.as_str(),
            seconds(span.start.ticks)
        );
        let run = Run {
            hardware,
            ..self.run_with(threads, task.clone(), arguments, limit)
        };
        let started = Instant::now();
        let mut assembly = Assembly::new(&self.plan, lane, chunks);
        let ended = self
            .deliver(run, &mut stored, made, |one| {
                let mut outputs = vec![assembly.add(&self.plan, one)?];
                if lane == Lane::First {
                    self.first_rung
                        .reached(one.record.start + one.record.duration);
                }
                let cost = Cost {
                    cpu: Duration::ZERO,
                    wall: started.elapsed(),
                };
                let complete = std::iter::from_fn(|| assembly.take_complete(cost));
                outputs.extend(complete.map(LaneOutput::Chunk));
                Ok(outputs)
            })
            .await?;
        if lane == Lane::Copy && ended.complained {
            // Players cannot decode what FFmpeg cannot parse. The encoder conceals such errors.
            return Err(TranscodeError::NotCopyable(format!(
                "it is damaged: {}",
                ended.log_tail
            )));
        }
        self.drain(&sink, &mut stored, &mut assembly).await?;
        // The cost of the whole run is recorded with its last chunk.
        let rest = assembly.take_rest(ended.cost, &self.plan);
        for chunk in rest.ok_or_else(|| self.ended_early(task, ended))? {
            send(made, LaneOutput::Chunk(chunk)).await?;
        }
        Ok(())
    }

    /// Encodes one chunk of the encode lane, and sends its segments as they are finished.
    #[tracing::instrument(name = "chunk", skip_all, fields(lane = Lane::Encode.as_str(), chunk = chunk.index))]
    pub(crate) async fn encode(
        &self,
        chunk: &ChunkPlan,
        made: &mpsc::Sender<LaneOutput>,
    ) -> Result<ChunkRecord, TranscodeError> {
        let lane = Lane::Encode;
        let (sink, mut stored) = self.sink(lane);
        let sink = Arc::new(sink);
        let delivery = self.loopback.deliver_to(Arc::clone(&sink) as _);
        let output = |name: &str, file: &str| delivery.url(name, file);
        let (source, threads) = (self.source_url(lane), self.threads(chunk));
        let inputs = self.command_inputs(&source, &output);
        let arguments = inputs.encode(lane, std::slice::from_ref(chunk), threads as u32);
        let span = self.plan.span(&chunk.segments);
        let limit = time_limit(seconds(span.end.ticks - span.start.ticks), 200.0);
        let task = format!("encode chunk {}", chunk.index);
        let run = Run {
            hardware: inputs.hardware(lane),
            ..self.run_with(threads, task.clone(), arguments, limit)
        };
        let mut assembly = Assembly::new(&self.plan, lane, std::slice::from_ref(chunk));
        let ended = self
            .deliver(run, &mut stored, made, |one| {
                assembly.add(&self.plan, one).map(|it| vec![it])
            })
            .await?;
        self.drain(&sink, &mut stored, &mut assembly).await?;
        if let Some(chunk) = assembly.take_complete(ended.cost) {
            return Ok(chunk);
        }
        let rest = assembly
            .take_rest(ended.cost, &self.plan)
            .and_then(|mut it| it.pop());
        rest.ok_or_else(|| self.ended_early(task, ended))
    }

    /// Runs the normaliser, which the runs of the lanes read from.
    pub(crate) async fn feed(&self, arguments: Vec<String>) -> Result<(), TranscodeError> {
        let task = "decode the source".to_owned();
        let time_limit = time_limit(seconds(self.plan.duration()), 200.0);
        process::run(self.run(task, arguments, time_limit), &self.cancel)
            .await
            .map(drop)
            .map_err(|it| self.cause(it))
    }

    /// Number of threads of the decoder and of each encoder in a run that makes all chunks of a lane.
    pub(crate) fn threads_of_run(&self, lane: Lane) -> usize {
        match lane {
            Lane::Encode => self.encoders,
            Lane::First => self.encoders.min(FIRST_RUNG_THREADS),
            Lane::Copy | Lane::Audio => 1,
        }
    }

    /// Whether viewers wait for a chunk of the encode lane: it is the first one, and neither a
    /// remuxed rung nor a first rung is ahead. It shares all cores, while the others wait.
    pub(crate) fn is_awaited(&self, chunk: &ChunkPlan) -> bool {
        chunk.index == 0 && !self.plan.copy.is_remux() && self.plan.first.is_none()
    }

    /// Number of threads of the decoder and of each encoder of a chunk. One thread costs the least
    /// CPU time.
    fn threads(&self, chunk: &ChunkPlan) -> usize {
        if self.is_awaited(chunk) {
            self.encoders
        } else {
            1
        }
    }

    /// The media sequence number of the first I-frame of each chunk. It follows from the plan
    /// alone, so chunks can be produced in any order.
    fn first_iframes(&self) -> Vec<u32> {
        let every = iframe_interval(&self.plan);
        let count = |it: &ChunkPlan| {
            let span = self.plan.span(&it.segments);
            (span.end.frame - span.start.frame).div_ceil(every) as u32
        };
        let firsts = self.plan.encode_chunks.iter().scan(0, |next, it| {
            let first = *next;
            *next += count(it);
            Some(first)
        });
        firsts.collect()
    }

    /// The URL that the runs of a lane read.
    fn source_url(&self, lane: Lane) -> String {
        let feed = if lane == Lane::Audio {
            Feed::Audio
        } else {
            Feed::Video
        };
        self.feeds
            .get(&feed)
            .cloned()
            .unwrap_or_else(|| self.loopback.source_url())
    }

    /// The inputs of the command lines.
    pub(crate) fn command_inputs<'a>(
        &'a self,
        source: &'a str,
        output: &'a (dyn Fn(&str, &str) -> String + Sync),
    ) -> CommandInputs<'a> {
        let deinterlacer = self.tools.deinterlacer().unwrap_or("bwdif");
        CommandInputs {
            plan: &self.plan,
            probe: &self.probe,
            encoder: &self.encoder,
            newer: &self.newer,
            device: &self.tools.hardware.device,
            deinterlacer,
            tone_map: self.tone_map.as_ref().map(ToneMap::path),
            watermark: self.watermark.as_ref().map(|it| WatermarkInput {
                path: it.path(),
                kind: it.kind(),
            }),
            source,
            output,
        }
    }
}

/// Sends an output. Fails only if the receiver is gone, which means that the job is being stopped.
async fn send(receiver: &mpsc::Sender<LaneOutput>, made: LaneOutput) -> Result<(), TranscodeError> {
    receiver
        .send(made)
        .await
        .map_err(|_| TranscodeError::Cancelled)
}

/// Ten minutes, and a multiple of the duration to produce.
fn time_limit(media_seconds: f64, factor: f64) -> Duration {
    Duration::from_secs_f64(600.0 + media_seconds * factor)
}

/// The codecs of the renditions of a chunk.
type Codecs = BTreeMap<RenditionName, String>;
