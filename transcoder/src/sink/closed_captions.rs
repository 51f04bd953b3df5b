//! Receives the video stream of a source, and keeps only the captions in its frames.

use async_trait::async_trait;
use axum::body::Body;
use captions::{CaptionChannel, ClosedCaptions as Decoder, Field, Track};
use domain::segment::TICKS_PER_SECOND;
use futures::TryStreamExt as _;
use media::a53::CaptionKind;
use media::ts::{CaptionScanner, CaptionUnit};
use tokio::sync::mpsc;

use super::{PRESENTATION_START, broken_off};
use crate::error::TranscodeError;
use crate::loopback::SegmentReceiver;

/// The closed captions of a video stream.
#[derive(Debug, Default)]
pub(crate) struct ClosedCaptions {
    /// Whether its frames have caption data, be it only padding.
    pub found: bool,
    /// Whether the stream did not break off.
    pub is_whole: bool,
    /// Channels with text, and their cues. Empty if it broke off.
    pub tracks: Vec<(CaptionChannel, Track)>,
}

/// Receives transport streams, each with its number. They pass through; only their captions are
/// kept in memory.
pub(crate) struct CaptionSink {
    end_ms: u64,
    captions: mpsc::UnboundedSender<(u32, ClosedCaptions)>,
}

impl CaptionSink {
    /// A sink, and the channel of its captions. Captions end at `end_ms` at the latest,
    /// milliseconds from the start of the presentation.
    pub(crate) fn new(end_ms: u64) -> (Self, mpsc::UnboundedReceiver<(u32, ClosedCaptions)>) {
        let (captions, receiver) = mpsc::unbounded_channel();
        (Self { end_ms, captions }, receiver)
    }
}

#[async_trait]
impl SegmentReceiver for CaptionSink {
    async fn receive(&self, _output: &str, index: u32, body: Body) -> Result<(), TranscodeError> {
        let (mut scanner, mut decoder) = (CaptionScanner::new(), Decoder::new());
        let mut parts = body.into_data_stream();
        let outcome = loop {
            match parts.try_next().await {
                Ok(Some(part)) => decode(&mut decoder, &scanner.push(&part)),
                Ok(None) => break Ok(()),
                Err(problem) => break Err(broken_off(problem)),
            }
        };
        decode(&mut decoder, &scanner.finish());
        let found = scanner.has_captions();
        let mut tracks = match outcome {
            Ok(()) => decoder.finish(self.end_ms),
            Err(_) => vec![],
        };
        for (_, track) in &mut tracks {
            track.cues.retain_mut(|it| {
                it.end_ms = it.end_ms.min(self.end_ms);
                it.start_ms < it.end_ms
            });
        }
        tracks.retain(|it| !it.1.cues.is_empty());
        let captions = ClosedCaptions {
            found,
            is_whole: outcome.is_ok(),
            tracks,
        };
        drop(self.captions.send((index, captions)));
        outcome
    }
}

fn decode(decoder: &mut Decoder, units: &[CaptionUnit]) {
    for unit in units {
        let ticks = (unit.pts - PRESENTATION_START).max(0) as u64;
        for triplet in &unit.triplets {
            let (data, at) = (triplet.data, ticks * 1000 / TICKS_PER_SECOND);
            match triplet.kind {
                CaptionKind::FirstField => decoder.push_cea608(Field::First, data, at),
                CaptionKind::SecondField => decoder.push_cea608(Field::Second, data, at),
                CaptionKind::Cea708 { begins } => decoder.push_cea708(begins, data, at),
            }
        }
    }
}
