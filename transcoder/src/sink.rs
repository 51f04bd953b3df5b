//! Handles the segments that FFmpeg delivers: measured in clear, encrypted, stored, recorded.
//!
//! The clear bytes exist only in memory, and only while they pass through.

mod closed_captions;
mod images;
mod package;
mod texts;
mod writer;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use domain::content_key::ContentKey;
use domain::ids::hex;
use domain::object_key::RenditionName;
use domain::plan::{LARGEST_COPIED_SEGMENT, Rendition};
use domain::segment::{IFrameRecord, SegmentRecord};
use futures::TryStreamExt as _;
use hls::SegmentEncryptor;
use media::segment::{Measured, Scanner, Unmeasurable};
use media::ts::{NULL_PACKET, PACKET_BYTES, begin_with_first_frame};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, mpsc};

use crate::content_keys::RenditionKeys;
use crate::error::TranscodeError;
use crate::lanes::Pace;
use crate::loopback::SegmentReceiver;

use package::Packager;

pub(crate) use closed_captions::CaptionSink;
pub(crate) use images::ImageSink;
pub(crate) use texts::TextSink;
pub(crate) use writer::GenerationWriter;

/// Start of the presentation on the clock of the transport streams, ticks: 10 s, so that no
/// decoding time is ever negative, however far frames are reordered.
pub(crate) const PRESENTATION_START: i64 = 900_000;

/// Maximum number of segments in memory, in addition to the one that each output is writing.
const IN_FLIGHT: usize = 8;

/// Minimum number of packets of a segment: FFmpeg's probe reads ten, of up to 204 bytes.
const LEAST_PACKETS: usize = 24;

/// The expected properties of one output of a run.
#[derive(Clone)]
pub(crate) struct Output {
    /// The rendition of its segments.
    pub rendition: Rendition,
    /// Content keys; `None`: segments stay clear.
    pub keys: Option<RenditionKeys>,
    /// Names of the key of each delivery, if there are several keys.
    pub key_names: Vec<RenditionName>,
    /// Whether it is remuxed: its segments are as large as those of the source.
    pub copied: bool,
    /// For the trick-play rendition, the media sequence number of the first I-frame of each chunk.
    pub first_iframes: Option<Vec<u32>>,
    /// End of the video in each delivery, ticks from the start of the presentation; `None`: the last
    /// frame says it.
    pub ends: Vec<Option<u64>>,
}

impl Output {
    /// The content key of a delivery; `None`: it stays clear.
    async fn key(&self, index: u32) -> Result<Option<ContentKey>, TranscodeError> {
        let Some(keys) = &self.keys else {
            return Ok(None);
        };
        let name = self.key_names.get(index as usize);
        let key = keys.key(name.unwrap_or(&self.rendition.name)).await?;
        Ok(Some(key))
    }

    /// End of a delivery on the clock of the transport streams, ticks.
    fn end(&self, index: u32) -> Option<i64> {
        let end = self.ends.get(index as usize).copied().flatten()?;
        Some(PRESENTATION_START + end as i64)
    }
}

/// A stored segment, with its measurements in clear.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The record for the catalog. `duration` is the measured one.
    pub record: SegmentRecord,
    /// The measurements of the segment in clear.
    pub(crate) measured: Measured,
}

/// Receives the segments of one run.
pub(crate) struct SegmentSink {
    writer: GenerationWriter,
    outputs: HashMap<RenditionName, Output>,
    in_flight: Semaphore,
    pace: Option<Pace>,
    active: AtomicUsize,
    stored: mpsc::UnboundedSender<Stored>,
}

impl SegmentSink {
    /// A sink, and the channel on which it reports stored segments.
    pub(crate) fn new(
        writer: GenerationWriter,
        outputs: Vec<Output>,
    ) -> (Self, mpsc::UnboundedReceiver<Stored>) {
        let (stored, receiver) = mpsc::unbounded_channel();
        let outputs = outputs
            .into_iter()
            .map(|it| (it.rendition.name.clone(), it))
            .collect();
        let in_flight = Semaphore::new(IN_FLIGHT);
        (
            Self {
                writer,
                outputs,
                in_flight,
                pace: None,
                active: AtomicUsize::new(0),
                stored,
            },
            receiver,
        )
    }

    /// A sink that holds deliveries back; `None`: it does not.
    pub(crate) fn with_pace(self, pace: Option<Pace>) -> Self {
        Self { pace, ..self }
    }

    /// Number of deliveries that are being received or stored.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::SeqCst)
    }

    /// Measures, encrypts and stores a segment. A second of silence has so few bytes that FFmpeg does
    /// not recognise it as a transport stream: null packets make it longer.
    async fn store_segment(
        &self,
        output: &Output,
        index: u32,
        body: Body,
    ) -> Result<Stored, TranscodeError> {
        let mut scanner = Scanner::new(None);
        let mut stream = if index == 0 {
            beginning(body).await?
        } else {
            body
        }
        .into_data_stream();
        let key = output.key(index).await?;
        let mut packager = Packager::new(output, index, key.as_ref());
        let mut take = |part: &[u8]| {
            packager.push(part);
            scanner.push(part).map_err(unmeasurable)
        };
        let mut bytes = 0;
        while let Some(part) = stream.try_next().await.map_err(broken_off)? {
            bytes += part.len();
            if output.copied && bytes as u64 > LARGEST_COPIED_SEGMENT {
                return Err(TranscodeError::NotCopyable(format!(
                    "segment {index} has more than {bytes} bytes"
                )));
            }
            take(&part)?;
        }
        for _ in bytes / PACKET_BYTES..LEAST_PACKETS {
            take(&NULL_PACKET)?;
        }
        let measured = scanner.finish().map_err(unmeasurable)?;
        let (start, duration, frames) = extent(&measured)?;
        let packaged = packager.finish()?;
        let object = packaged.object;
        let record = SegmentRecord {
            rendition: output.rendition.name.clone(),
            index,
            attempt: self.writer.attempt(),
            start,
            duration,
            bytes: object.len() as u64,
            sha256: hex(&Sha256::digest(&object)),
            frames,
            iframes: vec![],
        };
        self.store(output, index, packaged.init, object).await?;
        Ok(Stored { record, measured })
    }

    /// Stores a segment, and before it the initialisation section that it needs.
    async fn store(
        &self,
        output: &Output,
        index: u32,
        init: Option<Vec<u8>>,
        object: Vec<u8>,
    ) -> Result<(), TranscodeError> {
        if let Some(init) = init {
            let stored = self.writer.put_init(&output.rendition, init.into()).await;
            stored.map_err(|it| match it {
                // The source changes its parameters, so it can only be encoded.
                TranscodeError::Verification(what) if output.copied => {
                    TranscodeError::NotCopyable(what)
                }
                it => it,
            })?;
        }
        let key = self.writer.segment_key(&output.rendition, index);
        self.writer.put(&key, object.into()).await
    }

    /// Packs a chunk of I-frames into one object, each encrypted separately.
    async fn store_iframes(
        &self,
        output: &Output,
        first: u32,
        index: u32,
        body: Body,
    ) -> Result<Stored, TranscodeError> {
        let clear = axum::body::to_bytes(body, usize::MAX)
            .await
            .map_err(broken_off)?;
        let mut scanner = Scanner::new(None);
        scanner.push(&clear).map_err(unmeasurable)?;
        let measured = scanner.finish().map_err(unmeasurable)?;
        let (start, duration, frames) = extent(&measured)?;
        let (init, cuts) = package::iframes(output, index, first, &clear)?;
        let ends = cuts
            .iter()
            .skip(1)
            .map(|it| it.pts)
            .chain([PRESENTATION_START + (start + duration) as i64]);
        let key = output.key(index).await?;
        let (mut object, mut iframes) = (Vec::with_capacity(clear.len() + cuts.len() * 16), vec![]);
        for (sequence, (cut, end)) in (first..).zip(cuts.iter().zip(ends)) {
            let offset = object.len() as u64;
            match &key {
                Some(key) => object.extend(SegmentEncryptor::encrypt(
                    key.expose(),
                    u64::from(sequence),
                    &cut.bytes,
                )),
                None => object.extend_from_slice(&cut.bytes),
            }
            iframes.push(IFrameRecord {
                sequence,
                offset,
                bytes: object.len() as u64 - offset,
                start: (cut.pts - PRESENTATION_START).max(0) as u64,
                duration: (end - cut.pts).max(0) as u64,
            });
        }
        let record = SegmentRecord {
            rendition: output.rendition.name.clone(),
            index,
            attempt: self.writer.attempt(),
            start,
            duration,
            bytes: object.len() as u64,
            sha256: hex(&Sha256::digest(&object)),
            frames,
            iframes,
        };
        self.store(output, index, init, object).await?;
        Ok(Stored { record, measured })
    }
}

#[async_trait]
impl SegmentReceiver for SegmentSink {
    async fn receive(&self, output: &str, index: u32, body: Body) -> Result<(), TranscodeError> {
        let output = output
            .parse()
            .ok()
            .and_then(|name: RenditionName| self.outputs.get(&name))
            .ok_or_else(|| {
                TranscodeError::Verification(format!("ffmpeg delivered to `{output}`"))
            })?;
        if let Some(pace) = &self.pace {
            pace.wait(index).await?;
        }
        let _active = Active::new(&self.active);
        // Without a free slot, nothing is read, and FFmpeg waits: memory stays bounded.
        let _permit = self
            .in_flight
            .acquire()
            .await
            .map_err(|_| TranscodeError::Cancelled)?;
        let stored = match &output.first_iframes {
            Some(firsts) => {
                let first = firsts.get(index as usize).copied();
                let first = first.ok_or_else(|| {
                    TranscodeError::Verification(format!("chunk {index} was not planned"))
                })?;
                self.store_iframes(output, first, index, body).await?
            }
            None => self.store_segment(output, index, body).await?,
        };
        // The run may have been aborted in the meantime; then there is no receiver for the record.
        drop(self.stored.send(stored));
        Ok(())
    }
}

struct Active<'a>(&'a AtomicUsize);

impl<'a> Active<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The first segment, with decoding times that begin at its first frame: hls.js takes the lowest
/// time of the first segment for the beginning of the presentation, and reports an error if there
/// is no frame at it.
async fn beginning(body: Body) -> Result<Body, TranscodeError> {
    let mut bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(broken_off)?
        .to_vec();
    begin_with_first_frame(&mut bytes);
    Ok(bytes.into())
}

/// FFmpeg was stopped or failed in the middle of a file: its own error is the cause, not this.
pub(crate) fn broken_off(error: impl std::fmt::Display) -> TranscodeError {
    tracing::debug!("ffmpeg broke off while delivering: {error}");
    TranscodeError::Cancelled
}

fn unmeasurable(problem: Unmeasurable) -> TranscodeError {
    TranscodeError::Verification(format!("a segment cannot be measured: {problem}"))
}

/// Start and duration in ticks, and number of frames, of the only stream of a segment.
pub(crate) fn extent(measured: &Measured) -> Result<(u64, u64, u32), TranscodeError> {
    let wrong = |what: &str| TranscodeError::Verification(format!("a segment {what}"));
    if measured.damage.is_some() {
        return Err(wrong("is damaged"));
    }
    let stream = measured
        .lead()
        .ok_or_else(|| wrong("has no stream with times"))?;
    // An AAC access unit may begin just before the video: its start is set to that of the video.
    let start = (stream.start_ticks() - PRESENTATION_START).max(0) as u64;
    Ok((
        start,
        stream.duration_ticks().max(0) as u64,
        stream.frames as u32,
    ))
}

#[cfg(test)]
mod tests;
