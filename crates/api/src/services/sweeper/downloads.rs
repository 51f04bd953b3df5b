//! Downloads whose job was lost.

use std::time::Duration;

use catalog::{CatalogError, Video};
use domain::job::{DownloadJob, JobMessage};
use domain::state::VideoState;
use domain::time::UnixMillis;

use super::{SweepError, SweepSummary, Sweeper};

impl Sweeper {
    /// Sends the jobs of downloads again that wait without a sign of a worker. Returns when to look
    /// again.
    pub(super) async fn sweep_downloads(
        &self,
        video: &Video,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<Option<UnixMillis>, SweepError> {
        let VideoState::Ready { generation } = &video.state else {
            return Ok(None);
        };
        let mut next = None;
        for record in self.catalog.downloads(video.id, generation).await? {
            if record.file.is_some() || record.failure.is_some() {
                continue;
            }
            let requested = self
                .catalog
                .request_download(video.id, generation, &record.rung, now)
                .await;
            let (record, is_lost) = match requested {
                Ok(requested) => requested,
                Err(CatalogError::Gone { .. }) => return Ok(None),
                Err(problem) => return Err(problem.into()),
            };
            if is_lost {
                tracing::warn!(video.id = %video.id, "re-enqueueing a download of {}", video.id);
                let job = DownloadJob::new(video.id, generation.clone(), record.rung);
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
