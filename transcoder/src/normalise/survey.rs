//! Lists all frames of a source, as its normaliser passes them on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use domain::failure::SourceProblem;
use domain::probe::Extent;
use domain::segment::TICKS_PER_SECOND;
use futures::TryStreamExt as _;
use tokio_util::sync::CancellationToken;

use super::Normaliser;
use crate::error::TranscodeError;
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::probe::MOST_TRACKS;
use crate::ffmpeg::process::{self, Run};
use crate::ffmpeg::{Tools, verdict};
use crate::loopback::{Loopback, SegmentReceiver};

/// Times of a normaliser's output, seconds on its clock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Survey {
    /// Presentation times of the frames, ticks from the first one, increasing.
    pub frame_times: Vec<u64>,
    /// From the first frame to the end of the last one.
    pub video: Extent,
    /// From the first sample to the last one of each audio track; `None`: it has no sample.
    pub audio: [Option<Extent>; MOST_TRACKS],
}

impl Survey {
    /// Duration of the video, ticks.
    pub(super) fn video_ticks(&self) -> u64 {
        ((self.video.end - self.video.start) * TICKS_PER_SECOND as f64).round() as u64
    }

    /// From the first sample to the last one of all tracks; `None`: they have no sample.
    pub(super) fn audio_extent(&self) -> Option<Extent> {
        Extent::all(self.audio.iter().copied().flatten())
    }

    /// Longest display time of a frame, ticks.
    pub(super) fn longest_frame(&self) -> u64 {
        self.frame_times
            .windows(2)
            .map(|it| it[1] - it[0])
            .max()
            .unwrap_or_default()
    }
}

/// Time limit. Decoding is many times faster than playback; a source that takes longer is hostile.
const TIME_LIMIT: Duration = Duration::from_secs(2 * 3600);

/// Runs the normaliser of a source without outputs.
///
/// `codec`: the video codec, for the error if there is no decoder for it.
pub(crate) async fn survey(
    tools: &Tools,
    loopback: &Loopback,
    normaliser: &Normaliser,
    codec: &str,
) -> Result<Survey, TranscodeError> {
    let sink = Arc::new(ListSink::default());
    let delivery = loopback.deliver_to(Arc::clone(&sink) as _);
    let arguments =
        normaliser.survey_arguments(&loopback.source_url(), &delivery.url("survey", "0.txt"));
    let task = "read the source through".to_owned();
    let (port, weight) = (loopback.port(), Weight::Heavy { runs: 1 });
    let run = Run {
        tools,
        port,
        files: vec![],
        weight,
        hardware: vec![],
        task,
        arguments,
        time_limit: TIME_LIMIT,
    };
    let outcome = process::run(run, &CancellationToken::new()).await;
    if let Some(failure) = loopback.take_failure() {
        return Err(failure);
    }
    if let Err(error) = outcome {
        return Err(verdict(error.log_tail(), codec).map_or(error, TranscodeError::from));
    }
    sink.finish()
        .await
        .survey()
        .ok_or_else(|| SourceProblem::Damaged.into())
}

/// Receives FFmpeg's list of frames.
#[derive(Default)]
struct ListSink {
    list: Mutex<List>,
    ended: tokio::sync::Notify,
}

/// FFmpeg's last lines may still be in transit when it has ended.
const QUIET: Duration = Duration::from_secs(5);

impl ListSink {
    async fn finish(&self) -> List {
        drop(tokio::time::timeout(QUIET, self.ended.notified()).await);
        std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl SegmentReceiver for ListSink {
    async fn receive(&self, _output: &str, _index: u32, body: Body) -> Result<(), TranscodeError> {
        let mut parts = body.into_data_stream();
        let mut rest = Vec::new();
        while let Some(part) = parts
            .try_next()
            .await
            .map_err(|_| TranscodeError::Cancelled)?
        {
            rest.extend_from_slice(&part);
            let whole = rest
                .iter()
                .rposition(|it| *it == b'\n')
                .map_or(0, |it| it + 1);
            let text = String::from_utf8_lossy(&rest[..whole]).into_owned();
            rest.drain(..whole);
            let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
            text.lines().for_each(|it| list.visit(it));
        }
        self.ended.notify_one();
        Ok(())
    }
}

/// The contents of the list so far: stream 0 is the video, the others are audio tracks.
#[derive(Default)]
struct List {
    time_bases: [Option<f64>; 1 + MOST_TRACKS],
    times: Vec<f64>,
    last_duration: f64,
    audio: [Option<Extent>; MOST_TRACKS],
}

impl List {
    /// Parses `#tb 0: 1/90000`, and `stream, dts, pts, duration, size, checksum`.
    fn visit(&mut self, line: &str) {
        if let Some((stream, base)) = line.strip_prefix("#tb ").and_then(|it| it.split_once(": ")) {
            let base = base
                .split_once('/')
                .and_then(|(num, den)| Some(num.parse::<f64>().ok()? / den.parse::<f64>().ok()?));
            if let Some(known) = stream
                .parse()
                .ok()
                .and_then(|it: usize| self.time_bases.get_mut(it))
            {
                *known = base;
            }
            return;
        }
        let mut fields = line.split(',').map(str::trim);
        let mut number = || fields.next().and_then(|it| it.parse::<i64>().ok());
        let (Some(stream), Some(_), Some(pts), Some(duration)) =
            (number(), number(), number(), number())
        else {
            return;
        };
        let Ok(stream) = usize::try_from(stream) else {
            return;
        };
        let Some(base) = self.time_bases.get(stream).copied().flatten() else {
            return;
        };
        let (time, duration) = (pts as f64 * base, duration as f64 * base);
        if stream == 0 {
            self.times.push(time);
            self.last_duration = duration;
        } else if let Some(audio) = self.audio.get_mut(stream - 1) {
            let audio = audio.get_or_insert(Extent {
                start: time,
                end: time,
            });
            (audio.start, audio.end) = (audio.start.min(time), audio.end.max(time + duration));
        }
    }

    fn survey(mut self) -> Option<Survey> {
        self.times.sort_by(f64::total_cmp);
        let (first, last) = (*self.times.first()?, *self.times.last()?);
        let frame_times: Vec<u64> = self
            .times
            .iter()
            .map(|it| ((it - first) * TICKS_PER_SECOND as f64).round() as u64)
            .collect();
        let average = if self.times.len() > 1 {
            (last - first) / (self.times.len() - 1) as f64
        } else {
            0.04
        };
        let shown = if self.last_duration > 0.001 {
            self.last_duration
        } else {
            average
        };
        Some(Survey {
            frame_times,
            video: Extent {
                start: first,
                end: last + shown.min(1.0),
            },
            audio: self.audio,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_frames_is_read() {
        let mut list = List::default();
        for line in [
            "#software: Lavf59.27.100",
            "#tb 0: 1/90000",
            "#media_type 0: video",
            "#tb 1: 1/48000",
            "0,       3000,       3000,     3000,     1024, 0x5d8c0f0c",
            "1,      -1024,      -1024,     1024,     4096, 0x00000000",
            "0,       6000,       6000,     3000,     1024, 0x5d8c0f0c",
            "1,          0,          0,    48000,     4096, 0x00000000",
            "2,          0,          0,    48000,     4096, 0x00000000",
            "#tb 3: 1/48000",
            "3,      48000,      48000,    48000,     4096, 0x00000000",
            "-1,     48000,      48000,    48000,     4096, 0x00000000",
            "rubbish",
        ] {
            list.visit(line);
        }
        let survey = list.survey().unwrap();
        assert_eq!(survey.frame_times, [0, 3000]);
        assert!((survey.video.end - 0.1).abs() < 1e-9);
        assert!((survey.audio[0].unwrap().end - 1.0).abs() < 1e-9);
        assert_eq!(survey.audio[1], None, "its time base is unknown");
        assert!((survey.audio_extent().unwrap().end - 2.0).abs() < 1e-9);
        assert_eq!(List::default().survey(), None);
    }
}
