//! Reads I-frames of the trick-play rendition back from the store, and decodes them to images.

use std::sync::Arc;

use bytes::Bytes;
use domain::object_key::SegmentFormat;
use domain::plan::{IFramesPlan, Rendition, Size};
use domain::segment::{IFrameRecord, SegmentRecord, TICKS_PER_SECOND};
use futures::TryStreamExt as _;
use hls::{SegmentDecryptor, initialisation_vector};
use media::cmaf::set_decode_time;
use media::ts::renumber;

use super::storyboard::Storyboard;
use super::{InMemory, TIME_LIMIT, collect, missing};
use crate::error::TranscodeError;
use crate::ffmpeg::arguments::{images, sheets};
use crate::ffmpeg::process::{self, Cost, Run};
use crate::lanes::EncodeContext;
use crate::loopback::Loopback;
use crate::poster::demuxer;
use crate::published::LARGEST_INIT;
use crate::sink::ImageSink;
use crate::source::Blocks;

/// The images that I-frames become.
#[derive(Clone, Copy)]
pub(super) enum Layout<'a> {
    /// One of this size for each I-frame.
    Each(Size),
    /// All I-frames on one sheet for each size of the storyboard.
    Sheets(&'a Storyboard),
}

/// Decodes I-frames once, to images.
pub(super) async fn decode(
    context: &EncodeContext,
    trick_play: &IFramesPlan,
    chosen: &[(&SegmentRecord, &IFrameRecord)],
    layout: Layout<'_>,
) -> Result<(Vec<Bytes>, Cost), TranscodeError> {
    let rendition = &trick_play.rendition;
    let mut stream = init(context, rendition, chosen).await?;
    // Frames from all parts of the video follow each other here, and one may come twice: so they get
    // other times, or packets other numbers.
    for (number, (record, iframe)) in (0..).zip(chosen) {
        let mut frame = read(context, rendition, record, iframe).await?;
        if rendition.format == SegmentFormat::Fmp4 {
            set_decode_time(&mut frame, number * TICKS_PER_SECOND);
        }
        stream.extend_from_slice(&frame);
    }
    if rendition.format == SegmentFormat::MpegTs {
        renumber(&mut stream);
    }
    let input = Loopback::start(Blocks::new(Arc::new(InMemory(stream.into())))).await?;
    let (sink, found) = ImageSink::new();
    let delivery = input.deliver_to(Arc::new(sink));
    let (source, output) = (input.source_url(), delivery.url("images", "%d.jpg"));
    let demuxer = demuxer(rendition.format);
    let (expected, arguments) = match layout {
        Layout::Each(size) => (chosen.len(), images(&source, demuxer, size, &output)),
        Layout::Sheets(board) => {
            let grid = (board.columns(), board.rows());
            let arguments = sheets(&source, demuxer, board.tiles, grid, &output);
            (board.tiles.len(), arguments)
        }
    };
    let task = "make thumbnails".to_owned();
    let run = Run {
        port: input.port(),
        ..context.run(task, arguments, TIME_LIMIT)
    };
    let cost = process::run(run, &context.cancel).await?.cost;
    let found = collect(found, expected).await;
    if found.len() != expected {
        return Err(missing("thumbnail"));
    }
    Ok((found, cost))
}

/// The initialisation section of the I-frames; empty: their format has none. Those of several
/// productions differ only if the encoder was updated in between.
async fn init(
    context: &EncodeContext,
    rendition: &Rendition,
    chosen: &[(&SegmentRecord, &IFrameRecord)],
) -> Result<Vec<u8>, TranscodeError> {
    let first = chosen
        .first()
        .filter(|_| rendition.format == SegmentFormat::Fmp4);
    let Some((record, _)) = first else {
        return Ok(vec![]);
    };
    let key = context.writer.init_key(rendition, record.attempt);
    let body = context.writer.read_if_present(&key, LARGEST_INIT).await?;
    Ok(body
        .ok_or_else(|| missing("initialisation section"))?
        .to_vec())
}

/// Reads one I-frame back, and decrypts it.
async fn read(
    context: &EncodeContext,
    rendition: &Rendition,
    record: &SegmentRecord,
    iframe: &IFrameRecord,
) -> Result<Vec<u8>, TranscodeError> {
    let key = context.writer.recorded_key(rendition, record);
    let range = iframe.offset..iframe.offset + iframe.bytes;
    let body = context.writer.get(&key, Some(range)).await?;
    let parts: Vec<Bytes> = body.stream.try_collect().await?;
    let stored = parts.concat();
    match context.keys.get(&rendition.name) {
        None => Ok(stored),
        Some(keys) => SegmentDecryptor::decrypt(
            keys.key(&context.plan.key_name(rendition, record.index))
                .await?
                .expose(),
            initialisation_vector(iframe.sequence.into()),
            &stored,
        )
        .map_err(|it| TranscodeError::ContentKey {
            rendition: rendition.name.to_string(),
            reason: it.to_string(),
        }),
    }
}
