//! Custom posters: from an uploaded image, or from a frame of the published video.
//!
//! Both are decoded and re-encoded: viewers get a JPEG of a suitable size, without any other data
//! of the image (locations, names, embedded files).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catalog::Catalog;
use domain::failure::SourceProblem;
use domain::ids::{Generation, VideoId};
use domain::image::{Image, essential};
use domain::object_key::ObjectKey;
use domain::plan::{EncodePlan, Rendition, SegmentFormat, Size};
use domain::segment::{SegmentRecord, TICKS_PER_SECOND, seconds};
use hls::{SegmentDecryptor, initialisation_vector};
use platform::object_store::{ObjectStoreExt as _, SharedStore};
use tokio_util::sync::CancellationToken;

use crate::content_keys::WrappedKeys;
use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::still;
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::process::{self, Run};
use crate::loopback::Loopback;
use crate::manifest;
use crate::reused::LARGEST_MANIFEST;
use crate::sink::ImageSink;
use crate::source::Blocks;
use crate::stills::{InMemory, collect};

/// Maximum short side of a poster: larger ones cost viewers more than they show.
const SHORT_SIDE: u32 = 1080;
/// Maximum size of an image, bytes: more than the API accepts.
const MAX_IMAGE_BYTES: u64 = 16 << 20;
/// Maximum size of a segment from which a frame is decoded.
const LARGEST_SEGMENT: u64 = 256 << 20;
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
    store: &SharedStore,
    catalog: &Catalog,
    keys: &WrappedKeys,
    (video, generation): (VideoId, &Generation),
    at_ms: u64,
    cancel: &CancellationToken,
) -> Result<Bytes, TranscodeError> {
    let gone =
        |what: &str| TranscodeError::Verification(format!("the {what} of what plays is not there"));
    let key = ObjectKey::Manifest {
        video,
        generation: generation.clone(),
    };
    let text = store
        .read_if_present(&key, LARGEST_MANIFEST)
        .await?
        .ok_or_else(|| gone("manifest"))?;
    let plan = manifest::plan_of(&text).ok_or_else(|| gone("plan"))?;
    let (rendition, size) = best(&plan).ok_or(SourceProblem::AudioOnly)?;
    let chunks = catalog.chunks(video, generation).await?;
    let mut segments: Vec<&SegmentRecord> = chunks
        .iter()
        // Chunks of an earlier strategy may have the same rendition in another lane.
        .filter(|it| plan.renditions(it.lane).contains(&rendition))
        .flat_map(|it| &it.segments)
        .filter(|it| it.rendition == rendition.name)
        .collect();
    segments.sort_by_key(|it| it.index);
    let ticks = at_ms * TICKS_PER_SECOND / 1000;
    let position = segments
        .partition_point(|it| it.start <= ticks)
        .saturating_sub(1);
    let segment = segments.get(position).ok_or_else(|| gone("segment"))?;

    let key = ObjectKey::Segment {
        video,
        generation: generation.clone(),
        rendition: rendition.name.clone(),
        index: segment.index,
        attempt: segment.attempt,
        format: rendition.format,
    };
    let mut bytes = store.read(&key, LARGEST_SEGMENT).await?;
    if plan.encrypt {
        let key = keys.existing(&rendition.name).await?;
        let clear = SegmentDecryptor::decrypt(
            key.expose(),
            initialisation_vector(segment.index.into()),
            &bytes,
        );
        let wrong = |reason: String| TranscodeError::ContentKey {
            rendition: rendition.name.to_string(),
            reason,
        };
        bytes = clear.map_err(|it| wrong(it.to_string()))?.into();
    }
    let offset = seconds(ticks.saturating_sub(segment.start));
    let demuxer = match rendition.format {
        SegmentFormat::MpegTs => "mpegts",
        SegmentFormat::WebVtt => "webvtt",
    };
    if let Some(poster) = decode(tools, bytes.clone(), demuxer, size, offset, cancel).await? {
        return Ok(poster);
    }
    // No frame starts between the last frame and the end: the segment's first frame is close
    // enough.
    let first = decode(tools, bytes, demuxer, size, 0.0, cancel).await?;
    first.ok_or_else(|| gone("frame"))
}

/// The largest rung, and its size.
fn best(plan: &EncodePlan) -> Option<(&Rendition, Size)> {
    let copied = plan
        .copy
        .rung()
        .map(|it| (&it.rendition, it.size))
        .into_iter();
    let encoded = plan.rungs.iter().map(|it| (&it.rendition, it.size));
    copied
        .chain(encoded)
        .max_by_key(|(_, size)| size.short_side())
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
    let size = size.with_short_side(size.short_side().min(SHORT_SIDE));
    let loopback = Loopback::start(Blocks::new(Arc::new(InMemory(input)))).await?;
    let (sink, found) = ImageSink::new();
    let delivery = loopback.deliver_to(Arc::new(sink));
    let arguments = still(
        &loopback.source_url(),
        demuxer,
        size,
        offset,
        &delivery.url("poster", "%d.jpg"),
    );
    let (port, weight, task) = (loopback.port(), Weight::Light, "make a poster".to_owned());
    let run = Run {
        tools,
        port,
        file: None,
        weight,
        task,
        arguments,
        time_limit: TIME_LIMIT,
    };
    process::run(run, cancel).await?;
    Ok(collect(found, 1).await.into_iter().next())
}
