//! Carries the store's events to the queue: what a Cloudflare Queue and its consumer do in the cloud.

use std::time::Duration;

use functions::ingest::{Ingest, Ingested};
use functions::now_ms;
use platform::s3_server::{EventOutbox, QueuedEvent};
use tokio_util::sync::CancellationToken;

/// Events on one look.
const BATCH: u32 = 100;
/// Before an event is tried again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// From the outbox to the queue.
pub(super) struct Pump {
    pub(super) outbox: EventOutbox,
    pub(super) ingest: Ingest,
}

impl Pump {
    /// Carries events until it is told to stop. One that it had in hand then comes again.
    pub(super) async fn run(&self, stop: CancellationToken) {
        // Between its steps it may be dropped at any time: nothing is acknowledged before it is done.
        let _ = stop.run_until_cancelled(self.carry()).await;
    }

    async fn carry(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.outbox.next_batch(BATCH).await {
                Ok(events) => {
                    for event in events {
                        self.take(&event).await;
                    }
                    pause = FIRST_PAUSE;
                }
                Err(error) => {
                    tracing::warn!("cannot read the store's events: {:#}", anyhow::Error::from(error));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Until it is taken: later events of the same video may rest upon it.
    async fn take(&self, event: &QueuedEvent) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ingest.take(&event.body, now_ms()).await {
                Ok(taken) => {
                    taken.iter().for_each(log);
                    break;
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!("an event has to wait: {:#}", anyhow::Error::from(error));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    // Nobody will ever be able to take it; the others must not wait for that.
                    tracing::error!(event = event.body, "an event is lost: {:#}", anyhow::Error::from(error));
                    break;
                }
            }
        }
        if let Err(error) = self.outbox.ack(event.sequence).await {
            // Then it comes again, and is one that is known already.
            tracing::warn!("cannot acknowledge an event: {:#}", anyhow::Error::from(error));
        }
    }
}

fn log(taken: &Ingested) {
    match taken {
        Ingested::Queued(job) => tracing::info!(job.id = %job, "a source has arrived, and its job is queued"),
        Ingested::Duplicate(job) => tracing::debug!(job.id = %job, "an event came again"),
        Ingested::Waiting(video) => {
            tracing::info!(video.id = %video, "a source has arrived, and waits for its first view")
        }
        Ingested::AlreadyDone(video) => tracing::debug!(video.id = %video, "an event of a video that is done"),
        Ingested::Gone(video) => tracing::info!(video.id = %video, "an event of a video that is gone"),
        // Warned about where it was refused.
        Ingested::Unwanted(_) => {}
        // The ones worth a line have one: `Ingest` writes it.
        Ingested::Ignored(ignored) => tracing::debug!("an event starts nothing: {ignored}"),
    }
}
