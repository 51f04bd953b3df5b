//! The catalog as the rest of the system sees it: videos, the attempts at them, and what was made.
//!
//! Implemented by `SqlCatalog`, which must pass `catalog::conformance` in SQLite and in PostgreSQL.
//! Every change of state goes through `domain::state`. Every write of a worker is fenced: one that
//! lost its lease, or was overtaken, can change nothing.
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
    Attempt, AttemptOutcome, ImportRecord, NewVideo, Noted, OwnerLimits, Patch, PosterRecord, PosterShown, Progress,
    RenditionKind, RenditionRecord, RenditionState, Transfer, Upload, UploadKind, Video, VideoFilter, VideoPage,
    VideoSource,
};
pub use sql::SqlCatalog;

/// The right to write about one generation of one video, until another worker takes it over, which it may once the
/// lease has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Of this video.
    pub video: VideoId,
    /// For this job.
    pub job: JobId,
    /// What is being made.
    pub generation: Generation,
    /// Counts the claims of this video, from 1: a higher one makes all lower ones worthless. It is
    /// also the number of the attempt.
    pub fence: u64,
    /// Who holds it.
    pub worker: String,
    /// When it ends unless it is renewed.
    pub lease_until_ms: u64,
}

/// What became of a wish to work on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It is yours.
    Claimed(Claim),
    /// Somebody works on the video: come back later.
    Held {
        /// When that lease ends unless it is renewed.
        until_ms: u64,
    },
    /// Nothing to do: this generation is published, or the source is known to be at fault.
    AlreadyDone,
    /// The video was deleted, or the work cancelled.
    Gone,
}

/// Why the catalog did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No such video.
    #[error("no video `{video}`")]
    NotFound {
        /// As asked for.
        video: VideoId,
    },
    /// The claim is worth nothing any more: it was given back, or another worker took the video over after its lease
    /// had ended. Stop, and touch nothing.
    #[error("claim {fence} of `{video}` is lost")]
    LeaseLost {
        /// Of this video.
        video: VideoId,
        /// Of the lost claim.
        fence: u64,
    },
    /// The video was deleted or cancelled while it was worked on: stop, and clean up.
    #[error("`{video}` is gone")]
    Gone {
        /// As asked for.
        video: VideoId,
    },
    /// It exists already, and differently.
    #[error("`{video}` exists with another {what}")]
    Conflict {
        /// As asked for.
        video: VideoId,
        /// What differs.
        what: &'static str,
    },
    /// Its owner has as many uploads under way as he may.
    #[error("{limit} uploads are under way already")]
    TooManyOpen {
        /// So many may be.
        limit: u32,
    },
    /// Its owner has as much as he may.
    #[error("the quota is {limit} {what}, and this would be more")]
    OverQuota {
        /// Of what: `videos`, or `bytes of sources`.
        what: &'static str,
        /// So many may be.
        limit: u64,
    },
    /// The state of the video does not allow it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Only the holder of a claim may say that: use the methods that take one.
    #[error("a worker's event needs a claim")]
    NeedsClaim,
    /// A row that this version cannot read: another attempt will not help.
    #[error("the catalog holds a row that cannot be read: {detail}")]
    Corrupt {
        /// Which, and what is wrong.
        detail: String,
    },
    /// The database could not be reached, or is busy: another attempt may succeed.
    #[error("the catalog could not be reached")]
    Unavailable {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// All that is known of the videos of one installation.
#[async_trait]
pub trait Catalog: Send + Sync {
    // Videos.

    /// Creates a video, or completes the row that an early event made. Asking again with the same id
    /// changes nothing. `Conflict` if it belongs to another owner, `Gone` if it was deleted.
    async fn create_video(&self, new: &NewVideo, now_ms: u64) -> Result<Video, CatalogError>;

    /// The same for a video that is to be uploaded, within what its owner may have (`TooManyOpen`, `OverQuota`); exact,
    /// however many ask at once. A size that is not known yet counts when it is. With `upload` in one step what
    /// [`set_upload`](Self::set_upload) does in a second one.
    async fn create_upload(
        &self,
        new: &NewVideo,
        upload: Option<&Upload>,
        limits: &OwnerLimits,
        now_ms: u64,
    ) -> Result<Video, CatalogError>;

    /// Reads a video; a deleted one too.
    async fn get_video(&self, video: VideoId) -> Result<Video, CatalogError>;

    /// Reads a page of videos, newest first. Deleted ones are left out unless asked for by state.
    async fn list_videos(&self, filter: &VideoFilter) -> Result<VideoPage, CatalogError>;

    /// Changes what its owner may change.
    async fn patch_video(&self, video: VideoId, patch: &Patch, now_ms: u64) -> Result<Video, CatalogError>;

    /// Notes how the bytes arrive, and that they have begun to.
    async fn set_upload(&self, video: VideoId, upload: &Upload, now_ms: u64) -> Result<Video, CatalogError>;

    /// Tells a video that something happened, other than by a worker (`NeedsClaim`). `Cancelled` and
    /// `Deleted` take it away from its worker; cancelling a ready one stops only its re-encode.
    async fn apply(&self, video: VideoId, event: &VideoEvent, now_ms: u64) -> Result<Video, CatalogError>;

    // Jobs.

    /// Notes that a source arrived; an unknown video is adopted. Call it before sending the job, as
    /// often as the event comes. Answers with the job to send, which follows the video's own settings
    /// where `job` was made without knowing them. A video that has been ready takes no other source from an event.
    async fn note_upload_event(&self, job: &Job, now_ms: u64) -> Result<Noted, CatalogError>;

    /// Notes that somebody wants work: a conversion, a retry, a re-encode; also of a video that failed
    /// or was cancelled. Call it before sending the job. `Refused` if the video is deleted.
    async fn request_work(&self, job: &Job, now_ms: u64) -> Result<Video, CatalogError>;

    /// Asks for the right to work on a job; an unknown video is adopted. Of racing claimers exactly
    /// one gets it; a lease that has ended is taken over with a higher fence.
    async fn claim(
        &self,
        job: &Job,
        generation: &Generation,
        worker: &str,
        lease: Duration,
        now_ms: u64,
    ) -> Result<ClaimOutcome, CatalogError>;

    /// The claim that holds a video, also after the end of its lease; `None`: nobody works on it.
    async fn holder(&self, video: VideoId) -> Result<Option<Claim>, CatalogError>;

    /// Ends the leases of a worker that is known to be dead, and says how many. For the start of the
    /// only process that uses this name.
    async fn release_all_of_worker(&self, worker: &str, now_ms: u64) -> Result<u64, CatalogError>;

    /// A job became a dead letter at `died_ms`: unless somebody asked for work after that, or it was
    /// done after all, its video has failed. Says whether this changed anything; may be told twice.
    async fn give_up(
        &self,
        message: &JobMessage,
        failure: &Failure,
        died_ms: u64,
        now_ms: u64,
    ) -> Result<bool, CatalogError>;

    // Imports.

    /// Notes that the source of a video is to be fetched from a URL (again). Call it before sending the import.
    /// A video whose source has arrived is left as it is; `Refused` if it is deleted.
    async fn request_import(&self, video: VideoId, url: &str, now_ms: u64) -> Result<Video, CatalogError>;

    /// Where the source of a video is fetched from; `None` if it is not.
    async fn import(&self, video: VideoId) -> Result<Option<ImportRecord>, CatalogError>;

    /// Asks for the right to fetch, as [`Self::claim`] does for encoding. The video stays `uploading`: the source
    /// arrives by the bucket's event.
    async fn claim_import(
        &self,
        import: &Import,
        worker: &str,
        lease: Duration,
        now_ms: u64,
    ) -> Result<ClaimOutcome, CatalogError>;

    // Posters.

    /// Notes which poster somebody wants, and says what is shown until it is made. `Gone` if the video is deleted.
    async fn want_poster(&self, video: VideoId, poster: &PosterId) -> Result<PosterRecord, CatalogError>;

    /// What somebody wants as the poster of a video; `None`: the one that is made of it.
    async fn poster(&self, video: VideoId) -> Result<Option<PosterRecord>, CatalogError>;

    /// A poster was made and stored: shows it, if it is still wanted. `Gone` if the video is deleted.
    async fn show_poster(&self, video: VideoId, poster: &PosterId) -> Result<PosterShown, CatalogError>;

    /// A poster cannot be made. Says whether this changed anything; may be told twice, and too late.
    async fn fail_poster(&self, video: VideoId, poster: &PosterId, failure: &Failure) -> Result<bool, CatalogError>;

    /// Nobody wants another poster than the one that is made of the video. Gives back what was wanted and shown.
    async fn drop_poster(&self, video: VideoId) -> Result<Option<PosterRecord>, CatalogError>;

    /// The attempts at a video, oldest first.
    async fn attempts(&self, video: VideoId) -> Result<Vec<Attempt>, CatalogError>;

    // By the holder of a claim: `LeaseLost` if it is lost, `Gone` if the video is.

    /// Prolongs the lease to `lease` from now, and gives back the claim with its new end. Works after the end of the
    /// lease too, as long as nobody has taken the video over.
    async fn renew(&self, claim: &Claim, lease: Duration, now_ms: u64) -> Result<Claim, CatalogError>;

    /// Notes how far the work has come. `percent` is clamped to 0 to 100, and never goes back
    /// within an attempt.
    async fn set_progress(&self, claim: &Claim, stage: Stage, percent: u8, now_ms: u64) -> Result<(), CatalogError>;

    /// Notes a finished chunk. Again, with the same lane and index, replaces it.
    async fn record_chunk(&self, claim: &Claim, chunk: &ChunkRecord, now_ms: u64) -> Result<(), CatalogError>;

    /// Replaces the renditions of the generation.
    async fn set_renditions(
        &self,
        claim: &Claim,
        renditions: &[RenditionRecord],
        now_ms: u64,
    ) -> Result<(), CatalogError>;

    /// Notes what a later attempt needs to go on with an import, or that it begins anew.
    async fn set_transfer(&self, claim: &Claim, transfer: Option<&Transfer>) -> Result<(), CatalogError>;

    /// The source is in the bucket. Ends the claim.
    async fn finish_import(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError>;

    /// One rung with audio is published.
    async fn mark_playable(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError>;

    /// The generation is verified and published. Ends the claim, keeps the receipt, and gives back the
    /// generation that the playlist pointed at before, if it was another: nobody needs it any more.
    async fn mark_ready(
        &self,
        claim: &Claim,
        receipt: &Receipt,
        now_ms: u64,
    ) -> Result<Option<Generation>, CatalogError>;

    /// The attempt failed. Ends the claim. `will_retry`: the queue delivers the job again, so the
    /// video waits; without it, and always if the source is at fault, the video has failed.
    /// `log_tail`: for the operator, never for the user.
    async fn fail(
        &self,
        claim: &Claim,
        failure: &Failure,
        will_retry: bool,
        log_tail: &str,
        now_ms: u64,
    ) -> Result<(), CatalogError>;

    /// The worker was told to stop. Ends the claim; the next claimer need not wait.
    async fn release(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError>;

    // What was made.

    /// The finished chunks of a generation, by lane and index.
    async fn chunks(&self, video: VideoId, generation: &Generation) -> Result<Vec<ChunkRecord>, CatalogError>;

    /// The renditions of a generation, in the order in which they were set.
    async fn renditions(&self, video: VideoId, generation: &Generation) -> Result<Vec<RenditionRecord>, CatalogError>;

    /// What a generation cost; `None` before it is ready.
    async fn receipt(&self, video: VideoId, generation: &Generation) -> Result<Option<Receipt>, CatalogError>;

    /// Forgets the chunks, renditions and receipt of a generation that is not published any more.
    /// `Conflict` if it is published or being made.
    async fn forget_generation(&self, video: VideoId, generation: &Generation) -> Result<(), CatalogError>;

    /// Writes, so that it fails where the next change would fail: the database is away, full or read-only.
    async fn ping(&self, now_ms: u64) -> Result<(), CatalogError>;
}

/// Whether there is another attempt at the job of a message, and when, by those since it was asked for. `failed`: the
/// attempt of that fence is ending now, by this failure.
///
/// # Errors
/// What the catalog answers. A video that is not known has had no attempt.
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

/// A catalog that many parts of a program share.
pub type SharedCatalog = Arc<dyn Catalog>;
