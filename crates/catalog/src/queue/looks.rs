//! The order in which a receiver asks several queues in SQS, without I/O.
//!
//! A request to SQS is for one queue. So a wait is a series of looks: long polls of one queue after the other, each of
//! which ends with the first message. A message that arrives in a queue waits for the looks at the others.

use std::time::Duration;

use platform::job_queue::{QueueName, Wanted};

/// How long a look at a queue waits while another queue may have a message. Without a wait, SQS asks only some of its
/// servers, and may not find the message.
const SHORT: Duration = Duration::from_secs(1);
/// How long the interactive queue is polled between the looks at the bulk queue.
const BESIDE_BULK: Duration = Duration::from_secs(10);
/// How long the interactive queue is polled between the looks at the queue of chunks: a transcoder that waits for its
/// helpers has a film that users wait for.
const BESIDE_CHUNKS: Duration = Duration::from_secs(3);

/// One poll of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// The queue.
    pub(super) queue: QueueName,
    /// How long it waits for a message, if that much time is left.
    pub(super) longest: Duration,
}

/// The looks of one wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Looks {
    /// These are made once, also without time: they find what waits already.
    pub(super) first: Vec<Look>,
    /// These are repeated while time is left.
    pub(super) then: Vec<Look>,
}

impl Looks {
    /// The looks at the interactive queue and at the `wanted` ones, which must exist. With `is_turn_of_bulk`, the bulk
    /// queue comes first.
    pub(super) fn new(wanted: Wanted, is_turn_of_bulk: bool) -> Self {
        let interactive = |longest| Look {
            queue: QueueName::Interactive,
            longest,
        };
        let short = |queue| Look {
            queue,
            longest: SHORT,
        };
        let (chunks, bulk) = (short(QueueName::Chunks), short(QueueName::Bulk));
        let (first, then) = match (wanted.chunks, wanted.bulk) {
            // One look for the whole wait.
            (false, false) => (vec![interactive(Duration::MAX)], vec![]),
            (false, true) => (
                vec![interactive(SHORT), bulk],
                vec![interactive(BESIDE_BULK), bulk],
            ),
            (true, false) => (
                vec![interactive(SHORT), chunks],
                vec![interactive(BESIDE_CHUNKS), chunks],
            ),
            // The interactive queue never waits for more than two short looks.
            (true, true) => (
                vec![interactive(SHORT), chunks, bulk],
                vec![
                    interactive(BESIDE_CHUNKS),
                    chunks,
                    interactive(BESIDE_CHUNKS),
                    chunks,
                    bulk,
                ],
            ),
        };
        let turn = (wanted.bulk && is_turn_of_bulk).then_some(bulk);
        Self {
            first: turn.into_iter().chain(first).collect(),
            then,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(wanted: Wanted, is_turn_of_bulk: bool) -> String {
        let looks = Looks::new(wanted, is_turn_of_bulk);
        let seconds = |it: &Look| match it.longest {
            longest if longest == Duration::MAX => "all".to_owned(),
            longest => longest.as_secs().to_string(),
        };
        let line = |looks: &[Look]| {
            let texts = looks
                .iter()
                .map(|it| format!("{} {}", it.queue, seconds(it)));
            texts.collect::<Vec<_>>().join(", ")
        };
        format!("{}; then: {};\n", line(&looks.first), line(&looks.then))
    }

    #[test]
    fn each_wanted_queue_is_asked_in_its_order() {
        let wanted = |chunks, bulk| Wanted { chunks, bulk };
        let all = [
            text(wanted(false, false), true),
            text(wanted(false, true), false),
            text(wanted(false, true), true),
            text(wanted(true, false), true),
            text(wanted(true, true), false),
            text(wanted(true, true), true),
        ];
        insta::assert_snapshot!(all.concat(), @"
        interactive all; then: ;
        interactive 1, bulk 1; then: interactive 10, bulk 1;
        bulk 1, interactive 1, bulk 1; then: interactive 10, bulk 1;
        interactive 1, chunks 1; then: interactive 3, chunks 1;
        interactive 1, chunks 1, bulk 1; then: interactive 3, chunks 1, interactive 3, chunks 1, bulk 1;
        bulk 1, interactive 1, chunks 1, bulk 1; then: interactive 3, chunks 1, interactive 3, chunks 1, bulk 1;
        ");
    }

    /// The longest time between two looks at a queue while a worker receives with these waits, and no message comes.
    fn longest_gap(queue: QueueName, wanted: Wanted, waits: [u64; 3]) -> Duration {
        let (mut now, mut longest) = (Duration::ZERO, Duration::ZERO);
        let mut seen: Option<Duration> = None;
        for (call, wait) in waits.into_iter().enumerate() {
            let end = now + Duration::from_secs(wait);
            let looks = Looks::new(wanted, call == 0);
            let first = looks.first.into_iter().map(|it| (it, false));
            let then = looks.then.into_iter().cycle().map(|it| (it, true));
            for (look, needs_time) in first.chain(then) {
                let left = end.saturating_sub(now);
                if needs_time && left.is_zero() {
                    break;
                }
                if look.queue == queue {
                    longest = longest.max(seen.map_or(Duration::ZERO, |it| now - it));
                }
                now += look.longest.min(left);
                if look.queue == queue {
                    seen = Some(now);
                }
            }
        }
        assert!(seen.is_some(), "{queue} was asked");
        longest
    }

    #[test]
    fn no_queue_waits_long_for_the_others() {
        const WAITS: [u64; 9] = [0, 1, 2, 3, 5, 8, 13, 20, 41];
        let seconds = Duration::from_secs;
        let (none, bulk) = (None, Some(seconds(11)));
        for (wanted, limits) in [
            (Wanted::JOBS, [Some(seconds(1)), none, bulk]),
            (
                Wanted {
                    chunks: true,
                    bulk: false,
                },
                [Some(seconds(1)), Some(seconds(5)), none],
            ),
            (Wanted::ALL, [Some(seconds(2)), Some(seconds(5)), bulk]),
        ] {
            let limits = QueueName::ALL.into_iter().zip(limits);
            for (queue, limit) in limits.filter_map(|(queue, limit)| Some((queue, limit?))) {
                for (a, b, c) in WAITS
                    .into_iter()
                    .flat_map(|a| WAITS.into_iter().map(move |b| (a, b)))
                    .flat_map(|(a, b)| WAITS.into_iter().map(move |c| (a, b, c)))
                {
                    let gap = longest_gap(queue, wanted, [a, b, c]);
                    assert!(gap <= limit, "{queue}: {gap:?} with {wanted:?} {a} {b} {c}");
                }
            }
        }
    }
}
