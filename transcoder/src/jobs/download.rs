//! Downloads: jobs that write a rung as an MP4 file. They need no lease, because the same request
//! gives the same object, and an upload replaces it as a whole.

use catalog::CatalogError;
use domain::job::DownloadJob as DownloadRequest;
use domain::object_key::ObjectKey;
use platform::clock;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::holding::Held;
use super::{Fate, JobContext};
use crate::download::Download;
use crate::error::TranscodeError;
use crate::published::Published;

/// A job that writes a file.
pub(crate) struct DownloadJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a DownloadRequest,
}

impl DownloadJob<'_> {
    /// Writes the file, unless it exists or another generation plays.
    pub(crate) async fn run(&self) -> Fate {
        let (JobContext { worker, .. }, job) = (self.context, self.job);
        let problem = match Box::pin(self.write()).await {
            Ok(()) => return Fate::Acknowledge,
            Err(TranscodeError::Catalog(
                CatalogError::Gone { .. } | CatalogError::NotFound { .. },
            )) => {
                info!("the video was deleted or replaced");
                self.remove(&job.object()).await;
                return Fate::Acknowledge;
            }
            Err(problem) => problem,
        };
        let failed = match self.context.failed("write a download", problem) {
            Ok(failed) => failed,
            Err(fate) => return fate,
        };
        if failed.is_final()
            && let Err(problem) = worker.catalog.fail_download(job, &failed.failure).await
        {
            warn!(
                "could not record the outcome: {:#}",
                anyhow::Error::from(problem)
            );
        }
        failed.again()
    }

    async fn write(&self) -> Result<(), TranscodeError> {
        let (JobContext { worker, .. }, job) = (self.context, self.job);
        if !worker.catalog.keep_download(job, clock::now()).await? {
            info!("the file exists, or the video was deleted or replaced");
            return Ok(());
        }
        let (store, object) = (&worker.store, job.object());
        // The token is cancelled when the file is not wanted any more, so that its upload is aborted.
        let object = &object;
        let writing = |token: CancellationToken| async move {
            let (catalog, keys) = (&worker.catalog, &worker.keys);
            let published =
                Published::read(store, catalog, keys, job.video, &job.generation).await?;
            let download = Download {
                store,
                uploads: &*worker.uploads,
                published: &published,
                object,
                cancel: &token,
            };
            download.write(&job.rung).await
        };
        let keep = || worker.catalog.keep_download(job, clock::now());
        let Held::Done(bytes) = self.context.hold(keep, writing).await? else {
            return Ok(());
        };
        let catalog = &worker.catalog;
        catalog.finish_download(job, bytes, clock::now()).await?;
        info!(bytes, "the download is ready");
        Ok(())
    }

    async fn remove(&self, object: &ObjectKey) {
        if let Err(problem) = self.context.worker.store.delete(object).await {
            warn!("could not clean up: {:#}", anyhow::Error::from(problem));
        }
    }
}
