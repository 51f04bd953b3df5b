//! Thumbnails that clients request.

use domain::job::ThumbnailJob as ThumbnailRequest;

use super::on_request::RequestedImage;
use super::{Fate, JobContext};
use crate::poster;

/// A job that makes a thumbnail.
pub(crate) struct ThumbnailJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a ThumbnailRequest,
}

impl ThumbnailJob<'_> {
    /// Makes the thumbnail, unless it exists or another generation plays.
    pub(crate) async fn run(&self) -> Fate {
        let (JobContext { worker, cancel, .. }, job) = (self.context, self.job);
        let image = RequestedImage {
            context: self.context,
            task: "make a thumbnail",
            video: job.video,
            generation: &job.generation,
            object: job.frame.object(job.video, &job.generation),
        };
        let draw = |published| async move {
            poster::thumbnail(&worker.tools, &published, job.frame, cancel).await
        };
        image.run(draw).await
    }
}
