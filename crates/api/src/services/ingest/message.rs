//! Messages of a queue that carry events.

use domain::time::UnixMillis;

use super::{Ingest, Ingested};

impl Ingest {
    /// Processes the body of a message, and logs the outcome. Returns whether the message can be deleted; otherwise the
    /// queue must deliver it again. A message that is not a bucket event can be deleted; a job that this version cannot
    /// parse becomes a dead letter in the end.
    pub async fn take(&self, id: &str, body: &str, now: UnixMillis) -> bool {
        match self.process(body, now).await {
            Ok(taken) => {
                for outcome in &taken {
                    if let Ingested::Ignored(why) = outcome {
                        tracing::info!(message.id = id, "skipped: {why}");
                    }
                }
                tracing::info!(message.id = id, "processed {} records", taken.len());
                true
            }
            Err(problem) => {
                let problem = anyhow::Error::from(problem);
                tracing::warn!(message.id = id, "cannot process the message: {problem:#}");
                false
            }
        }
    }
}
