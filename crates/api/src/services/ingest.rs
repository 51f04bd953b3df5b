//! Turns bucket events into jobs.
//!
//! Receives notifications of R2 and S3, and jobs that the edge worker created from them, from the embedded server's
//! outbox or from a queue. Events are delivered at least once, in any order, also before the row of their video exists
//! and after it was deleted. Acknowledge an event only after [`Ingest::process`] has returned: then its job is in the
//! queue.

mod message;

use std::time::Duration;

use catalog::{Catalog, CatalogError, TracedWork, UploadEventOutcome};
use config::Installation;
use domain::event::{EventContext, SkipReason, jobs_of, relayed_job};
use domain::ids::{JobId, VideoId};
use domain::job::{Job, JobMessage, JobReason, Mode, Source};
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::state::VideoState;
use domain::time::UnixMillis;
use metrics::table::BUCKET_EVENTS;
use platform::job_queue::{QueueError, Sent, SharedQueue};
use platform::object_store::{SharedStore, StoreError};
use tracing::Instrument as _;
use tracing::field::Empty;

/// Processes events. Clones share the state.
#[derive(Clone)]
pub struct Ingest {
    /// Records sources.
    pub catalog: Catalog,
    /// Receives the jobs.
    pub queue: SharedQueue,
    /// Sources of deleted videos are removed from it.
    pub store: SharedStore,
    /// The name of the private bucket.
    pub private_bucket: String,
    /// The default profile.
    pub profile: String,
    /// The default mode.
    pub mode: Mode,
}

/// The outcome of an event, or of one of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ingested {
    /// Its job was queued.
    Queued(JobId),
    /// Its job was already queued.
    Duplicate(JobId),
    /// The source waits for its first view.
    Waiting(VideoId),
    /// The source was processed already, or is being processed.
    AlreadyDone(VideoId),
    /// The video is cancelled or deleted; the source of a deleted video is removed.
    VideoGone(VideoId),
    /// The video was ready before and keeps its content; the new object at the path of its source is removed.
    SourceAfterReady(VideoId),
    /// The event is not about a source.
    Ignored(SkipReason),
}

impl Ingested {
    /// Stable name, in metrics and traces.
    fn name(&self) -> &'static str {
        match self {
            Self::Queued(_) => "queued",
            Self::Duplicate(_) | Self::AlreadyDone(_) => "known",
            Self::Waiting(_) => "stored",
            Self::VideoGone(_) => "gone",
            Self::SourceAfterReady(_) => "unwanted",
            Self::Ignored(SkipReason::NotAnUpload { key }) if !key.ends_with('/') => {
                "not-an-upload"
            }
            Self::Ignored(_) => "ignored",
        }
    }
}

/// The event could not be processed: do not acknowledge it.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The catalog could not record it.
    #[error("cannot record the arrival of a source")]
    Catalog(#[from] CatalogError),
    /// The queue did not accept its job.
    #[error("cannot send the job of a source")]
    Queue(#[from] QueueError),
    /// A job of a newer version: it is redelivered, and becomes a dead letter in the end.
    #[error("this version cannot parse the job: {0}")]
    UnreadableJob(String),
    /// A late source could not be removed.
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
    /// The service of an installation, with the default profile and mode.
    pub fn new(installation: &Installation) -> Self {
        Self {
            catalog: installation.catalog.clone(),
            queue: installation.queue.clone(),
            store: installation.store.clone(),
            private_bucket: installation.private_bucket.clone(),
            profile: "default".to_owned(),
            mode: Mode::Abr,
        }
    }

    /// Processes the body of one event and returns the outcome of each record. Repeating it is not an error.
    ///
    /// # Errors
    /// See [`IngestError`]. The records before the failed one have been processed.
    pub async fn process(&self, body: &str, now: UnixMillis) -> Result<Vec<Ingested>, IngestError> {
        let context = EventContext {
            bucket: &self.private_bucket,
            profile: &self.profile,
            mode: self.mode,
        };
        let mut taken = Vec::new();
        // The edge worker sends jobs that it created from events.
        let records =
            relayed_job(body, context).map_or_else(|| jobs_of(body, context), |it| vec![it]);
        for record in records {
            let outcome = match record {
                Ok(job) => self.take_in(&job, now).await?,
                Err(SkipReason::UnreadableJob { detail }) => {
                    return Err(IngestError::UnreadableJob(detail));
                }
                Err(ignored) => Ingested::Ignored(ignored),
            };
            self.count(&outcome);
            taken.push(outcome);
        }
        Ok(taken)
    }

    /// Takes in the event of one object, in a span of the trace of the request that created the upload.
    async fn take_in(&self, job: &Job, now: UnixMillis) -> Result<Ingested, IngestError> {
        let video = job.video;
        let span = tracing::info_span!("bucket event", video.id = %video, outcome = Empty, trace_id = Empty, span_id = Empty);
        // Without the trace, the event is taken in all the same.
        let stored = self.catalog.trace(video, TracedWork::VIDEO).await;
        let stored = stored.ok().flatten();
        traces::resume(&span, stored.map(|it| (it.parent, it.continuation(now))));
        let outcome = self
            .record_and_send(job, now)
            .instrument(span.clone())
            .await?;
        span.record("outcome", outcome.name());
        Ok(outcome)
    }

    /// Counts the outcome of an event. Objects that another tool put beside the uploads are logged.
    fn count(&self, taken: &Ingested) {
        if let Ingested::Ignored(SkipReason::NotAnUpload { key }) = taken
            && !key.ends_with('/')
        {
            tracing::warn!(
                key,
                "`{key}` was put into the private bucket by another program, and starts no work: create a video from it \
                 with POST /v1/videos {{\"key\": ...}}, or upload it with `edgereel upload`"
            );
        }
        self.catalog.metrics().count(&BUCKET_EVENTS, [taken.name()]);
    }

    /// Ingests a source that is in the store, as its event would. `None`: there is no object, or it has a different
    /// size than announced.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn ingest_stored(
        &self,
        source: &ObjectKey,
        announced: Option<u64>,
        now: UnixMillis,
    ) -> Result<Option<Ingested>, IngestError> {
        let meta = match self.store.head(source).await {
            Ok(meta) if announced.is_none_or(|it| it == meta.size) => meta,
            Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let bucket = self.private_bucket.clone();
        let found = Source {
            bucket,
            key: source.path(),
            etag: meta.etag.0,
            size: meta.size,
        };
        let job = Job::new(
            source.video(),
            found,
            &self.profile,
            self.mode,
            JobReason::Upload,
        );
        self.record_and_send(&job, now).await.map(Some)
    }

    async fn record_and_send(&self, job: &Job, now: UnixMillis) -> Result<Ingested, IngestError> {
        let job = match self.catalog.note_upload_event(job, now).await? {
            UploadEventOutcome::Send(job) => job,
            UploadEventOutcome::Waits => return Ok(Ingested::Waiting(job.video)),
            UploadEventOutcome::AlreadyDone => return Ok(Ingested::AlreadyDone(job.video)),
            UploadEventOutcome::VideoGone => {
                self.remove_if_deleted(job.video).await?;
                return Ok(Ingested::VideoGone(job.video));
            }
            UploadEventOutcome::SourceAfterReady => {
                self.remove_unwanted(job).await?;
                return Ok(Ingested::SourceAfterReady(job.video));
            }
        };
        let id = job.id.clone();
        Ok(
            match self
                .queue
                .send(&JobMessage::from(job), Duration::ZERO)
                .await?
            {
                Sent::Queued => Ingested::Queued(id),
                Sent::Duplicate => Ingested::Duplicate(id),
            },
        )
    }

    /// A presigned request outlives the source, if the profile deletes or archives it. Only an object at the key of the
    /// source is removed: other objects in the bucket belong to the operator.
    async fn remove_unwanted(&self, job: &Job) -> Result<(), IngestError> {
        tracing::warn!(video.id = %job.video, "ignoring another source of a video that was ready before");
        let video = self.catalog.get_video(job.video).await?;
        let Some(key) = job
            .source_key()
            .filter(|_| video.source.key.as_deref() == Some(&job.source.key))
        else {
            return Ok(());
        };
        match self.store.head(&key).await {
            Ok(meta) if meta.etag.0 == job.source.etag => Ok(self.store.delete(&key).await?),
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(problem) => Err(problem.into()),
        }
    }

    /// A presigned request outlives the video: its object belongs to no video.
    async fn remove_if_deleted(&self, video: VideoId) -> Result<(), IngestError> {
        if self.catalog.get_video(video).await?.state == VideoState::Deleted {
            self.store.delete_all(&ObjectPrefix::Sources(video)).await?;
        }
        Ok(())
    }
}
