//! Moves the store's events to the job queue, as a Cloudflare Queue and its consumer do in the cloud.

use std::time::Duration;

use api::services::ingest::{Ingest, Ingested};
use platform::clock;
use s3_server::{EventOutbox, QueuedEvent};
use tokio_util::sync::CancellationToken;

/// Events per batch.
const BATCH: u32 = 100;
/// Delay before the first retry of an event; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest delay.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Moves events from the outbox to the queue.
pub(super) struct Pump {
    pub(super) outbox: EventOutbox,
    pub(super) ingest: Ingest,
}

impl Pump {
    /// Runs until `stop` is cancelled. An event that is not acknowledged is delivered again.
    pub(super) async fn run(&self, stop: CancellationToken) {
        // Cancellation-safe: an event is acknowledged only after it was processed.
        let _ = stop.run_until_cancelled(self.move_events()).await;
    }

    async fn move_events(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.outbox.next_batch(BATCH).await {
                Ok(events) => {
                    for event in events {
                        self.process(&event).await;
                    }
                    pause = FIRST_PAUSE;
                }
                Err(error) => {
                    tracing::warn!(
                        "cannot read the store's events: {:#}",
                        anyhow::Error::from(error)
                    );
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Retries until the event is processed, because later events of the same video may depend on it.
    async fn process(&self, event: &QueuedEvent) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ingest.process(&event.body, clock::now()).await {
                Ok(outcomes) => {
                    outcomes.iter().for_each(log);
                    break;
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(
                        "cannot process an event yet: {:#}",
                        anyhow::Error::from(error)
                    );
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    // The event can never be processed, and must not block the others.
                    tracing::error!(
                        event = event.body,
                        "dropping an event that cannot be processed: {:#}",
                        anyhow::Error::from(error)
                    );
                    break;
                }
            }
        }
        if let Err(error) = self.outbox.ack(event.sequence).await {
            // The event is delivered again and recognised as a duplicate.
            tracing::warn!(
                "cannot acknowledge an event: {:#}",
                anyhow::Error::from(error)
            );
        }
    }
}

fn log(outcomes: &Ingested) {
    match outcomes {
        Ingested::Queued(job) => {
            tracing::info!(job.id = %job, "a source has arrived: queued its job")
        }
        Ingested::Duplicate(job) => tracing::debug!(job.id = %job, "duplicate event"),
        Ingested::Waiting(video) => {
            tracing::info!(video.id = %video, "a source has arrived: waiting for the first view")
        }
        Ingested::AlreadyDone(video) => {
            tracing::debug!(video.id = %video, "ignoring an event of a video that was processed already")
        }
        Ingested::VideoGone(video) => {
            tracing::info!(video.id = %video, "ignoring an event of a cancelled or deleted video")
        }
        // Logged where it was rejected.
        Ingested::SourceAfterReady(_) => {}
        // `Ingest` logs the relevant ones.
        Ingested::Ignored(ignored) => tracing::debug!("skipped an event: {ignored}"),
    }
}
