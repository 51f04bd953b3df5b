//! The bucket's events become jobs.
//!
//! Takes the bodies that R2 and S3 send, and the jobs that the edge worker made of such, from whatever brings them: the
//! embedded server's outbox, or a queue. Events come at least once, in any order, also before the row of their video and after its
//! end. Acknowledge an event only after this has returned: then its job waits in the queue.

use std::time::Duration;

use domain::event::{Ignored, Intake, jobs_of, relayed_job};
use domain::ids::{JobId, VideoId};
use domain::job::{Job, JobMessage, JobReason, Mode, Source};
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::state::VideoState;
use platform::catalog::{CatalogError, Noted, SharedCatalog};
use platform::job_queue::{QueueError, Sent, SharedQueue};
use platform::object_store::{SharedStore, StoreError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// What takes events in. Clones share it.
#[derive(Clone)]
pub struct Ingest {
    /// Notes the source.
    pub catalog: SharedCatalog,
    /// Gets the jobs.
    pub queue: SharedQueue,
    /// Loses what arrives for a video that is deleted.
    pub store: SharedStore,
    /// The name of the private bucket.
    pub private_bucket: String,
    /// The profile of videos with no wish of their own.
    pub profile: String,
    /// The mode of the same.
    pub mode: Mode,
    /// What became of the events.
    pub counts: EventCounts,
}

/// Counts what became of events. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct EventCounts(pub(crate) Family<EventOutcome, Counter>);

/// What became of an event, as a label of its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EventOutcome {
    outcome: &'static str,
}

/// What became of an event, or of one record of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ingested {
    /// Its job waits.
    Queued(JobId),
    /// Its job waited already.
    Duplicate(JobId),
    /// The source waits for its first view.
    Waiting(VideoId),
    /// The source is done with, or a worker has it in hand.
    AlreadyDone(VideoId),
    /// The video is cancelled or deleted; in the latter case what arrived is removed.
    Gone(VideoId),
    /// The video has been ready, and plays what it was made of; what arrived in the place of its source is removed.
    Unwanted(VideoId),
    /// It is none of our business.
    Ignored(Ignored),
}

/// The event could not be taken in: do not acknowledge it.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The catalog did not note it.
    #[error("cannot record the arrival of a source")]
    Catalog(#[from] CatalogError),
    /// The queue did not take its job.
    #[error("cannot send the job of a source")]
    Queue(#[from] QueueError),
    /// A job of a newer version: it comes again, and is a dead letter in the end.
    #[error("this version cannot parse the job: {0}")]
    UnreadableJob(String),
    /// What arrived too late could not be removed.
    #[error("cannot remove a source that arrived for a deleted video")]
    Store(#[from] StoreError),
}

impl IngestError {
    /// Whether the same event may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Catalog(error) => matches!(error, CatalogError::Unavailable { .. }),
            Self::Queue(error) => matches!(error, QueueError::Unavailable { .. }),
            Self::UnreadableJob(_) => false,
            Self::Store(error) => matches!(error, StoreError::Unavailable { .. }),
        }
    }
}

impl Ingest {
    /// Takes one event body in and says what became of its records. Doing it again is no error.
    ///
    /// # Errors
    /// See [`IngestError`]. Records before the one that failed have been taken in.
    pub async fn take(&self, body: &str, now_ms: u64) -> Result<Vec<Ingested>, IngestError> {
        let intake = Intake { bucket: &self.private_bucket, profile: &self.profile, mode: self.mode };
        let mut taken = Vec::new();
        // The edge worker sends the job that it has made of an event.
        let records = relayed_job(body, intake).map_or_else(|| jobs_of(body, intake), |it| vec![it]);
        for record in records {
            let outcome = match record {
                Ok(job) => self.note_and_send(&job, now_ms).await?,
                Err(Ignored::UnreadableJob { detail }) => return Err(IngestError::UnreadableJob(detail)),
                Err(ignored) => Ingested::Ignored(ignored),
            };
            self.count(&outcome);
            taken.push(outcome);
        }
        Ok(taken)
    }

    /// Counts what became of an event. A file that a tool put beside the uploads is worth a line in the log.
    fn count(&self, taken: &Ingested) {
        let outcome = match taken {
            Ingested::Queued(_) => "queued",
            Ingested::Duplicate(_) | Ingested::AlreadyDone(_) => "known",
            Ingested::Waiting(_) => "stored",
            Ingested::Gone(_) => "gone",
            Ingested::Unwanted(_) => "unwanted",
            Ingested::Ignored(Ignored::NotAnUpload { key }) if !key.ends_with('/') => {
                tracing::warn!(
                    key,
                    "`{key}` was put into the private bucket by another program, and starts no work: make a video of it \
                     with POST /v1/videos {{\"key\": ...}}, or upload it with `edgereel upload`"
                );
                "not-an-upload"
            }
            Ingested::Ignored(_) => "ignored",
        };
        self.counts.0.get_or_create(&EventOutcome { outcome }).inc();
    }

    /// Takes in a source that stands in the store, as its event would. `None`: nothing stands there, or it has another
    /// size than was announced.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn take_stored(
        &self,
        source: &ObjectKey,
        announced: Option<u64>,
        now_ms: u64,
    ) -> Result<Option<Ingested>, IngestError> {
        let meta = match self.store.head(source).await {
            Ok(meta) if announced.is_none_or(|it| it == meta.size) => meta,
            Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let bucket = self.private_bucket.clone();
        let found = Source { bucket, key: source.path(), etag: meta.etag.0, size: meta.size };
        let job = Job::new(source.video(), found, &self.profile, self.mode, JobReason::Upload);
        self.note_and_send(&job, now_ms).await.map(Some)
    }

    async fn note_and_send(&self, job: &Job, now_ms: u64) -> Result<Ingested, IngestError> {
        let job = match self.catalog.note_upload_event(job, now_ms).await? {
            Noted::Send(job) => job,
            Noted::Waits => return Ok(Ingested::Waiting(job.video)),
            Noted::AlreadyDone => return Ok(Ingested::AlreadyDone(job.video)),
            Noted::Gone => {
                self.remove_if_deleted(job.video).await?;
                return Ok(Ingested::Gone(job.video));
            }
            Noted::Unwanted => {
                self.remove_unwanted(job).await?;
                return Ok(Ingested::Unwanted(job.video));
            }
        };
        let id = job.id.clone();
        Ok(match self.queue.send(&JobMessage::from(job), Duration::ZERO).await? {
            Sent::Queued => Ingested::Queued(id),
            Sent::Duplicate => Ingested::Duplicate(id),
        })
    }

    /// A presigned request also outlives the source, where the profile removes or archives that. Only what stands in the
    /// source's own place is removed: other files in the bucket were put there by their operator.
    async fn remove_unwanted(&self, job: &Job) -> Result<(), IngestError> {
        tracing::warn!(video.id = %job.video, "ignoring another source of a video that has been ready");
        let video = self.catalog.get_video(job.video).await?;
        let Some(key) = job.source_key().filter(|_| video.source.key.as_deref() == Some(&job.source.key)) else {
            return Ok(());
        };
        match self.store.head(&key).await {
            Ok(meta) if meta.etag.0 == job.source.etag => Ok(self.store.delete(&key).await?),
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(problem) => Err(problem.into()),
        }
    }

    /// A presigned request outlives the video: what it brings in is nobody's.
    async fn remove_if_deleted(&self, video: VideoId) -> Result<(), IngestError> {
        if self.catalog.get_video(video).await?.state == VideoState::Deleted {
            self.store.delete_all(&ObjectPrefix::Sources(video)).await?;
        }
        Ok(())
    }
}
