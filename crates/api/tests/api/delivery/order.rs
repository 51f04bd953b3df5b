//! Messages arrive in order and once, despite races, crashes and shutdowns.

use std::collections::HashMap;
use std::time::Duration;

use api::webhooks::DispatchSummary;
use catalog::database::open_sqlite;
use catalog::webhooks::Webhooks;
use platform::clock;
use platform::net::Guard;
use tokio_util::sync::CancellationToken;

use super::office::{ALL, DAY, LIFE, MINUTE, Office, dispatcher};
use crate::receiver::{Receiver, Reply, reply};

/// Two dispatchers with separate connections, many videos, and a receiver of varying speed
/// that fails occasionally.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_dispatchers_send_each_event_once_and_in_order() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|message| {
        let chance = message.body.iter().fold(7_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
        });
        Reply {
            delay: Duration::from_millis(u64::from(chance % 7)),
            ..reply(200)
        }
    });
    let other = open_sqlite(&office.folder.path().join("edgereel.db"))
        .await
        .unwrap();
    let other = Webhooks::new(&other);
    let other = dispatcher(&other, &office.keys, Guard::new(ALL));
    let now = clock::now();
    let (stop, mut videos) = (CancellationToken::new(), vec![]);
    // The dispatchers run while events are still being written.
    let writing = async {
        for number in 0..50 {
            videos.push(office.life(number, now).await);
        }
    };
    let sending = async {
        let mut delivered = 0;
        while delivered < 200 {
            let rounds = tokio::join!(
                office.dispatcher.dispatch(now, &stop),
                other.dispatch(now, &stop)
            );
            delivered += rounds.0.unwrap().delivered + rounds.1.unwrap().delivered;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        delivered
    };
    let ((), delivered) = tokio::time::timeout(Duration::from_secs(60), async {
        tokio::join!(writing, sending)
    })
    .await
    .expect("all arrive");
    assert_eq!(
        (delivered, receiver.received().len()),
        (200, 200),
        "each once"
    );
    let taken = receiver.kinds_by_video();
    for video in videos {
        assert_eq!(taken[&video.to_string()], LIFE, "in order");
    }
}

/// The same, with a retry of every third message.
#[tokio::test]
async fn failures_do_not_break_the_order() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    let tries = std::sync::Mutex::new(HashMap::<String, u32>::new());
    receiver.answer(move |message| {
        let mut tries = tries.lock().unwrap();
        let tried = tries.entry(message.id()).or_default();
        *tried += 1;
        let bad = message
            .body
            .iter()
            .map(|&byte| u32::from(byte))
            .sum::<u32>()
            % 3;
        reply(if *tried <= bad { 503 } else { 200 })
    });
    let now = clock::now();
    let mut videos = vec![];
    for number in 0..50 {
        videos.push(
            office
                .life(number, now + Duration::from_millis(number.into()))
                .await,
        );
    }
    let round = office
        .pass(now + Duration::from_millis(100), now + DAY)
        .await;
    assert_eq!((round.delivered, round.given_up), (200, 0));
    assert!(round.failed > 50, "the receiver did fail: {}", round.failed);
    let taken = receiver.kinds_by_video();
    for video in videos {
        assert_eq!(taken[&video.to_string()], LIFE, "in order");
    }
}

#[tokio::test]
async fn a_crash_before_the_acknowledgement_sends_it_again_with_the_same_id() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    // The receiver has the message, but its response never arrives.
    receiver.answer(|_| Reply {
        delay: Duration::from_secs(60),
        ..reply(200)
    });
    let now = clock::now();
    office.upload(1, now).await;
    tokio::select! {
        round = office.dispatch(now) => panic!("it came back: {round:?}"),
        () = receiver.arrived() => {}
    }
    receiver.answer(|_| reply(200));
    assert_eq!(
        office.dispatch(now + Duration::from_secs(1)).await,
        DispatchSummary::default(),
        "it may still be on its way"
    );
    assert_eq!(office.dispatch(now + MINUTE).await.delivered, 1);
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(
        (received[0].id(), &received[0].body),
        (received[1].id(), &received[1].body)
    );
    assert_eq!(office.dispatch(now + DAY).await, DispatchSummary::default());
}

#[tokio::test]
async fn a_stopped_dispatcher_finishes_its_messages() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| Reply {
        delay: Duration::from_millis(200),
        ..reply(200)
    });
    let (now, stop) = (clock::now(), CancellationToken::new());
    office.life(1, now).await;
    let stopping = async {
        receiver.arrived().await;
        stop.cancel();
    };
    let (round, ()) = tokio::join!(office.dispatcher.dispatch(now, &stop), stopping);
    assert_eq!(round.unwrap().delivered, 1, "the first of four");
    assert_eq!(
        office.dispatch(now).await.delivered,
        3,
        "the others wait, unharmed"
    );
    assert_eq!(receiver.kinds(), LIFE);
}
