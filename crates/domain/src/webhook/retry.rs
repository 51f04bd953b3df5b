//! The retry policy of deliveries.

/// How long an endpoint may fail: after that, its deliveries fail permanently and it is disabled.
pub const GIVE_UP_AFTER_MS: u64 = 3 * 24 * 60 * MINUTE_MS;

/// The longest pause that an endpoint may request.
const LONGEST_REQUESTED_PAUSE_MS: u64 = 24 * 60 * MINUTE_MS;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;

/// Pauses after the first attempt, the second, and so on; the last one applies to all further
/// attempts.
const PAUSES_MS: [u64; 7] =
    [5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS, 60 * MINUTE_MS, 180 * MINUTE_MS];

/// The time of the next attempt after a failure at `now_ms`, Unix milliseconds; `None`: there is
/// none.
///
/// `attempts`: number of attempts so far, at least 1, the first of them at `first_ms`. `jitter`:
/// any number, which extends a pause by up to a fifth, so that deliveries that failed together are
/// not retried together. `requested_ms`: the pause that the endpoint requested. The last attempt is
/// made when the three days are over, not before: an endpoint that returns on the third day misses
/// nothing.
pub fn next_attempt(attempts: u32, first_ms: u64, now_ms: u64, jitter: u16, requested_ms: Option<u64>) -> Option<u64> {
    let last_ms = first_ms.saturating_add(GIVE_UP_AFTER_MS);
    if now_ms >= last_ms {
        return None;
    }
    let step = (attempts.max(1) as usize - 1).min(PAUSES_MS.len() - 1);
    let pause_ms = PAUSES_MS[step] + PAUSES_MS[step] / 5 * u64::from(jitter) / u64::from(u16::MAX);
    let pause_ms = pause_ms.max(bounded_request(requested_ms).unwrap_or(0));
    Some(now_ms.saturating_add(pause_ms).min(last_ms))
}

/// The pause that an endpoint requested, limited to the maximum.
pub fn bounded_request(requested_ms: Option<u64>) -> Option<u64> {
    requested_ms.map(|it| it.min(LONGEST_REQUESTED_PAUSE_MS))
}

/// Whether an endpoint that has only failed since `since_ms` must be disabled.
pub fn is_hopeless(since_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(since_ms) >= GIVE_UP_AFTER_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: u64 = 1_700_000_000_000;

    /// The pauses between the attempts at an endpoint that never responds.
    fn pauses(jitter: u16) -> Vec<u64> {
        let (mut now, mut attempts, mut pauses) = (FIRST, 1, vec![]);
        while let Some(next) = next_attempt(attempts, FIRST, now, jitter, None) {
            pauses.push((next - now) / SECOND_MS);
            (now, attempts) = (next, attempts + 1);
        }
        assert_eq!(now, FIRST + GIVE_UP_AFTER_MS, "the last attempt ends the three days");
        pauses
    }

    #[test]
    fn pauses_grow_until_three_days_are_over() {
        let plain = pauses(0);
        assert_eq!(plain[..8], [5, 30, 120, 600, 1_800, 3_600, 10_800, 10_800]);
        assert_eq!(plain.len(), 30);
        assert_eq!(pauses(u16::MAX)[..8], [6, 36, 144, 720, 2_160, 4_320, 12_960, 12_960]);
    }

    #[test]
    fn an_endpoint_may_ask_for_more_time_but_not_for_ever() {
        let next = |requested| next_attempt(1, FIRST, FIRST, 0, Some(requested)).unwrap() - FIRST;
        assert_eq!(next(1_000), 5_000, "never sooner");
        assert_eq!(next(60_000), 60_000);
        assert_eq!(next(u64::MAX), LONGEST_REQUESTED_PAUSE_MS);
        let late = FIRST + GIVE_UP_AFTER_MS - 1;
        assert_eq!(next_attempt(9, FIRST, late, 0, Some(60_000)), Some(FIRST + GIVE_UP_AFTER_MS));
        assert_eq!(next_attempt(9, FIRST, late + 1, 0, Some(60_000)), None);
    }

    proptest! {
        #[test]
        fn it_goes_forward_and_ends(attempts: u32, first: u64, now: u64, jitter: u16, requested: Option<u64>) {
            if let Some(next) = next_attempt(attempts, first, now, jitter, requested) {
                prop_assert!(next > now && next <= first.saturating_add(GIVE_UP_AFTER_MS));
            }
        }
    }
}
