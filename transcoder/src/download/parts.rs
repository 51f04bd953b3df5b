//! The parts of the file, as they are uploaded.

use bytes::Bytes;
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::segment::{SegmentRecord, TICKS_PER_SECOND};
use media::remux::{Remuxer, head_bound};
use platform::object_store::uploads::{Part, UploadId, UploadSigner};
use platform::object_store::{PutCondition, SharedStore};

use super::{Download, Stream, Streams, broken};
use crate::error::TranscodeError;

/// Smallest size of a part, bytes. All parts of an upload have the same size, as R2 requires.
const LEAST_PART: u64 = 8 << 20;
/// Number of parts of the largest files: stores accept 10,000.
const MOST_PARTS: u64 = 9_000;

/// The parts of the file. The first ones, which begin with the index, stay in memory until the index
/// is known.
pub(super) struct Parts<'a> {
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
    pub(super) fn new(download: &Download<'a>, streams: &Streams<'_>) -> Self {
        let (video, audio) = (streams.video.as_ref(), streams.audio.as_ref());
        let (video, audio) = (video.map(Stream::records), audio.map(Stream::records));
        let frames = |of: &[&SegmentRecord]| of.iter().map(|it| u64::from(it.frames)).sum();
        let bytes = |of: &[&SegmentRecord]| of.iter().map(|it| it.bytes).sum::<u64>();
        let (video, audio) = (video.unwrap_or_default(), audio.unwrap_or_default());
        let last = [video.last(), audio.last()].into_iter().flatten();
        let end = last.map(|it| it.start + it.duration).max().unwrap_or(0);
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

    pub(super) async fn push(&mut self, data: &[u8]) -> Result<(), TranscodeError> {
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
    pub(super) async fn finish(&mut self, remuxer: &Remuxer) -> Result<u64, TranscodeError> {
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
        let video = self.object.video();
        let family = match self.object {
            ObjectKey::Source { .. } => ObjectPrefix::Sources(video),
            _ => ObjectPrefix::Downloads(video),
        };
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

    pub(super) async fn abort(&self) {
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
