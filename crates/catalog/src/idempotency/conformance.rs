//! The conformance suite for idempotency stores. Each case needs its own, empty store.
//!
//! [`idempotency_conformance!`](crate::idempotency_conformance) generates one test per case.

use std::time::Duration;

use super::{Begun, Idempotency, KeyedRequest, Ticket};

const NOW: u64 = 1_700_000_000_000;
const PATIENCE_MS: u64 = 60_000;
const LIFE_MS: u64 = 86_400_000;

fn request(id: &str, fingerprint: &str) -> KeyedRequest {
    KeyedRequest {
        id: id.to_owned(),
        fingerprint: fingerprint.to_owned(),
        patience: Duration::from_millis(PATIENCE_MS),
        life: Duration::from_millis(LIFE_MS),
    }
}

async fn begin(keeper: &Idempotency, id: &str, fingerprint: &str, now_ms: u64) -> Begun {
    keeper.begin(&request(id, fingerprint), now_ms).await.expect("begin")
}

async fn first(keeper: &Idempotency, id: &str, fingerprint: &str, now_ms: u64) -> Ticket {
    match begin(keeper, id, fingerprint, now_ms).await {
        Begun::First(ticket) => ticket,
        other => panic!("it should be the first, but is {other:?}"),
    }
}

/// A request is executed once, and its response is returned as often as asked while it is kept.
pub async fn a_request_is_executed_once(keeper: &Idempotency) {
    let ticket = first(keeper, "a", "1", NOW).await;
    let running = Begun::Running { until_ms: NOW + PATIENCE_MS };
    assert_eq!(begin(keeper, "a", "1", NOW + 1).await, running);
    assert!(keeper.finish(&ticket, "the answer: é").await.expect("finish"));
    for later in [1, PATIENCE_MS, LIFE_MS - 1] {
        assert_eq!(begin(keeper, "a", "1", NOW + later).await, Begun::Answered("the answer: é".to_owned()));
    }
    first(keeper, "a", "1", NOW + LIFE_MS).await;
}

/// Exactly one of several concurrent callers executes.
pub async fn of_many_at_once_one_is_first(keeper: &Idempotency) {
    let asked = futures::future::join_all((0..8).map(|_| begin(keeper, "a", "1", NOW))).await;
    let first = asked.iter().filter(|it| matches!(it, Begun::First(_))).count();
    let running = asked.iter().filter(|it| matches!(it, Begun::Running { .. })).count();
    assert_eq!((first, running), (1, 7));
}

/// A key belongs to one request, also during its execution, and after the execution was cut off.
pub async fn another_request_with_the_key_is_refused(keeper: &Idempotency) {
    let ticket = first(keeper, "a", "1", NOW).await;
    assert_eq!(begin(keeper, "a", "2", NOW).await, Begun::Another);
    assert_eq!(begin(keeper, "a", "2", NOW + PATIENCE_MS).await, Begun::Another);
    assert!(keeper.finish(&ticket, "x").await.expect("finish"));
    assert_eq!(begin(keeper, "a", "2", NOW).await, Begun::Another);
    first(keeper, "b", "2", NOW).await;
    // After the response has expired, the key is free.
    first(keeper, "a", "2", NOW + LIFE_MS).await;
}

/// A crashed execution blocks others for no longer than the patience, and changes nothing if it
/// turns out to be alive.
pub async fn a_crash_is_taken_over(keeper: &Idempotency) {
    let dead = first(keeper, "a", "1", NOW).await;
    let still = begin(keeper, "a", "1", NOW + PATIENCE_MS - 1).await;
    assert!(matches!(still, Begun::Running { .. }), "{still:?}");
    let heir = first(keeper, "a", "1", NOW + PATIENCE_MS).await;
    assert!(!keeper.finish(&dead, "of the dead").await.expect("finish"));
    keeper.give_back(&dead).await.expect("give back");
    assert!(keeper.finish(&heir, "of the heir").await.expect("finish"));
    assert_eq!(begin(keeper, "a", "1", NOW + PATIENCE_MS).await, Begun::Answered("of the heir".to_owned()));
}

/// A released request is executed again; a finished one keeps its response.
pub async fn what_is_given_back_is_free(keeper: &Idempotency) {
    let ticket = first(keeper, "a", "1", NOW).await;
    keeper.give_back(&ticket).await.expect("give back");
    // The key is free too: the next request may be a different one.
    let ticket = first(keeper, "a", "2", NOW).await;
    assert!(keeper.finish(&ticket, "x").await.expect("finish"));
    keeper.give_back(&ticket).await.expect("too late");
    assert!(!keeper.finish(&ticket, "y").await.expect("too late"));
    assert_eq!(begin(keeper, "a", "2", NOW).await, Begun::Answered("x".to_owned()));
}

/// Generates a `#[tokio::test]` for every case. `$make`: an expression that awaits to an empty
/// store, together with the values that must outlive it.
///
/// With `together:` in front, it generates a `Vec` of `testkit::Case` instead: for stores on a
/// server that is slow to start.
#[macro_export]
macro_rules! idempotency_conformance {
    (together: $make:expr) => {
        $crate::idempotency_conformance! { @ together $make }
    };
    ($make:expr) => {
        $crate::idempotency_conformance! { @ each $make }
    };
    (@ $how:ident $make:expr) => {
        $crate::conformance_cases! { [$crate::idempotency], $how $make;
            a_request_is_executed_once of_many_at_once_one_is_first another_request_with_the_key_is_refused
            a_crash_is_taken_over what_is_given_back_is_free
        }
    };
}
