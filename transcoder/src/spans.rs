//! Spans of the work, for logs and traces.

use catalog::{Catalog, TracedWork};
use domain::failure::FailureCode;
use domain::job::{JobMessage, Stage};
use platform::clock;
use tracing::Span;
use tracing::field::Empty;

/// The span of a job, which continues the trace of the request that caused it. An attempt long after the request has a
/// trace of its own, with a link to the request.
pub(crate) async fn job(catalog: &Catalog, message: &JobMessage) -> Span {
    let (job, video) = (message.id(), message.video());
    let span = tracing::info_span!(
        "job",
        job.id = %job,
        job.kind = message.kind(),
        video.id = %video,
        attempt = Empty,
        failure = Empty,
        trace_id = Empty,
        span_id = Empty
    );
    // Without the trace, the job runs all the same.
    let stored = catalog.trace(video, TracedWork::of(message)).await;
    let cause = stored.ok().flatten();
    traces::resume(
        &span,
        cause.map(|it| (it.parent, it.continuation(clock::now()))),
    );
    span
}

/// Records that the attempt of the current job failed, for this reason.
pub(crate) fn record_failure(code: FailureCode) {
    Span::current().record("failure", code.as_str());
}

/// The span of a stage of a job.
pub(crate) fn stage(stage: Stage) -> Span {
    named_stage(stage.as_str())
}

/// The span of a stage that receipts do not have.
pub(crate) fn named_stage(stage: &'static str) -> Span {
    tracing::info_span!("stage", stage)
}
