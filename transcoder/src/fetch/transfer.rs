//! Transfers a file from a URL into the bucket: in parts, in constant memory, resuming where an
//! earlier attempt stopped.
//!
//! The store's list of parts records what has arrived; the catalog records the version of the file
//! that the parts belong to. The parts of an earlier attempt are used only if the server confirms
//! that the rest is of the same version.

mod arrived;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use catalog::{Catalog, Claim, Transfer};
use domain::failure::SourceProblem;
use domain::job::Stage;
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::retry::RetryPolicy;
use media::sniff::{Kind, NotMedia, SNIFF_BYTES, sniff};
use platform::clock;
use platform::object_store::uploads::{MAX_PARTS, Part, UploadId, UploadSigner};
use platform::object_store::{ETag, ObjectMeta, ObjectStore, StoreError};
use url::Url;

use self::arrived::Arrived;
use super::{FetchResponse, Fetcher, Pace, Rest};
use crate::error::TranscodeError;

/// Minimum part size, bytes: two parts are in memory.
const PART_BYTES: u64 = 8 << 20;
/// Larger parts grow in steps of this, bytes.
const PART_STEP: u64 = 1 << 20;
/// Maximum part size, bytes: two parts are in memory. A file with more parts than the store accepts
/// is too large.
const MOST_PART_BYTES: u64 = 64 << 20;
/// Number of consecutive requests without progress before the attempt fails and the queue retries
/// it.
const TRIES: u32 = 3;
/// Pauses before the next request.
const PAUSES: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(500),
    factor: 2,
    longest: Duration::from_secs(2),
};
/// Minimum interval between two progress reports.
const PROGRESS_PAUSE: Duration = Duration::from_secs(1);

/// A file to import, and the services for it.
pub(crate) struct Fetching<'a> {
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) catalog: &'a Catalog,
    pub(crate) store: &'a dyn ObjectStore,
    pub(crate) uploads: &'a dyn UploadSigner,
    pub(crate) claim: &'a Claim,
    pub(crate) url: Url,
    pub(crate) key: ObjectKey,
    /// Maximum file size, bytes.
    pub(crate) limit_bytes: u64,
    /// Minimum pace of the file.
    pub(crate) pace: Pace,
    /// Time that earlier attempts took.
    pub(crate) spent: Duration,
}

impl Fetching<'_> {
    /// Imports the file, or the rest of it. A repeated call returns the object that exists already.
    pub(crate) async fn run(
        &self,
        earlier: Option<Transfer>,
    ) -> Result<Option<ObjectMeta>, TranscodeError> {
        match self.store.head(&self.key).await {
            // An earlier attempt completed the object, but died or was stopped before it reported
            // that.
            Ok(meta) => return Ok(Some(meta)),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut arrived = self.left_by(earlier).await?;
        let (mut tries, mut said) = (0, Instant::now());
        self.say(arrived.as_ref()).await?;
        let deadline = tokio::time::Instant::now() + self.pace.total.saturating_sub(self.spent);
        loop {
            let before = arrived.as_ref().map_or(0, Arrived::bytes);
            let problem = match tokio::time::timeout_at(
                deadline,
                self.go_on(&mut arrived, &mut said),
            )
            .await
            {
                Ok(Ok(())) => return Ok(None),
                Ok(Err(problem)) => problem,
                Err(_) => SourceProblem::FetchTooSlow {
                    limit_seconds: self.pace.total.as_secs(),
                }
                .into(),
            };
            match &problem {
                TranscodeError::Fetch { reason } => {
                    // Progress of less than a part does not reset the number of tries: a server
                    // could send one byte at a time.
                    let came_further =
                        arrived.as_ref().map_or(0, Arrived::bytes) >= before + PART_STEP;
                    tries = if came_further { 1 } else { tries + 1 };
                    if tries > TRIES {
                        return Err(problem);
                    }
                    tracing::info!("the transfer was interrupted, requesting the rest: {reason}");
                    tokio::time::sleep(PAUSES.pause_after(tries)).await;
                }
                TranscodeError::Source(_) => {
                    self.drop_what_arrived(&mut arrived).await?;
                    return Err(problem);
                }
                _ => return Err(problem),
            }
        }
    }

    /// The parts that an earlier attempt left in the store, if they can be used.
    async fn left_by(&self, earlier: Option<Transfer>) -> Result<Option<Arrived>, TranscodeError> {
        let Some(transfer) = earlier else {
            // An upload whose creator died before it recorded it.
            for stray in self
                .uploads
                .list_unfinished(&ObjectPrefix::Sources(self.claim.video))
                .await?
            {
                self.uploads.abort_multipart(&self.key, &stray.id).await?;
            }
            return Ok(None);
        };
        let listed = match self
            .uploads
            .list_parts(&self.key, &UploadId(transfer.upload_id.clone()))
            .await
        {
            Ok(listed) => listed,
            // The store or a deletion aborted it.
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut arrived = Arrived {
            transfer,
            parts: Vec::new(),
            tail: BytesMut::new(),
        };
        for (part, number) in listed.into_iter().zip(1..) {
            let is_last = arrived.transfer.size == Some(arrived.stored() + part.size);
            if part.number != number || (part.size != arrived.transfer.part_bytes && !is_last) {
                break;
            }
            arrived.parts.push(part);
        }
        Ok(Some(arrived))
    }

    /// Sends one request, and stores what arrives.
    async fn go_on(
        &self,
        arrived: &mut Option<Arrived>,
        said: &mut Instant,
    ) -> Result<(), TranscodeError> {
        if let Some(all) = arrived
            .as_ref()
            .filter(|it| it.transfer.size == Some(it.stored()))
        {
            return self.complete(all).await;
        }
        let rest = arrived.as_ref().filter(|it| it.bytes() > 0).and_then(|it| {
            let etag = it.transfer.etag.clone()?;
            Some(Rest {
                start: it.bytes(),
                etag,
            })
        });
        let mut answer = self.fetcher.open(&self.url, rest.as_ref()).await?;
        if let Some(bytes) = answer.size.filter(|it| *it > self.limit_bytes) {
            return Err(SourceProblem::TooLarge {
                bytes,
                limit_bytes: self.limit_bytes,
            }
            .into());
        }
        if answer.start == 0 {
            // Another version, or a server without ranges: the parts that have arrived are useless.
            self.drop_what_arrived(arrived).await?;
            *arrived = Some(self.begin(&mut answer).await?);
        }
        let Some(arrived) = arrived else {
            return Err(TranscodeError::Fetch {
                reason: "the rest of nothing came".to_owned(),
            });
        };
        self.take(arrived, &mut answer, said).await?;
        self.complete(arrived).await
    }

    /// Reads the first bytes, which decide whether the file is worth importing.
    async fn begin(&self, answer: &mut FetchResponse) -> Result<Arrived, TranscodeError> {
        let mut tail = BytesMut::new();
        within(
            self.pace.first_bytes,
            read_until(&mut tail, SNIFF_BYTES, answer),
        )
        .await?;
        if tail.is_empty() {
            return Err(SourceProblem::EmptyFile.into());
        }
        check_kind(&tail)?;
        let part_bytes = part_bytes(
            answer
                .size
                .unwrap_or(self.limit_bytes)
                .min(self.limit_bytes),
        );
        let upload = self
            .uploads
            .create_multipart(&self.key, self.key.content_type())
            .await?;
        let transfer = Transfer {
            upload_id: upload.0,
            part_bytes,
            size: answer.size,
            etag: answer.etag.clone(),
        };
        if let Err(problem) = self.catalog.set_transfer(self.claim, Some(&transfer)).await {
            // No record of this upload exists, so it is aborted here.
            self.uploads
                .abort_multipart(&self.key, &UploadId(transfer.upload_id))
                .await?;
            return Err(problem.into());
        }
        Ok(Arrived {
            transfer,
            parts: Vec::new(),
            tail,
        })
    }

    /// Stores one part while the next one arrives.
    async fn take(
        &self,
        arrived: &mut Arrived,
        answer: &mut FetchResponse,
        said: &mut Instant,
    ) -> Result<(), TranscodeError> {
        let (upload, full) = (arrived.upload(), arrived.transfer.part_bytes as usize);
        let time = self.pace.of_part(full);
        let mut at_end = within(time, read_until(&mut arrived.tail, full, answer)).await?;
        while !arrived.tail.is_empty() {
            let number = arrived.parts.len() as u32 + 1;
            let body = arrived.tail.split_to(arrived.tail.len().min(full)).freeze();
            let size = body.len() as u64;
            if arrived.stored() + size > self.limit_bytes || number > MAX_PARTS {
                let bytes = arrived.stored() + size;
                return Err(SourceProblem::TooLarge {
                    bytes,
                    limit_bytes: self.limit_bytes,
                }
                .into());
            }
            let reading = async {
                if at_end {
                    Ok(true)
                } else {
                    within(time, read_until(&mut arrived.tail, full, answer)).await
                }
            };
            // Both run to their ends: the arrived part is kept even if the rest fails.
            let (stored, read) = tokio::join!(self.put(&upload, number, body), reading);
            arrived.parts.push(Part {
                number,
                etag: stored?,
                size,
            });
            if said.elapsed() >= PROGRESS_PAUSE {
                self.say(Some(arrived)).await?;
                *said = Instant::now();
            }
            at_end = read?;
        }
        match arrived.transfer.size {
            Some(size) if size != arrived.stored() => {
                let stored = arrived.stored();
                Err(TranscodeError::Fetch {
                    reason: format!("{stored} of {size} bytes came"),
                })
            }
            _ => Ok(()),
        }
    }

    async fn put(
        &self,
        upload: &UploadId,
        number: u32,
        body: Bytes,
    ) -> Result<ETag, TranscodeError> {
        Ok(self
            .uploads
            .put_part(&self.key, upload, number, body)
            .await?)
    }

    /// Completes the object, which triggers the bucket's event.
    async fn complete(&self, arrived: &Arrived) -> Result<(), TranscodeError> {
        self.uploads
            .complete_multipart(&self.key, &arrived.upload(), &arrived.parts)
            .await?;
        Ok(())
    }

    async fn drop_what_arrived(&self, arrived: &mut Option<Arrived>) -> Result<(), TranscodeError> {
        if let Some(old) = arrived.take() {
            self.uploads
                .abort_multipart(&self.key, &old.upload())
                .await?;
            self.catalog.set_transfer(self.claim, None).await?;
        }
        Ok(())
    }

    async fn say(&self, arrived: Option<&Arrived>) -> Result<(), TranscodeError> {
        let percent =
            arrived.and_then(|it| Some(it.stored() * 100 / it.transfer.size.filter(|it| *it > 0)?));
        let percent = u8::try_from(percent.unwrap_or(0)).unwrap_or(100);
        Ok(self
            .catalog
            .set_progress(self.claim, Stage::Fetch, percent, clock::now())
            .await?)
    }
}

/// Awaits a read with a time limit.
async fn within(
    time: Duration,
    reading: impl Future<Output = Result<bool, TranscodeError>>,
) -> Result<bool, TranscodeError> {
    let too_slow = |_| TranscodeError::Fetch {
        reason: "the server sends too slowly".to_owned(),
    };
    tokio::time::timeout(time, reading)
        .await
        .map_err(too_slow)?
}

/// Reads until `bytes` bytes are buffered, and returns whether that was the end.
async fn read_until(
    tail: &mut BytesMut,
    bytes: usize,
    answer: &mut FetchResponse,
) -> Result<bool, TranscodeError> {
    while tail.len() < bytes {
        match answer.chunk().await? {
            Some(chunk) => tail.extend_from_slice(&chunk),
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// Checks whether the first bytes may be those of a video.
fn check_kind(head: &[u8]) -> Result<(), SourceProblem> {
    match sniff(&head[..head.len().min(SNIFF_BYTES)]) {
        Some(Kind::Media(_)) => Ok(()),
        Some(Kind::NotMedia(NotMedia::Html)) => Err(SourceProblem::WebPage),
        Some(Kind::NotMedia(kind)) if kind.is_reference() => Err(SourceProblem::PlaylistNotAllowed),
        Some(Kind::NotMedia(_)) | None => Err(SourceProblem::NotAVideo),
    }
}

/// A part size, equal for all parts as R2 requires, with which the file does not exceed the store's
/// number of parts.
fn part_bytes(size: u64) -> u64 {
    size.div_ceil(u64::from(MAX_PARTS))
        .next_multiple_of(PART_STEP)
        .clamp(PART_BYTES, MOST_PART_BYTES)
}

#[cfg(test)]
mod tests;
