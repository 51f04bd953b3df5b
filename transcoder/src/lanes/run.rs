//! One run of FFmpeg for a lane: its limits, its deliveries, and the cause of its failure.

use std::time::Duration;

use domain::failure::SourceProblem;
use domain::object_key::RenditionName;
use domain::plan::{Rendition, RenditionKind};
use domain::segment::Lane;
use tokio::sync::mpsc;

use super::assembly::Assembly;
use super::{EncodeContext, LaneOutput, send};
use crate::cause::cause_of;
use crate::error::TranscodeError;
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::process::{self, Ended, Run};
use crate::ffmpeg::verdict;
use crate::sink::{Output, SegmentSink, Stored};

/// How long to wait for segments after FFmpeg ended, if none is being received: its last one may
/// still be on its way.
const QUIET: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 3_000 });

impl EncodeContext {
    /// A run of FFmpeg on the source.
    pub(crate) fn run(
        &self,
        task: String,
        arguments: Vec<String>,
        time_limit: Duration,
    ) -> Run<'_> {
        self.run_with(1, task, arguments, time_limit)
    }

    /// A run of FFmpeg with the memory of several encoders.
    pub(super) fn run_with(
        &self,
        encoders: usize,
        task: String,
        arguments: Vec<String>,
        time_limit: Duration,
    ) -> Run<'_> {
        let table = self.tone_map.as_ref().map(|it| it.path().to_owned());
        let image = self.watermark.as_ref().map(|it| it.path().to_owned());
        Run {
            tools: &self.tools,
            port: self.loopback.port(),
            files: table.into_iter().chain(image).collect(),
            weight: Weight::Heavy {
                runs: self.encoders.div_ceil(encoders.max(1)),
            },
            hardware: vec![],
            task,
            arguments,
            time_limit,
        }
    }

    pub(super) fn sink(&self, lane: Lane) -> (SegmentSink, mpsc::UnboundedReceiver<Stored>) {
        let outputs = self.plan.renditions(lane).into_iter().map(|rendition| {
            let is_iframes = rendition.kind == RenditionKind::IFrames;
            Output {
                keys: self.keys.get(&rendition.name).cloned(),
                key_names: self.key_names(rendition),
                copied: lane == Lane::Copy,
                first_iframes: is_iframes.then(|| self.first_iframes()),
                ends: match is_iframes {
                    true => self.ends_of_chunks(),
                    false => self.ends_of_segments(lane),
                },
                rendition: rendition.clone(),
            }
        });
        let sink = SegmentSink::new(self.writer.clone(), outputs.collect());
        // A normaliser would wait for the audio, and the first rung for the normaliser.
        let waits = lane == Lane::Audio && self.feeds.is_empty();
        let pace = waits.then(|| self.first_rung.pace(&self.plan.boundaries));
        (sink.0.with_pace(pace), sink.1)
    }

    /// The name of the key of each delivery; empty if there is one key.
    fn key_names(&self, rendition: &Rendition) -> Vec<RenditionName> {
        if self.plan.segments_per_key.is_none() {
            return vec![];
        }
        let count = match rendition.kind {
            RenditionKind::IFrames => self.plan.encode_chunks.len(),
            RenditionKind::Video | RenditionKind::Audio => self.plan.boundaries.len() - 1,
        };
        let names = (0..count as u32).map(|index| self.plan.key_name(rendition, index));
        names.collect()
    }

    /// Where the video of each segment ends, ticks. An encoded source may end before its index says.
    fn ends_of_segments(&self, lane: Lane) -> Vec<Option<u64>> {
        let boundaries = self.plan.boundaries.iter().skip(1);
        let mut ends: Vec<Option<u64>> = boundaries.map(|it| Some(it.ticks)).collect();
        if let Some(last) = ends.last_mut() {
            let video_end = Some(self.plan.video_end).filter(|it| *it > 0);
            *last = video_end.filter(|_| lane == Lane::Copy);
        }
        ends
    }

    /// Where the I-frames of each chunk end, ticks.
    fn ends_of_chunks(&self) -> Vec<Option<u64>> {
        let rate = self.plan.frame_rate;
        let chunks = self.plan.encode_chunks.iter();
        let ends = chunks.map(|it| self.plan.span(&it.segments).end.frame);
        ends.map(|it| Some(rate.ticks_of_frame(it))).collect()
    }

    /// Runs FFmpeg, and sends what `take` makes of each segment that it delivers before it exits.
    pub(super) async fn deliver(
        &self,
        run: Run<'_>,
        stored: &mut mpsc::UnboundedReceiver<Stored>,
        made: &mpsc::Sender<LaneOutput>,
        mut take: impl FnMut(&Stored) -> Result<Vec<LaneOutput>, TranscodeError> + Send,
    ) -> Result<Ended, TranscodeError> {
        let mut running = std::pin::pin!(process::run(run, &self.cancel));
        loop {
            let one = tokio::select! {
                result = &mut running => return result.map_err(|it| self.cause(it)),
                Some(one) = stored.recv() => one,
            };
            match take(&one) {
                Ok(outputs) => {
                    for output in outputs {
                        send(made, output).await?;
                    }
                }
                Err(problem) => return Err(cause_of(problem, running).await),
            }
        }
    }

    /// Receives the deliveries that are still in progress after FFmpeg ended.
    pub(super) async fn drain(
        &self,
        sink: &SegmentSink,
        stored: &mut mpsc::UnboundedReceiver<Stored>,
        assembly: &mut Assembly,
    ) -> Result<(), TranscodeError> {
        while !assembly.is_complete() {
            match tokio::time::timeout(QUIET, stored.recv()).await {
                Ok(Some(one)) => drop(assembly.add(&self.plan, &one)?),
                Ok(None) => break,
                Err(_) if sink.active() > 0 => {}
                Err(_) => break,
            }
            if let Some(failure) = self.loopback.take_failure() {
                return Err(failure);
            }
        }
        // Segments that are missing because the store failed are not FFmpeg's fault.
        self.loopback.take_failure().map_or(Ok(()), Err)
    }

    /// The error for a run in which FFmpeg reported success although segments are missing.
    pub(super) fn ended_early(&self, task: String, ended: Ended) -> TranscodeError {
        let reason = "it exited with 0 before all segments were delivered".to_owned();
        self.cause(TranscodeError::Ffmpeg {
            task,
            reason,
            log_tail: ended.log_tail,
        })
    }

    /// The cause of a failed run: an error on our side takes precedence over FFmpeg's consequential
    /// one.
    pub(crate) fn cause(&self, error: TranscodeError) -> TranscodeError {
        match (self.loopback.take_failure(), error) {
            (_, TranscodeError::Cancelled) => TranscodeError::Cancelled,
            // FFmpeg ran out of memory, or lost its device. That its last output does not match the plan, which the
            // loopback reports, is only a consequence.
            (_, error @ (TranscodeError::OutOfMemory { .. } | TranscodeError::Hardware { .. })) => {
                error
            }
            (_, TranscodeError::Source(SourceProblem::TooDemanding)) => {
                SourceProblem::TooDemanding.into()
            }
            (Some(cause), _) => cause,
            (None, error) => match verdict(error.log_tail(), self.probe.codec()) {
                Some(problem) => problem.into(),
                None => error,
            },
        }
    }
}
