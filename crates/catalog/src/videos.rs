//! The catalog: videos, the attempts at processing them, and the results.
//!
//! Implemented by `SqlCatalog`, which must pass `catalog::conformance` in SQLite and in PostgreSQL.
//! Every state change goes through `domain::state`. Every write of a worker is fenced: a worker
//! that lost its lease, or whose video another worker claimed, cannot change anything.
//!
//! All times are Unix milliseconds, and `now_ms` is the caller's clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::failure::{Failure, FailureCode};
use domain::ids::{Generation, JobId, PosterId, VideoId};
use domain::job::{Import, Job, JobMessage, Stage};
use domain::receipt::Receipt;
use domain::retry::{self, Ended, Next, PastAttempt};
use domain::segment::ChunkRecord;
use domain::state::{Refused, VideoEvent};

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod model;
pub mod sql;

pub use model::{
    Attempt, AttemptOutcome, ImportRecord, NewVideo, OwnerLimits, Patch, PosterRecord, PosterShown, Progress,
    RenditionKind, RenditionRecord, RenditionState, Transfer, Upload, UploadEventOutcome, UploadKind, Video,
    VideoFilter, VideoPage, VideoSource,
};
pub use sql::SqlCatalog;

/// The right to write about one generation of one video. It holds until another worker claims the
/// video, which is possible as soon as the lease has expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The video that is claimed.
    pub video: VideoId,
    /// The job that the claim was made for.
    pub job: JobId,
    /// The generation that the worker produces.
    pub generation: Generation,
    /// Number of the claim of this video, from 1. A higher fence invalidates all lower ones. It is
    /// also the number of the attempt.
    pub fence: u64,
    /// The worker that holds the claim.
    pub worker: String,
    /// Lease expiry, Unix milliseconds; the heartbeat extends it.
    pub lease_until_ms: u64,
}

/// The result of an attempt to claim a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The caller holds the claim.
    Claimed(Claim),
    /// Another worker holds the video: try again later.
    Held {
        /// When that worker's lease expires unless it is renewed.
        until_ms: u64,
    },
    /// Nothing to do: this generation is published, or its source is known to be invalid.
    AlreadyDone,
    /// The video was deleted, or the work was cancelled.
    Gone,
}

/// An error of the catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The video does not exist.
    #[error("no video `{video}`")]
    NotFound {
        /// The requested id.
        video: VideoId,
    },
    /// The claim is no longer valid: it was released, or another worker claimed the video after the
    /// lease had expired. The worker must stop and write nothing more.
    #[error("claim {fence} of `{video}` is lost")]
    LeaseLost {
        /// The video of the claim.
        video: VideoId,
        /// Fence of the lost claim.
        fence: u64,
    },
    /// The video was deleted or cancelled during the work: the worker must stop and clean up.
    #[error("`{video}` is gone")]
    Gone {
        /// The requested id.
        video: VideoId,
    },
    /// The video exists with different properties.
    #[error("`{video}` exists with another {what}")]
    Conflict {
        /// The requested id.
        video: VideoId,
        /// The property that differs.
        what: &'static str,
    },
    /// The owner has reached the limit of open uploads.
    #[error("{limit} uploads are under way already")]
    TooManyOpen {
        /// Maximum number of open uploads.
        limit: u32,
    },
    /// The owner's quota is exhausted.
    #[error("the quota of {limit} {what} would be exceeded")]
    OverQuota {
        /// The quantity that is limited: `videos`, or `bytes of sources`.
        what: &'static str,
        /// The quota in that unit.
        limit: u64,
    },
    /// The state of the video does not allow the transition.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Only the holder of a claim may report this event: use the methods that take a claim.
    #[error("a worker's event needs a claim")]
    NeedsClaim,
    /// The database holds a row that this version cannot read. A retry does not help.
    #[error("the catalog contains an invalid row: {detail}")]
    Corrupt {
        /// The row, and the field that is invalid.
        detail: String,
    },
    /// The database is unreachable or busy. A retry may succeed.
    #[error("the catalog could not be reached")]
    Unavailable {
        /// The database error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The records of all videos of one installation.
#[async_trait]
pub trait Catalog: Send + Sync {
    // Videos.

    /// Creates a video, or completes the row that an early bucket event created. A repeated call
    /// with the same id changes nothing. `Conflict` if the id belongs to another owner, `Gone` if
    /// the video was deleted.
    async fn create_video(&self, new: &NewVideo, now_ms: u64) -> Result<Video, CatalogError>;

    /// Creates a video for an upload, within the owner's limits (`TooManyOpen`, `OverQuota`). The
    /// limits are exact under concurrent requests. A source of unknown size counts once its size is
    /// known. With `upload`, it also does the work of [`set_upload`](Self::set_upload) in the same
    /// transaction.
    async fn create_upload(
        &self,
        new: &NewVideo,
        upload: Option<&Upload>,
        limits: &OwnerLimits,
        now_ms: u64,
    ) -> Result<Video, CatalogError>;

    /// Reads a video, including a deleted one.
    async fn get_video(&self, video: VideoId) -> Result<Video, CatalogError>;

    /// Lists videos, newest first. Deleted videos are omitted unless the filter asks for that
    /// state.
    async fn list_videos(&self, filter: &VideoFilter) -> Result<VideoPage, CatalogError>;

    /// Updates the fields that an owner may change.
    async fn patch_video(&self, video: VideoId, patch: &Patch, now_ms: u64) -> Result<Video, CatalogError>;

    /// Stores how the source is uploaded, and marks the upload as started.
    async fn set_upload(&self, video: VideoId, upload: &Upload, now_ms: u64) -> Result<Video, CatalogError>;

    /// Applies an event that does not come from a worker (otherwise `NeedsClaim`). `Cancelled` and
    /// `Deleted` revoke the worker's claim; cancelling a ready video stops only its re-encode.
    async fn apply(&self, video: VideoId, event: &VideoEvent, now_ms: u64) -> Result<Video, CatalogError>;

    // Jobs.

    /// Records that a source arrived; an unknown video is adopted. The caller calls this before it
    /// sends the job, once per delivery of the event. Returns the job to send, with the settings of
    /// the video where `job` was built without knowing them. A video that has been ready accepts no
    /// other source from an event.
    async fn note_upload_event(&self, job: &Job, now_ms: u64) -> Result<UploadEventOutcome, CatalogError>;

    /// Records a request for work: a conversion, a retry, or a re-encode, also of a failed or
    /// cancelled video. The caller calls this before it sends the job. `Refused` if the video is
    /// deleted.
    async fn request_work(&self, job: &Job, now_ms: u64) -> Result<Video, CatalogError>;

    /// Claims a job; an unknown video is adopted. Exactly one of several concurrent claimers
    /// succeeds. An expired lease is replaced by a claim with a higher fence.
    async fn claim(
        &self,
        job: &Job,
        generation: &Generation,
        worker: &str,
        lease: Duration,
        now_ms: u64,
    ) -> Result<ClaimOutcome, CatalogError>;

    /// The current claim of a video, including an expired one; `None`: no worker holds it.
    async fn holder(&self, video: VideoId) -> Result<Option<Claim>, CatalogError>;

    /// Ends the leases of a worker that is known to be dead, and returns their number. Called at
    /// startup by the only process that uses this worker name.
    async fn release_all_of_worker(&self, worker: &str, now_ms: u64) -> Result<u64, CatalogError>;

    /// Records that a job became a dead letter at `died_ms`. The video fails, unless work was
    /// requested after that or the job was completed. Returns whether this changed anything; calls
    /// may be repeated.
    async fn fail_permanently(
        &self,
        message: &JobMessage,
        failure: &Failure,
        died_ms: u64,
        now_ms: u64,
    ) -> Result<bool, CatalogError>;

    // Imports.

    /// Records a request to fetch the source of a video from a URL, the first or a repeated one.
    /// The caller calls this before it sends the import. A video whose source has arrived does not
    /// change; `Refused` if it is deleted.
    async fn request_import(&self, video: VideoId, url: &str, now_ms: u64) -> Result<Video, CatalogError>;

    /// The import of a video's source; `None` if it is not imported.
    async fn import(&self, video: VideoId) -> Result<Option<ImportRecord>, CatalogError>;

    /// Claims an import, as [`Self::claim`] claims an encode. The video stays `uploading`: the
    /// source arrives by the bucket's event.
    async fn claim_import(
        &self,
        import: &Import,
        worker: &str,
        lease: Duration,
        now_ms: u64,
    ) -> Result<ClaimOutcome, CatalogError>;

    // Posters.

    /// Stores the requested poster, and returns what is shown until it is rendered. `Gone` if the
    /// video is deleted.
    async fn want_poster(&self, video: VideoId, poster: &PosterId) -> Result<PosterRecord, CatalogError>;

    /// The requested poster of a video; `None`: it has the automatic one.
    async fn poster(&self, video: VideoId) -> Result<Option<PosterRecord>, CatalogError>;

    /// Records that a poster was stored, and shows it if it is still the requested one. `Gone` if
    /// the video is deleted.
    async fn show_poster(&self, video: VideoId, poster: &PosterId) -> Result<PosterShown, CatalogError>;

    /// Records that a poster cannot be rendered. Returns whether this changed anything; repeated
    /// and late calls are allowed.
    async fn fail_poster(&self, video: VideoId, poster: &PosterId, failure: &Failure) -> Result<bool, CatalogError>;

    /// Returns to the automatic poster, and gives back the record of the requested one.
    async fn drop_poster(&self, video: VideoId) -> Result<Option<PosterRecord>, CatalogError>;

    /// The attempts at a video, oldest first.
    async fn attempts(&self, video: VideoId) -> Result<Vec<Attempt>, CatalogError>;

    // By the holder of a claim: `LeaseLost` if another worker has it, `Gone` if the video was
    // deleted or cancelled.

    /// Extends the lease to `lease` from now, and returns the claim with its new expiry. It also
    /// works after expiry, as long as no other worker has claimed the video.
    async fn renew(&self, claim: &Claim, lease: Duration, now_ms: u64) -> Result<Claim, CatalogError>;

    /// Records the progress. `percent` is clamped to 0 to 100, and never decreases within an
    /// attempt.
    async fn set_progress(&self, claim: &Claim, stage: Stage, percent: u8, now_ms: u64) -> Result<(), CatalogError>;

    /// Records a finished chunk. A repeated call with the same lane and index replaces the record.
    async fn record_chunk(&self, claim: &Claim, chunk: &ChunkRecord, now_ms: u64) -> Result<(), CatalogError>;

    /// Replaces the renditions of the generation.
    async fn set_renditions(
        &self,
        claim: &Claim,
        renditions: &[RenditionRecord],
        now_ms: u64,
    ) -> Result<(), CatalogError>;

    /// Stores the data that a later attempt needs to resume an import; `None`: it starts again from
    /// the first byte.
    async fn set_transfer(&self, claim: &Claim, transfer: Option<&Transfer>) -> Result<(), CatalogError>;

    /// Records that the source is in the bucket, and ends the claim.
    async fn finish_import(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError>;

    /// Records that one rung with audio is published.
    async fn mark_playable(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError>;

    /// Records that the generation is verified and published. Ends the claim, stores the receipt,
    /// and returns the generation that the playlist pointed at before, if it was a different one:
    /// it can be removed.
    async fn mark_ready(
        &self,
        claim: &Claim,
        receipt: &Receipt,
        now_ms: u64,
    ) -> Result<Option<Generation>, CatalogError>;

    /// Records that the attempt failed, and ends the claim. `will_retry`: the queue delivers the
    /// job again, so the video waits. Without it, and always if the source is at fault, the video
    /// fails. `log_tail`: for the operator, never for the user.
    async fn fail(
        &self,
        claim: &Claim,
        failure: &Failure,
        will_retry: bool,
        log_tail: &str,
        now_ms: u64,
    ) -> Result<(), CatalogError>;

    /// Ends the claim of a worker that shuts down, so that the next claimer need not wait.
    async fn release(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError>;

    // Results.

    /// The finished chunks of a generation, by lane and index.
    async fn chunks(&self, video: VideoId, generation: &Generation) -> Result<Vec<ChunkRecord>, CatalogError>;

    /// The renditions of a generation, in the order in which they were set.
    async fn renditions(&self, video: VideoId, generation: &Generation) -> Result<Vec<RenditionRecord>, CatalogError>;

    /// What a generation cost; `None` before it is ready.
    async fn receipt(&self, video: VideoId, generation: &Generation) -> Result<Option<Receipt>, CatalogError>;

    /// Removes the chunks, renditions and receipt of a generation that is no longer published.
    /// `Conflict` if it is published or in progress.
    async fn forget_generation(&self, video: VideoId, generation: &Generation) -> Result<(), CatalogError>;

    /// Writes a row, so it fails where the next change would fail: the database is unreachable,
    /// full or read-only.
    async fn ping(&self, now_ms: u64) -> Result<(), CatalogError>;
}

/// Whether the job of a message has another attempt, and when, judged by the attempts since it was
/// requested. `failed`: the attempt with this fence is ending with this failure.
///
/// # Errors
/// Those of the catalog. An unknown video has had no attempts.
pub async fn next_attempt(
    catalog: &dyn Catalog,
    (video, job): (VideoId, &JobId),
    failed: Option<(u64, FailureCode)>,
    now_ms: u64,
) -> Result<Next, CatalogError> {
    let since_ms = match catalog.get_video(video).await {
        Ok(video) => video.queued_ms.unwrap_or(video.created_ms),
        Err(CatalogError::NotFound { .. }) => return Ok(Next::Again(Duration::ZERO)),
        Err(problem) => return Err(problem),
    };
    let mut attempts = catalog.attempts(video).await?;
    attempts.retain(|it| it.job == *job && it.started_ms >= since_ms);
    let past = attempts.iter().map(|attempt| match failed {
        Some((fence, code)) if attempt.fence == fence => PastAttempt { ended: Ended::Failed(code), ..attempt.past() },
        _ => attempt.past(),
    });
    Ok(retry::next(&past.collect::<Vec<_>>(), Duration::from_millis(now_ms.saturating_sub(since_ms))))
}

/// A catalog that several parts of a program share.
pub type SharedCatalog = Arc<dyn Catalog>;
