//! The retry policy of deliveries.

use std::time::Duration;

use crate::time::UnixMillis;

/// How long an endpoint may fail: after that, its deliveries fail permanently and it is disabled.
pub const GIVE_UP_AFTER: Duration = minutes(3 * 24 * 60);

/// The longest pause that an endpoint may request.
const LONGEST_REQUESTED_PAUSE: Duration = minutes(24 * 60);

/// Pauses after the first attempt, the second, and so on; the last one applies to all further
/// attempts.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    minutes(2),
    minutes(10),
    minutes(30),
    minutes(60),
    minutes(180),
];

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// The time of the next attempt after a failure at `now`; `None`: there is none.
///
/// `attempts`: number of attempts so far, at least 1, the first of them at `first`. `jitter`: any
/// number, which extends a pause by up to a fifth, so that deliveries that failed together are not
/// retried together. `requested`: the pause that the endpoint requested. The last attempt is made
/// when the three days are over, not before: an endpoint that returns on the third day misses
/// nothing.
pub fn next_attempt(
    attempts: u32,
    first: UnixMillis,
    now: UnixMillis,
    jitter: u16,
    requested: Option<Duration>,
) -> Option<UnixMillis> {
    let last = first + GIVE_UP_AFTER;
    if now >= last {
        return None;
    }
    let pause = PAUSES[(attempts.max(1) as usize - 1).min(PAUSES.len() - 1)];
    let pause = pause + pause / 5 * u32::from(jitter) / u32::from(u16::MAX);
    let pause = pause.max(bounded_request(requested).unwrap_or_default());
    Some((now + pause).min(last))
}

/// The pause that an endpoint requested, limited to the maximum.
pub fn bounded_request(requested: Option<Duration>) -> Option<Duration> {
    requested.map(|it| it.min(LONGEST_REQUESTED_PAUSE))
}

/// Whether an endpoint that has only failed since `since` must be disabled.
pub fn is_hopeless(since: UnixMillis, now: UnixMillis) -> bool {
    now.since(since) >= GIVE_UP_AFTER
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: UnixMillis = UnixMillis::new(1_700_000_000_000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The pauses between the attempts at an endpoint that never responds.
    fn pauses(jitter: u16) -> Vec<u64> {
        let (mut now, mut attempts, mut pauses) = (FIRST, 1, vec![]);
        while let Some(next) = next_attempt(attempts, FIRST, now, jitter, None) {
            pauses.push(next.since(now).as_secs());
            (now, attempts) = (next, attempts + 1);
        }
        assert_eq!(
            now,
            FIRST + GIVE_UP_AFTER,
            "the last attempt ends the three days"
        );
        pauses
    }

    #[test]
    fn pauses_grow_until_three_days_are_over() {
        let plain = pauses(0);
        assert_eq!(plain[..8], [5, 30, 120, 600, 1_800, 3_600, 10_800, 10_800]);
        assert_eq!(plain.len(), 30);
        assert_eq!(
            pauses(u16::MAX)[..8],
            [6, 36, 144, 720, 2_160, 4_320, 12_960, 12_960]
        );
    }

    #[test]
    fn an_endpoint_may_ask_for_more_time_but_not_for_ever() {
        let next = |requested| {
            next_attempt(1, FIRST, FIRST, 0, Some(requested))
                .unwrap()
                .since(FIRST)
        };
        assert_eq!(next(ms(1_000)), ms(5_000), "never sooner");
        assert_eq!(next(ms(60_000)), ms(60_000));
        assert_eq!(next(Duration::MAX), LONGEST_REQUESTED_PAUSE);
        let late = FIRST + GIVE_UP_AFTER - ms(1);
        assert_eq!(
            next_attempt(9, FIRST, late, 0, Some(ms(60_000))),
            Some(FIRST + GIVE_UP_AFTER)
        );
        assert_eq!(
            next_attempt(9, FIRST, late + ms(1), 0, Some(ms(60_000))),
            None
        );
    }

    proptest! {
        #[test]
        fn it_goes_forward_and_ends(attempts: u32, first: u64, now: u64, jitter: u16, requested: Option<u64>) {
            let (first, now) = (UnixMillis::new(first), UnixMillis::new(now));
            if let Some(next) = next_attempt(attempts, first, now, jitter, requested.map(ms)) {
                prop_assert!(next > now && next <= first + GIVE_UP_AFTER);
            }
        }
    }
}
