//! Writes a rung of the published generation as one MP4 file: a remux, so it takes seconds, and
//! memory for a few parts of the upload and the index of the file.
//!
//! FFmpeg is not used. It can put the index of a file first only where it can go back in its output,
//! which needs a disk for the whole file, and browsers seek badly in fragmented files without an
//! index. `media::remux` lets us keep the beginning of the file, upload the media data as it comes,
//! and upload the beginning last.

use bytes::Bytes;
use domain::content_key::ContentKey;
use domain::object_key::{ObjectKey, ObjectPrefix, RenditionName};
use domain::plan::Rendition;
use domain::segment::{SegmentRecord, TICKS_PER_SECOND};
use futures::{StreamExt as _, TryStreamExt as _};
use media::fmp4::Init;
use media::remux::{RemuxError, Remuxer, head_bound};
use platform::object_store::uploads::{Part, UploadId, UploadSigner};
use platform::object_store::{PutCondition, SharedStore};
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::published::{Published, missing};
use crate::sink::PRESENTATION_START;

/// Smallest size of a part, bytes. All parts of an upload have the same size, as R2 requires.
const LEAST_PART: u64 = 8 << 20;
/// Number of parts of the largest files: stores accept 10,000.
const MOST_PARTS: u64 = 9_000;
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
        let (rendition, audio) = self.renditions(rung)?;
        let video = self.published.segments(rendition)?;
        let audio = audio
            .map(|it| Ok::<_, TranscodeError>((it, self.published.segments(it)?)))
            .transpose()?;
        let mut parts = Parts::new(self, &video, audio.as_ref().map(|it| it.1.as_slice()));
        let written = self.remux(rendition, &video, audio.as_ref(), &mut parts);
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

    /// The rung, and its audio.
    fn renditions(
        &self,
        rung: &RenditionName,
    ) -> Result<(&Rendition, Option<&Rendition>), TranscodeError> {
        let plan = &self.published.plan;
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
        let audio = audio.and_then(|name| plan.audio.iter().find(|it| it.rendition.name == *name));
        Ok((rendition, audio.map(|it| &it.rendition)))
    }

    /// A segment in clear, and the initialisation section that it needs.
    async fn read(
        &self,
        rendition: &Rendition,
        key: Option<&ContentKey>,
        segment: &SegmentRecord,
    ) -> Result<(Option<Bytes>, Bytes), TranscodeError> {
        let init = self.published.init(rendition, segment).await?;
        let media = self.published.segment(rendition, key, segment).await?;
        Ok((init, media))
    }

    async fn remux(
        &self,
        rendition: &Rendition,
        video: &[&SegmentRecord],
        audio: Option<&(&Rendition, Vec<&SegmentRecord>)>,
        parts: &mut Parts<'_>,
    ) -> Result<u64, TranscodeError> {
        let video_key = self.published.key(rendition).await?;
        let audio_key = match audio {
            Some((rendition, _)) => self.published.key(rendition).await?,
            None => None,
        };
        let count = audio.map_or(0, |it| it.1.len()).max(video.len());
        let read = async |index: usize| {
            let video = match video.get(index) {
                Some(segment) => Some(self.read(rendition, video_key.as_ref(), segment).await?),
                None => None,
            };
            let audio = match audio.and_then(|it| Some((it.0, it.1.get(index)?))) {
                Some((rendition, segment)) => {
                    Some(self.read(rendition, audio_key.as_ref(), segment).await?)
                }
                None => None,
            };
            let end = self.published.plan.boundaries.get(index + 1);
            Ok::<_, TranscodeError>((video, audio, end.map_or(0, |it| it.ticks)))
        };
        let segments = futures::stream::iter((0..count).map(read)).buffered(READ_AHEAD);
        futures::pin_mut!(segments);
        let mut remuxer = Remuxer::new(PRESENTATION_START as u64, audio.is_some());
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

fn parse(init: &[u8]) -> Result<Init, TranscodeError> {
    Init::parse(init).map_err(|it| {
        TranscodeError::Verification(format!("an initialisation section cannot be read: {it}"))
    })
}

fn broken(problem: &RemuxError) -> TranscodeError {
    TranscodeError::Verification(format!("the segments cannot be joined: {problem}"))
}

/// The parts of the file. The first ones, which begin with the index, stay in memory until the index
/// is known.
struct Parts<'a> {
    store: &'a SharedStore,
    uploads: &'a dyn UploadSigner,
    object: &'a ObjectKey,
    part_bytes: usize,
    /// Room for the index at the beginning, bytes.
    room: usize,
    /// The media data after that room, up to the end of a part.
    first: Vec<u8>,
    /// Media data that does not fill a part yet.
    rest: Vec<u8>,
    upload: Option<UploadId>,
    sent: Vec<Part>,
}

impl<'a> Parts<'a> {
    fn new(
        download: &Download<'a>,
        video: &[&SegmentRecord],
        audio: Option<&[&SegmentRecord]>,
    ) -> Self {
        let frames = |of: &[&SegmentRecord]| of.iter().map(|it| u64::from(it.frames)).sum();
        let bytes = |of: &[&SegmentRecord]| of.iter().map(|it| it.bytes).sum::<u64>();
        let end = video.last().map_or(0, |it| it.start + it.duration);
        let audio = audio.unwrap_or_default();
        let room = head_bound(frames(video), frames(audio), end / TICKS_PER_SECOND);
        // The segments are larger than what is in them.
        let total = room + bytes(video) + bytes(audio);
        Self {
            store: download.store,
            uploads: download.uploads,
            object: download.object,
            part_bytes: total.div_ceil(MOST_PARTS).max(LEAST_PART) as usize,
            room: room as usize,
            first: vec![],
            rest: vec![],
            upload: None,
            sent: vec![],
        }
    }

    /// Number of parts that the index reaches into.
    fn first_parts(&self) -> usize {
        self.room.div_ceil(self.part_bytes)
    }

    async fn push(&mut self, data: &[u8]) -> Result<(), TranscodeError> {
        let missing = self.first_parts() * self.part_bytes - self.room - self.first.len();
        let (first, rest) = data.split_at(missing.min(data.len()));
        self.first.extend_from_slice(first);
        self.rest.extend_from_slice(rest);
        while self.rest.len() >= self.part_bytes {
            let later = self.rest.split_off(self.part_bytes);
            let part = std::mem::replace(&mut self.rest, later);
            let number = self.first_parts() + self.sent.len() + 1;
            self.send(number, part.into()).await?;
        }
        Ok(())
    }

    /// Sends what is left, and the beginning. Returns the size of the file.
    async fn finish(&mut self, remuxer: &Remuxer) -> Result<u64, TranscodeError> {
        let (first, rest) = (
            std::mem::take(&mut self.first),
            std::mem::take(&mut self.rest),
        );
        if self.upload.is_none() {
            let head = remuxer.head(None).map_err(|it| broken(&it))?;
            let file = Bytes::from([head, first, rest].concat());
            let bytes = file.len() as u64;
            self.store
                .put(self.object, file, PutCondition::Always)
                .await?;
            return Ok(bytes);
        }
        if !rest.is_empty() {
            let number = self.first_parts() + self.sent.len() + 1;
            self.send(number, rest.into()).await?;
        }
        let head = remuxer
            .head(Some(self.room as u64))
            .map_err(|it| broken(&it))?;
        let mut beginning = Bytes::from([head, first].concat());
        for number in 1..=self.first_parts() {
            let part = beginning.split_to(self.part_bytes.min(beginning.len()));
            self.send(number, part).await?;
        }
        self.sent.sort_by_key(|it| it.number);
        if let Some(upload) = &self.upload {
            self.uploads
                .complete_multipart(self.object, upload, &self.sent)
                .await?;
        }
        Ok(self.sent.iter().map(|it| it.size).sum())
    }

    async fn send(&mut self, number: usize, part: Bytes) -> Result<(), TranscodeError> {
        let upload = match &self.upload {
            Some(upload) => upload.clone(),
            None => self.begin().await?,
        };
        let (number, size) = (number as u32, part.len() as u64);
        let etag = self
            .uploads
            .put_part(self.object, &upload, number, part)
            .await?;
        self.sent.push(Part { number, etag, size });
        Ok(())
    }

    /// Begins an upload, and aborts what a killed worker left.
    async fn begin(&mut self) -> Result<UploadId, TranscodeError> {
        let family = ObjectPrefix::Downloads(self.object.video());
        for left in self.uploads.list_unfinished(&family).await? {
            if left.path == self.object.path() {
                self.uploads.abort_multipart(self.object, &left.id).await?;
            }
        }
        let kind = self.object.content_type();
        let upload = self.uploads.create_multipart(self.object, kind).await?;
        self.upload = Some(upload.clone());
        Ok(upload)
    }

    async fn abort(&self) {
        let Some(upload) = &self.upload else { return };
        if let Err(problem) = self.uploads.abort_multipart(self.object, upload).await {
            // The next attempt, or the deletion of the video, aborts it.
            tracing::warn!(
                "could not abort an upload: {:#}",
                anyhow::Error::from(problem)
            );
        }
    }
}
