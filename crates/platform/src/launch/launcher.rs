//! When to look for missing transcoders, and one look.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_types::SdkConfig;
use domain::launch::{Load, places_to_start};
use futures::future::join_all;
use tokio::time::Instant;

use super::ecs::{EcsError, Tasks};
use super::{LaunchOutcome, LaunchSettings, Report};
use crate::clock;
use crate::job_queue::{QueueError, SharedQueue, Unfinished};

/// Pause between the looks of a process after sends. The looks of schedules do not wait.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Pause after a look that failed, so that a failing service does not delay each send.
const AFTER_A_FAILURE: Duration = Duration::from_secs(30);
/// How long a look may take: a sender waits for it.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// Starts the transcoders that are missing.
#[derive(Debug)]
pub struct Launcher {
    tasks: Tasks,
    limit: NonZeroU32,
    report: Report,
    pauses: Mutex<Pauses>,
    /// One look at a time.
    looking: tokio::sync::Mutex<()>,
}

/// Why a look failed.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("cannot count the jobs")]
    Jobs(#[from] QueueError),
    #[error("cannot count the tasks")]
    Tasks(#[source] EcsError),
    #[error("could start {started} of {wanted} tasks")]
    Start {
        started: u32,
        wanted: u32,
        #[source]
        source: EcsError,
    },
    #[error("ECS did not respond within {LONGEST_LOOK:?}")]
    Slow,
}

impl Launcher {
    /// A launcher that has not looked yet.
    pub fn new(settings: &LaunchSettings) -> Self {
        Self {
            tasks: Tasks::new(&settings.tasks),
            limit: settings.limit,
            report: settings.report,
            pauses: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    /// A launcher with credentials, region and endpoint from here instead of the environment.
    #[must_use]
    pub fn with_aws(mut self, aws: SdkConfig) -> Self {
        self.tasks = self.tasks.with_aws(aws);
        self
    }

    /// Looks after jobs were sent to `queue`, unless this process looked a moment ago.
    pub(super) async fn after_send(&self, queue: &SharedQueue, jobs: u64) {
        if self.pauses().note_sent(jobs, Instant::now()) {
            self.look(queue).await;
        }
    }

    /// Looks if jobs were sent since the last look, unless a look failed a moment ago.
    pub(super) async fn after_sends(&self, queue: &SharedQueue) {
        let is_due = {
            let pauses = self.pauses();
            pauses.sent > 0 && pauses.may_look_again(Instant::now())
        };
        if is_due {
            self.look(queue).await;
        }
    }

    /// Looks without a send, unless a look failed a moment ago.
    pub(super) async fn look_again(&self, queue: &SharedQueue) {
        if self.pauses().may_look_again(Instant::now()) {
            self.look(queue).await;
        }
    }

    async fn look(&self, queue: &SharedQueue) {
        // The jobs that were sent meanwhile are left to the next look.
        let Ok(_one) = self.looking.try_lock() else {
            return;
        };
        let sent = std::mem::take(&mut self.pauses().sent);
        let looked = tokio::time::timeout(LONGEST_LOOK, self.start_missing(queue, sent));
        let looked = looked.await.unwrap_or(Err(LookError::Slow));
        let outcome = match looked {
            Ok(started) => LaunchOutcome {
                started,
                has_failed: false,
            },
            Err(problem) => {
                let started = match problem {
                    LookError::Start { started, .. } => started,
                    LookError::Jobs(_) | LookError::Tasks(_) | LookError::Slow => 0,
                };
                self.pauses().note_failure(Instant::now());
                tracing::error!(
                    "cannot start transcoders: {:#}",
                    anyhow::Error::from(problem)
                );
                LaunchOutcome {
                    started,
                    has_failed: true,
                }
            }
        };
        (self.report.0)(outcome);
    }

    async fn start_missing(&self, queue: &SharedQueue, sent: u64) -> Result<u32, LookError> {
        let Unfinished { jobs, chunks } = queue.unfinished().await?;
        if jobs.ready == 0 && chunks.ready == 0 && sent == 0 {
            return Ok(0);
        }
        let transcoders = self
            .tasks
            .count(self.limit.get())
            .await
            .map_err(LookError::Tasks)?;
        let places = places_to_start(Load {
            waiting: jobs.ready,
            in_progress: jobs.in_flight,
            sent,
            chunks: chunks.ready + chunks.in_flight,
            transcoders,
            limit: self.limit.get(),
        });
        let wanted = places.end - places.start;
        let now = clock::now();
        let starts = join_all(places.map(|place| self.tasks.start(place, now))).await;
        let mut started = 0;
        let mut failure = None;
        for it in starts {
            match it {
                Ok(()) => started += 1,
                Err(problem) => failure = Some(problem),
            }
        }
        if started > 0 {
            tracing::info!(
                jobs.waiting = jobs.ready,
                chunks.waiting = chunks.ready,
                "started {started} transcoders beside {transcoders}"
            );
        }
        match failure {
            None => Ok(started),
            Some(source) => Err(LookError::Start {
                started,
                wanted,
                source,
            }),
        }
    }

    fn pauses(&self) -> MutexGuard<'_, Pauses> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the next look is due.
#[derive(Debug, Default)]
struct Pauses {
    /// Jobs that were sent since the last look.
    sent: u64,
    after_send: Option<Instant>,
    after_failure: Option<Instant>,
}

impl Pauses {
    /// Records jobs that were sent, and returns whether to look now.
    fn note_sent(&mut self, jobs: u64, now: Instant) -> bool {
        self.sent = self.sent.saturating_add(jobs);
        let is_due = self.may_look_again(now) && self.after_send.is_none_or(|it| it <= now);
        if is_due {
            self.after_send = Some(now + BETWEEN_LOOKS);
        }
        is_due
    }

    fn may_look_again(&self, now: Instant) -> bool {
        self.after_failure.is_none_or(|it| it <= now)
    }

    fn note_failure(&mut self, now: Instant) {
        self.after_failure = Some(now + AFTER_A_FAILURE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_looks_once_in_a_while() {
        let (mut pauses, start) = (Pauses::default(), Instant::now());
        assert!(pauses.note_sent(1, start), "the first send");
        assert!(!pauses.note_sent(1, start), "looked a moment ago");
        assert!(pauses.may_look_again(start), "a schedule does not wait");
        assert_eq!(pauses.sent, 2);
        assert!(pauses.note_sent(1, start + BETWEEN_LOOKS));
    }

    #[test]
    fn nobody_looks_for_a_while_after_a_failure() {
        let (mut pauses, start) = (Pauses::default(), Instant::now());
        pauses.note_failure(start);
        let soon = start + AFTER_A_FAILURE - Duration::from_millis(1);
        assert!(!pauses.note_sent(1, soon) && !pauses.may_look_again(soon));
        assert!(pauses.note_sent(1, start + AFTER_A_FAILURE));
    }
}
