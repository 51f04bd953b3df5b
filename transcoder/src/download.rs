//! Writes a rung of the published generation as one MP4 file, or its audio as an M4A file, or a part
//! of them: a remux, so it takes seconds, and memory for a few parts of the upload and the index of
//! the file.
//!
//! FFmpeg is not used. It can put the index of a file first only where it can go back in its output,
//! which needs a disk for the whole file, and browsers seek badly in fragmented files without an
//! index. `media::remux` lets us keep the beginning of the file, upload the media data as it comes,
//! and upload the beginning last.

use std::ops::Range;

use bytes::Bytes;
use domain::object_key::{ObjectKey, RenditionName};
use domain::plan::{Boundary, Codec, Rendition};
use domain::segment::SegmentRecord;
use futures::{StreamExt as _, TryStreamExt as _};
use media::fmp4::Init;
use media::remux::{Part, RemuxError, Remuxer, Tracks};
use platform::object_store::SharedStore;
use platform::object_store::uploads::UploadSigner;
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::published::{Published, missing};
use crate::sink::PRESENTATION_START;

mod parts;

use parts::Parts;

/// Segments that are read ahead.
const READ_AHEAD: usize = 2;

/// The stores, and the file to write.
pub(crate) struct Download<'a> {
    pub(crate) store: &'a SharedStore,
    pub(crate) uploads: &'a dyn UploadSigner,
    pub(crate) published: &'a Published,
    /// The file.
    pub(crate) object: &'a ObjectKey,
    pub(crate) cancel: &'a CancellationToken,
}

impl Download<'_> {
    /// Writes the file of a rung, in place of an earlier one. Returns its size in bytes.
    pub(crate) async fn write(&self, rung: &RenditionName) -> Result<u64, TranscodeError> {
        self.join(self.renditions(rung)?, None).await
    }

    /// Writes a part of the best rung in H.264, or of the best audio if the source has no video. Returns
    /// the size in bytes.
    pub(crate) async fn write_part(&self, part: Part) -> Result<u64, TranscodeError> {
        let plan = &self.published.plan;
        let rungs = self
            .published
            .rungs()
            .filter(|(it, _)| it.codec == Codec::H264);
        // Of equal sizes, the remuxed one, which is the first.
        let rungs: Vec<_> = rungs.collect();
        let best = rungs.into_iter().rev().max_by_key(|it| it.1.short_side());
        let name = match best {
            Some((rung, _)) => &rung.name,
            // Sorted by rate, and the default track first.
            None => plan
                .audio
                .first()
                .map(|it| &it.group)
                .ok_or_else(|| missing("rung"))?,
        };
        self.join(self.renditions(name)?, Some(part)).await
    }

    async fn join(
        &self,
        (video, audio): (Option<&Rendition>, Option<&Rendition>),
        part: Option<Part>,
    ) -> Result<u64, TranscodeError> {
        let range = self.segments_of(part);
        let stream = |it| self.stream(it, &range);
        let streams = Streams {
            first: range.start,
            video: video.map(stream).transpose()?,
            audio: audio.map(stream).transpose()?,
            part,
        };
        let mut parts = Parts::new(self, &streams);
        let written = self.remux(&streams, &mut parts);
        let written = tokio::select! {
            written = written => written,
            () = self.cancel.cancelled() => Err(TranscodeError::Cancelled),
        };
        match written {
            Ok(bytes) => Ok(bytes),
            Err(problem) => {
                parts.abort().await;
                Err(problem)
            }
        }
    }

    /// The rung and its audio, or only audio if `rung` is the name of an audio rendition.
    fn renditions(
        &self,
        rung: &RenditionName,
    ) -> Result<(Option<&Rendition>, Option<&Rendition>), TranscodeError> {
        let plan = &self.published.plan;
        let audio_of = |name: &RenditionName| {
            let audio = plan.audio.iter().map(|it| &it.rendition);
            audio.into_iter().find(|it| it.name == *name)
        };
        if let Some(audio) = audio_of(rung) {
            return Ok((None, Some(audio)));
        }
        let copied = plan.copy.rung();
        let copied = copied
            .map(|it| (&it.rendition, it.audio.as_ref()))
            .into_iter();
        let encoded = plan.rungs.iter();
        let encoded = encoded.map(|it| (&it.rendition, it.audio.as_ref()));
        let (rendition, audio) = copied
            .chain(encoded)
            .find(|(it, _)| it.name == *rung)
            .ok_or_else(|| missing("rung"))?;
        Ok((Some(rendition), audio.and_then(audio_of)))
    }

    /// The numbers of the segments that a part is in; without a part, all.
    fn segments_of(&self, part: Option<Part>) -> Range<usize> {
        let Some(part) = part else {
            return 0..usize::MAX;
        };
        let boundaries = &self.published.plan.boundaries;
        let before = |time: u64| {
            let reached = |it: &Boundary| it.ticks + PRESENTATION_START as u64 <= time;
            boundaries.partition_point(reached)
        };
        before(part.start).saturating_sub(1)..before(part.end.saturating_sub(1))
    }

    fn stream<'a>(
        &'a self,
        rendition: &'a Rendition,
        range: &Range<usize>,
    ) -> Result<Stream<'a>, TranscodeError> {
        let segments = self.published.segments(rendition)?.into_iter();
        let count = range.end.saturating_sub(range.start);
        let segments = segments.skip(range.start).take(count).collect();
        Ok(Stream {
            rendition,
            segments,
        })
    }

    /// A segment in clear, and the initialisation section that it needs.
    async fn read(
        &self,
        rendition: &Rendition,
        segment: &SegmentRecord,
    ) -> Result<(Option<Bytes>, Bytes), TranscodeError> {
        let init = self.published.init(rendition, segment).await?;
        let media = self.published.segment(rendition, segment).await?;
        Ok((init, media))
    }

    async fn remux(
        &self,
        streams: &Streams<'_>,
        parts: &mut Parts<'_>,
    ) -> Result<u64, TranscodeError> {
        let (video, audio) = (streams.video.as_ref(), streams.audio.as_ref());
        let count = |stream: Option<&Stream<'_>>| stream.map_or(0, |it| it.segments.len());
        let count = count(video).max(count(audio));
        let read_of = async |stream: Option<&Stream<'_>>, index: usize| match stream
            .and_then(|it| Some((it.rendition, *it.segments.get(index)?)))
        {
            Some((rendition, segment)) => self.read(rendition, segment).await.map(Some),
            None => Ok(None),
        };
        let read = async |index: usize| {
            let video = read_of(video, index).await?;
            let audio = read_of(audio, index).await?;
            let end = self
                .published
                .plan
                .boundaries
                .get(streams.first + index + 1);
            Ok::<_, TranscodeError>((video, audio, end.map_or(0, |it| it.ticks)))
        };
        let segments = futures::stream::iter((0..count).map(read)).buffered(READ_AHEAD);
        futures::pin_mut!(segments);
        let tracks = match (video, audio) {
            (Some(_), Some(_)) => Tracks::Both,
            (Some(_), None) => Tracks::Video,
            (None, _) => Tracks::Audio,
        };
        let mut remuxer = match streams.part {
            Some(part) => Remuxer::of_part(part, tracks),
            None => Remuxer::new(PRESENTATION_START as u64, tracks),
        };
        let mut data = vec![];
        while let Some((video, audio, end)) = segments.try_next().await? {
            let pushed = match video {
                Some((Some(init), segment)) => {
                    remuxer.push_video_fragment(&parse(&init)?, &segment)
                }
                Some((None, segment)) => remuxer.push_video(&segment),
                None => Ok(()),
            };
            pushed.map_err(|it| broken(&it))?;
            let pushed = match audio {
                Some((Some(init), segment)) => {
                    remuxer.push_audio_fragment(&parse(&init)?, &segment)
                }
                Some((None, segment)) => remuxer.push_audio(&segment),
                None => Ok(()),
            };
            pushed.map_err(|it| broken(&it))?;
            remuxer.take(PRESENTATION_START as u64 + end, &mut data);
            parts.push(&data).await?;
            data.clear();
        }
        remuxer.finish(&mut data);
        parts.push(&data).await?;
        parts.finish(&remuxer).await
    }
}

/// The renditions to join.
struct Streams<'a> {
    /// Number of the first segment.
    first: usize,
    video: Option<Stream<'a>>,
    audio: Option<Stream<'a>>,
    part: Option<Part>,
}

/// Segments of a rendition.
struct Stream<'a> {
    rendition: &'a Rendition,
    segments: Vec<&'a SegmentRecord>,
}

impl Stream<'_> {
    fn records(&self) -> &[&SegmentRecord] {
        &self.segments
    }
}

fn parse(init: &[u8]) -> Result<Init, TranscodeError> {
    Init::parse(init).map_err(|it| {
        TranscodeError::Verification(format!("an initialisation section cannot be read: {it}"))
    })
}

fn broken(problem: &RemuxError) -> TranscodeError {
    TranscodeError::Verification(format!("the segments cannot be joined: {problem}"))
}
