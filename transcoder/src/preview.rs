//! Animated previews of a span of the published generation, as WebP.
//!
//! They are made from a rung that viewers get, so they exist as long as the video plays, whether or
//! not its source was kept.

use std::time::Duration;

use bytes::Bytes;
use domain::plan::{Rendition, SegmentFormat};
use domain::preview::{FRAME_RATE, Preview};
use domain::segment::{SegmentRecord, TICKS_PER_SECOND};
use media::ts::renumber;
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::animation;
use crate::poster::{Drawing, demuxer};
use crate::published::{Published, missing};

/// Time limit: ten seconds of video take a few seconds.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Duration of a frame of a preview, ticks.
const FRAME_TICKS: u64 = TICKS_PER_SECOND / FRAME_RATE as u64;

/// Makes a preview from the smallest rung that is as wide; from the best rung, in its own size, if
/// none is.
pub(crate) async fn animated(
    tools: &Tools,
    published: &Published,
    preview: Preview,
    cancel: &CancellationToken,
) -> Result<Bytes, TranscodeError> {
    let (rendition, size) = published.rung_for(preview.width)?;
    let segments = published.segments(rendition)?;
    let start = preview.start_ms() * TICKS_PER_SECOND / 1000;
    let span = span(&segments, start, preview.frames());
    let first = span.first().ok_or_else(|| missing("segment"))?;
    let skipped = start.saturating_sub(first.start).min(first.duration);
    let skipped = (skipped + FRAME_TICKS / 2) / FRAME_TICKS;
    let skipped = u32::try_from(skipped).unwrap_or(u32::MAX);
    let drawing = Drawing {
        tools,
        input: read(published, rendition, span).await?,
        task: "make a preview",
        file: ("preview", "%d.webp"),
        time_limit: TIME_LIMIT,
    };
    let image = drawing
        .run(cancel, |input, output| {
            let frames = (skipped, preview.frames());
            animation(input, demuxer(rendition.format), size, frames, output)
        })
        .await?;
    image.ok_or_else(|| missing("frame"))
}

/// The segments of a span of `frames` frames of a preview, from a time in ticks on.
fn span<'a>(segments: &'a [&'a SegmentRecord], start: u64, frames: u32) -> &'a [&'a SegmentRecord] {
    let end = start + u64::from(frames) * FRAME_TICKS;
    let first = segments.partition_point(|it| it.start <= start);
    let last = segments.partition_point(|it| it.start < end);
    segments
        .get(first.saturating_sub(1)..last)
        .unwrap_or_default()
}

/// Segments in clear, one after the other.
async fn read(
    published: &Published,
    rendition: &Rendition,
    segments: &[&SegmentRecord],
) -> Result<Bytes, TranscodeError> {
    let mut stream = vec![];
    for segment in segments {
        // Those of several productions differ only if the encoder was updated in between.
        if stream.is_empty()
            && let Some(init) = published.init(rendition, segment).await?
        {
            stream.extend_from_slice(&init);
        }
        let bytes = published.segment(rendition, segment).await?;
        stream.extend_from_slice(&bytes);
    }
    // Segments that several runs of FFmpeg wrote each begin with their own numbers.
    if rendition.format == SegmentFormat::MpegTs {
        renumber(&mut stream);
    }
    Ok(stream.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_the_segments_in_which_it_lies() {
        let records: Vec<_> = [0, 4, 8].map(|it| record(it * TICKS_PER_SECOND)).into();
        let segments: Vec<_> = records.iter().collect();
        for (tenths, frames, expected) in [
            (0, 30, 0..1),
            (0, 40, 0..1),
            (0, 41, 0..2),
            (39, 1, 0..1),
            (40, 1, 1..2),
            (39, 42, 0..3),
            (79, 10, 1..3),
            (80, 100, 2..3),
            (9_999, 30, 2..3),
        ] {
            let found = span(&segments, tenths * FRAME_TICKS, frames);
            let found: Vec<_> = found.iter().map(|it| it.start).collect();
            let expected: Vec<_> = segments[expected].iter().map(|it| it.start).collect();
            assert_eq!(found, expected, "{tenths} {frames}");
        }
        assert!(span(&[], 0, 30).is_empty());
    }

    fn record(start: u64) -> SegmentRecord {
        SegmentRecord {
            rendition: "360p".parse().unwrap(),
            index: 0,
            attempt: 1,
            start,
            duration: 4 * TICKS_PER_SECOND,
            bytes: 1,
            sha256: String::new(),
            frames: 100,
            iframes: vec![],
        }
    }
}
