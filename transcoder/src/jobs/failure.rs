//! The failure of a job that has no lease: a poster, a thumbnail, a preview, captions, a download.

use std::time::Duration;

use domain::failure::{Failure, FailureVerdict};
use domain::retry;
use platform::job_queue::Delivery;
use tracing::{error, info};

use super::{Fate, JobContext};
use crate::error::TranscodeError;
use crate::spans;

/// How a job failed.
pub(crate) struct JobFailure<'a> {
    delivery: &'a Delivery,
    pub(crate) failure: Failure,
    /// Whether a service is missing. That costs no attempt.
    is_waiting: bool,
}

impl<'a> JobContext<'a> {
    /// Logs why the job could not do `task`, such as `render the poster`. An `Err` is the fate of
    /// its message if the worker was stopped: then the job did not fail.
    pub(crate) fn failed(
        self,
        task: &str,
        problem: TranscodeError,
    ) -> Result<JobFailure<'a>, Fate> {
        let failure = problem.failure();
        let verdict = failure.class().verdict();
        if verdict == FailureVerdict::Release {
            return Err(Fate::release(Duration::ZERO, "the worker was stopped"));
        }
        spans::record_failure(failure.code);
        let is_waiting = failure.code.is_lack_of_service();
        if is_waiting {
            self.worker.outage.begin(&problem.to_string());
        }
        if verdict == FailureVerdict::Reject {
            info!(failure.code = %failure.code, "could not {task}: {problem}");
        } else {
            let log_tail = problem.log_tail().to_owned();
            error!(failure.code = %failure.code, "could not {task}: {:#}\n{log_tail}", anyhow::Error::from(problem));
        }
        Ok(JobFailure {
            delivery: self.delivery,
            failure,
            is_waiting,
        })
    }
}

impl JobFailure<'_> {
    /// Whether another attempt would find the same fault.
    pub(crate) fn is_rejected(&self) -> bool {
        self.failure.class().verdict() == FailureVerdict::Reject
    }

    /// Whether this was the last attempt.
    pub(crate) fn is_final(&self) -> bool {
        self.delivery.is_last && !self.is_waiting
    }

    /// The message is delivered again after a pause; at its last delivery, a new message takes its
    /// place if only a service was missing.
    pub(crate) fn again(&self) -> Fate {
        let pause = retry::pause_after(self.delivery.receive_count);
        match self.is_waiting && self.delivery.is_last {
            true => Fate::Replace { pause },
            false => Fate::release(pause, self.failure.code.as_str()),
        }
    }
}
