//! Animated previews that clients request.

use domain::job::PreviewJob as PreviewRequest;
use platform::clock;
use tracing::warn;

use super::on_request::RequestedImage;
use super::{Fate, JobContext};
use crate::ffmpeg::PREVIEW_ENCODER;
use crate::preview;

/// A job that makes a preview.
pub(crate) struct PreviewJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a PreviewRequest,
}

impl PreviewJob<'_> {
    /// Makes the preview, unless it exists or another generation plays.
    pub(crate) async fn run(&self) -> Fate {
        let (JobContext { worker, cancel, .. }, job) = (self.context, self.job);
        if !worker.tools.makes_previews() {
            return self.refuse().await;
        }
        let image = RequestedImage {
            context: self.context,
            task: "make a preview",
            video: job.video,
            generation: &job.generation,
            object: job.preview.object(job.video, &job.generation),
        };
        let draw = |published| async move {
            preview::animated(&worker.tools, &published, job.preview, cancel).await
        };
        image.run(draw).await
    }

    /// Another attempt would find the same FFmpeg: the clients that wait learn why.
    async fn refuse(&self) -> Fate {
        warn!("refusing a preview: FFmpeg has no encoder {PREVIEW_ENCODER}");
        let catalog = &self.context.worker.catalog;
        let refused = catalog.refuse_preview(self.job, clock::now()).await;
        let outcome = refused.map_err(Into::into);
        self.context.fate_of_request("refuse a preview", outcome)
    }
}
