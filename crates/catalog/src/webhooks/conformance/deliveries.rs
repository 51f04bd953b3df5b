//! Claims, leases and the order of deliveries.

use std::collections::HashSet;

use domain::webhook::EventType::*;
use domain::webhook::{DeliveryId, EventType};

use super::{LEASE, LEASE_MS, MANY, NOW, Subject, attempted, data, endpoint_id, retry_at};
use crate::videos::conformance::ms;
use crate::webhooks::{
    AttemptOutcome, DeliveryFilter, DeliveryOutcome, DeliveryStatus, LastAttempt, Pruned,
    WebhookError,
};

/// The next event of a video is sent only when the previous one was delivered or failed
/// permanently; other videos do not wait.
pub async fn events_of_a_video_wait_for_each_other(subject: &Subject) {
    subject.endpoint(1).await;
    subject.videos().ready(1).await;
    subject.videos().queued(2).await;
    assert_eq!(subject.fan_out(NOW).await, 4);
    let first = subject.claim(NOW).await;
    assert_eq!(
        first.iter().map(|it| it.kind).collect::<Vec<_>>(),
        [UploadCompleted, UploadCompleted]
    );
    assert_ne!(data(&first[0])["video"], data(&first[1])["video"]);
    assert_eq!(
        subject.claim(NOW).await,
        [],
        "the second of the first video waits"
    );
    let of_first = |it: &&super::Dispatch| data(it)["external_id"] == "external-1";
    let head = first.iter().find(of_first).expect("of the first video");
    assert_eq!(
        subject
            .record_attempt(head, retry_at(NOW + ms(50)), NOW)
            .await,
        DeliveryOutcome::Pending
    );
    assert_eq!(
        subject.claim(NOW + ms(49)).await,
        [],
        "also for one that failed"
    );
    let head = subject.claim_one(NOW + ms(50)).await;
    assert_eq!((head.kind, head.attempt), (UploadCompleted, 2));
    subject
        .record_attempt(
            &head,
            AttemptOutcome::Failed {
                retry_ms: None,
                pause_until_ms: None,
            },
            NOW + ms(50),
        )
        .await;
    let next = subject.claim_one(NOW + ms(50)).await;
    assert_eq!(
        next.kind, VideoProcessing,
        "but not for one that was given up"
    );
    subject
        .record_attempt(&next, AttemptOutcome::Delivered, NOW + ms(50))
        .await;
    assert_eq!(subject.claim_one(NOW + ms(50)).await.kind, VideoReady);
}

/// An endpoint has at most `per_endpoint` deliveries in progress, however many are due.
pub async fn an_endpoint_has_its_share_and_no_more(subject: &Subject) {
    subject.endpoint(1).await;
    for number in 1..=6 {
        subject.videos().queued(number).await;
    }
    subject.fan_out(NOW).await;
    let late = subject.endpoint(2).await;
    subject
        .webhooks
        .send_test(late.id, NOW + ms(1))
        .await
        .expect("test");
    let claim = async |limit| {
        subject
            .webhooks
            .claim(limit, 2, LEASE, NOW + ms(1))
            .await
            .expect("claim")
    };
    assert_eq!(claim(0).await, []);
    assert_eq!(claim(1).await.len(), 1);
    let rest = claim(MANY).await;
    let of = |number| {
        rest.iter()
            .filter(|it| it.endpoint.id == endpoint_id(number))
            .count()
    };
    assert_eq!(
        (of(1), of(2)),
        (1, 1),
        "two at a time, with the one before; the other endpoint does not wait"
    );
    assert_eq!(claim(MANY).await, []);
    let done = rest
        .iter()
        .find(|it| it.endpoint.id == endpoint_id(1))
        .expect("of the first");
    subject
        .record_attempt(done, AttemptOutcome::Delivered, NOW + ms(1))
        .await;
    assert_eq!(claim(MANY).await.len(), 1);
}

/// Until a lease expires, no other dispatcher gets the delivery; afterwards it is sent again, and
/// only the new holder may record the result.
pub async fn a_lease_keeps_others_away(subject: &Subject) {
    subject.endpoint(1).await;
    subject.videos().queued(1).await;
    subject.fan_out(NOW).await;
    let first = subject.claim_one(NOW).await;
    assert_eq!((first.attempt, first.first_ms), (1, NOW));
    assert_eq!(subject.claim(NOW + ms(LEASE_MS - 1)).await, []);
    let second = subject.claim_one(NOW + ms(LEASE_MS)).await;
    assert_eq!(
        (second.attempt, second.first_ms, second.event),
        (2, NOW, first.event)
    );
    assert_eq!(
        (second.delivery, &second.payload),
        (first.delivery, &first.payload)
    );
    let late = subject
        .webhooks
        .record_attempt(
            &first,
            &attempted(AttemptOutcome::Delivered),
            NOW + ms(LEASE_MS),
        )
        .await;
    assert!(matches!(late, Err(WebhookError::LeaseLost(_))), "{late:?}");
    assert_eq!(
        subject
            .record_attempt(&second, AttemptOutcome::Delivered, NOW + ms(LEASE_MS + 5))
            .await,
        DeliveryOutcome::Delivered
    );

    // No other dispatcher claimed it in between: a late result counts.
    subject.videos().queued(2).await;
    subject.fan_out(NOW).await;
    let slow = subject.claim_one(NOW).await;
    assert_eq!(
        subject
            .record_attempt(&slow, AttemptOutcome::Delivered, NOW + ms(2 * LEASE_MS))
            .await,
        DeliveryOutcome::Delivered
    );
}

/// Concurrent claimers get different deliveries, and together all of them.
pub async fn of_racing_claimers_each_gets_other_deliveries(subject: &Subject) {
    subject.endpoint(1).await;
    for number in 1..=20 {
        subject.videos().queued(number).await;
    }
    // Concurrent here too: every event is fanned out once.
    let shared = futures::future::join_all((0..4).map(|_| subject.webhooks.fan_out(7, NOW))).await;
    assert_eq!(
        shared
            .into_iter()
            .map(|it| it.expect("share out"))
            .sum::<u64>(),
        20
    );
    let claims = (0..8).map(|_| subject.webhooks.claim(4, MANY, LEASE, NOW));
    let claimed = futures::future::join_all(claims).await;
    let all: Vec<_> = claimed
        .into_iter()
        .flat_map(|it| it.expect("claim"))
        .map(|it| it.delivery)
        .collect();
    assert_eq!(all.len(), 20);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 20, "none twice");
}

/// A repeated result is ignored.
pub async fn a_delivery_is_settled_once(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    subject.videos().queued(1).await;
    subject.fan_out(NOW).await;
    let dispatch = subject.claim_one(NOW).await;
    let waiting = subject.log(id).await.remove(0);
    assert_eq!(
        (waiting.status, waiting.attempts, waiting.last),
        (DeliveryStatus::Pending, 1, None)
    );
    subject
        .record_attempt(&dispatch, AttemptOutcome::Delivered, NOW + ms(20))
        .await;
    let again = subject
        .webhooks
        .record_attempt(&dispatch, &attempted(retry_at(NOW + ms(30))), NOW + ms(21))
        .await;
    assert!(
        matches!(again, Err(WebhookError::LeaseLost(_))),
        "{again:?}"
    );
    let done = subject.log(id).await.remove(0);
    assert_eq!(
        (done.status, done.settled_ms, done.next_ms),
        (DeliveryStatus::Delivered, Some(NOW + ms(20)), None)
    );
    assert_eq!(
        (done.kind, done.event, done.event_ms),
        (UploadCompleted, dispatch.event, NOW)
    );
    let last = LastAttempt {
        at_ms: NOW + ms(8),
        status: Some(200),
        error: None,
        duration_ms: 12,
    };
    assert_eq!(done.last, Some(last));
    assert_eq!(subject.claim(NOW + ms(LEASE_MS * 10)).await, []);
}

/// Tests and replays are not ordered after other deliveries. A replay sends the same event.
pub async fn tests_and_replays_wait_for_nothing(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    subject.videos().ready(1).await;
    let emitted = subject.emitted(NOW).await;
    let first = subject
        .log(id)
        .await
        .into_iter()
        .find(|it| it.kind == UploadCompleted)
        .expect("the first");
    // The next event of the video fails for a while.
    subject
        .catalog
        .apply(
            first.video.expect("a video"),
            &domain::state::VideoEvent::Deleted,
            NOW,
        )
        .await
        .expect("delete");
    subject.fan_out(NOW).await;
    let deleted = subject.claim_one(NOW).await;
    subject
        .record_attempt(&deleted, retry_at(NOW + ms(500)), NOW)
        .await;

    let replayed = subject
        .webhooks
        .replay(id, first.id, NOW + ms(1))
        .await
        .expect("replay");
    assert_ne!(replayed.id, first.id, "an entry of its own");
    assert_eq!(
        (replayed.event, replayed.status, replayed.attempts),
        (first.event, DeliveryStatus::Pending, 0)
    );
    let test = subject
        .webhooks
        .send_test(id, NOW + ms(1))
        .await
        .expect("test");
    assert_eq!(
        (test.kind, test.video, test.status),
        (EventType::Test, None, DeliveryStatus::Pending)
    );
    let mut sent = subject.claim(NOW + ms(1)).await;
    sent.sort_by_key(|it| it.kind);
    assert_eq!(
        sent.iter().map(|it| it.kind).collect::<Vec<_>>(),
        [UploadCompleted, Test]
    );
    assert_eq!(sent[0].event, emitted[0].event);
    assert_eq!(data(&sent[0])["video"], data(&emitted[0])["video"]);
    assert_eq!(data(&sent[1])["webhook"], id.to_string());

    // A pending delivery is retried at once.
    let hurried = subject
        .webhooks
        .replay(id, deleted.delivery, NOW + ms(2))
        .await
        .expect("replay");
    assert_eq!(
        (hurried.id, hurried.next_ms),
        (deleted.delivery, Some(NOW + ms(2)))
    );
    assert_eq!(subject.claim_one(NOW + ms(2)).await.kind, VideoDeleted);

    let unknown = DeliveryId::new(0, [9; 10]);
    let none = subject.webhooks.replay(id, unknown, NOW).await;
    assert!(
        matches!(none, Err(WebhookError::NoSuchDelivery(it)) if it == unknown),
        "{none:?}"
    );
    let other = subject.endpoint(2).await.id;
    let foreign = subject.webhooks.replay(other, first.id, NOW).await;
    assert!(
        matches!(foreign, Err(WebhookError::NoSuchDelivery(_))),
        "{foreign:?}"
    );
}

/// The log has pages, newest first, and filters.
pub async fn logs_have_pages_and_filters(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    let mut tests = vec![];
    for number in 0..5 {
        tests.push(
            subject
                .webhooks
                .send_test(id, NOW + ms(number))
                .await
                .expect("test")
                .id,
        );
    }
    tests.reverse();
    let (mut seen, mut after) = (vec![], None);
    loop {
        let filter = DeliveryFilter {
            endpoint: id,
            status: None,
            after,
            limit: 2,
        };
        let page = subject.webhooks.deliveries(&filter).await.expect("log");
        seen.extend(page.deliveries.iter().map(|it| it.id));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, tests);
    let dispatch = subject
        .webhooks
        .claim(1, 1, LEASE, NOW)
        .await
        .expect("claim")
        .remove(0);
    subject
        .record_attempt(&dispatch, AttemptOutcome::Delivered, NOW)
        .await;
    for (status, expected) in [
        (DeliveryStatus::Delivered, 1),
        (DeliveryStatus::Pending, 4),
        (DeliveryStatus::Failed, 0),
    ] {
        let filter = DeliveryFilter {
            endpoint: id,
            status: Some(status),
            after: None,
            limit: MANY,
        };
        let page = subject.webhooks.deliveries(&filter).await.expect("log");
        assert_eq!(page.deliveries.len(), expected, "{status:?}");
    }
}

/// Pending deliveries stay, however old.
pub async fn old_entries_are_pruned(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    subject.videos().queued(1).await;
    subject.emitted(NOW).await;
    subject.videos().queued(2).await;
    subject.fan_out(NOW).await;
    let waiting = subject.claim_one(NOW).await;
    // This event has not been fanned out.
    subject.videos().queued(3).await;

    let prune = async |before_ms| subject.webhooks.prune(before_ms).await.expect("prune");
    assert_eq!(prune(NOW).await, Pruned::default(), "not old enough");
    assert_eq!(
        prune(NOW + ms(1)).await,
        Pruned {
            deliveries: 1,
            events: 1
        }
    );
    assert_eq!(prune(NOW + ms(1)).await, Pruned::default());
    let left: Vec<_> = subject.log(id).await.iter().map(|it| it.id).collect();
    assert_eq!(left, [waiting.delivery]);
    subject
        .record_attempt(&waiting, AttemptOutcome::Delivered, NOW + ms(1))
        .await;
    assert_eq!(
        subject.emitted_types(NOW + ms(1)).await,
        [UploadCompleted],
        "of the third video"
    );
}
