//! Conformance of the embedded queue, and behaviour specific to it.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::database::{Database, open_sqlite};
use catalog::{PriorityQueue, SqlQueue};
use domain::job::JobMessage;
use platform::job_queue::conformance::{Subject, bulk, chunk, message};
use platform::job_queue::{JobQueue, QueueError, QueueName, Sent, Wanted};
use tempfile::TempDir;

const MAX_RECEIVES: u32 = 4;
const LONG: Duration = Duration::from_secs(60);

async fn database(folder: &TempDir) -> Database {
    open_sqlite(&folder.path().join("edgereel.db"))
        .await
        .expect("opens")
}

fn queue(database: &Database) -> SqlQueue {
    SqlQueue::new(database, QueueName::Interactive, MAX_RECEIVES, "worker")
}

async fn subject() -> (Subject, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let queue = Arc::new(queue(&database(&folder).await));
    (
        Subject {
            queue,
            max_receives: MAX_RECEIVES,
            tick: Duration::from_millis(200),
        },
        folder,
    )
}

platform::job_queue_conformance!(subject().await);

#[tokio::test]
async fn a_send_wakes_the_receivers_of_this_process_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    // Two objects, as in production: the API and the worker each create their own.
    let (sender, receiver) = (queue(&database), queue(&database));
    let waiting = tokio::spawn(async move {
        let delivery = receiver.receive(Wanted::ALL, LONG, LONG).await.unwrap();
        (delivery.unwrap().message, Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        sender.send(&message(1), Duration::ZERO).await.unwrap(),
        Sent::Queued
    );
    let sent = Instant::now();
    let (received, at) = waiting.await.unwrap();
    assert_eq!(received, Ok(message(1)));
    let took = at.saturating_duration_since(sent);
    assert!(
        took < Duration::from_millis(100),
        "a look every 250 ms would take longer than {took:?}"
    );
}

#[tokio::test]
async fn the_queues_of_a_database_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let bulk = SqlQueue::new(&database, QueueName::Bulk, MAX_RECEIVES, "worker");
    bulk.send(&message(1), Duration::ZERO).await.unwrap();
    assert!(
        queue(&database)
            .receive(Wanted::ALL, Duration::ZERO, LONG)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        queue(&database)
            .send(&message(1), Duration::ZERO)
            .await
            .unwrap(),
        Sent::Queued
    );
    assert!(
        bulk.receive(Wanted::ALL, Duration::ZERO, LONG)
            .await
            .unwrap()
            .is_some()
    );
}

fn priority_queue(database: &Database) -> PriorityQueue {
    PriorityQueue::new(database, MAX_RECEIVES, "worker")
}

mod all_queues {
    use super::*;

    async fn subject() -> (Subject, TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let queue = Arc::new(priority_queue(&database(&folder).await));
        (
            Subject {
                queue,
                max_receives: MAX_RECEIVES,
                tick: Duration::from_millis(200),
            },
            folder,
        )
    }

    platform::job_queue_conformance!(subject().await);
    platform::queue_order_conformance!(subject().await);
}

/// Sends the message while a receiver waits, and returns the time that the message waited.
async fn waiting_time(sender: &Database, receiver: &Database, message: &JobMessage) -> Duration {
    let receiver = priority_queue(receiver);
    let waiting = tokio::spawn(async move {
        let delivery = receiver.receive(Wanted::ALL, LONG, LONG).await;
        let delivery = delivery.expect("receive").expect("a message");
        (delivery.message, Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let sent = priority_queue(sender).send(message, Duration::ZERO).await;
    assert_eq!(sent.expect("send"), Sent::Queued);
    let sent = Instant::now();
    let (received, at) = waiting.await.expect("the receiver ends");
    assert_eq!(received.as_ref(), Ok(message));
    at.saturating_duration_since(sent)
}

#[tokio::test]
async fn one_wait_is_for_all_queues() {
    let folder = tempfile::tempdir().unwrap();
    let (here, elsewhere) = (database(&folder).await, database(&folder).await);
    for (number, queue) in (0..).zip(QueueName::ALL) {
        let message: fn(u8) -> JobMessage = match queue {
            QueueName::Interactive => message,
            QueueName::Chunks => |number| chunk(u32::from(number)),
            QueueName::Bulk => bulk,
        };
        let at_once = waiting_time(&here, &here, &message(number)).await;
        assert!(
            at_once < Duration::from_millis(100),
            "{queue}: a look every 250 ms would take longer than {at_once:?}"
        );
        let within_a_look = waiting_time(&elsewhere, &here, &message(100 + number)).await;
        assert!(
            within_a_look < Duration::from_millis(500),
            "{queue}: {within_a_look:?}"
        );
    }
}

#[tokio::test]
async fn bulk_jobs_wait_for_interactive_ones() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let queue = priority_queue(&database);
    for message in [bulk(1), bulk(2), message(3)] {
        queue.send(&message, Duration::ZERO).await.unwrap();
    }
    assert_eq!(queue.depth().await.unwrap().ready, 3);
    let receive = async || {
        queue
            .receive(Wanted::ALL, Duration::ZERO, LONG)
            .await
            .unwrap()
            .unwrap()
    };
    let first = receive().await;
    assert_eq!(first.message, Ok(message(3)));
    let second = receive().await;
    assert_eq!(
        second.message,
        Ok(bulk(1)),
        "with its priority, so that it can be sent again"
    );
    queue.extend(&second.receipt, LONG).await.unwrap();
    queue
        .dead_letter(&second.receipt, "no reason")
        .await
        .unwrap();
    queue.ack(&first.receipt).await.unwrap();
    let letters = queue.dead_letters(10).await.unwrap();
    assert_eq!((letters.len(), &letters[0].message), (1, &Ok(bulk(1))));
    assert_eq!(queue.redrive(Some(&letters[0].id)).await.unwrap(), 1);
    queue.send(&message(4), Duration::ZERO).await.unwrap();
    let order = [
        receive().await.message,
        receive().await.message,
        receive().await.message,
    ];
    assert_eq!(order, [Ok(message(4)), Ok(bulk(2)), Ok(bulk(1))]);
}

#[tokio::test]
async fn neither_kind_of_job_starves() {
    let folder = tempfile::tempdir().unwrap();
    let queue = priority_queue(&database(&folder).await);
    for number in 0..20 {
        queue.send(&message(number), Duration::ZERO).await.unwrap();
        queue
            .send(&bulk(100 + number), Duration::ZERO)
            .await
            .unwrap();
        // Messages of one millisecond have no order.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut order = vec![];
    for _ in 0..17 {
        let message = queue
            .receive(Wanted::ALL, Duration::ZERO, LONG)
            .await
            .unwrap()
            .unwrap()
            .message
            .unwrap();
        order.push(message);
    }
    let mut expected: Vec<_> = (0..15).map(message).collect();
    expected.insert(7, bulk(100));
    expected.insert(15, bulk(101));
    assert_eq!(order, expected);
}

#[tokio::test]
async fn messages_leases_and_counts_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = database(&folder).await;
    for number in 1..=3 {
        queue(&first)
            .send(&message(number), Duration::ZERO)
            .await
            .unwrap();
    }
    let leased = queue(&first)
        .receive(Wanted::ALL, Duration::ZERO, LONG)
        .await
        .unwrap()
        .unwrap();
    first.close().await;

    let second = database(&folder).await;
    let depth = queue(&second).depth().await.unwrap();
    assert_eq!((depth.ready, depth.in_flight), (2, 1));
    // The receipt is still valid: no other receiver has had the message.
    queue(&second).extend(&leased.receipt, LONG).await.unwrap();

    let other = SqlQueue::new(
        &second,
        QueueName::Interactive,
        MAX_RECEIVES,
        "another worker",
    );
    assert_eq!(other.release_held().await.unwrap(), 0);
    assert_eq!(queue(&second).release_held().await.unwrap(), 1);
    assert!(matches!(
        queue(&second).extend(&leased.receipt, LONG).await,
        Err(QueueError::LeaseLost)
    ));
    let depth = queue(&second).depth().await.unwrap();
    assert_eq!((depth.ready, depth.in_flight), (3, 0));
}

#[tokio::test]
async fn two_databases_on_one_file_share_the_queue_without_doubles() {
    const MESSAGES: u8 = 60;
    let folder = tempfile::tempdir().unwrap();
    let databases = [database(&folder).await, database(&folder).await];
    let consumers = databases
        .iter()
        .flat_map(|it| (0..4).map(|_| queue(it)))
        .map(|queue| {
            tokio::spawn(async move {
                let mut bodies = vec![];
                while let Some(delivery) = queue
                    .receive(Wanted::ALL, Duration::from_secs(2), LONG)
                    .await
                    .unwrap()
                {
                    queue.ack(&delivery.receipt).await.unwrap();
                    bodies.push(delivery.body);
                }
                bodies
            })
        });
    let consumers: Vec<_> = consumers.collect();
    for number in 0..MESSAGES {
        queue(&databases[usize::from(number % 2)])
            .send(&message(number), Duration::ZERO)
            .await
            .unwrap();
    }
    let mut bodies = vec![];
    for consumer in consumers {
        bodies.extend(consumer.await.unwrap());
    }
    let received = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!(
        (received, bodies.len()),
        (usize::from(MESSAGES), usize::from(MESSAGES))
    );
}

/// Names the variable with the database path, for the process that is to be killed.
const CHILD_DATABASE: &str = "EDGEREEL_TEST_QUEUE_DATABASE";

/// Runs only inside `a_killed_process_loses_nothing`: prints the delivery that it received, and
/// never ends.
#[tokio::test]
async fn child_that_receives_and_hangs() {
    let Some(path) = std::env::var_os(CHILD_DATABASE) else {
        return;
    };
    let queue = queue(&open_sqlite(path.as_ref()).await.unwrap());
    queue.send(&message(9), Duration::ZERO).await.unwrap();
    let delivery = queue
        .receive(Wanted::ALL, Duration::ZERO, LONG)
        .await
        .unwrap()
        .unwrap();
    println!("received {}", delivery.receive_count);
    std::future::pending().await
}

#[tokio::test]
async fn a_killed_process_loses_nothing() {
    use std::io::{BufRead as _, BufReader};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edgereel.db");
    let queue = queue(&open_sqlite(&path).await.unwrap());
    queue.send(&message(1), Duration::ZERO).await.unwrap();

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "queue_sqlite::child_that_receives_and_hangs",
            "--nocapture",
        ])
        .env(CHILD_DATABASE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let found =
        tokio::task::spawn_blocking(move || lines.into_iter().any(|it| it.contains("received 1")));
    assert!(found.await.unwrap(), "the child received the message");
    child.kill().unwrap();
    child.wait().unwrap();

    // The dead process's sent message is there; its leased one returns by release, with its count.
    assert_eq!(
        queue
            .receive(Wanted::ALL, LONG, LONG)
            .await
            .unwrap()
            .unwrap()
            .message,
        Ok(message(9))
    );
    assert!(
        queue
            .receive(Wanted::ALL, Duration::ZERO, LONG)
            .await
            .unwrap()
            .is_none()
    );
    // Both were leased under this holder name.
    assert_eq!(queue.release_held().await.unwrap(), 2);
    let mut counts = vec![];
    for _ in 0..2 {
        counts.push(
            queue
                .receive(Wanted::ALL, LONG, LONG)
                .await
                .unwrap()
                .unwrap()
                .receive_count,
        );
    }
    counts.sort_unstable();
    assert_eq!(counts, [2, 2]);
}
