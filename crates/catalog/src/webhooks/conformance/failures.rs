//! Endpoints that reject deliveries.

use domain::time::UnixMillis;
use domain::webhook::retry::GIVE_UP_AFTER;

use super::{LEASE_MS, NOW, Subject, retry_at};
use crate::videos::conformance::ms;
use crate::webhooks::{AttemptOutcome, DeliveryOutcome, DeliveryStatus, DisabledReason};

/// A failed delivery waits for its retry time, and its log entry has the reason.
pub async fn a_failure_waits_for_its_time(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    subject.webhooks.send_test(id, NOW).await.expect("test");
    let dispatch = subject.claim_one(NOW).await;
    assert_eq!(
        subject
            .record_attempt(&dispatch, retry_at(NOW + ms(5_000)), NOW + ms(12))
            .await,
        DeliveryOutcome::Pending
    );
    let entry = subject.log(id).await.remove(0);
    assert_eq!(
        (entry.status, entry.next_ms, entry.settled_ms),
        (DeliveryStatus::Pending, Some(NOW + ms(5_000)), None)
    );
    let last = entry.last.expect("an attempt");
    assert_eq!(
        (last.at_ms, last.status, last.error.as_deref()),
        (NOW, Some(503), Some("it answered 503"))
    );
    assert_eq!(subject.claim(NOW + ms(4_999)).await, []);
    let again = subject.claim_one(NOW + ms(5_000)).await;
    assert_eq!((again.attempt, again.event), (2, dispatch.event));
}

/// An endpoint can request a pause: nothing is sent to it meanwhile, and other endpoints are not
/// affected.
pub async fn an_endpoint_can_ask_for_a_pause(subject: &Subject) {
    let (id, other) = (subject.endpoint(1).await.id, subject.endpoint(2).await.id);
    subject.webhooks.send_test(id, NOW).await.expect("test");
    let dispatch = subject.claim_one(NOW).await;
    let pause = AttemptOutcome::Failed {
        retry_ms: Some(NOW + ms(5_000)),
        pause_until_ms: Some(NOW + ms(60_000)),
    };
    subject.record_attempt(&dispatch, pause, NOW).await;
    for endpoint in [id, other] {
        subject
            .webhooks
            .send_test(endpoint, NOW + ms(1))
            .await
            .expect("test");
    }
    assert_eq!(subject.claim_one(NOW + ms(59_999)).await.endpoint.id, other);
    assert_eq!(subject.claim(NOW + ms(60_000)).await.len(), 2);
}

/// An endpoint that answers 410 is disabled, and its pending deliveries fail.
pub async fn an_endpoint_that_is_gone_is_disabled(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    subject.videos().ready(1).await;
    subject.fan_out(NOW).await;
    let dispatch = subject.claim_one(NOW).await;
    assert_eq!(
        subject
            .record_attempt(&dispatch, AttemptOutcome::Gone, NOW + ms(3))
            .await,
        DeliveryOutcome::Disabled(DisabledReason::Gone)
    );
    let endpoint = subject.webhooks.get(id).await.expect("get");
    assert_eq!(endpoint.disabled, Some((NOW + ms(3), DisabledReason::Gone)));
    for entry in subject.log(id).await {
        assert_eq!(
            (entry.status, entry.settled_ms),
            (DeliveryStatus::Failed, Some(NOW + ms(3)))
        );
    }
    assert_eq!(subject.claim(NOW + ms(LEASE_MS * 9)).await, []);
}

/// Three days of failures, counted from the first failure after the last success, disable an
/// endpoint.
pub async fn three_days_of_failures_disable(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    subject.webhooks.send_test(id, NOW).await.expect("test");
    let first = subject.claim_one(NOW).await;
    subject
        .record_attempt(&first, retry_at(NOW + GIVE_UP_AFTER - ms(1)), NOW)
        .await;
    assert_eq!(
        subject
            .webhooks
            .get(id)
            .await
            .expect("get")
            .failing_since_ms,
        Some(NOW)
    );
    let almost = NOW + GIVE_UP_AFTER - ms(1);
    let second = subject.claim_one(almost).await;
    assert_eq!(
        subject
            .record_attempt(&second, retry_at(almost + ms(1)), almost)
            .await,
        DeliveryOutcome::Pending
    );
    let third = subject.claim_one(almost + ms(1)).await;
    let settled = subject
        .record_attempt(&third, retry_at(almost + ms(9)), almost + ms(1))
        .await;
    assert_eq!(settled, DeliveryOutcome::Disabled(DisabledReason::Failing));
    let enabled = subject.set_active(id, true, almost + ms(2)).await;
    assert_eq!(
        (
            enabled.disabled,
            enabled.failing_since_ms,
            enabled.paused_until_ms
        ),
        (None, None, UnixMillis::default())
    );
}

/// A single failing message does not disable an endpoint.
pub async fn one_success_ends_a_bad_time(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    for _ in 0..2 {
        subject.webhooks.send_test(id, NOW).await.expect("test");
    }
    let claimed = subject.claim(NOW).await;
    subject
        .record_attempt(&claimed[0], retry_at(NOW + GIVE_UP_AFTER), NOW)
        .await;
    subject
        .record_attempt(&claimed[1], AttemptOutcome::Delivered, NOW + ms(1))
        .await;
    assert_eq!(
        subject
            .webhooks
            .get(id)
            .await
            .expect("get")
            .failing_since_ms,
        None
    );
    let last = subject.claim_one(NOW + GIVE_UP_AFTER).await;
    let given_up = AttemptOutcome::Failed {
        retry_ms: None,
        pause_until_ms: None,
    };
    assert_eq!(
        subject
            .record_attempt(&last, given_up, NOW + GIVE_UP_AFTER)
            .await,
        DeliveryOutcome::Failed
    );
    assert_eq!(subject.webhooks.get(id).await.expect("get").disabled, None);
}

/// A delivery that succeeds after its endpoint was disabled is recorded as delivered; one that
/// fails stays failed.
pub async fn what_arrives_at_last_is_noted(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    for _ in 0..2 {
        subject.webhooks.send_test(id, NOW).await.expect("test");
    }
    let flying = subject.claim(NOW).await;
    subject.set_active(id, false, NOW + ms(1)).await;
    subject
        .record_attempt(&flying[0], AttemptOutcome::Delivered, NOW + ms(2))
        .await;
    subject
        .record_attempt(&flying[1], retry_at(NOW + ms(10)), NOW + ms(2))
        .await;
    let status = async |of: usize| {
        let log = subject.log(id).await;
        log.iter()
            .find(|it| it.id == flying[of].delivery)
            .expect("an entry")
            .status
    };
    assert_eq!(
        (status(0).await, status(1).await),
        (DeliveryStatus::Delivered, DeliveryStatus::Failed)
    );
    subject.set_active(id, true, NOW + ms(3)).await;
    assert_eq!(subject.claim(NOW + ms(LEASE_MS * 9)).await, []);
}
