//! Errors of a job. `domain::failure` decides on the consequences, not this module.

use catalog::CatalogError;
use domain::failure::{Failure, FailureClass, FailureCode, SourceProblem};
use platform::object_store::StoreError;

/// The reason why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// The file is at fault.
    #[error("{0}")]
    Source(#[from] SourceProblem),
    /// FFmpeg failed, and nothing indicates that the file is at fault.
    #[error("ffmpeg failed to {task}: {reason}")]
    Ffmpeg {
        /// The task of the run, for example `encode chunk 3`.
        task: String,
        /// Exit status, or the missing output.
        reason: String,
        /// The last lines of its log, for the operator.
        log_tail: String,
    },
    /// FFmpeg exceeded its time limit.
    #[error("ffmpeg took too long to {task}")]
    TimedOut {
        /// The task of the run.
        task: String,
        /// The last lines of its log, for the operator.
        log_tail: String,
    },
    /// FFmpeg or ffprobe was ended from outside, which says nothing about the source.
    #[error("another process or the system ended ffmpeg, whose task was to {task}")]
    Interrupted {
        /// The task of the run.
        task: String,
    },
    /// FFmpeg needed more memory than it may use, or than the container has.
    #[error("ffmpeg ran out of memory, and its task was to {task}")]
    OutOfMemory {
        /// The task of the run.
        task: String,
    },
    /// An encoder in hardware could not be opened, or failed: another machine may do.
    #[error("an encoder in hardware failed, and its task was to {task}")]
    Hardware {
        /// The task of the run.
        task: String,
        /// The last lines of FFmpeg's log, for the operator.
        log_tail: String,
    },
    /// FFmpeg could not be started.
    #[error("could not start ffmpeg")]
    Spawn(#[source] std::io::Error),
    /// Reading or writing objects failed.
    #[error("the object store failed")]
    Store(#[from] StoreError),
    /// The catalog failed, or the claim was lost.
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
    /// A content key could not be created, wrapped or read.
    #[error("the content key of `{rendition}` cannot be used: {reason}")]
    ContentKey {
        /// Name of the rendition.
        rendition: String,
        /// Reason of the failure.
        reason: String,
    },
    /// The output does not match the plan.
    #[error("verification failed: {0}")]
    Verification(String),
    /// The remuxed rung has segments that are not independent: encode it instead.
    #[error("the source cannot be remuxed: {0}")]
    NotCopyable(String),
    /// A local file or socket failed.
    #[error("{doing}")]
    Io {
        /// The operation that failed.
        doing: String,
        /// The I/O error.
        #[source]
        source: std::io::Error,
    },
    /// The source could not be imported from its URL; a retry may succeed.
    #[error("the source could not be fetched: {reason}")]
    Fetch {
        /// Reason of the failure, without the URL.
        reason: String,
    },
    /// The transcriber failed, or its captions cannot be read; a retry may succeed.
    #[error("the transcriber failed: {reason}")]
    Transcriber {
        /// Reason of the failure, for the operator.
        reason: String,
    },
    /// The generation to reuse is no longer published: another job was faster.
    #[error("another generation has replaced the one to reuse")]
    Superseded,
    /// The job was cancelled.
    #[error("stopped")]
    Cancelled,
}

impl TranscodeError {
    /// The failure that is stored and shown for this error.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Source(problem) => Failure::from(problem),
            problem if problem.is_exhaustion() => Failure::of(FailureCode::Exhausted),
            Self::Ffmpeg { .. }
            | Self::Interrupted { .. }
            | Self::Hardware { .. }
            | Self::Spawn(_)
            | Self::ContentKey { .. }
            | Self::NotCopyable(_)
            | Self::Superseded => Failure::of(FailureCode::Internal),
            Self::OutOfMemory { .. } => Failure::of(FailureCode::TooDemanding),
            Self::TimedOut { .. } => Failure::of(FailureCode::TimedOut),
            Self::Store(_) | Self::Catalog(_) => Failure::of(FailureCode::Unavailable),
            Self::Verification(_) => Failure::of(FailureCode::VerificationFailed),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Failure::of(FailureCode::DiskFull)
            }
            Self::Io { .. } => Failure::of(FailureCode::Internal),
            Self::Fetch { .. } => Failure::of(FailureCode::FetchFailed),
            Self::Transcriber { .. } => Failure::of(FailureCode::TranscriptionFailed),
            Self::Cancelled => Failure::of(FailureCode::Shutdown),
        }
    }

    /// Whether this process or its machine ran out of descriptors, memory or processes. The job is
    /// not at fault, and the next one would fail in the same way: wait, and do not count the
    /// attempt.
    pub fn is_exhaustion(&self) -> bool {
        let missing = ["Too many open files", "Resource temporarily unavailable"];
        let of_ffmpeg = matches!(self, Self::Ffmpeg { log_tail, .. } if missing.iter().any(|it| log_tail.contains(it)));
        of_ffmpeg || serve::is_exhaustion(self)
    }

    /// The party at fault.
    pub fn class(&self) -> FailureClass {
        self.failure().class()
    }

    /// Whether the source may be the cause: its content differs from what its headers declare.
    pub fn may_be_the_source(&self) -> bool {
        match self {
            Self::Verification(_) | Self::Source(SourceProblem::Damaged) => true,
            // A machine without descriptors or memory reads no source.
            Self::Ffmpeg { log_tail, .. } => {
                !self.is_exhaustion() && !OUR_MISTAKES.iter().any(|it| log_tail.contains(it))
            }
            _ => false,
        }
    }

    /// Whether FFmpeg or its output is the cause, not a service or a cancellation.
    pub fn concerns_ffmpeg(&self) -> bool {
        matches!(
            self,
            Self::Ffmpeg { .. } | Self::TimedOut { .. } | Self::Verification(_) | Self::Source(_)
        )
    }

    /// The last lines of FFmpeg's log, if the error is about FFmpeg.
    pub fn log_tail(&self) -> &str {
        match self {
            Self::Ffmpeg { log_tail, .. }
            | Self::TimedOut { log_tail, .. }
            | Self::Hardware { log_tail, .. } => log_tail,
            _ => "",
        }
    }

    /// Whether the claim is lost or the video deleted: stop, and write nothing more.
    pub fn lost_claim(&self) -> bool {
        matches!(
            self,
            Self::Catalog(CatalogError::LeaseLost { .. } | CatalogError::Gone { .. })
        )
    }
}

/// Messages of FFmpeg (5.1 to 9.0) if its command line or its machine is at fault, not its input.
const OUR_MISTAKES: [&str; 7] = [
    "Unrecognized option",
    "Error splitting the argument list",
    "No such filter",
    "Unknown encoder",
    "Unknown bitstream filter",
    "Error while opening encoder",
    "Resource temporarily unavailable",
];

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn exhaustion_is_not_the_fault_of_the_job() {
        // EMFILE, ENFILE, ENOMEM, EAGAIN (of `fork`).
        for code in [24, 23, 12, 11] {
            let none_left = || io::Error::from_raw_os_error(code);
            let store = StoreError::Unavailable {
                path: "a".to_owned(),
                source: Box::new(none_left()),
            };
            for problem in [
                TranscodeError::Spawn(none_left()),
                TranscodeError::Io {
                    doing: "listening".to_owned(),
                    source: none_left(),
                },
                TranscodeError::Store(store),
            ] {
                assert!(problem.is_exhaustion(), "{code}: {problem:?}");
                assert_eq!(problem.failure().code, FailureCode::Exhausted);
                assert!(problem.failure().code.is_lack_of_service());
            }
        }
        assert!(!TranscodeError::Spawn(io::ErrorKind::NotFound.into()).is_exhaustion());
        assert!(!TranscodeError::Source(SourceProblem::Damaged).is_exhaustion());
    }

    fn ffmpeg(log_tail: &str) -> TranscodeError {
        TranscodeError::Ffmpeg {
            task: "x".to_owned(),
            reason: "y".to_owned(),
            log_tail: log_tail.to_owned(),
        }
    }

    #[test]
    fn each_error_has_a_code_and_a_verdict() {
        use domain::failure::FailureVerdict::{Reject, Release, Retry};
        let video = domain::ids::VideoId::new(1, [0; 10]);
        let away = || "away".into();
        let text = || "text".to_owned();
        let io = |kind: io::ErrorKind| TranscodeError::Io {
            doing: text(),
            source: kind.into(),
        };
        for (error, code, verdict) in [
            (SourceProblem::Damaged.into(), FailureCode::Damaged, Reject),
            (
                SourceProblem::RungsDoNotFit.into(),
                FailureCode::RungsDoNotFit,
                Reject,
            ),
            (ffmpeg("Conversion failed!"), FailureCode::Internal, Retry),
            (
                TranscodeError::TimedOut {
                    task: text(),
                    log_tail: text(),
                },
                FailureCode::TimedOut,
                Retry,
            ),
            (
                TranscodeError::Interrupted { task: text() },
                FailureCode::Internal,
                Retry,
            ),
            (
                TranscodeError::Hardware {
                    task: text(),
                    log_tail: text(),
                },
                FailureCode::Internal,
                Retry,
            ),
            (
                TranscodeError::Spawn(io::ErrorKind::NotFound.into()),
                FailureCode::Internal,
                Retry,
            ),
            (
                StoreError::Unavailable {
                    path: text(),
                    source: away(),
                }
                .into(),
                FailureCode::Unavailable,
                Retry,
            ),
            (
                CatalogError::Unavailable { source: away() }.into(),
                FailureCode::Unavailable,
                Retry,
            ),
            (
                CatalogError::LeaseLost { video, fence: 1 }.into(),
                FailureCode::Unavailable,
                Retry,
            ),
            (
                TranscodeError::ContentKey {
                    rendition: text(),
                    reason: text(),
                },
                FailureCode::Internal,
                Retry,
            ),
            (
                TranscodeError::Verification(text()),
                FailureCode::VerificationFailed,
                Retry,
            ),
            (
                TranscodeError::NotCopyable(text()),
                FailureCode::Internal,
                Retry,
            ),
            (io(io::ErrorKind::StorageFull), FailureCode::DiskFull, Retry),
            (
                io(io::ErrorKind::PermissionDenied),
                FailureCode::Internal,
                Retry,
            ),
            (
                TranscodeError::Fetch { reason: text() },
                FailureCode::FetchFailed,
                Retry,
            ),
            (
                TranscodeError::Transcriber { reason: text() },
                FailureCode::TranscriptionFailed,
                Retry,
            ),
            (TranscodeError::Superseded, FailureCode::Internal, Retry),
            (TranscodeError::Cancelled, FailureCode::Shutdown, Release),
        ] {
            assert_eq!(
                (error.failure().code, error.class().verdict()),
                (code, verdict),
                "{error:?}"
            );
        }
    }

    #[test]
    fn only_ffmpegs_own_failures_may_be_those_of_the_source() {
        for (error, may_be) in [
            (ffmpeg(""), true),
            (ffmpeg("Error while decoding stream #0:0"), true),
            (TranscodeError::Verification("short".to_owned()), true),
            (SourceProblem::Damaged.into(), true),
            (SourceProblem::SourceChanged.into(), false),
            (SourceProblem::TooDemanding.into(), false),
            (
                TranscodeError::Interrupted {
                    task: String::new(),
                },
                false,
            ),
            (
                TranscodeError::TimedOut {
                    task: String::new(),
                    log_tail: String::new(),
                },
                false,
            ),
            (
                TranscodeError::Hardware {
                    task: String::new(),
                    log_tail: "Error submitting packet to decoder".to_owned(),
                },
                false,
            ),
            (TranscodeError::Cancelled, false),
            (ffmpeg("socket: Too many open files"), false),
        ] {
            assert_eq!(error.may_be_the_source(), may_be, "{error:?}");
        }
        for line in OUR_MISTAKES {
            assert!(!ffmpeg(line).may_be_the_source(), "{line}");
        }
    }

    #[test]
    fn a_claim_is_lost_to_another_worker_or_with_the_video() {
        let video = domain::ids::VideoId::new(1, [0; 10]);
        assert!(TranscodeError::from(CatalogError::LeaseLost { video, fence: 2 }).lost_claim());
        assert!(TranscodeError::from(CatalogError::Gone { video }).lost_claim());
        assert!(!TranscodeError::from(CatalogError::NotFound { video }).lost_claim());
        assert!(!TranscodeError::Cancelled.lost_claim());
        assert_eq!(
            (
                ffmpeg("words").log_tail(),
                TranscodeError::Cancelled.log_tail()
            ),
            ("words", "")
        );
        assert!(ffmpeg("").concerns_ffmpeg() && !TranscodeError::Cancelled.concerns_ffmpeg());
    }
}
