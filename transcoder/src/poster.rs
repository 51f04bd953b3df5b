//! Single images: custom posters, from an uploaded image or from a frame of the published video,
//! and thumbnails of a frame.
//!
//! All are decoded and re-encoded: viewers get a JPEG of a suitable size, without any other data
//! of the image (locations, names, embedded files).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::failure::SourceProblem;
use domain::image::{Image, essential};
use domain::object_key::ObjectKey;
use domain::plan::{Rendition, SegmentFormat, Size};
use domain::segment::{TICKS_PER_SECOND, seconds};
use domain::thumbnail::Frame;
use platform::object_store::{ObjectStoreExt as _, SharedStore};
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::still;
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::process::{self, Run};
use crate::loopback::Loopback;
use crate::published::{Published, missing};
use crate::sink::ImageSink;
use crate::source::Blocks;
use crate::stills::{InMemory, collect};

/// Maximum short side of a poster: larger ones cost viewers more than they show.
const SHORT_SIDE: u32 = 1080;
/// Maximum size of an image, bytes: more than the API accepts.
const MAX_IMAGE_BYTES: u64 = 16 << 20;
/// Time limit: decoding one image takes about a second.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Renders a poster from an uploaded image.
pub(crate) async fn from_image(
    tools: &Tools,
    store: &SharedStore,
    key: &ObjectKey,
    cancel: &CancellationToken,
) -> Result<Bytes, TranscodeError> {
    let bytes = store
        .read_if_present(key, MAX_IMAGE_BYTES)
        .await?
        .ok_or(SourceProblem::SourceMissing)?;
    let image = Image::of(&bytes).map_err(|_| SourceProblem::ImageDamaged)?;
    let size = Size {
        width: image.width,
        height: image.height,
    };
    let size = size.with_short_side(size.short_side().min(SHORT_SIDE));
    match decode(
        tools,
        essential(&bytes).into(),
        image.kind.demuxer(),
        size,
        0.0,
        cancel,
    )
    .await
    {
        // Any decoding failure is a problem of the image.
        Err(
            TranscodeError::Ffmpeg { .. }
            | TranscodeError::TimedOut { .. }
            | TranscodeError::OutOfMemory { .. }
            | TranscodeError::Source(SourceProblem::TooDemanding),
        )
        | Ok(None) => Err(SourceProblem::ImageDamaged.into()),
        Ok(Some(poster)) => Ok(poster),
        Err(problem) => Err(problem),
    }
}

/// Renders a poster from a time in the published generation, from its best rung: as viewers see it,
/// upright and tone-mapped, whether or not the source still exists.
pub(crate) async fn from_timestamp(
    tools: &Tools,
    published: &Published,
    at_ms: u64,
    cancel: &CancellationToken,
) -> Result<Bytes, TranscodeError> {
    let (rendition, size) = published.best()?;
    let size = size.with_short_side(size.short_side().min(SHORT_SIDE));
    frame_at(tools, published, rendition, size, at_ms, cancel).await
}

/// Renders a thumbnail of the published generation, from the smallest rung that is as wide; from
/// the best rung, in its own size, if none is.
pub(crate) async fn thumbnail(
    tools: &Tools,
    published: &Published,
    frame: Frame,
    cancel: &CancellationToken,
) -> Result<Bytes, TranscodeError> {
    let (rendition, size) = published.rung_for(frame.width)?;
    frame_at(tools, published, rendition, size, frame.at_ms(), cancel).await
}

/// The demuxer of FFmpeg for segments.
pub(crate) fn demuxer(format: SegmentFormat) -> &'static str {
    match format {
        SegmentFormat::MpegTs => "mpegts",
        SegmentFormat::Fmp4 => "mov",
        SegmentFormat::WebVtt => "webvtt",
    }
}

async fn frame_at(
    tools: &Tools,
    published: &Published,
    rendition: &Rendition,
    size: Size,
    at_ms: u64,
    cancel: &CancellationToken,
) -> Result<Bytes, TranscodeError> {
    let segments = published.segments(rendition)?;
    let ticks = at_ms * TICKS_PER_SECOND / 1000;
    let position = segments
        .partition_point(|it| it.start <= ticks)
        .saturating_sub(1);
    let segment = segments.get(position).ok_or_else(|| missing("segment"))?;
    let mut bytes = published.segment(rendition, segment).await?;
    if let Some(init) = published.init(rendition, segment).await? {
        bytes = [init, bytes].concat().into();
    }
    let demuxer = demuxer(rendition.format);
    // After the start of its last frame, a segment shows that frame.
    let frames = u64::from(segment.frames.max(1));
    let last = segment.duration * (frames - 1) / frames;
    let offset = seconds(ticks.saturating_sub(segment.start).min(last));
    if let Some(image) = decode(tools, bytes.clone(), demuxer, size, offset, cancel).await? {
        return Ok(image);
    }
    // Frames of different length: the segment's first frame is close enough.
    let first = decode(tools, bytes, demuxer, size, 0.0, cancel).await?;
    first.ok_or_else(|| missing("frame"))
}

/// Decodes one frame, `offset` seconds after the first one; `None`: there is none.
async fn decode(
    tools: &Tools,
    input: Bytes,
    demuxer: &str,
    size: Size,
    offset: f64,
    cancel: &CancellationToken,
) -> Result<Option<Bytes>, TranscodeError> {
    let drawing = Drawing {
        tools,
        input,
        task: "make a poster",
        file: ("poster", "%d.jpg"),
        time_limit: TIME_LIMIT,
    };
    let arguments = |input: &str, output: &str| still(input, demuxer, size, offset, output);
    drawing.run(cancel, arguments).await
}

/// A run of FFmpeg that makes one image of bytes in memory.
pub(crate) struct Drawing<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) input: Bytes,
    /// The task of the run, for errors.
    pub(crate) task: &'a str,
    /// Names of output and file, for the URL to which FFmpeg delivers.
    pub(crate) file: (&'a str, &'a str),
    pub(crate) time_limit: Duration,
}

impl Drawing<'_> {
    /// Runs FFmpeg. `arguments` makes its command line for the URLs of input and output. `None`: it
    /// delivered no image.
    pub(crate) async fn run(
        self,
        cancel: &CancellationToken,
        arguments: impl FnOnce(&str, &str) -> Vec<String>,
    ) -> Result<Option<Bytes>, TranscodeError> {
        let loopback = Loopback::start(Blocks::new(Arc::new(InMemory(self.input)))).await?;
        let (sink, found) = ImageSink::new();
        let delivery = loopback.deliver_to(Arc::new(sink));
        let output = delivery.url(self.file.0, self.file.1);
        let run = Run {
            tools: self.tools,
            port: loopback.port(),
            files: vec![],
            weight: Weight::Light,
            hardware: vec![],
            task: self.task.to_owned(),
            arguments: arguments(&loopback.source_url(), &output),
            time_limit: self.time_limit,
        };
        process::run(run, cancel).await?;
        Ok(collect(found, 1).await.into_iter().next())
    }
}
