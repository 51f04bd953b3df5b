//! Jobs that nobody receives any more: their videos have failed, and say so.

use domain::failure::{Failure, FailureCode};
use platform::catalog::{Catalog, CatalogError};
use platform::job_queue::{JobQueue, QueueError};

/// Why dead letters could not be looked through; do it again later.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The queue did not say which there are.
    #[error("could not read the dead letters")]
    Queue(#[from] QueueError),
    /// The catalog did not take the failure.
    #[error("could not note a failure")]
    Catalog(#[from] CatalogError),
}

/// Most dead letters to look through at once.
const LIMIT: u32 = 1_000;

/// Marks the videos of all dead letters as failed, and says how many that changed. The letters stay,
/// so that they can be redriven; being told of them again changes nothing.
///
/// # Errors
/// See [`SettleError`].
pub async fn settle(queue: &dyn JobQueue, catalog: &dyn Catalog, now_ms: u64) -> Result<u64, SettleError> {
    let mut failed = 0;
    for letter in queue.dead_letters(LIMIT).await? {
        // One that cannot be read names no video.
        let Ok(message) = &letter.message else { continue };
        // A worker that could say why has told the catalog himself.
        let failure = Failure::of(FailureCode::WorkerLost);
        if catalog.give_up(message, &failure, letter.died_ms, now_ms).await? {
            let (video, job) = (message.video(), message.id());
            tracing::warn!(video.id = %video, job.id = %job, "gave up {video}: {}", failure.sentence);
            failed += 1;
        }
    }
    Ok(failed)
}
