//! Two queues in SQS: bulk jobs wait for interactive ones, on LocalStack.

use std::time::{Duration, Instant};

use catalog::SqsJobQueue;
use domain::job::{JobMessage, Priority};
use platform::job_queue::conformance::message;
use platform::job_queue::{Depth, JobQueue as _, SqsQueue, Wanted};
use tempfile::TempDir;

use crate::queue_sqs::Site;

const LONG: Duration = Duration::from_secs(60);

fn bulk(number: u8) -> JobMessage {
    let message = message(number);
    let job = message.job().expect("a job").clone();
    job.with_priority(Priority::Bulk).into()
}

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
async fn jobs_are_in_the_queue_of_their_priority() {
    let Some(site) = Site::start() else { return };
    let (queue, [jobs, bulk_jobs], _folder) = queues(&site).await;
    for message in [bulk(1), message(2), bulk(3)] {
        queue.send(&message, Duration::ZERO).await.unwrap();
    }
    assert_eq!((ready(&jobs).await, ready(&bulk_jobs).await), (1, 2));
    assert_eq!(queue.depth().await.unwrap().ready, 3);
    assert_eq!(queue.unfinished().await.unwrap().ready, 3);

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
async fn an_idle_receiver_gets_an_interactive_job_within_a_moment() {
    let Some(site) = Site::start() else { return };
    let (queue, _, _folder) = queues(&site).await;
    // At different times of its polls.
    for (number, pause_ms) in (0..).zip([500_u64, 1_500, 2_500, 3_200]) {
        let sender = async {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            queue.send(&message(number), Duration::ZERO).await.unwrap();
            Instant::now()
        };
        let receiver = async {
            let job = queue
                .receive(Wanted::ALL, LONG, LONG)
                .await
                .unwrap()
                .unwrap();
            (job, Instant::now())
        };
        let (sent, (job, received)) = tokio::join!(sender, receiver);
        let waited = received.saturating_duration_since(sent);
        assert!(
            waited < Duration::from_millis(2_500),
            "{pause_ms} ms: {waited:?}"
        );
        queue.ack(&job.receipt).await.unwrap();
    }
    // A bulk job may wait longer.
    let began = Instant::now();
    let (job, ()) = tokio::join!(queue.receive(Wanted::ALL, LONG, LONG), async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        queue.send(&bulk(9), Duration::ZERO).await.unwrap();
    });
    assert_eq!(job.unwrap().unwrap().message, Ok(bulk(9)));
    assert!(began.elapsed() < Duration::from_secs(20));
}
