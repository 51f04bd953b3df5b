//! The retry policy of jobs: whether there is another attempt, and when.
//!
//! A delivery of a message is not an attempt: a worker that is stopped, that cannot reach the
//! catalog, or that loses its machine uses up deliveries without a fault of the job. The policy
//! therefore counts attempts, not the queue's deliveries.

use std::time::Duration;

use crate::failure::FailureCode;

/// Maximum number of attempts with infrastructure failures, without progress in between, before a
/// job fails permanently.
pub const MAX_ATTEMPTS: u32 = 5;

/// Pauses before the second, third, fourth and fifth attempt. The first ones are short because most
/// faults pass in seconds, and the last one is long because the others do not.
const PAUSES: [Duration; MAX_ATTEMPTS as usize - 1] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(600),
    Duration::from_secs(3600),
];

/// The pauses of a job while a service is unavailable. Workers that wait for the service notice its
/// return sooner.
const UNAVAILABLE: RetryPolicy = RetryPolicy {
    first: PAUSES[0],
    factor: 2,
    longest: Duration::from_secs(600),
};

/// How long a job waits for a service that stays unavailable, from the time of the request.
pub const LONGEST_OUTAGE: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long a job may wait for its first attempt: no SQS message lives longer.
const LONGEST_QUEUE: Duration = Duration::from_secs(14 * 24 * 3600);

/// Pauses between attempts that grow by a factor, up to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Pause after the first failure.
    pub first: Duration,
    /// Factor by which every other pause is longer than the one before.
    pub factor: u32,
    /// The longest pause.
    pub longest: Duration,
}

impl RetryPolicy {
    /// The pause after this many failures in a row.
    pub fn pause_after(&self, failures: u32) -> Duration {
        let Some(growth) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = self.factor.saturating_pow(growth);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// The end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It failed.
    Failed(FailureCode),
    /// Its worker vanished: it was killed, or the machine failed, perhaps because of the job.
    Vanished,
    /// It was released, finished an import, or was stopped by its owner.
    Otherwise,
}

/// An attempt at a job that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PastAttempt {
    /// How it ended.
    pub ended: Ended,
    /// Progress that it reached, 0 to 100.
    pub percent: u8,
}

/// The decision about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, after this pause.
    Again(Duration),
    /// No more attempts: the video has failed until a user requests another attempt.
    GiveUp,
}

/// Decides by the attempts since the job was requested, oldest first, and the time since then.
///
/// An attempt that came further than all before it resets their count: a worker that is killed
/// every hour still finishes a long video. Unavailable services and exhausted resources of the
/// machine do not count, but end after [`LONGEST_OUTAGE`].
pub fn next(attempts: &[PastAttempt], waited: Duration) -> Next {
    let count = counted(attempts);
    let give_up_after = match attempts.last() {
        None => LONGEST_QUEUE,
        Some(last) if last.lacked_service() => LONGEST_OUTAGE,
        Some(_) => Duration::MAX,
    };
    if count >= MAX_ATTEMPTS || waited >= give_up_after {
        return Next::GiveUp;
    }
    if attempts.last().is_some_and(PastAttempt::lacked_service) {
        let in_a_row = attempts
            .iter()
            .rev()
            .take_while(|it| it.lacked_service())
            .count();
        return Next::Again(UNAVAILABLE.pause_after(u32::try_from(in_a_row).unwrap_or(u32::MAX)));
    }
    Next::Again(pause_after(count))
}

/// The pause before the next attempt, after `failed` failed ones.
pub fn pause_after(failed: u32) -> Duration {
    let pause = failed
        .checked_sub(1)
        .map(|it| PAUSES[(it as usize).min(PAUSES.len() - 1)]);
    pause.unwrap_or(Duration::ZERO)
}

/// The number of failed attempts since the last one that came further than those before it.
pub fn counted(attempts: &[PastAttempt]) -> u32 {
    let (mut count, mut furthest) = (0, 0);
    for attempt in attempts {
        if attempt.percent > furthest {
            (count, furthest) = (0, attempt.percent);
        }
        count += u32::from(attempt.counts());
    }
    count
}

impl PastAttempt {
    fn counts(&self) -> bool {
        match self.ended {
            Ended::Failed(code) => !code.is_lack_of_service(),
            Ended::Vanished => true,
            Ended::Otherwise => false,
        }
    }

    fn lacked_service(&self) -> bool {
        matches!(self.ended, Ended::Failed(code) if code.is_lack_of_service())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAILED: Ended = Ended::Failed(FailureCode::Internal);
    const AWAY: Ended = Ended::Failed(FailureCode::Unavailable);

    fn past(attempts: &[(Ended, u8)]) -> Vec<PastAttempt> {
        attempts
            .iter()
            .map(|&(ended, percent)| PastAttempt { ended, percent })
            .collect()
    }

    fn after(attempts: &[(Ended, u8)]) -> Option<u64> {
        match next(&past(attempts), Duration::ZERO) {
            Next::Again(pause) => Some(pause.as_secs()),
            Next::GiveUp => None,
        }
    }

    #[test]
    fn attempts_spread_over_more_than_an_hour_and_end() {
        let pauses: Vec<_> = (0..=6)
            .map(|count| after(&vec![(FAILED, 0); count]))
            .collect();
        assert_eq!(
            pauses,
            [
                Some(0),
                Some(10),
                Some(60),
                Some(600),
                Some(3600),
                None,
                None
            ]
        );
    }

    #[test]
    fn pauses_grow_by_their_factor_up_to_a_limit() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        for (policy, expected) in [
            (
                RetryPolicy {
                    first: s(1),
                    factor: 2,
                    longest: s(30),
                },
                [s(0), s(1), s(2), s(4), s(8), s(16), s(30), s(30)],
            ),
            (
                RetryPolicy {
                    first: ms(100),
                    factor: 3,
                    longest: s(1),
                },
                [s(0), ms(100), ms(300), ms(900), s(1), s(1), s(1), s(1)],
            ),
            (
                RetryPolicy {
                    first: s(5),
                    factor: 1,
                    longest: s(9),
                },
                [s(0), s(5), s(5), s(5), s(5), s(5), s(5), s(5)],
            ),
        ] {
            let pauses: Vec<_> = (0..8).map(|it| policy.pause_after(it)).collect();
            assert_eq!(pauses, expected, "{policy:?}");
            assert_eq!(
                policy.pause_after(u32::MAX),
                if policy.factor == 1 {
                    policy.first
                } else {
                    policy.longest
                }
            );
        }
    }

    #[test]
    fn what_says_nothing_about_the_job_does_not_count() {
        for (attempts, expected) in [
            (vec![(Ended::Otherwise, 0); 20], Some(0)),
            (vec![(AWAY, 0)], Some(10)),
            (vec![(AWAY, 0); 3], Some(40)),
            (vec![(AWAY, 0); 50], Some(600)),
            (vec![(FAILED, 0), (AWAY, 0)], Some(10)),
            (vec![(AWAY, 0), (AWAY, 0), (FAILED, 0)], Some(10)),
            (vec![(Ended::Vanished, 0); 5], None),
        ] {
            assert_eq!(after(&attempts), expected, "{attempts:?}");
        }
    }

    #[test]
    fn progress_clears_what_was_before_it() {
        assert_eq!(
            after(&[(FAILED, 10); 5]),
            None,
            "the first one was no progress over the others"
        );
        let killed: Vec<_> = (1..=90).map(|percent| (Ended::Vanished, percent)).collect();
        assert_eq!(after(&killed), Some(10));
        assert_eq!(
            after(&[
                (FAILED, 0),
                (FAILED, 0),
                (FAILED, 0),
                (FAILED, 0),
                (FAILED, 3)
            ]),
            Some(10)
        );
    }

    #[test]
    fn a_service_that_stays_away_ends_a_job_after_days() {
        let attempts = past(&[(AWAY, 0); 9]);
        assert_eq!(
            next(&attempts, LONGEST_OUTAGE - Duration::from_secs(1)),
            Next::Again(UNAVAILABLE.longest)
        );
        assert_eq!(next(&attempts, LONGEST_OUTAGE), Next::GiveUp);
        assert_eq!(
            next(&[], LONGEST_OUTAGE),
            Next::Again(Duration::ZERO),
            "a queue may be long"
        );
        assert_eq!(next(&[], LONGEST_QUEUE), Next::GiveUp);
        assert_eq!(
            next(&past(&[(Ended::Vanished, 0)]), LONGEST_QUEUE),
            Next::Again(Duration::from_secs(10))
        );
    }

    fn any_attempt() -> impl Strategy<Value = PastAttempt> {
        let ended = prop_oneof![
            Just(FAILED),
            Just(AWAY),
            Just(Ended::Vanished),
            Just(Ended::Otherwise)
        ];
        (ended, 0..=100_u8).prop_map(|(ended, percent)| PastAttempt { ended, percent })
    }

    proptest! {
        #[test]
        fn every_job_ends(attempts in prop::collection::vec(any_attempt(), 0..40)) {
            let mut attempts = attempts;
            for _ in 0..MAX_ATTEMPTS {
                attempts.push(PastAttempt { ended: FAILED, percent: 0 });
            }
            prop_assert_eq!(next(&attempts, Duration::ZERO), Next::GiveUp);
        }

        #[test]
        fn a_lack_of_service_never_brings_the_end_nearer(attempts in prop::collection::vec(any_attempt(), 0..20)) {
            let count = counted(&attempts);
            let with = [&attempts[..], &past(&[(AWAY, 0)])].concat();
            prop_assert_eq!(counted(&with), count);
        }
    }
}
