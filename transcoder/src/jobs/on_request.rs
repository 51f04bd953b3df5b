//! Images that clients request: small jobs beside the work on a video. They need no lease, because
//! the same request gives the same object, and only the first one of several is kept.

use bytes::Bytes;
use catalog::CatalogError;
use domain::ids::{Generation, VideoId};
use domain::object_key::ObjectKey;
use domain::state::VideoState;
use platform::object_store::{PutCondition, StoreError};
use tracing::info;

use super::{Fate, JobContext};
use crate::error::TranscodeError;
use crate::published::Published;

/// An image of a generation that a client requested.
pub(crate) struct RequestedImage<'a> {
    pub(crate) context: JobContext<'a>,
    /// What the job does, such as `make a thumbnail`.
    pub(crate) task: &'static str,
    pub(crate) video: VideoId,
    /// The generation of the image. If another one plays, the job is obsolete.
    pub(crate) generation: &'a Generation,
    pub(crate) object: ObjectKey,
}

impl RequestedImage<'_> {
    /// Stores what `draw` makes of the generation, unless the object exists or another generation
    /// plays.
    pub(crate) async fn run<Work>(&self, draw: impl FnOnce(Published) -> Work) -> Fate
    where
        Work: Future<Output = Result<Bytes, TranscodeError>>,
    {
        let made = Box::pin(self.make(draw)).await;
        self.context.fate_of_request(self.task, made)
    }

    async fn make<Work>(&self, draw: impl FnOnce(Published) -> Work) -> Result<(), TranscodeError>
    where
        Work: Future<Output = Result<Bytes, TranscodeError>>,
    {
        let (worker, object) = (self.context.worker, &self.object);
        if !self.is_current().await? {
            info!("another generation plays by now");
            return Ok(());
        }
        match worker.store.head(object).await {
            Ok(_) => return Ok(()),
            Err(StoreError::NotFound { .. }) => {}
            Err(problem) => return Err(problem.into()),
        }
        let (store, catalog) = (&worker.store, &worker.catalog);
        let published =
            Published::read(store, catalog, &worker.keys, self.video, self.generation).await?;
        let image = draw(published).await?;
        match worker.store.put(object, image, PutCondition::Absent).await {
            Ok(_) | Err(StoreError::ConditionFailed { .. }) => {}
            Err(problem) => return Err(problem.into()),
        }
        // A deletion may have listed the objects before this one was stored.
        if !self.is_current().await? {
            info!("the video was deleted or replaced");
            worker.store.delete(object).await?;
        }
        Ok(())
    }

    /// Whether the generation of the job plays.
    async fn is_current(&self) -> Result<bool, TranscodeError> {
        let video = self.context.worker.catalog.get_video(self.video).await?;
        Ok(
            matches!(video.state, VideoState::Ready { generation } if generation == *self.generation),
        )
    }
}

impl JobContext<'_> {
    /// The fate of a job whose work the next request repeats, if it is not done.
    pub(crate) fn fate_of_request(self, task: &str, outcome: Result<(), TranscodeError>) -> Fate {
        let problem = match outcome {
            Ok(()) | Err(TranscodeError::Catalog(CatalogError::NotFound { .. })) => {
                return Fate::Acknowledge;
            }
            Err(problem) => problem,
        };
        match self.failed(task, problem) {
            // The next request sends another job: this one is not worth an operator's attention.
            Ok(_) if self.delivery.is_last => Fate::Acknowledge,
            Ok(failed) => failed.again(),
            Err(fate) => fate,
        }
    }
}
