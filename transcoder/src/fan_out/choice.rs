//! Which chunk a leader encodes next, and which messages it sends: functions of the rows alone.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use catalog::{Eligible, OpenChunk};
use domain::time::UnixMillis;

use super::MOST_FAILURES;

/// How many times longer than usual a chunk takes before it is encoded a second time.
const SLOW: u32 = 3;

/// Shortest time after which a chunk counts as slow.
const LEAST_SLOW: Duration = Duration::from_secs(20);

/// Time after which a chunk counts as slow while it is not known how long one takes.
const SLOW_AT_FIRST: Duration = Duration::from_secs(300);

/// Number of messages on their way while no other transcoder is known.
const FIRST_MESSAGES: usize = 4;

/// After this time, a message counts as lost.
const LOST: Duration = Duration::from_secs(120);

/// The chunk that the leader encodes next. `own`: those that it is encoding. `usual`: how long a
/// chunk takes; `None`: not known yet.
pub(super) fn next_chunk(
    open: &[OpenChunk],
    own: &BTreeSet<u32>,
    usual: Option<Duration>,
    now: UnixMillis,
) -> Option<(u32, Eligible)> {
    let others = || open.iter().filter(|it| !own.contains(&it.index));
    // The leader does not wait after the failure of another one.
    if let Some(free) = others().find(|it| !it.is_held(now)) {
        return Some((free.index, Eligible::Waiting));
    }
    // Nothing is left but what others have in hand.
    let limit = usual.map_or(SLOW_AT_FIRST, |it| (it * SLOW).max(LEAST_SLOW));
    let is_slow = |it: &&OpenChunk| now.since(it.claimed_ms) > limit;
    let slow = others().filter(is_slow).min_by_key(|it| it.claimed_ms)?;
    Some((slow.index, Eligible::All))
}

/// The chunks whose messages the `leader` sends now, in order. Two messages for each transcoder that
/// takes part are on their way, so that one long video does not fill the queue.
pub(super) fn messages(open: &[OpenChunk], leader: &str, now: UnixMillis) -> Vec<u32> {
    let is_held = |it: &&OpenChunk| it.is_held(now);
    let is_sent = |it: &&OpenChunk| it.sent_ms.is_some_and(|sent| sent + LOST > now);
    let helpers: HashSet<&str> = open
        .iter()
        .filter(is_held)
        .filter_map(|it| it.worker.as_deref())
        .filter(|it| *it != leader)
        .collect();
    let under_way = open.iter().filter(|it| is_sent(it) && !is_held(it)).count();
    let wanted = FIRST_MESSAGES + 2 * helpers.len();
    open.iter()
        .filter(|it| !is_held(it) && !is_sent(it))
        .filter(|it| it.failures < MOST_FAILURES && it.waits_until_ms <= now)
        .map(|it| it.index)
        .take(wanted.saturating_sub(under_way))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_000_000_000);
    const USUAL: Option<Duration> = Some(Duration::from_secs(30));

    fn free(index: u32) -> OpenChunk {
        OpenChunk {
            index,
            claims: 0,
            worker: None,
            claimed_ms: UnixMillis::default(),
            lease_until_ms: UnixMillis::default(),
            failures: 0,
            waits_until_ms: UnixMillis::default(),
            sent_ms: None,
        }
    }

    fn held(index: u32, worker: &str, seconds: u64) -> OpenChunk {
        OpenChunk {
            claims: 1,
            worker: Some(worker.to_owned()),
            claimed_ms: NOW - Duration::from_secs(seconds),
            lease_until_ms: NOW + Duration::from_secs(10),
            ..free(index)
        }
    }

    fn own(indexes: &[u32]) -> BTreeSet<u32> {
        indexes.iter().copied().collect()
    }

    #[test]
    fn the_leader_takes_the_first_chunk_that_nobody_has() {
        let lost = OpenChunk {
            lease_until_ms: NOW,
            ..held(3, "killed", 15)
        };
        let failed = OpenChunk {
            waits_until_ms: NOW + Duration::from_secs(60),
            failures: 1,
            ..free(2)
        };
        for (open, expected) in [
            (vec![free(4), free(5)], Some(4)),
            (vec![held(0, "one", 5), free(1)], Some(1)),
            (vec![held(0, "one", 5), failed, free(4)], Some(2)),
            (vec![held(0, "one", 5), lost, free(4)], Some(3)),
            (vec![], None),
        ] {
            let next = next_chunk(&open, &own(&[]), USUAL, NOW).map(|it| it.0);
            assert_eq!(next, expected, "{open:?}");
        }
        assert_eq!(next_chunk(&[free(4)], &own(&[4]), USUAL, NOW), None);
    }

    #[test]
    fn the_leader_doubles_the_slowest_chunk_when_nothing_else_is_left() {
        let (slow, slower) = (held(7, "one", 100), held(8, "two", 120));
        let open = [slow, slower, held(10, "two", 80)];
        let next = next_chunk(&open, &own(&[]), USUAL, NOW);
        assert_eq!(next, Some((8, Eligible::All)));
        assert_eq!(next_chunk(&open, &own(&[7, 8]), USUAL, NOW), None);
        assert_eq!(next_chunk(&open, &own(&[]), None, NOW), None);
        let hung = [held(9, "one", 301)];
        let next = next_chunk(&hung, &own(&[]), None, NOW);
        assert_eq!(next, Some((9, Eligible::All)));
        // Fast chunks take a moment, and a network may be slow for longer.
        let fast = Some(Duration::from_secs(1));
        assert_eq!(
            next_chunk(&[held(1, "one", 15)], &own(&[]), fast, NOW),
            None
        );
    }

    #[test]
    fn two_messages_are_on_their_way_for_each_helper() {
        let all: Vec<_> = (0..100).map(free).collect();
        let all: Vec<_> = [held(0, "leader", 1), held(1, "leader", 1)]
            .into_iter()
            .chain(all.into_iter().skip(2))
            .collect();
        assert_eq!(messages(&all, "leader", NOW), [2, 3, 4, 5]);
        let sent = |index, seconds| OpenChunk {
            sent_ms: Some(NOW - Duration::from_secs(seconds)),
            ..free(index)
        };
        let open = [
            held(0, "leader", 3),
            held(1, "one", 3),
            held(2, "one", 3),
            held(3, "two", 3),
            sent(4, 1),
            sent(5, 1),
            // Lost.
            sent(6, 121),
        ];
        let open: Vec<_> = open.into_iter().chain((7..50).map(free)).collect();
        assert_eq!(messages(&open, "leader", NOW), [6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn chunks_that_fail_again_and_again_are_left_to_the_leader() {
        let failed = |index, failures, seconds| OpenChunk {
            failures,
            waits_until_ms: NOW + Duration::from_secs(seconds),
            ..free(index)
        };
        let open = [
            failed(1, 1, 0),
            failed(2, 2, 5),
            failed(3, MOST_FAILURES, 0),
        ];
        assert_eq!(messages(&open, "leader", NOW), [1]);
    }
}
