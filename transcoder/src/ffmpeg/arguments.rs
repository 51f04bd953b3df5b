//! FFmpeg command lines: pure functions of the plan, so that tests can read them.
//!
//! All renditions share one clock: the presentation begins at [`PRESENTATION_START`](crate::sink::PRESENTATION_START) in
//! every transport stream, whichever run produced it.

use std::path::Path;

use domain::plan::{ChunkPlan, EncodePlan, Rendition, Size};
use domain::probe::{Probe, Seeking, VideoStream};
use domain::profile::EncoderSettings;
use domain::segment::{Lane, seconds};

use crate::ffmpeg::probe::input_arguments;

mod audio;
mod closed_captions;
mod cut;
mod encoders;
mod graph;
mod hdr;
mod loudness;
mod samples;
mod speech;
mod stills;
mod subtitles;
mod watermark;

use cut::{Cut, Units};
use graph::{color_metadata, segments};

pub(crate) use audio::mixed_down;
pub(crate) use closed_captions::{glimpses, transport_stream, video_stream};
pub(crate) use encoders::{Av1Library, NewerCodecs, encoder_name, hardware_of};
pub(crate) use graph::{deinterlaced, fitted, fitted_in_bt2020, output_matrix};
pub(crate) use hdr::{METADATA_FILTER, TEN_BITS};
pub(crate) use loudness::{MeteredTrack, loudness, meter, surround_meter};
pub(crate) use samples::{Comparison, has_score, score_in};
pub(crate) use speech::speech;
pub(crate) use stills::jpeg;

pub(crate) use graph::iframe_interval;
pub(crate) use stills::{animation, images, sheets, still};
pub(crate) use subtitles::subtitles;
pub(crate) use watermark::WatermarkInput;

/// The inputs of every command line.
pub(crate) struct CommandInputs<'a> {
    /// The plan of the presentation.
    pub plan: &'a EncodePlan,
    /// The properties of the source.
    pub probe: &'a Probe,
    /// Encoder settings.
    pub encoder: &'a EncoderSettings,
    /// Settings of the encoders of other codecs than H.264.
    pub newer: &'a NewerCodecs,
    /// The device of encoders in hardware that do not find theirs.
    pub device: &'a Path,
    /// The deinterlacing filter, for interlaced sources.
    pub deinterlacer: &'a str,
    /// The conversion table from HDR or wide gamut to SDR, for sources that need it.
    pub tone_map: Option<&'a Path>,
    /// The image of the plan's watermark.
    pub watermark: Option<WatermarkInput<'a>>,
    /// URL of the source.
    pub source: &'a str,
    /// URL of an output: from its name, and a file name with `%d` for the number.
    pub output: &'a (dyn Fn(&str, &str) -> String + Sync),
}

impl CommandInputs<'_> {
    /// The arguments of one encoding run: decode once, scale each rung of the lane from the next
    /// larger one. `chunks` are consecutive. The lane of most rungs also makes the I-frames.
    ///
    /// `threads` per encoder; one is the most efficient if other chunks use the other cores.
    ///
    /// Empty if the source has only audio: then this lane has no chunks.
    pub(crate) fn encode(&self, lane: Lane, chunks: &[ChunkPlan], threads: u32) -> Vec<String> {
        let (Some(video), Some(iframes)) = (&self.probe.video, &self.plan.iframes) else {
            return vec![];
        };
        let segments = segments(chunks);
        let span = self.plan.span(&segments);
        let mut arguments = self.seek(seconds(span.start.ticks), span.start.ticks);
        if self.plan.rungs_of(lane).next().is_none() {
            // Only stills are needed, for which decoding keyframes is sufficient.
            push(&mut arguments, &["-skip_frame", "nokey"]);
        }
        push(&mut arguments, &["-threads", &threads.to_string()]);
        self.open_devices(&mut arguments, lane);
        self.input_with_watermark(&mut arguments);
        push(
            &mut arguments,
            &[
                "-filter_complex_threads",
                "1",
                "-filter_complex",
                &(self.graph(video, (lane, iframes.size), chunks) + &self.uploads(lane)),
            ],
        );
        let boundaries = &self.plan.boundaries[segments.start as usize..segments.end as usize];
        let starts: Vec<f64> = boundaries
            .iter()
            .map(|it| self.frame_time(it.frame))
            .collect();
        let cut = |number, times: &[f64]| Cut {
            number,
            first: starts[0],
            times: times.to_vec(),
            early: self.frame_time(1) / 2.0,
            origin: 0.0,
        };
        for rung in self.plan.rungs_of(lane) {
            push(&mut arguments, &["-map", &self.frames_of(rung)]);
            self.encoder(&mut arguments, rung, &segments, threads);
            cut(segments.start, &starts[1..])
                .arguments(&mut arguments, self.segments_of(&rung.rendition));
        }
        if lane == Lane::First {
            return arguments;
        }
        push(
            &mut arguments,
            &[
                "-map",
                "[iframes]",
                "-c:v",
                "libx264",
                "-preset",
                self.encoder.preset.as_str(),
            ],
        );
        push(
            &mut arguments,
            &[
                "-threads",
                "1",
                "-crf",
                "26",
                "-g",
                "1",
                "-bf",
                "0",
                "-fps_mode",
                "passthrough",
            ],
        );
        let chunk_start = |it: &ChunkPlan| {
            self.frame_time(self.plan.boundaries[it.segments.start as usize].frame)
        };
        let times: Vec<f64> = chunks.iter().skip(1).map(chunk_start).collect();
        let first = chunks.first().map_or(0, |it| it.index);
        cut(first, &times).arguments(&mut arguments, self.segments_of(&iframes.rendition));
        arguments
    }

    /// The arguments that remux the top rung, if there is video, and the audio that is copied, from
    /// the first segment of `chunk` to the end.
    pub(crate) fn copy(&self, chunk: &ChunkPlan) -> Vec<String> {
        let starts = self.starts(chunk);
        let video = self.plan.copy.rung().zip(self.probe.video.as_ref());
        let copied = self.plan.audio.iter().filter(|it| it.copied);
        let audio: Vec<_> = copied
            .filter_map(|audio| {
                let source = self.probe.audio.get(audio.track as usize)?;
                let units = Units::new(audio, source.start_seconds - self.probe.origin_seconds());
                Some((audio, source.index, units))
            })
            .collect();
        // Packets of both streams before this time are dropped. Because of rounding, a keyframe may
        // be slightly before its own time, and the first access unit of a segment up to half a
        // unit.
        let early = audio
            .iter()
            .map(|it| it.2.early())
            .fold(self.frame_early(), f64::min);
        let from = if chunk.segments.start > 0 {
            starts[0] - early
        } else {
            0.0
        };
        let mut arguments = self.seek(
            from,
            self.plan.boundaries[chunk.segments.start as usize].ticks,
        );
        self.input(&mut arguments);
        let origin = self.probe.origin_seconds();
        let number = chunk.segments.start;
        let times = starts[1..].to_vec();
        if let Some((rung, video)) = video {
            let stream = format!("0:{}", video.index);
            push(&mut arguments, &["-copypriorss", "0", "-map", &stream]);
            push(&mut arguments, &["-c:v", "copy"]);
            if !video.tagged {
                let tags = color_metadata(output_matrix(video));
                push(&mut arguments, &["-bsf:v", &tags]);
            }
            let cut = Cut {
                number,
                first: starts[0],
                times: times.clone(),
                early: self.frame_early(),
                origin,
            };
            cut.arguments(&mut arguments, self.segments_of(&rung.rendition));
        }
        for (audio, index, units) in audio {
            push(
                &mut arguments,
                &[
                    "-copypriorss",
                    "0",
                    "-map",
                    &format!("0:{index}"),
                    "-c:a",
                    "copy",
                ],
            );
            let first = units.time(units.nearest(starts[0]));
            let cut = Cut {
                number,
                first,
                times: times.clone(),
                early: units.early(),
                origin,
            };
            cut.arguments(&mut arguments, self.segments_of(&audio.rendition));
        }
        arguments
    }

    /// The arguments that create one image of the source's video at a time.
    pub(crate) fn poster(&self, video: &VideoStream, ticks: u64, size: Size) -> Vec<String> {
        let mut arguments = self.seek(seconds(ticks), ticks);
        push(&mut arguments, &["-threads", "1"]);
        self.input_with_watermark(&mut arguments);
        let graph = self.frame_graph(video, ticks, size);
        push(
            &mut arguments,
            &[
                "-filter_complex",
                &graph,
                "-map",
                "[poster]",
                "-frames:v",
                "1",
            ],
        );
        jpeg(&mut arguments, &(self.output)("poster", "%d.jpg"));
        arguments
    }

    /// URL to which the segments of a rendition are delivered.
    fn segments_of(&self, rendition: &Rendition) -> String {
        (self.output)(
            rendition.name.as_str(),
            &format!("%d.{}", rendition.format.extension()),
        )
    }

    /// Seeks to the keyframe at or before a time, seconds from the start of the presentation.
    fn seek(&self, start: f64, ticks: u64) -> Vec<String> {
        let index = &self.probe.index;
        let target = match index.seeking {
            Seeking::Indexed => Some(start),
            // Without an index, a seek may overshoot: seek to a time before the keyframe.
            Seeking::Approximate => Some(seconds(index.keyframe_before(ticks)) - 1.0),
            Seeking::Sequential => None,
        };
        // Some demuxers fail if they seek to a time before the first frame.
        let first = seconds(index.video_start);
        let Some(target) = target.filter(|it| *it > first) else {
            return vec!["-copyts".to_owned()];
        };
        let target = target + self.probe.origin_seconds();
        [
            "-copyts",
            "-noaccurate_seek",
            "-seek_timestamp",
            "1",
            "-ss",
            &format!("{target:.6}"),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn input(&self, arguments: &mut Vec<String>) {
        self.source_input(arguments);
        without_metadata(arguments);
    }

    /// The source, and the image that is drawn into its frames.
    fn input_with_watermark(&self, arguments: &mut Vec<String>) {
        self.source_input(arguments);
        self.watermark_input(arguments);
        without_metadata(arguments);
    }

    /// The source as an input, without options of outputs.
    fn source_input(&self, arguments: &mut Vec<String>) {
        arguments.extend(input_arguments(&self.probe.demuxer));
        if self.probe.video.as_ref().is_some_and(|it| !it.interlaced) {
            // A change of the frame size would reset the graph, and with it the count of frames.
            // Deinterlacers do not survive one; such sources are read through a normaliser.
            push(arguments, &["-reinit_filter:v", "0"]);
        }
        push(arguments, &["-i", self.source]);
    }

    /// How much before its time a copied frame may be, because of rounding, seconds: half a frame.
    /// Without video, access units alone decide.
    fn frame_early(&self) -> f64 {
        match self.probe.video {
            Some(_) => self.frame_time(1) / 2.0,
            None => f64::INFINITY,
        }
    }

    /// The time of a frame at the constant output rate, seconds from the start of the presentation.
    fn frame_time(&self, frame: u64) -> f64 {
        let rate = self.plan.frame_rate;
        frame as f64 * f64::from(rate.den) / f64::from(rate.num)
    }

    /// The start times of the segments of a run from the first segment of `chunk` to the end.
    fn starts(&self, chunk: &ChunkPlan) -> Vec<f64> {
        let range = chunk.segments.start as usize..self.plan.segments() as usize;
        self.plan.boundaries[range]
            .iter()
            .map(|it| seconds(it.ticks))
            .collect()
    }
}

/// Options of the first output.
fn without_metadata(arguments: &mut Vec<String>) {
    push(
        arguments,
        &["-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"],
    );
}

fn push(arguments: &mut Vec<String>, more: &[&str]) {
    arguments.extend(more.iter().map(|it| (*it).to_owned()));
}

#[cfg(test)]
mod tests;
