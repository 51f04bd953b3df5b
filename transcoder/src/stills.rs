//! Images of a video: thumbnails, the storyboard for the seek bar, the poster.
//!
//! Only the required I-frames of the trick-play rendition are decoded, read back from the store;
//! only the poster, which is larger, comes from the source. The poster of a source that has only audio
//! is its waveform.

mod iframes;
mod storyboard;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::ids::{Generation, VideoId};
use domain::object_key::{ObjectKey, StoryboardSize};
use domain::plan::{IFramesPlan, Size};
use domain::receipt::Extra;
use domain::segment::{IFrameRecord, SegmentRecord, TICKS_PER_SECOND, seconds};
use tokio::sync::mpsc;

use crate::error::TranscodeError;
use crate::ffmpeg::process::{self, Cost};
use crate::lanes::EncodeContext;
use crate::normalise::Normaliser;
use crate::sink::ImageSink;
use crate::source::Source;
use iframes::{Layout, decode};
use storyboard::Storyboard;

/// Short side of the poster, pixels.
const POSTER_SHORT_SIDE: u32 = 720;

/// Size of the waveform of a source that has only audio.
const WAVEFORM_SIZE: Size = Size {
    width: POSTER_SHORT_SIDE * 16 / 9,
    height: POSTER_SHORT_SIDE,
};

/// Short sides of an image on the small and on the large storyboard, pixels.
const TILE_SHORT_SIDES: [u32; 2] = [90, 180];

/// Time limit: stills take seconds.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// How long to wait for an image in transit after FFmpeg ended.
const QUIET: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 5_000 });

/// The cost of the images of a generation, and those that could not be created.
#[derive(Debug, Default)]
pub(crate) struct StillsResult {
    /// Resources of all runs.
    pub cost: Cost,
    /// Extras that are missing; the video plays without them.
    pub missing: Vec<Extra>,
}

impl StillsResult {
    /// Records the result of an extra. A failure of the extra itself makes it missing; a general
    /// failure is returned.
    fn note(
        &mut self,
        extra: Extra,
        outcome: Result<Cost, TranscodeError>,
    ) -> Result<(), TranscodeError> {
        match outcome {
            Ok(cost) => {
                self.cost.cpu += cost.cpu;
                self.cost.wall += cost.wall;
                Ok(())
            }
            Err(problem) if problem.concerns_ffmpeg() => {
                let log = problem.log_tail();
                tracing::warn!(
                    ?extra,
                    error = &problem as &dyn std::error::Error,
                    log,
                    "an extra could not be made"
                );
                self.missing.push(extra);
                Ok(())
            }
            Err(problem) => Err(problem),
        }
    }
}

/// Creates and stores all images of a generation.
pub(crate) async fn make(
    context: &EncodeContext,
    normaliser: Option<&Normaliser>,
    thumbnails: u32,
    iframes: &[SegmentRecord],
) -> Result<StillsResult, TranscodeError> {
    let mut made = StillsResult::default();
    let Some(trick_play) = &context.plan.iframes else {
        made.note(Extra::Poster, twice(|| waveform(context)).await)?;
        return Ok(made);
    };
    let stills = Stills {
        context,
        normaliser,
        iframes: all_iframes(iframes)?,
        trick_play,
        duration: context.plan.duration(),
    };
    made.note(
        Extra::Thumbnails,
        twice(|| stills.thumbnails(thumbnails)).await,
    )?;
    made.note(Extra::Storyboard, twice(|| stills.storyboard()).await)?;
    made.note(Extra::Poster, stills.poster().await)?;
    Ok(made)
}

/// Retries once if FFmpeg failed.
async fn twice<T, F: Future<Output = Result<T, TranscodeError>>>(
    make: impl Fn() -> F,
) -> Result<T, TranscodeError> {
    match make().await {
        Err(problem) if problem.concerns_ffmpeg() => make().await,
        outcome => outcome,
    }
}

fn all_iframes(
    records: &[SegmentRecord],
) -> Result<Vec<(&SegmentRecord, &IFrameRecord)>, TranscodeError> {
    let all: Vec<_> = records
        .iter()
        .flat_map(|record| record.iframes.iter().map(move |it| (record, it)))
        .collect();
    if all.is_empty() {
        return Err(TranscodeError::Verification(
            "there are no I-frames".to_owned(),
        ));
    }
    Ok(all)
}

struct Stills<'a> {
    context: &'a EncodeContext,
    normaliser: Option<&'a Normaliser>,
    iframes: Vec<(&'a SegmentRecord, &'a IFrameRecord)>,
    trick_play: &'a IFramesPlan,
    duration: u64,
}

impl<'a> Stills<'a> {
    /// The I-frame that is shown at a time.
    fn nearest(&self, ticks: u64) -> (&'a SegmentRecord, &'a IFrameRecord) {
        self.iframes[self
            .iframes
            .partition_point(|(_, it)| it.start <= ticks)
            .saturating_sub(1)]
    }

    async fn put(
        &self,
        key: impl FnOnce(VideoId, Generation) -> ObjectKey,
        body: Bytes,
    ) -> Result<(), TranscodeError> {
        put(self.context, key, body).await
    }

    async fn decode(
        &self,
        chosen: &[(&SegmentRecord, &IFrameRecord)],
        layout: Layout<'_>,
    ) -> Result<(Vec<Bytes>, Cost), TranscodeError> {
        decode(self.context, self.trick_play, chosen, layout).await
    }

    async fn thumbnails(&self, count: u32) -> Result<Cost, TranscodeError> {
        // In the middle of equal parts: neither the black first frame nor the end.
        let moments =
            (0..u64::from(count)).map(|it| self.duration * (2 * it + 1) / (2 * u64::from(count)));
        let chosen: Vec<_> = moments.map(|it| self.nearest(it)).collect();
        if chosen.is_empty() {
            return Ok(Cost::default());
        }
        let layout = Layout::Each(self.trick_play.size);
        let (found, cost) = self.decode(&chosen, layout).await?;
        for (index, image) in (0..).zip(found) {
            self.put(
                |video, generation| ObjectKey::Thumbnail {
                    video,
                    generation,
                    index,
                },
                image,
            )
            .await?;
        }
        Ok(cost)
    }

    async fn storyboard(&self) -> Result<Cost, TranscodeError> {
        let full = self.trick_play.size;
        // Images of a small video are not enlarged.
        let tiles = TILE_SHORT_SIDES.map(|it| full.with_short_side(it.min(full.short_side())));
        let board = Storyboard::new(self.duration, tiles);
        let chosen: Vec<_> = board.moments().map(|it| self.nearest(it)).collect();
        let (sheets, cost) = self.decode(&chosen, Layout::Sheets(&board)).await?;
        for (size, sheet) in StoryboardSize::ALL.into_iter().zip(sheets) {
            self.put(
                |video, generation| ObjectKey::Storyboard {
                    video,
                    generation,
                    size,
                },
                sheet,
            )
            .await?;
            self.put(
                |video, generation| ObjectKey::StoryboardIndex {
                    video,
                    generation,
                    size,
                },
                board.web_vtt(size).into(),
            )
            .await?;
        }
        Ok(cost)
    }

    /// A tenth into the video, where a film has started and nothing is revealed: from the source,
    /// or else the I-frame at that time, which is smaller.
    async fn poster(&self) -> Result<Cost, TranscodeError> {
        let moment = (self.duration / 10).min(60 * TICKS_PER_SECOND);
        // A normaliser passes frames on without tone mapping and watermark, which the I-frames have.
        let is_plain = self.context.tone_map.is_none() && self.context.watermark.is_none();
        let from_source = self.normaliser.is_none() || is_plain;
        let made = match from_source {
            true => poster(self.context, self.normaliser, moment).await,
            false => Err(missing("poster")),
        };
        let (image, cost) = match made {
            Err(problem) if problem.concerns_ffmpeg() => {
                tracing::info!("taking the poster from an I-frame: {problem}");
                let size = self.trick_play.size;
                let (found, cost) = self
                    .decode(&[self.nearest(moment)], Layout::Each(size))
                    .await?;
                (
                    found.into_iter().next().ok_or_else(|| missing("poster"))?,
                    cost,
                )
            }
            made => made?,
        };
        self.put(
            |video, generation| ObjectKey::Poster { video, generation },
            image,
        )
        .await?;
        Ok(cost)
    }
}

/// A frame of the source.
async fn poster(
    context: &EncodeContext,
    normaliser: Option<&Normaliser>,
    moment: u64,
) -> Result<(Bytes, Cost), TranscodeError> {
    let Some(video) = &context.probe.video else {
        return Err(missing("poster"));
    };
    let (width, height) = video.display_size();
    let source = Size { width, height };
    let size = source.with_short_side(source.short_side().min(POSTER_SHORT_SIDE));
    let (sink, images) = ImageSink::new();
    let delivery = context.loopback.deliver_to(Arc::new(sink));
    let output = |name: &str, file: &str| delivery.url(name, file);
    let source = context.loopback.source_url();
    let arguments = match normaliser {
        Some(normaliser) => {
            let seconds = context.probe.origin_seconds() + seconds(moment);
            normaliser.poster(&source, seconds, size, &output("poster", "%d.jpg"))
        }
        None => context
            .command_inputs(&source, &output)
            .poster(video, moment, size),
    };
    draw(context, arguments, TIME_LIMIT, images).await
}

/// The waveform of a source that has only audio.
async fn waveform(context: &EncodeContext) -> Result<Cost, TranscodeError> {
    let Some(track) = context.probe.audio.first() else {
        return Err(missing("poster"));
    };
    let (sink, images) = ImageSink::new();
    let delivery = context.loopback.deliver_to(Arc::new(sink));
    let output = |name: &str, file: &str| delivery.url(name, file);
    let source = context.loopback.source_url();
    let arguments = context
        .command_inputs(&source, &output)
        .waveform(track, WAVEFORM_SIZE);
    // All of the audio is decoded, faster than it plays.
    let time_limit = TIME_LIMIT + Duration::from_secs(context.plan.duration() / TICKS_PER_SECOND);
    let (image, cost) = draw(context, arguments, time_limit, images).await?;
    let key = |video, generation| ObjectKey::Poster { video, generation };
    put(context, key, image).await?;
    Ok(cost)
}

/// Runs FFmpeg for one image.
async fn draw(
    context: &EncodeContext,
    arguments: Vec<String>,
    time_limit: Duration,
    images: mpsc::UnboundedReceiver<(u32, Bytes)>,
) -> Result<(Bytes, Cost), TranscodeError> {
    let run = context.run("make the poster".to_owned(), arguments, time_limit);
    let cost = process::run(run, &context.cancel)
        .await
        .map_err(|it| context.cause(it))?
        .cost;
    let found = collect(images, 1).await;
    Ok((
        found.into_iter().next().ok_or_else(|| missing("poster"))?,
        cost,
    ))
}

async fn put(
    context: &EncodeContext,
    key: impl FnOnce(VideoId, Generation) -> ObjectKey,
    body: Bytes,
) -> Result<(), TranscodeError> {
    let writer = &context.writer;
    writer
        .put(&key(writer.video(), writer.generation().clone()), body)
        .await
}

pub(crate) async fn collect(
    images: mpsc::UnboundedReceiver<(u32, Bytes)>,
    expected: usize,
) -> Vec<Bytes> {
    let found = collect_numbered(images, expected).await;
    found.into_iter().map(|it| it.1).collect()
}

/// The files that FFmpeg delivered, in the order of their numbers.
pub(crate) async fn collect_numbered<T>(
    mut files: mpsc::UnboundedReceiver<(u32, T)>,
    expected: usize,
) -> Vec<(u32, T)> {
    let mut found = vec![];
    while found.len() < expected {
        match tokio::time::timeout(QUIET, files.recv()).await {
            Ok(Some(file)) => found.push(file),
            Ok(None) | Err(_) => break,
        }
    }
    found.sort_by_key(|it| it.0);
    found
}

fn missing(what: &str) -> TranscodeError {
    TranscodeError::Verification(format!("ffmpeg made no {what}"))
}

/// A source in memory.
pub(crate) struct InMemory(pub(crate) Bytes);

#[async_trait]
impl Source for InMemory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, range: std::ops::Range<u64>) -> Result<Bytes, TranscodeError> {
        Ok(self.0.slice(range.start as usize..range.end as usize))
    }
}
