//! The conformance suite for idempotency stores. Each case needs its own, empty store.
//!
//! [`idempotency_conformance!`](crate::idempotency_conformance) generates one test per case.

use std::time::Duration;

use domain::time::UnixMillis;

use super::{BeginOutcome, Idempotency, KeyedRequest, Reservation};
use crate::videos::conformance::ms;

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
const LOCK_TIMEOUT_MS: u64 = 60_000;
const LIFE_MS: u64 = 86_400_000;

fn request(id: &str, fingerprint: &str) -> KeyedRequest {
    KeyedRequest {
        id: id.to_owned(),
        fingerprint: fingerprint.to_owned(),
        lock_timeout: Duration::from_millis(LOCK_TIMEOUT_MS),
        lifetime: Duration::from_millis(LIFE_MS),
    }
}

async fn begin(store: &Idempotency, id: &str, fingerprint: &str, now: UnixMillis) -> BeginOutcome {
    store
        .begin(&request(id, fingerprint), now)
        .await
        .expect("begin")
}

async fn first(store: &Idempotency, id: &str, fingerprint: &str, now: UnixMillis) -> Reservation {
    match begin(store, id, fingerprint, now).await {
        BeginOutcome::Reserved(reservation) => reservation,
        other => panic!("it should be the first, but is {other:?}"),
    }
}

/// A request is executed once, and its response is returned as often as asked while it is kept.
pub async fn a_request_is_executed_once(store: &Idempotency) {
    let reservation = first(store, "a", "1", NOW).await;
    let running = BeginOutcome::Running {
        until_ms: NOW + ms(LOCK_TIMEOUT_MS),
    };
    assert_eq!(begin(store, "a", "1", NOW + ms(1)).await, running);
    assert!(
        store
            .finish(&reservation, "the answer: é")
            .await
            .expect("finish")
    );
    for later in [1, LOCK_TIMEOUT_MS, LIFE_MS - 1] {
        assert_eq!(
            begin(store, "a", "1", NOW + ms(later)).await,
            BeginOutcome::Stored("the answer: é".to_owned())
        );
    }
    first(store, "a", "1", NOW + ms(LIFE_MS)).await;
}

/// Exactly one of several concurrent callers executes.
pub async fn of_many_at_once_one_is_first(store: &Idempotency) {
    let asked = futures::future::join_all((0..8).map(|_| begin(store, "a", "1", NOW))).await;
    let first = asked
        .iter()
        .filter(|it| matches!(it, BeginOutcome::Reserved(_)))
        .count();
    let running = asked
        .iter()
        .filter(|it| matches!(it, BeginOutcome::Running { .. }))
        .count();
    assert_eq!((first, running), (1, 7));
}

/// A key belongs to one request, also during its execution, and after the execution was cut off.
pub async fn another_request_with_the_key_is_refused(store: &Idempotency) {
    let reservation = first(store, "a", "1", NOW).await;
    assert_eq!(begin(store, "a", "2", NOW).await, BeginOutcome::KeyReused);
    assert_eq!(
        begin(store, "a", "2", NOW + ms(LOCK_TIMEOUT_MS)).await,
        BeginOutcome::KeyReused
    );
    assert!(store.finish(&reservation, "x").await.expect("finish"));
    assert_eq!(begin(store, "a", "2", NOW).await, BeginOutcome::KeyReused);
    first(store, "b", "2", NOW).await;
    // After the response has expired, the key is free.
    first(store, "a", "2", NOW + ms(LIFE_MS)).await;
}

/// A crashed execution blocks others for no longer than the lock timeout, and changes nothing if it
/// turns out to be alive.
pub async fn a_crash_is_taken_over(store: &Idempotency) {
    let dead = first(store, "a", "1", NOW).await;
    let still = begin(store, "a", "1", NOW + ms(LOCK_TIMEOUT_MS - 1)).await;
    assert!(matches!(still, BeginOutcome::Running { .. }), "{still:?}");
    let heir = first(store, "a", "1", NOW + ms(LOCK_TIMEOUT_MS)).await;
    assert!(!store.finish(&dead, "of the dead").await.expect("finish"));
    store.release(&dead).await.expect("give back");
    assert!(store.finish(&heir, "of the heir").await.expect("finish"));
    assert_eq!(
        begin(store, "a", "1", NOW + ms(LOCK_TIMEOUT_MS)).await,
        BeginOutcome::Stored("of the heir".to_owned())
    );
}

/// A released request is executed again; a finished one keeps its response.
pub async fn what_is_given_back_is_free(store: &Idempotency) {
    let reservation = first(store, "a", "1", NOW).await;
    store.release(&reservation).await.expect("give back");
    // The key is free too: the next request may be a different one.
    let reservation = first(store, "a", "2", NOW).await;
    assert!(store.finish(&reservation, "x").await.expect("finish"));
    store.release(&reservation).await.expect("too late");
    assert!(!store.finish(&reservation, "y").await.expect("too late"));
    assert_eq!(
        begin(store, "a", "2", NOW).await,
        BeginOutcome::Stored("x".to_owned())
    );
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
