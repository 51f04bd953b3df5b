//! Receivers that are down, slow, gone, or respond incorrectly.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::Body;
use catalog::webhooks::{DeliveryStatus, DisabledReason, EndpointPatch};
use platform::clock;

use super::office::{DAY, HOUR, LIFE, MINUTE, Office};
use crate::receiver::{Receiver, Reply, reply};

#[tokio::test]
async fn a_receiver_that_is_down_for_almost_three_days_misses_nothing() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| reply(503));
    let began = clock::now();
    let mut videos = vec![];
    for number in 1..=3 {
        videos.push(
            office
                .life(number, began + Duration::from_millis(number.into()))
                .await,
        );
    }
    let down = office
        .pass(began + Duration::from_millis(10), began + 3 * DAY - HOUR)
        .await;
    assert_eq!((down.delivered, down.given_up, down.disabled), (0, 0, 0));
    assert!(
        (60..=120).contains(&down.failed),
        "three heads of line, each some thirty times: {}",
        down.failed
    );
    let heads: HashSet<_> = receiver.received().iter().map(|it| it.id()).collect();
    assert_eq!(
        heads.len(),
        3,
        "of each video, the first event alone, with one id for ever"
    );

    receiver.answer(|_| reply(200));
    let back = office
        .pass(began + 3 * DAY - HOUR, began + 3 * DAY + HOUR)
        .await;
    assert_eq!(
        (back.delivered, back.failed, back.given_up, back.disabled),
        (12, 0, 0, 0)
    );
    let taken = receiver.kinds_by_video();
    for video in videos {
        assert_eq!(taken[&video.to_string()], LIFE, "in order");
    }
    assert!(heads.is_subset(&receiver.taken().iter().map(|it| it.id()).collect()));

    let after = office.pass(began + 3 * DAY + HOUR, began + 5 * DAY).await;
    assert_eq!(
        (after.delivered, after.failed),
        (0, 0),
        "acknowledged once, never sent again"
    );
}

#[tokio::test]
async fn a_receiver_that_is_down_longer_is_disabled_until_it_is_enabled() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| reply(500));
    let began = clock::now();
    office.life(1, began).await;
    let down = office.pass(began, began + 3 * DAY + 2 * HOUR).await;
    assert_eq!((down.delivered, down.given_up, down.disabled), (0, 1, 1));
    let (_, reason) = office
        .store
        .get(endpoint.id)
        .await
        .unwrap()
        .disabled
        .unwrap();
    assert_eq!(reason, DisabledReason::Failing);
    assert!(
        office
            .log(&endpoint)
            .await
            .iter()
            .all(|it| it.status == DeliveryStatus::Failed)
    );

    receiver.answer(|_| reply(200));
    office.life(2, began + 4 * DAY).await;
    office.pass(began + 4 * DAY, began + 5 * DAY).await;
    assert_eq!(receiver.taken().len(), 0, "disabled is disabled");
    let patch = EndpointPatch {
        active: Some(true),
        ..EndpointPatch::default()
    };
    office
        .store
        .patch(endpoint.id, &patch, began + 5 * DAY)
        .await
        .unwrap();
    office.life(3, began + 5 * DAY).await;
    office.dispatch(began + 5 * DAY).await;
    assert_eq!(receiver.kinds(), LIFE);
}

#[tokio::test]
async fn one_that_is_gone_is_asked_once() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| reply(410));
    let now = clock::now();
    office.life(1, now).await;
    let round = office.pass(now, now + DAY).await;
    assert_eq!((round.disabled, receiver.received().len()), (1, 1));
    let (_, reason) = office
        .store
        .get(endpoint.id)
        .await
        .unwrap()
        .disabled
        .unwrap();
    assert_eq!(reason, DisabledReason::Gone);
}

#[tokio::test]
async fn a_requested_delay_applies_to_all_messages() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| Reply {
        headers: vec![("retry-after", "7200")],
        ..reply(429)
    });
    let now = clock::now();
    office.upload(1, now).await;
    assert_eq!(office.dispatch(now).await.failed, 1);
    office.upload(2, now + MINUTE).await;
    receiver.answer(|_| reply(200));
    office.pass(now + MINUTE, now + 2 * HOUR - MINUTE).await;
    assert_eq!(
        receiver.taken().len(),
        0,
        "neither that message nor another"
    );
    assert_eq!(office.dispatch(now + 2 * HOUR + MINUTE).await.delivered, 2);
}

#[tokio::test]
async fn a_slow_receiver_times_out_and_delays_no_other() {
    let (office, slow, quick) = (
        Office::open().await,
        Receiver::start().await,
        Receiver::start().await,
    );
    let (endpoint, _) = office.endpoint(1, &slow.url, None).await;
    office.endpoint(2, &quick.url, None).await;
    slow.answer(|_| Reply {
        delay: Duration::from_secs(60),
        ..reply(200)
    });
    let now = clock::now();
    for number in 0..40 {
        office.upload(number, now).await;
    }
    let began = std::time::Instant::now();
    let round = tokio::spawn(async move {
        let round = office.dispatch(now).await;
        (round, office.last_error(&endpoint).await)
    });
    while quick.received().len() < 40 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the quick one has {} messages",
            quick.received().len()
        );
    }
    assert!(
        slow.received().len() < 40,
        "the slow one has its share, and the quick one was not behind it"
    );
    let (round, error) = round.await.unwrap();
    assert_eq!((round.delivered, round.failed), (40, 40));
    assert_eq!(error, "no response within 0.5 s");
}

#[tokio::test]
async fn redirects_and_other_answers_are_failures() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    let now = clock::now();
    for (number, status, error) in [
        (1, 301, "HTTP 301, and redirects are not followed"),
        (2, 307, "HTTP 307, and redirects are not followed"),
        (3, 404, "HTTP 404"),
        (4, 500, "HTTP 500"),
    ] {
        receiver.answer(move |_| Reply {
            headers: vec![("location", "/elsewhere")],
            ..reply(status)
        });
        let delivery = office
            .store
            .send_test(endpoint.id, now + Duration::from_millis(number))
            .await
            .unwrap();
        let round = office.dispatch(now + Duration::from_millis(number)).await;
        assert_eq!((round.delivered, round.failed), (0, 1), "{status}");
        let log = office.log(&endpoint).await;
        let last = log
            .into_iter()
            .find(|it| it.id == delivery.id)
            .unwrap()
            .last
            .unwrap();
        assert_eq!(
            (last.status, last.error.as_deref()),
            (Some(status), Some(error))
        );
    }
    assert!(receiver.received().iter().all(|it| it.path == "/hook"));
}

#[tokio::test]
async fn a_refused_connection_is_a_failure() {
    let office = Office::open().await;
    // A port that was free a moment ago.
    let address = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let (endpoint, _) = office
        .endpoint(1, &format!("http://{address}/"), None)
        .await;
    let now = clock::now();
    office.store.send_test(endpoint.id, now).await.unwrap();
    assert_eq!(office.dispatch(now).await.failed, 1);
    let error = office.last_error(&endpoint).await;
    assert!(error.starts_with("cannot connect: "), "{error}");
}

#[tokio::test]
async fn answers_without_end_are_not_read_to_it() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| {
        let endless =
            futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 << 10]));
        Reply {
            body: Body::from_stream(endless),
            ..reply(200)
        }
    });
    let now = clock::now();
    office.life(1, now).await;
    assert_eq!(office.dispatch(now).await.delivered, 4);
}

#[tokio::test]
async fn a_dispatcher_with_a_deadline_returns_before_it() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| Reply {
        delay: Duration::from_millis(300),
        ..reply(200)
    });
    let now = clock::now();
    for number in 0..80 {
        office.upload(number, now).await;
    }
    let began = std::time::Instant::now();
    let round = office
        .dispatcher
        .dispatch_before(clock::now() + Duration::from_secs(2), clock::now())
        .await
        .unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    assert!(
        (1..80).contains(&round.delivered) && round.failed == 0,
        "{round:?}"
    );
    // The next dispatcher continues.
    receiver.answer(|_| reply(200));
    let rest = office
        .dispatcher
        .dispatch_before(clock::now() + Duration::from_secs(60), clock::now())
        .await
        .unwrap();
    assert_eq!(round.delivered + rest.delivered, 80);
    assert_eq!(receiver.taken().len(), 80, "none was sent twice");
}
