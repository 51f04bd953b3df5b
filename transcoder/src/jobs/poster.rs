//! Custom posters: small jobs beside the work on a video. They need no lease, because they are
//! idempotent: the same request gives the same object, and the catalog decides which request is
//! shown.

use catalog::{CatalogError, PosterShown};
use domain::job::{PosterJob as PosterRequest, PosterSource};
use domain::object_key::ObjectKey;
use domain::state::VideoState;
use platform::object_store::PutCondition;
use tracing::{info, warn};

use super::{Fate, JobContext};
use crate::error::TranscodeError;
use crate::poster;
use crate::published::Published;

/// A job that renders a poster.
pub(crate) struct PosterJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a PosterRequest,
}

impl PosterJob<'_> {
    /// Renders the poster, and shows it if no other was requested in the meantime.
    pub(crate) async fn run(&self) -> Fate {
        let (JobContext { worker, .. }, job) = (self.context, self.job);
        let problem = match Box::pin(self.render()).await {
            Ok(()) => return Fate::Acknowledge,
            Err(TranscodeError::Catalog(
                CatalogError::Gone { .. } | CatalogError::NotFound { .. },
            )) => {
                info!("the video is gone");
                self.remove(&[self.poster_key(), self.image_key()]).await;
                return Fate::Acknowledge;
            }
            Err(problem) => problem,
        };
        let failed = match self.context.failed("render the poster", problem) {
            Ok(failed) => failed,
            Err(fate) => return fate,
        };
        if (failed.is_rejected() || failed.is_final())
            && let Err(problem) = worker
                .catalog
                .fail_poster(job.video, &job.poster, &failed.failure)
                .await
        {
            warn!(
                "could not record the outcome: {:#}",
                anyhow::Error::from(problem)
            );
        }
        if failed.is_rejected() {
            self.remove(&[self.image_key()]).await;
            return Fate::Acknowledge;
        }
        failed.again()
    }

    async fn render(&self) -> Result<(), TranscodeError> {
        let (JobContext { worker, cancel, .. }, job) = (self.context, self.job);
        let record = worker
            .catalog
            .poster(job.video)
            .await?
            .filter(|it| it.wanted == job.poster);
        let Some(record) = record else {
            info!("another poster was requested in the meantime");
            self.remove_image().await?;
            return Ok(());
        };
        if record.shown.as_ref() == Some(&job.poster) {
            return Ok(());
        }
        let image = match job.from {
            PosterSource::Image => {
                poster::from_image(&worker.tools, &worker.store, &self.image_key(), cancel).await?
            }
            PosterSource::Timestamp(at_ms) => self.frame_at(at_ms).await?,
        };
        worker
            .store
            .put(&self.poster_key(), image, PutCondition::Always)
            .await?;
        match worker.catalog.show_poster(job.video, &job.poster).await? {
            PosterShown::InsteadOf(before) => {
                info!("the poster is shown");
                let before = before.map(|poster| ObjectKey::CustomPoster {
                    video: job.video,
                    poster,
                });
                self.remove(before.as_slice()).await;
            }
            PosterShown::Overtaken => {
                // The same image may be requested again, and shown by now: then it must stay.
                let now = worker.catalog.poster(job.video).await?;
                if !now.is_some_and(|it| {
                    it.wanted == job.poster || it.shown.as_ref() == Some(&job.poster)
                }) {
                    self.remove(&[self.poster_key()]).await;
                }
            }
        }
        self.remove_image().await?;
        Ok(())
    }

    /// Removes the uploaded image, unless it is requested again and not rendered yet.
    async fn remove_image(&self) -> Result<(), TranscodeError> {
        let job = self.job;
        let now = self.context.worker.catalog.poster(job.video).await?;
        if !now.is_some_and(|it| it.wanted == job.poster && it.shown.as_ref() != Some(&job.poster))
        {
            self.remove(&[self.image_key()]).await;
        }
        Ok(())
    }

    async fn frame_at(&self, at_ms: u64) -> Result<bytes::Bytes, TranscodeError> {
        let (JobContext { worker, cancel, .. }, job) = (self.context, self.job);
        let video = worker.catalog.get_video(job.video).await?;
        let VideoState::Ready { generation } = &video.state else {
            return Err(CatalogError::Gone { video: job.video }.into());
        };
        let (store, catalog) = (&worker.store, &worker.catalog);
        let published =
            Published::read(store, catalog, &worker.keys, job.video, generation).await?;
        poster::from_timestamp(&worker.tools, &published, at_ms, cancel).await
    }

    /// Removes unused objects. If that fails, they are removed with the video.
    async fn remove(&self, keys: &[ObjectKey]) {
        for key in keys {
            if let Err(problem) = self.context.worker.store.delete(key).await {
                warn!("could not clean up: {:#}", anyhow::Error::from(problem));
            }
        }
    }

    fn poster_key(&self) -> ObjectKey {
        ObjectKey::CustomPoster {
            video: self.job.video,
            poster: self.job.poster.clone(),
        }
    }

    fn image_key(&self) -> ObjectKey {
        ObjectKey::PosterImage {
            video: self.job.video,
            poster: self.job.poster.clone(),
        }
    }
}
