//! Receives events of the bucket from SQS, in batches.

use std::time::Duration;

use api::services::ingest::Ingest;
use domain::retry::RetryPolicy;
use platform::clock;
use platform::job_queue::QueueError;
use platform::job_queue::sqs::SqsEvents;
use tokio_util::sync::CancellationToken;

/// Pauses while SQS does not respond.
const PAUSES: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(1),
    factor: 2,
    longest: Duration::from_secs(30),
};

pub(crate) struct EventsTask {
    pub(crate) queue: SqsEvents,
    pub(crate) ingest: Ingest,
}

impl EventsTask {
    /// Runs until `stop` is cancelled. The batch in progress is finished first.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            match self.batch(&stop).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    let pause = PAUSES.pause_after(failures);
                    let error = anyhow::Error::from(error);
                    tracing::warn!("cannot receive events, next try in {pause:?}: {error:#}");
                    let _ = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                }
            }
        }
    }

    async fn batch(&self, stop: &CancellationToken) -> Result<(), QueueError> {
        // A poll that is cut off may leave events leased; SQS delivers them again.
        let Some(events) = stop.run_until_cancelled(self.queue.receive()).await else {
            return Ok(());
        };
        let mut done = vec![];
        for event in events? {
            if self.ingest.take(&event.id, &event.body, clock::now()).await {
                done.push(event);
            } else if let Err(error) = self.queue.retry(&event).await {
                // SQS delivers it again when its lease expires.
                let error = anyhow::Error::from(error);
                tracing::warn!(message.id = event.id, "cannot return an event: {error:#}");
            }
        }
        self.ingest.queue.finish_sends().await;
        self.queue.delete(&done).await
    }
}
