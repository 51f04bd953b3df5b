//! The jobs that requests cause, and the traces that the jobs continue.

use std::time::Duration;

use catalog::TracedWork;
use domain::ids::VideoId;
use domain::job::JobMessage;
use platform::clock;
use platform::job_queue::QueueError;

use crate::state::ApiState;

impl ApiState {
    /// Sends a job. Repeating it is not an error.
    ///
    /// # Errors
    /// If the queue does not accept it.
    pub(crate) async fn send_job(&self, message: &JobMessage) -> Result<(), QueueError> {
        self.keep_trace(message.video(), TracedWork::of(message))
            .await;
        self.queue.send(message, Duration::ZERO).await.map(drop)
    }

    /// Stores the trace context of the current request with the video, if the trace is collected anywhere: the event of
    /// an upload and the message of a job do not carry it. A failure changes the trace alone, so it fails no request.
    pub(crate) async fn keep_trace(&self, video: VideoId, work: TracedWork) {
        let Some(context) = traces::current() else {
            return;
        };
        let kept = self
            .catalog
            .keep_trace((video, work), context, clock::now());
        if let Err(problem) = kept.await {
            tracing::warn!(
                video.id = %video,
                "the work on {video} does not continue the trace of its request: {:#}",
                anyhow::Error::from(problem)
            );
        }
    }
}
