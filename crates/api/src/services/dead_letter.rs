//! Marks the videos of dead letters as failed.

use catalog::{Catalog, CatalogError, next_attempt};
use domain::failure::{Failure, FailureCode};
use domain::job::JobMessage;
use domain::retry::Next;
use domain::state::VideoState;
use domain::time::UnixMillis;
use metrics::table::DEAD_LETTERS;
use platform::job_queue::{DeadLetter, JobQueue, QueueError};

/// Why dead letters could not be processed; try again later.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The queue cannot list them.
    #[error("cannot read the dead letters")]
    Queue(#[from] QueueError),
    /// The catalog cannot record the failure.
    #[error("cannot record a failure")]
    Catalog(#[from] CatalogError),
}

/// Dead letters per statement.
const BATCH: u32 = 100;

/// Settles the dead letters that were not settled yet: marks their videos as failed, and returns how many. Dead letters
/// are kept, so that they can be redriven. Each is settled once, because its video may be retried afterwards.
///
/// A job with attempts left is sent again: its deliveries were used up by an outage or by stopped workers, not by
/// failures of the job.
///
/// # Errors
/// See [`DeadLetterError`].
pub async fn fail_videos(
    queue: &dyn JobQueue,
    catalog: &Catalog,
    now: UnixMillis,
) -> Result<u64, DeadLetterError> {
    queue.collect_dead_letters().await?;
    let mut failed = 0;
    loop {
        let letters = queue.unsettled_dead_letters(BATCH).await?;
        if letters.is_empty() {
            return Ok(failed);
        }
        for letter in &letters {
            failed += u64::from(settle(queue, catalog, letter, now).await?);
            queue.settle_dead_letter(&letter.id).await?;
        }
    }
}

/// Returns whether the video of a dead letter failed.
async fn settle(
    queue: &dyn JobQueue,
    catalog: &Catalog,
    letter: &DeadLetter,
    now: UnixMillis,
) -> Result<bool, DeadLetterError> {
    // A message that cannot be parsed has no video.
    let Ok(message) = &letter.message else {
        return Ok(false);
    };
    if has_another_attempt(catalog, message, now).await? {
        let (video, job) = (message.video(), message.id());
        tracing::info!(video.id = %video, job.id = %job, "re-enqueueing a dead letter that has attempts left");
        return match queue.redrive(Some(&letter.id)).await {
            Ok(_) | Err(QueueError::NoSuchDeadLetter(_)) => Ok(false),
            Err(problem) => Err(problem.into()),
        };
    }
    Ok(fail_video(catalog, letter, now).await?)
}

/// Marks the video of a dead letter as failed, unless a later request or a worker has the video, or nothing waits for
/// the job. Returns whether it failed.
pub(crate) async fn fail_video(
    catalog: &Catalog,
    letter: &DeadLetter,
    now: UnixMillis,
) -> Result<bool, CatalogError> {
    // A message that cannot be parsed has no video.
    let Ok(message) = &letter.message else {
        return Ok(false);
    };
    // If a worker knew the reason, it has recorded it.
    let failure = Failure::of(FailureCode::WorkerLost);
    let has_failed = catalog
        .fail_permanently(message, &failure, letter.died_after_ms, now)
        .await?;
    if has_failed {
        catalog.metrics().count(&DEAD_LETTERS, ["worker-lost"]);
        let (video, job) = (message.video(), message.id());
        tracing::warn!(video.id = %video, job.id = %job, "{video} failed permanently: {}", failure.message);
    }
    Ok(has_failed)
}

/// Whether the video still waits for this job, and the job has attempts left.
async fn has_another_attempt(
    catalog: &Catalog,
    message: &JobMessage,
    now: UnixMillis,
) -> Result<bool, CatalogError> {
    // The worker decides about work without attempts.
    if !message.has_attempts() {
        return Ok(false);
    }
    let video = match catalog.get_video(message.video()).await {
        Ok(video) => video,
        Err(CatalogError::NotFound { .. }) => return Ok(false),
        Err(problem) => return Err(problem),
    };
    let is_over = matches!(
        video.state,
        VideoState::Failed(_) | VideoState::Cancelled | VideoState::Deleted
    );
    if is_over || video.job.as_ref().is_some_and(|it| it != message.id()) {
        return Ok(false);
    }
    Ok(next_attempt(catalog, (message.video(), message.id()), None, now).await? != Next::GiveUp)
}
