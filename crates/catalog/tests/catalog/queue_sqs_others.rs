//! Several queues in SQS: chunks and bulk jobs wait for interactive ones, on LocalStack.

use std::time::{Duration, Instant};

use catalog::SqsJobQueue;
use domain::job::Priority;
use platform::job_queue::conformance::{bulk, chunk, message};
use platform::job_queue::{Depth, JobQueue as _, QueueError, QueueName, SqsQueue, Wanted};
use tempfile::TempDir;

use crate::queue_sqs::Site;

const LONG: Duration = Duration::from_secs(60);

/// Both queues as one, and each of them.
async fn queues(site: &Site) -> (SqsJobQueue, [SqsQueue; 2], TempDir) {
    let (_, database, folder) = site.job_queue().await;
    let (jobs, bulk) = (site.queue().await, site.queue().await);
    let queue = SqsJobQueue::new(jobs.clone(), &database).with_bulk(Some(bulk.clone()));
    (queue, [jobs, bulk], folder)
}

async fn ready(queue: &SqsQueue) -> u64 {
    queue.unfinished().await.expect("counts").ready
}

#[tokio::test]
async fn rights_are_tried_without_a_trace() {
    let Some(site) = Site::start() else { return };
    let (_, [queue, _], _folder) = queues(&site).await;
    queue.send(&message(1), Duration::ZERO).await.unwrap();
    let rights = queue.rights().await.unwrap();
    assert!(rights.may_send && rights.may_receive, "{rights:?}");
    assert_eq!(ready(&queue).await, 1, "nothing was sent or received");
}

#[tokio::test]
async fn jobs_are_in_the_queue_of_their_priority() {
    let Some(site) = Site::start() else { return };
    let (queue, [jobs, bulk_jobs], _folder) = queues(&site).await;
    for message in [bulk(1), message(2), bulk(3)] {
        queue.send(&message, Duration::ZERO).await.unwrap();
    }
    assert_eq!((ready(&jobs).await, ready(&bulk_jobs).await), (1, 2));
    assert_eq!(queue.depth().await.unwrap().ready, 3);
    assert_eq!(queue.unfinished().await.unwrap().jobs.ready, 3);

    let first = queue
        .receive(Wanted::ALL, LONG, LONG)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.message, Ok(message(2)));
    let second = queue
        .receive(Wanted::ALL, LONG, LONG)
        .await
        .unwrap()
        .unwrap();
    assert!(second.message == Ok(bulk(1)) || second.message == Ok(bulk(3)));
    assert_eq!(queue.depth().await.unwrap().in_flight, 2);
    queue.extend(&second.receipt, LONG).await.unwrap();
    queue
        .release(&second.receipt, Duration::ZERO, "not yet")
        .await
        .unwrap();
    assert_eq!(ready(&bulk_jobs).await, 2, "it is back in its queue");
    queue.ack(&first.receipt).await.unwrap();
    for _ in 0..2 {
        let job = queue
            .receive(Wanted::ALL, LONG, LONG)
            .await
            .unwrap()
            .unwrap();
        queue.ack(&job.receipt).await.unwrap();
    }
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn dead_letters_of_both_queues_return_to_their_own() {
    let Some(site) = Site::start() else { return };
    let (queue, [jobs, bulk_jobs], _folder) = queues(&site).await;
    for message in [bulk(1), message(2)] {
        queue.send(&message, Duration::ZERO).await.unwrap();
        let job = queue
            .receive(Wanted::ALL, LONG, LONG)
            .await
            .unwrap()
            .unwrap();
        queue.dead_letter(&job.receipt, "broken").await.unwrap();
    }
    assert_eq!(
        queue.depth().await.unwrap(),
        Depth {
            dead: 2,
            ..Depth::default()
        }
    );
    assert_eq!(queue.collect_dead_letters().await.unwrap(), 2);
    let letters = queue.unsettled_dead_letters(10).await.unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(queue.depth().await.unwrap().dead, 2);
    let of_bulk = letters.iter().find(|it| it.message == Ok(bulk(1))).unwrap();
    assert_eq!(queue.redrive(Some(&of_bulk.id)).await.unwrap(), 1);
    assert_eq!((ready(&jobs).await, ready(&bulk_jobs).await), (0, 1));
    assert_eq!(queue.redrive(None).await.unwrap(), 1);
    assert_eq!((ready(&jobs).await, ready(&bulk_jobs).await), (1, 1));
}

#[tokio::test]
async fn neither_kind_of_job_starves() {
    let Some(site) = Site::start() else { return };
    let (queue, _, _folder) = queues(&site).await;
    for number in 0..16 {
        queue.send(&message(number), Duration::ZERO).await.unwrap();
    }
    for number in 100..103 {
        queue.send(&bulk(number), Duration::ZERO).await.unwrap();
    }
    let mut order = String::new();
    for _ in 0..19 {
        let job = queue
            .receive(Wanted::ALL, LONG, LONG)
            .await
            .unwrap()
            .unwrap();
        let priority = job.message.unwrap().job().unwrap().priority;
        order.push(if priority == Priority::Bulk { 'b' } else { 'i' });
    }
    assert_eq!(order, "iiiiiiibiiiiiiibiib");
}

#[tokio::test]
async fn an_idle_receiver_gets_each_message_within_its_time() {
    let Some(site) = Site::start() else { return };
    let (queue, _, _folder) = queues(&site).await;
    let all = queue.clone().with_chunks(Some(site.queue().await));
    // At different times of the polls. The limits are those of the plan of looks, and some time for a busy machine.
    let pauses_ms = [500, 1_500, 2_500, 3_200];
    for (queue, kind, pauses_ms, limit_ms) in [
        (&queue, QueueName::Interactive, &pauses_ms[..], 2_500),
        (&all, QueueName::Interactive, &pauses_ms[..], 3_500),
        (&all, QueueName::Chunks, &pauses_ms[..], 6_500),
        (&queue, QueueName::Bulk, &pauses_ms[2..3], 13_000),
    ] {
        for (number, pause_ms) in (0..).zip(pauses_ms) {
            let message = match kind {
                QueueName::Interactive => message(number),
                QueueName::Chunks => chunk(u32::from(number)),
                QueueName::Bulk => bulk(number),
            };
            let sender = async {
                tokio::time::sleep(Duration::from_millis(*pause_ms)).await;
                queue.send(&message, Duration::ZERO).await.unwrap();
                Instant::now()
            };
            let receiver = async {
                let received = queue.receive(Wanted::ALL, LONG, LONG).await;
                (received.unwrap().unwrap(), Instant::now())
            };
            let (sent, (delivery, received)) = tokio::join!(sender, receiver);
            assert_eq!(delivery.message, Ok(message));
            let waited = received.saturating_duration_since(sent);
            assert!(
                waited < Duration::from_millis(limit_ms),
                "{kind} after {pause_ms} ms: {waited:?}"
            );
            queue.ack(&delivery.receipt).await.unwrap();
        }
    }
}

#[tokio::test]
async fn without_a_queue_for_chunks_they_are_refused() {
    let Some(site) = Site::start() else { return };
    let (queue, _, _folder) = queues(&site).await;
    assert!(!queue.takes_chunks());
    let refused = queue.send(&chunk(1), Duration::ZERO).await;
    let Err(QueueError::Refused {
        queue: name,
        detail,
    }) = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(name, "chunks");
    assert!(detail.contains("EDGEREEL_CHUNK_QUEUE"), "{detail}");
    assert_eq!(queue.depth().await.unwrap(), Depth::default());

    // A letter of a chunk stays in the table when the setting is removed. A redrive removes it.
    let with_chunks = queue.clone().with_chunks(Some(site.queue().await));
    for message in [chunk(1), message(2)] {
        with_chunks.send(&message, Duration::ZERO).await.unwrap();
        let received = with_chunks.receive(Wanted::ALL, LONG, LONG).await;
        let receipt = received.unwrap().unwrap().receipt;
        let foreign = queue.ack(&receipt).await;
        assert_eq!(foreign.is_err(), receipt.0.starts_with("chunks:"));
        if foreign.is_err() {
            with_chunks.dead_letter(&receipt, "broken").await.unwrap();
        }
    }
    assert_eq!(with_chunks.collect_dead_letters().await.unwrap(), 1);
    assert_eq!(queue.depth().await.unwrap().dead, 1);
    assert_eq!(queue.redrive(None).await.unwrap(), 0);
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
    assert_eq!(with_chunks.depth().await.unwrap(), Depth::default());
}
