//! The conformance suite for webhook stores, together with the catalog that writes the events. Each
//! case needs both, empty and in one database.
//!
//! [`webhook_conformance!`](crate::webhook_conformance) generates one test per case.

use std::time::Duration;

use domain::time::UnixMillis;
use domain::webhook::{EndpointId, EventType};
use serde_json::Value;

use super::{
    AttemptOutcome, Delivery, DeliveryAttempt, DeliveryFilter, DeliveryOutcome, Dispatch, Endpoint,
    EndpointPatch, NewEndpoint, Webhooks,
};
use crate::videos::{Catalog, conformance as videos};

mod deliveries;
mod endpoints;
mod events;
mod failures;
mod random_changes;
mod subscriptions;

pub use deliveries::*;
pub use endpoints::*;
pub use events::*;
pub use failures::*;
pub use random_changes::*;
pub use subscriptions::*;

/// A store under test.
pub struct Subject {
    /// The store, empty at the start of a case.
    pub webhooks: Webhooks,
    /// The catalog, which writes the events.
    pub catalog: Catalog,
}

/// The time at which the cases start.
const NOW: UnixMillis = videos::NOW;
/// Lease of a dispatch, milliseconds.
const LEASE_MS: u64 = 30_000;
/// The same lease as a `Duration`.
const LEASE: Duration = Duration::from_millis(LEASE_MS);
/// More items than any case has.
const MANY: u32 = 1_000;

impl Subject {
    /// The catalog as a subject of its own suite, with its helpers for videos.
    fn videos(&self) -> videos::Subject {
        videos::Subject {
            catalog: self.catalog.clone(),
        }
    }

    /// An endpoint that receives all events.
    async fn endpoint(&self, number: u8) -> Endpoint {
        self.webhooks
            .create(&new_endpoint(number), NOW)
            .await
            .expect("create")
    }

    /// Creates the deliveries of all new events.
    async fn fan_out(&self, now: UnixMillis) -> u64 {
        self.webhooks.fan_out(MANY, now).await.expect("share out")
    }

    async fn claim(&self, now: UnixMillis) -> Vec<Dispatch> {
        self.webhooks
            .claim(MANY, MANY, LEASE, now)
            .await
            .expect("claim")
    }

    /// Claims deliveries, of which there must be exactly one.
    async fn claim_one(&self, now: UnixMillis) -> Dispatch {
        let mut claimed = self.claim(now).await;
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }

    async fn record_attempt(
        &self,
        dispatch: &Dispatch,
        outcome: AttemptOutcome,
        now: UnixMillis,
    ) -> DeliveryOutcome {
        self.webhooks
            .record_attempt(dispatch, &attempted(outcome), now)
            .await
            .expect("settle")
    }

    /// All events since the last call, as the endpoints receive them: delivered in order.
    async fn emitted(&self, now: UnixMillis) -> Vec<Dispatch> {
        self.fan_out(now).await;
        let mut emitted = vec![];
        loop {
            let claimed = self.claim(now).await;
            if claimed.is_empty() {
                return emitted;
            }
            for dispatch in claimed {
                assert_eq!(
                    self.record_attempt(&dispatch, AttemptOutcome::Delivered, now)
                        .await,
                    DeliveryOutcome::Delivered
                );
                emitted.push(dispatch);
            }
        }
    }

    /// The types of all events since the last call.
    async fn emitted_types(&self, now: UnixMillis) -> Vec<EventType> {
        self.emitted(now).await.iter().map(|it| it.kind).collect()
    }

    /// The log of an endpoint, oldest first.
    async fn log(&self, endpoint: EndpointId) -> Vec<Delivery> {
        let filter = DeliveryFilter {
            endpoint,
            status: None,
            after: None,
            limit: MANY,
        };
        let mut log = self
            .webhooks
            .deliveries(&filter)
            .await
            .expect("log")
            .deliveries;
        log.reverse();
        log
    }

    async fn set_active(&self, endpoint: EndpointId, active: bool, now: UnixMillis) -> Endpoint {
        let patch = EndpointPatch {
            active: Some(active),
            ..EndpointPatch::default()
        };
        self.webhooks
            .patch(endpoint, &patch, now)
            .await
            .expect("patch")
    }
}

fn new_endpoint(number: u8) -> NewEndpoint {
    NewEndpoint {
        id: endpoint_id(number),
        owner: None,
        url: format!("https://receiver-{number}.example/hook"),
        types: None,
        description: Some(format!("Receiver {number}")),
        sealed_secret: format!("sealed-{number}"),
    }
}

fn endpoint_id(number: u8) -> EndpointId {
    EndpointId::new(NOW.get() + u64::from(number), [number; 10])
}

fn attempted(outcome: AttemptOutcome) -> DeliveryAttempt {
    let (status, error) = match outcome {
        AttemptOutcome::Delivered => (200, None),
        AttemptOutcome::Failed { .. } => (503, Some("it answered 503".to_owned())),
        AttemptOutcome::Gone => (410, Some("it answered 410".to_owned())),
    };
    DeliveryAttempt {
        outcome,
        status: Some(status),
        error,
        duration_ms: 12,
    }
}

fn retry_at(retry_ms: UnixMillis) -> AttemptOutcome {
    AttemptOutcome::Failed {
        retry_ms: Some(retry_ms),
        pause_until_ms: None,
    }
}

/// The `data` of a message.
fn data(dispatch: &Dispatch) -> Value {
    let message: Value = serde_json::from_str(&dispatch.payload).expect("a message is JSON");
    assert_eq!(message["type"], dispatch.kind.as_str());
    message["data"].clone()
}

/// Generates a `#[tokio::test]` for every case. `$make`: an expression that awaits to a new
/// [`Subject`], together with the values that must outlive it.
///
/// With `together:` in front, it generates a `Vec` of `testkit::Case` instead: for stores on a
/// server that is slow to start.
#[macro_export]
macro_rules! webhook_conformance {
    (together: $make:expr) => {
        $crate::webhook_conformance! { @ together $make }
    };
    ($make:expr) => {
        $crate::webhook_conformance! { @ each $make }
    };
    (@ $how:ident $make:expr) => {
        $crate::conformance_cases! { [$crate::webhooks], $how $make;
            a_lifecycle_emits_each_event_once a_deleted_video_keeps_its_reference_in_messages a_failure_event_has_its_reason every_new_attempt_emits_an_event
            a_claim_that_overtakes_its_event_emits_both another_source_is_another_upload
            progress_is_emitted_to_subscribers_and_throttled refused_changes_emit_nothing
            every_change_is_emitted_once_in_any_order published_captions_are_an_event
            endpoints_are_kept_as_they_were_made endpoints_are_changed_and_removed lists_endpoints_in_pages
            an_owner_has_only_so_many secrets_rotate_with_an_overlap a_stored_secret_is_replaced
            endpoints_get_what_they_asked_for owners_hear_of_their_own_videos
            a_disabled_endpoint_gets_nothing messages_have_the_trace_of_the_video
            events_of_a_video_wait_for_each_other an_endpoint_has_its_share_and_no_more
            a_lease_keeps_others_away of_racing_claimers_each_gets_other_deliveries
            a_delivery_is_settled_once tests_and_replays_wait_for_nothing logs_have_pages_and_filters
            old_entries_are_pruned
            a_failure_waits_for_its_time an_endpoint_can_ask_for_a_pause
            an_endpoint_that_is_gone_is_disabled three_days_of_failures_disable
            one_success_ends_a_bad_time what_arrives_at_last_is_noted
        }
    };
}
