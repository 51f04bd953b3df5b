//! The catalog: videos, the attempts at processing them, and the results.
//!
//! [`Catalog`] passes `videos::conformance` in SQLite and in PostgreSQL. Every state change goes
//! through `domain::state`. Every write of a worker is fenced: a worker that lost its lease, or
//! whose video another worker claimed, cannot change anything.
//!
//! `now` is the caller's clock.

use std::time::Duration;

use domain::failure::FailureCode;
use domain::ids::{Generation, JobId, VideoId};
use domain::retry::{self, Ended, Next, PastAttempt};
use domain::state::Refused;
use domain::time::UnixMillis;

mod captions;
mod chapters;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod downloads;
mod fan_out;
mod lists;
pub mod model;
mod previews;
pub(crate) mod sql;
mod thumbnails;
mod timeline;
mod traces;
mod transcriptions;

pub use captions::{
    CaptionChoice, CaptionOrigin, CaptionRecord, CaptionSettings, CaptionsStored, NewCaptions,
    RemovedCaptions,
};
pub use chapters::ChaptersRecord;
pub use downloads::{DownloadFile, DownloadRecord};
pub use fan_out::{ChunkClaim, ChunkOutcome, Eligible, FanOut, OpenChunk};
pub use lists::{SortKey, SortValue, VideoCount, VideoCursor, VideoFilter, VideoPage, VideoSort};
pub use model::{
    Attempt, AttemptOutcome, ImportRecord, NewVideo, OwnerLimits, Patch, PosterRecord, PosterShown,
    Progress, RenditionKind, RenditionRecord, RenditionState, Transfer, Upload, UploadEventOutcome,
    UploadKind, Video, VideoSource,
};
pub use previews::PreviewRequested;
pub use sql::Catalog;
pub use sql::costs::{Usage, UsageBy, UsageFilter, UsageGroup};
pub use sql::sweeping::DueVideo;
pub use thumbnails::ThumbnailRequested;
pub use timeline::{ChunkSpan, StageSpan};
pub use traces::TracedWork;
pub use transcriptions::{TranscriptionHold, TranscriptionRecord};

/// The right to write about one generation of one video. It holds until another worker claims the
/// video, which is possible as soon as the lease has expired.
///
/// A method of [`Catalog`] that takes a claim returns `LeaseLost` if another worker holds the video,
/// and `Gone` if the video was deleted or cancelled.
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
    /// Lease expiry; the heartbeat extends it.
    pub lease_until_ms: UnixMillis,
}

/// The result of an attempt to claim a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The caller holds the claim.
    Claimed(Claim),
    /// Another worker holds the video: try again later.
    Held {
        /// When that worker's lease expires unless it is renewed.
        until_ms: UnixMillis,
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

/// Whether the job of a message has another attempt, and when, judged by the attempts since it was
/// requested. `failed`: the attempt with this fence is ending with this failure.
///
/// # Errors
/// Those of the catalog. An unknown video has had no attempts.
pub async fn next_attempt(
    catalog: &Catalog,
    (video, job): (VideoId, &JobId),
    failed: Option<(u64, FailureCode)>,
    now: UnixMillis,
) -> Result<Next, CatalogError> {
    let since_ms = match catalog.get_video(video).await {
        Ok(video) => video.queued_ms.unwrap_or(video.created_ms),
        Err(CatalogError::NotFound { .. }) => return Ok(Next::Again(Duration::ZERO)),
        Err(problem) => return Err(problem),
    };
    let mut attempts = catalog.attempts(video).await?;
    attempts.retain(|it| it.job == *job && it.started_ms >= since_ms);
    let past = attempts.iter().map(|attempt| match failed {
        Some((fence, code)) if attempt.fence == fence => PastAttempt {
            ended: Ended::Failed(code),
            ..attempt.past()
        },
        _ => attempt.past(),
    });
    Ok(retry::next(&past.collect::<Vec<_>>(), now.since(since_ms)))
}
