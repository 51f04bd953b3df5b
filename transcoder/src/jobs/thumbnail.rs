//! Thumbnails that clients request: small jobs beside the work on a video. They need no lease,
//! because the same request gives the same object, and only the first one of several is kept.

use catalog::CatalogError;
use domain::job::ThumbnailJob as ThumbnailRequest;
use domain::state::VideoState;
use platform::object_store::{PutCondition, StoreError};
use tracing::info;

use super::{Fate, JobContext};
use crate::error::TranscodeError;
use crate::poster;
use crate::published::Published;

/// A job that makes a thumbnail.
pub(crate) struct ThumbnailJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a ThumbnailRequest,
}

impl ThumbnailJob<'_> {
    /// Makes the thumbnail, unless it exists or another generation plays.
    pub(crate) async fn run(&self) -> Fate {
        let problem = match Box::pin(self.make()).await {
            Ok(()) => return Fate::Acknowledge,
            Err(TranscodeError::Catalog(CatalogError::NotFound { .. })) => {
                return Fate::Acknowledge;
            }
            Err(problem) => problem,
        };
        match self.context.failed("make a thumbnail", problem) {
            // The next request sends another job: this one is not worth an operator's attention.
            Ok(_) if self.context.delivery.is_last => Fate::Acknowledge,
            Ok(failed) => failed.again(),
            Err(fate) => fate,
        }
    }

    async fn make(&self) -> Result<(), TranscodeError> {
        let (JobContext { worker, cancel, .. }, job) = (self.context, self.job);
        if !self.is_current().await? {
            info!("another generation plays by now");
            return Ok(());
        }
        let object = job.frame.object(job.video, &job.generation);
        match worker.store.head(&object).await {
            Ok(_) => return Ok(()),
            Err(StoreError::NotFound { .. }) => {}
            Err(problem) => return Err(problem.into()),
        }
        let (store, catalog) = (&worker.store, &worker.catalog);
        let published =
            Published::read(store, catalog, &worker.keys, job.video, &job.generation).await?;
        let image = poster::thumbnail(&worker.tools, &published, job.frame, cancel).await?;
        match worker.store.put(&object, image, PutCondition::Absent).await {
            Ok(_) | Err(StoreError::ConditionFailed { .. }) => {}
            Err(problem) => return Err(problem.into()),
        }
        // A deletion may have listed the objects before this one was stored.
        if !self.is_current().await? {
            info!("the video was deleted or replaced");
            worker.store.delete(&object).await?;
        }
        Ok(())
    }

    /// Whether the generation of the job plays.
    async fn is_current(&self) -> Result<bool, TranscodeError> {
        let job = self.job;
        let video = self.context.worker.catalog.get_video(job.video).await?;
        Ok(matches!(video.state, VideoState::Ready { generation } if generation == job.generation))
    }
}
