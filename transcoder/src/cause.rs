//! The cause of a failure that shows in two places at nearly the same time.

use std::time::Duration;

use domain::failure::SourceProblem;

use crate::error::TranscodeError;

/// How long a process of FFmpeg that fails may take to exit after its failure shows elsewhere.
const EXIT: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 5_000 });

/// The cause of `problem`, which may be a consequence of how the process `running` ends.
///
/// FFmpeg that runs out of memory first delivers the frames it has, and that segment is wrong. A run
/// that reads from a failing process sees a damaged input. In both cases the exit of the process
/// comes later, and it alone tells that the source is not to blame.
pub(crate) async fn cause_of<T>(
    problem: TranscodeError,
    running: impl Future<Output = Result<T, TranscodeError>>,
) -> TranscodeError {
    // A property of a whole segment, with which the process has nothing to do.
    if matches!(
        problem,
        TranscodeError::Cancelled | TranscodeError::NotCopyable(_)
    ) {
        return problem;
    }
    match tokio::time::timeout(EXIT, running).await {
        Ok(Err(cause)) if is_conclusive(&cause) => cause,
        _ => problem,
    }
}

/// Whether the end of a process explains whatever else went wrong.
fn is_conclusive(error: &TranscodeError) -> bool {
    matches!(
        error,
        TranscodeError::OutOfMemory { .. }
            | TranscodeError::Hardware { .. }
            | TranscodeError::Interrupted { .. }
            | TranscodeError::Spawn(_)
            | TranscodeError::Source(SourceProblem::TooDemanding)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_segment() -> TranscodeError {
        TranscodeError::Verification("3 frames instead of 25".to_owned())
    }

    fn out_of_memory() -> TranscodeError {
        TranscodeError::OutOfMemory {
            task: "encode".to_owned(),
        }
    }

    async fn after(wait: Duration, error: TranscodeError) -> Result<(), TranscodeError> {
        tokio::time::sleep(wait).await;
        Err(error)
    }

    #[tokio::test]
    async fn a_process_that_lacked_memory_explains_its_wrong_output() {
        let exit = after(EXIT / 2, out_of_memory());
        let cause = cause_of(wrong_segment(), exit).await;
        assert!(
            matches!(cause, TranscodeError::OutOfMemory { .. }),
            "{cause}"
        );
    }

    #[tokio::test]
    async fn a_device_that_is_lost_explains_a_wrong_segment() {
        let lost = TranscodeError::Hardware {
            task: "encode".to_owned(),
            log_tail: String::new(),
        };
        let cause = cause_of(wrong_segment(), after(EXIT / 2, lost)).await;
        assert!(matches!(cause, TranscodeError::Hardware { .. }), "{cause}");
    }

    #[tokio::test]
    async fn a_process_that_continues_or_fails_otherwise_explains_nothing() {
        for exit in [
            after(EXIT * 2, out_of_memory()),
            after(EXIT / 2, SourceProblem::Damaged.into()),
        ] {
            let cause = cause_of(wrong_segment(), exit).await;
            assert!(matches!(cause, TranscodeError::Verification(_)), "{cause}");
        }
        let cause = cause_of(wrong_segment(), async { Ok(()) }).await;
        assert!(matches!(cause, TranscodeError::Verification(_)), "{cause}");
    }

    #[tokio::test]
    async fn a_job_that_is_stopped_does_not_wait() {
        let cause = cause_of(TranscodeError::Cancelled, after(EXIT / 2, out_of_memory())).await;
        assert!(matches!(cause, TranscodeError::Cancelled), "{cause}");
    }
}
