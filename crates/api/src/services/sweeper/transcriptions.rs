//! Transcriptions whose job was lost.

use std::time::Duration;

use catalog::{CatalogError, Video};
use domain::job::{JobMessage, TranscriptionJob};
use domain::time::UnixMillis;

use super::{SweepError, SweepSummary, Sweeper};

impl Sweeper {
    /// Sends the jobs of transcriptions again that wait without a sign of a worker. Returns when to
    /// look again.
    pub(super) async fn sweep_transcriptions(
        &self,
        video: &Video,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<Option<UnixMillis>, SweepError> {
        let mut next = None;
        for record in self.catalog.transcriptions(video.id).await? {
            if record.failure.is_some() {
                continue;
            }
            let requested = self
                .catalog
                .request_transcription(video.id, &record.language, now)
                .await;
            let (record, is_lost) = match requested {
                Ok(requested) => requested,
                Err(CatalogError::Gone { .. }) => return Ok(None),
                Err(problem) => return Err(problem.into()),
            };
            if is_lost {
                tracing::warn!(video.id = %video.id, "re-enqueueing a transcription of {}", video.id);
                let job = TranscriptionJob::new(video.id, record.language);
                self.queue
                    .send(&JobMessage::from(job), Duration::ZERO)
                    .await?;
                swept.jobs += 1;
            }
            let overdue = record.requested_ms + self.config.lost_message;
            next = next.into_iter().chain([overdue]).min();
        }
        Ok(next)
    }
}
