//! The conformance suite for job queues. Each case needs its own, empty queue.
//!
//! [`job_queue_conformance!`](crate::job_queue_conformance) generates one test per case.
//! [`queue_order_conformance!`](crate::queue_order_conformance) does so for the cases that need
//! interactive jobs, chunks and bulk jobs.

use std::collections::HashMap;
use std::time::Duration;

use domain::ids::VideoId;
use domain::job::{Job, JobMessage, JobReason, Mode, Source};

use super::{DeadLetter, Delivery, JobQueue, QueueError, Sent, SharedQueue, Wanted};

mod dead;
mod order;
pub use dead::*;
pub use order::*;

/// A queue under test.
pub struct Subject {
    /// The queue, empty at the start of a case.
    pub queue: SharedQueue,
    /// The queue's `max_receives`; at least 3.
    pub max_receives: u32,
    /// The shortest usable lease: longer than a call takes on a busy machine.
    pub tick: Duration,
}

impl Subject {
    fn queue(&self) -> &dyn JobQueue {
        &*self.queue
    }

    /// A duration longer than any case takes.
    fn long(&self) -> Duration {
        self.tick * 200
    }

    async fn send(&self, number: u8) -> JobMessage {
        let message = message(number);
        assert_eq!(
            self.queue()
                .send(&message, Duration::ZERO)
                .await
                .expect("send"),
            Sent::Queued
        );
        message
    }

    /// Receives a message that must be there or arrive.
    async fn receive(&self, lease: Duration) -> Delivery {
        self.queue()
            .receive(Wanted::ALL, self.tick * 60, lease)
            .await
            .expect("receive")
            .expect("a message should have come")
    }

    /// Collects the dead letters and reads them.
    async fn dead_letters(&self, limit: u32) -> Vec<DeadLetter> {
        let collected = self.queue().collect_dead_letters().await;
        collected.expect("collect");
        let letters = self.queue().dead_letters(limit).await;
        letters.expect("dead letters")
    }

    async fn expect_nothing(&self, wait: Duration, why: &str) {
        let came = self
            .queue()
            .receive(Wanted::ALL, wait, self.long())
            .await
            .expect("receive");
        assert!(came.is_none(), "{why}: {came:?}");
    }
}

/// A message with a unique job.
pub fn message(number: u8) -> JobMessage {
    let video = VideoId::new(1_700_000_000_000, [number; 10]);
    let source = Source {
        bucket: "private".to_owned(),
        key: format!("uploads/{video}/film.mp4"),
        etag: format!("etag-{number}"),
        size: 1,
    };
    Job::new(video, source, "default", Mode::Abr, JobReason::Upload).into()
}

/// A message is delivered once, as it was sent, and is gone after it was acknowledged.
pub async fn delivers_and_forgets(subject: &Subject) {
    let sent = subject.send(1).await;
    let delivery = subject.receive(subject.tick).await;
    assert_eq!(delivery.message.as_ref(), Ok(&sent));
    assert_eq!(delivery.body, sent.to_body());
    assert_eq!((delivery.receive_count, delivery.is_last), (1, false));
    subject.queue().ack(&delivery.receipt).await.expect("ack");
    subject
        .expect_nothing(subject.tick * 2, "it was acknowledged")
        .await;
}

/// A waiting receiver gets a message as soon as it is sent, and stops waiting at its timeout.
pub async fn a_waiting_receiver_is_woken(subject: &Subject) {
    subject
        .expect_nothing(subject.tick, "nothing was sent")
        .await;
    let (delivery, ()) = tokio::join!(subject.receive(subject.long()), async {
        tokio::time::sleep(subject.tick).await;
        subject.send(1).await;
    });
    assert_eq!(delivery.message, Ok(message(1)));
}

/// A leased message is hidden from other receivers.
pub async fn a_lease_hides(subject: &Subject) {
    subject.send(1).await;
    let first = subject.receive(subject.long()).await;
    subject
        .expect_nothing(subject.tick * 2, "it is leased")
        .await;
    subject.queue().ack(&first.receipt).await.expect("ack");
}

/// A message that is not settled when its lease expires is delivered again, and counted.
pub async fn redelivers_after_the_lease(subject: &Subject) {
    let sent = subject.send(1).await;
    let first = subject.receive(subject.tick).await;
    let second = subject.receive(subject.long()).await;
    assert_eq!(second.message, Ok(sent));
    assert_eq!((first.receive_count, second.receive_count), (1, 2));
    assert_eq!(first.sent_ms, second.sent_ms);
}

/// A lease that is extended in time does not expire.
pub async fn an_extended_lease_holds(subject: &Subject) {
    subject.send(1).await;
    let delivery = subject.receive(subject.tick * 3).await;
    subject
        .queue()
        .extend(&delivery.receipt, subject.long())
        .await
        .expect("extend");
    subject
        .expect_nothing(subject.tick * 5, "it was extended")
        .await;
    subject.queue().ack(&delivery.receipt).await.expect("ack");
}

/// A receipt is invalid after a later delivery.
pub async fn a_lost_lease_changes_nothing(subject: &Subject) {
    subject.send(1).await;
    let old = subject.receive(subject.tick).await;
    let new = subject.receive(subject.long()).await;
    let lost = subject.queue().extend(&old.receipt, subject.long()).await;
    assert!(matches!(lost, Err(QueueError::LeaseLost)), "{lost:?}");
    // Some queues answer these with success; none may act on them.
    for answer in [
        subject.queue().ack(&old.receipt).await,
        subject
            .queue()
            .release(&old.receipt, Duration::ZERO, "stale")
            .await,
        subject.queue().dead_letter(&old.receipt, "stale").await,
    ] {
        assert!(
            matches!(answer, Ok(()) | Err(QueueError::LeaseLost)),
            "{answer:?}"
        );
    }
    subject
        .expect_nothing(subject.tick * 2, "the new lease holds")
        .await;
    subject
        .queue()
        .extend(&new.receipt, subject.long())
        .await
        .expect("the new lease holds");
    assert_eq!(subject.queue().depth().await.expect("depth").dead, 0);
}

/// An expired lease cannot be extended: another receiver may get the message at any moment.
pub async fn an_ended_lease_cannot_be_extended(subject: &Subject) {
    subject.send(1).await;
    let delivery = subject.receive(subject.tick).await;
    tokio::time::sleep(subject.tick * 2).await;
    let lost = subject
        .queue()
        .extend(&delivery.receipt, subject.long())
        .await;
    assert!(matches!(lost, Err(QueueError::LeaseLost)), "{lost:?}");
    assert_eq!(subject.receive(subject.long()).await.receive_count, 2);
}

/// A released message is delivered again after the delay, and not before.
pub async fn released_comes_after_its_delay(subject: &Subject) {
    subject.send(1).await;
    let first = subject.receive(subject.long()).await;
    subject
        .queue()
        .release(&first.receipt, Duration::ZERO, "shutdown")
        .await
        .expect("release");
    let second = subject.receive(subject.long()).await;
    assert_eq!(second.receive_count, 2);
    subject
        .queue()
        .release(&second.receipt, subject.tick * 6, "store unavailable")
        .await
        .expect("release");
    subject
        .expect_nothing(subject.tick * 2, "it is delayed")
        .await;
    let stale = subject
        .queue()
        .extend(&second.receipt, subject.long())
        .await;
    assert!(matches!(stale, Err(QueueError::LeaseLost)), "{stale:?}");
    assert_eq!(subject.receive(subject.long()).await.receive_count, 3);
}

/// A message that was sent with a delay is delivered after it, and not before.
pub async fn a_delayed_message_waits(subject: &Subject) {
    subject
        .queue()
        .send(&message(1), subject.tick * 6)
        .await
        .expect("send");
    subject
        .expect_nothing(subject.tick * 2, "it is delayed")
        .await;
    assert_eq!(
        subject.receive(subject.long()).await.message,
        Ok(message(1))
    );
}

/// Of the waiting messages of one job, each that was accepted as new is delivered, and no other.
pub async fn duplicates_are_spared_or_delivered(subject: &Subject) {
    let mut queued = 0;
    for _ in 0..3 {
        queued += u32::from(
            subject
                .queue()
                .send(&message(1), Duration::ZERO)
                .await
                .expect("send")
                == Sent::Queued,
        );
    }
    for _ in 0..queued {
        let delivery = subject.receive(subject.long()).await;
        subject.queue().ack(&delivery.receipt).await.expect("ack");
    }
    subject
        .expect_nothing(subject.tick * 2, "all were delivered")
        .await;
}

/// A message is kept while its job is in progress: that work may have begun too early for it.
pub async fn a_job_at_work_can_be_sent_again(subject: &Subject) {
    subject.send(1).await;
    let first = subject.receive(subject.long()).await;
    subject.send(1).await;
    subject.queue().ack(&first.receipt).await.expect("ack");
    assert_eq!(
        subject.receive(subject.long()).await.message,
        Ok(message(1))
    );
}

/// A delayed job becomes available at once if it is sent again without a delay.
pub async fn a_second_sending_hurries_a_delayed_one(subject: &Subject) {
    subject
        .queue()
        .send(&message(1), subject.long() * 10)
        .await
        .expect("send");
    subject
        .queue()
        .send(&message(1), Duration::ZERO)
        .await
        .expect("send");
    assert_eq!(
        subject.receive(subject.long()).await.message,
        Ok(message(1))
    );
}

/// Concurrent receivers get every message, and none of them twice.
pub async fn eight_consumers_get_no_duplicates(subject: &Subject) {
    const MESSAGES: u8 = 48;
    let consume = || async {
        let mut bodies = Vec::new();
        while let Some(delivery) = subject
            .queue()
            .receive(Wanted::ALL, subject.tick * 10, subject.long())
            .await
            .expect("receive")
        {
            subject.queue().ack(&delivery.receipt).await.expect("ack");
            bodies.push(delivery.body);
        }
        bodies
    };
    let send = async {
        for number in 0..MESSAGES {
            subject.send(number).await;
        }
    };
    let (received, ()) = tokio::join!(futures::future::join_all((0..8).map(|_| consume())), send);
    let mut times: HashMap<String, u32> = HashMap::new();
    for body in received.into_iter().flatten() {
        *times.entry(body).or_default() += 1;
    }
    assert_eq!(
        times.len(),
        usize::from(MESSAGES),
        "every message is received"
    );
    assert!(times.values().all(|it| *it == 1), "{times:?}");
}

/// Generates a `#[tokio::test]` for every case. `$make`: an expression that awaits to a new
/// [`Subject`], together with the values that must outlive it.
///
/// With `together:` in front, it generates a `Vec` of `testkit::Case` instead: for subjects on a
/// server that is slow to start.
#[macro_export]
macro_rules! job_queue_conformance {
    (together: $make:expr) => {
        $crate::job_queue_conformance! { @ together $make }
    };
    ($make:expr) => {
        $crate::job_queue_conformance! { @ each $make }
    };
    (@ $how:ident $make:expr) => {
        $crate::conformance_cases! { [$crate::job_queue], $how $make;
            delivers_and_forgets a_waiting_receiver_is_woken a_lease_hides redelivers_after_the_lease
            an_extended_lease_holds a_lost_lease_changes_nothing an_ended_lease_cannot_be_extended
            released_comes_after_its_delay a_delayed_message_waits duplicates_are_spared_or_delivered
            a_job_at_work_can_be_sent_again a_second_sending_hurries_a_delayed_one
            eight_consumers_get_no_duplicates
            gives_up_after_the_last_delivery gives_up_what_workers_die_of a_malformed_body_becomes_a_dead_letter
            settles_once lists_dead_letters_in_pages redrives_one_or_all purges_one_or_all a_dead_letter_does_not_stop_its_job counts_what_there_is
        }
    };
}
