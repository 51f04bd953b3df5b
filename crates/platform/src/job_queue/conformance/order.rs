//! The order of interactive jobs, chunks and bulk jobs, for queues that have all three.

use std::time::Duration;

use domain::ids::{Generation, PlanId, VideoId};
use domain::job::{ChunkJob, JobMessage, Priority};

use super::{Subject, message};
use crate::job_queue::{Delivery, QueueName, Sent, Wanted};

/// Chunks, and no bulk jobs.
const CHUNKS: Wanted = Wanted {
    chunks: true,
    bulk: false,
};
/// Only interactive jobs.
const INTERACTIVE: Wanted = Wanted {
    chunks: false,
    bulk: false,
};

/// A chunk with a unique index.
pub fn chunk(index: u32) -> JobMessage {
    let video = VideoId::new(1_700_000_000_000, [7; 10]);
    let (generation, plan) = (Generation::of("etag", "default"), PlanId::of(b"plan"));
    ChunkJob::new(video, generation, plan, index).into()
}

/// A bulk job with a unique number.
pub fn bulk(number: u8) -> JobMessage {
    match message(number) {
        JobMessage::TranscodeV1(job) => job.with_priority(Priority::Bulk).into(),
        other => other,
    }
}

impl Subject {
    async fn send_all(&self, messages: impl IntoIterator<Item = JobMessage>) {
        for message in messages {
            let sent = self.queue().send(&message, Duration::ZERO).await;
            assert_eq!(sent.expect("send"), Sent::Queued, "{message:?}");
        }
    }

    /// Receives a wanted message that must be there or arrive.
    async fn receive_wanted(&self, wanted: Wanted) -> Delivery {
        let (queue, wait) = (self.queue(), self.tick * 60);
        let received = queue.receive(wanted, wait, self.long()).await;
        let delivery = received.expect("receive");
        delivery.expect("a wanted message should have come")
    }

    /// The names of the queues of the next wanted messages, which are acknowledged.
    async fn order(&self, wanted: Wanted, messages: usize) -> Vec<&'static str> {
        let mut names = vec![];
        for _ in 0..messages {
            let delivery = self.receive_wanted(wanted).await;
            let message = delivery.message.expect("a message of this suite");
            names.push(QueueName::of(&message).as_str());
            self.queue().ack(&delivery.receipt).await.expect("ack");
        }
        names
    }

    async fn expect_no_wanted(&self, wanted: Wanted) {
        let received = self
            .queue()
            .receive(wanted, self.tick * 2, self.long())
            .await;
        let came = received.expect("receive");
        assert!(came.is_none(), "{wanted:?}: {came:?}");
    }
}

/// Interactive jobs come first, then chunks, then bulk jobs, in whichever order they were sent.
pub async fn queues_are_asked_in_their_order(subject: &Subject) {
    assert!(subject.queue().takes_chunks());
    subject
        .send_all([bulk(1), chunk(2), message(3), bulk(4), chunk(5), message(6)])
        .await;
    assert_eq!(
        subject.queue().depth().await.expect("depth").ready,
        6,
        "all queues count"
    );
    let unfinished = subject.queue().unfinished().await.expect("count");
    assert_eq!((unfinished.jobs.ready, unfinished.chunks.ready), (4, 2));
    assert_eq!(
        subject.order(Wanted::ALL, 6).await,
        [
            "interactive",
            "interactive",
            "chunks",
            "chunks",
            "bulk",
            "bulk"
        ]
    );
}

/// A receiver gets only the messages that it wants, and the others stay for the next one.
pub async fn unwanted_messages_stay(subject: &Subject) {
    subject.send_all([chunk(1), bulk(2)]).await;
    subject.expect_no_wanted(INTERACTIVE).await;
    assert_eq!(subject.order(Wanted::JOBS, 1).await, ["bulk"]);
    subject.expect_no_wanted(Wanted::JOBS).await;
    assert_eq!(subject.order(CHUNKS, 1).await, ["chunks"]);
    subject.send_all([bulk(3)]).await;
    subject.expect_no_wanted(CHUNKS).await;
    assert_eq!(subject.order(Wanted::ALL, 1).await, ["bulk"]);
}

/// After seven other messages, whether interactive jobs or chunks, a bulk job comes first.
pub async fn a_bulk_job_comes_after_seven_others(subject: &Subject) {
    subject.send_all((0..5).map(message)).await;
    subject.send_all((0..5).map(chunk)).await;
    subject.send_all([bulk(100), bulk(101)]).await;
    let order = subject.order(Wanted::ALL, 12).await;
    let expected = [
        vec!["interactive"; 5],
        vec!["chunks"; 2],
        vec!["bulk"],
        vec!["chunks"; 3],
        vec!["bulk"],
    ];
    assert_eq!(order, expected.concat());
}

/// The turn of the bulk jobs waits for a receiver that wants one.
pub async fn unwanted_bulk_jobs_have_no_turn(subject: &Subject) {
    subject.send_all([bulk(100)]).await;
    subject.send_all((0..10).map(message)).await;
    assert_eq!(subject.order(CHUNKS, 9).await, vec!["interactive"; 9]);
    assert_eq!(subject.order(Wanted::ALL, 2).await, ["bulk", "interactive"]);
}

/// A receipt is valid for the queue of its message, and a released or redriven message stays in its
/// queue.
pub async fn messages_stay_in_their_queue(subject: &Subject) {
    subject.send_all([chunk(1)]).await;
    let first = subject.receive_wanted(CHUNKS).await;
    let queue = subject.queue();
    let extended = queue.extend(&first.receipt, subject.long()).await;
    extended.expect("extend");
    subject.expect_no_wanted(Wanted::ALL).await;
    let released = queue.release(&first.receipt, Duration::ZERO, "not yet");
    released.await.expect("release");
    subject.expect_no_wanted(Wanted::JOBS).await;
    let second = subject.receive_wanted(CHUNKS).await;
    assert_eq!((second.message, second.receive_count), (Ok(chunk(1)), 2));

    let buried = queue.dead_letter(&second.receipt, "it cannot be encoded");
    buried.await.expect("dead letter");
    let letters = subject.dead_letters(10).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].message, Ok(chunk(1)));
    assert_eq!(queue.depth().await.expect("depth").dead, 1);
    let found = queue.dead_letter_of(&letters[0].id).await.expect("find");
    assert_eq!(found.map(|it| it.id), Some(letters[0].id.clone()));
    let unsettled = async || queue.unsettled_dead_letters(10).await.expect("list").len();
    assert_eq!(unsettled().await, 1);
    let settled = queue.settle_dead_letter(&letters[0].id).await;
    settled.expect("settle");
    assert_eq!(unsettled().await, 0);
    let redriven = queue.redrive(Some(&letters[0].id)).await;
    assert_eq!(redriven.expect("redrive"), 1);
    subject.expect_no_wanted(Wanted::JOBS).await;
    assert_eq!(subject.order(Wanted::ALL, 1).await, ["chunks"]);
}

/// A waiting receiver gets the next message of each queue.
pub async fn a_receiver_waits_for_all_queues(subject: &Subject) {
    for sent in [chunk(1), bulk(2), message(3), chunk(4)] {
        let (delivery, ()) = tokio::join!(subject.receive_wanted(Wanted::ALL), async {
            tokio::time::sleep(subject.tick).await;
            subject.send_all([sent.clone()]).await;
        });
        assert_eq!(delivery.message, Ok(sent));
        let acked = subject.queue().ack(&delivery.receipt).await;
        acked.expect("ack");
    }
}

/// As [`job_queue_conformance!`](crate::job_queue_conformance), for queues that have interactive
/// jobs, chunks and bulk jobs.
#[macro_export]
macro_rules! queue_order_conformance {
    (together: $make:expr) => {
        $crate::queue_order_conformance! { @ together $make }
    };
    ($make:expr) => {
        $crate::queue_order_conformance! { @ each $make }
    };
    (@ $how:ident $make:expr) => {
        $crate::conformance_cases! { [$crate::job_queue], $how $make;
            queues_are_asked_in_their_order unwanted_messages_stay a_bulk_job_comes_after_seven_others
            unwanted_bulk_jobs_have_no_turn messages_stay_in_their_queue a_receiver_waits_for_all_queues
        }
    };
}
