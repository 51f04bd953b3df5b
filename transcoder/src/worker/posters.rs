//! Custom posters: small jobs beside the work on a video. They need no lease, because they are
//! idempotent: the same request gives the same object, and the catalog decides which request is
//! shown.

use std::sync::Arc;
use std::time::Duration;

use catalog::{CatalogError, PosterShown};
use domain::failure::Verdict;
use domain::job::{JobMessage, PosterJob, PosterSource};
use domain::object_key::ObjectKey;
use domain::retry;
use domain::state::VideoState;
use platform::job_queue::{Delivery, QueueError};
use platform::object_store::PutCondition;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::Worker;
use crate::content_keys::WrappedKeys;
use crate::error::TranscodeError;
use crate::poster;

impl Worker {
    pub(super) async fn settle_poster(
        &self,
        delivery: &Delivery,
        job: &PosterJob,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        let receipt = &delivery.receipt;
        let problem = match Box::pin(self.make_poster(job, cancel)).await {
            Ok(()) => return self.queue.ack(receipt).await,
            Err(TranscodeError::Catalog(CatalogError::Gone { .. } | CatalogError::NotFound { .. })) => {
                info!("the video is gone");
                self.remove(&[own(job), picture(job)]).await;
                return self.queue.ack(receipt).await;
            }
            Err(problem) => problem,
        };
        let failure = problem.failure();
        let verdict = failure.class().verdict();
        if verdict == Verdict::Release {
            return self.queue.release(receipt, Duration::ZERO, "the worker was stopped").await;
        }
        let is_waiting = failure.code.is_lack_of_service();
        if is_waiting {
            self.outage.begin(&problem.to_string());
        }
        if (verdict == Verdict::Reject || (delivery.is_last && !is_waiting))
            && let Err(problem) = self.catalog.fail_poster(job.video, &job.poster, &failure).await
        {
            warn!("could not record the outcome: {:#}", anyhow::Error::from(problem));
        }
        if verdict == Verdict::Reject {
            info!(failure.code = %failure.code, "could not render the poster: {problem}");
            self.remove(&[picture(job)]).await;
            return self.queue.ack(receipt).await;
        }
        let log_tail = problem.log_tail().to_owned();
        error!(failure.code = %failure.code, "could not render the poster: {:#}\n{log_tail}", anyhow::Error::from(problem));
        let pause = retry::pause_after(delivery.receive_count);
        if is_waiting && delivery.is_last {
            self.queue.send(&JobMessage::PosterV1(job.clone()), pause).await?;
            return self.queue.ack(receipt).await;
        }
        self.queue.release(receipt, pause, failure.code.as_str()).await
    }

    async fn make_poster(&self, job: &PosterJob, cancel: &CancellationToken) -> Result<(), TranscodeError> {
        let record = self.catalog.poster(job.video).await?.filter(|it| it.wanted == job.poster);
        let Some(record) = record else {
            info!("another poster was requested in the meantime");
            self.remove_picture(job).await?;
            return Ok(());
        };
        if record.shown.as_ref() == Some(&job.poster) {
            return Ok(());
        }
        let made = match job.from {
            PosterSource::Picture => poster::from_image(&self.tools, &self.store, &picture(job), cancel).await?,
            PosterSource::Moment(at_ms) => self.poster_of_moment(job, at_ms, cancel).await?,
        };
        self.store.put(&own(job), made, PutCondition::Always).await?;
        match self.catalog.show_poster(job.video, &job.poster).await? {
            PosterShown::InsteadOf(before) => {
                info!("the poster is shown");
                let before = before.map(|poster| ObjectKey::OwnPoster { video: job.video, poster });
                self.remove(before.as_slice()).await;
            }
            PosterShown::Overtaken => {
                // The same image may be requested again, and shown by now: then it must stay.
                let now = self.catalog.poster(job.video).await?;
                if !now.is_some_and(|it| it.wanted == job.poster || it.shown.as_ref() == Some(&job.poster)) {
                    self.remove(&[own(job)]).await;
                }
            }
        }
        self.remove_picture(job).await?;
        Ok(())
    }

    /// Removes the image, unless it is requested again and not rendered yet.
    async fn remove_picture(&self, job: &PosterJob) -> Result<(), TranscodeError> {
        let now = self.catalog.poster(job.video).await?;
        if !now.is_some_and(|it| it.wanted == job.poster && it.shown.as_ref() != Some(&job.poster)) {
            self.remove(&[picture(job)]).await;
        }
        Ok(())
    }

    async fn poster_of_moment(
        &self,
        job: &PosterJob,
        at_ms: u64,
        cancel: &CancellationToken,
    ) -> Result<bytes::Bytes, TranscodeError> {
        let video = self.catalog.get_video(job.video).await?;
        let VideoState::Ready { generation } = &video.state else {
            return Err(CatalogError::Gone { video: job.video }.into());
        };
        let keys = WrappedKeys::new(Arc::clone(&self.store), Arc::clone(&self.keys), job.video, generation.clone());
        let what = (job.video, generation);
        poster::from_timestamp(&self.tools, &self.store, &self.catalog, &keys, what, at_ms, cancel).await
    }

    /// Removes unused objects. If that fails, they are removed with the video.
    async fn remove(&self, keys: &[ObjectKey]) {
        for key in keys {
            if let Err(problem) = self.store.delete(key).await {
                warn!("could not clean up: {:#}", anyhow::Error::from(problem));
            }
        }
    }
}

fn own(job: &PosterJob) -> ObjectKey {
    ObjectKey::OwnPoster { video: job.video, poster: job.poster.clone() }
}

fn picture(job: &PosterJob) -> ObjectKey {
    ObjectKey::PosterPicture { video: job.video, poster: job.poster.clone() }
}
