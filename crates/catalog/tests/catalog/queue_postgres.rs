//! Conformance of the queue in PostgreSQL, and behaviour with many concurrent writers.

use std::sync::Arc;
use std::time::Duration;

use catalog::database::{Database, open};
use catalog::{PriorityQueue, SqlQueue};
use platform::job_queue::conformance::{Subject, bulk, chunk, message};
use platform::job_queue::{JobQueue, QueueError, QueueName, Wanted};
use testkit::{Postgres, together};

const MAX_RECEIVES: u32 = 4;
const LONG: Duration = Duration::from_secs(60);

fn queue(database: &Database) -> SqlQueue {
    SqlQueue::new(database, QueueName::Interactive, MAX_RECEIVES, "worker")
}

async fn subject(server: &Postgres) -> (Subject, Database) {
    let database = open(&server.database()).await.expect("opens");
    let queue = Arc::new(queue(&database));
    (
        Subject {
            queue,
            max_receives: MAX_RECEIVES,
            tick: Duration::from_millis(300),
        },
        database,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_queue_does() {
    let Some(server) = Postgres::start() else {
        return;
    };
    together(
        platform::job_queue_conformance!(together: subject(&server).await),
        6,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_order_of_the_queues() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let subject = async || {
        let database = open(&server.database()).await.expect("opens");
        let queue = Arc::new(PriorityQueue::new(&database, MAX_RECEIVES, "worker"));
        let subject = Subject {
            queue,
            max_receives: MAX_RECEIVES,
            tick: Duration::from_millis(300),
        };
        (subject, database)
    };
    together(
        platform::queue_order_conformance!(together: subject().await),
        6,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn machines_share_the_queue_without_doubles() {
    const MESSAGES: u8 = 120;
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let databases = [open(&address).await.unwrap(), open(&address).await.unwrap()];
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
    let senders = (0..MESSAGES).map(|number| {
        let queue = queue(&databases[usize::from(number % 2)]);
        tokio::spawn(async move { queue.send(&message(number), Duration::ZERO).await.unwrap() })
    });
    futures::future::join_all(senders).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_touches_all_messages_does_not_stand_in_its_own_way() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let queues = [
        queue(&open(&address).await.unwrap()),
        queue(&open(&address).await.unwrap()),
    ];
    for number in 0..40 {
        queues[0]
            .send(&message(number), Duration::ZERO)
            .await
            .unwrap();
    }
    // Each worker buries, redrives and releases messages that the others also handle.
    let workers = (0..8).map(|it| {
        let queue = queues[it % 2].clone();
        tokio::spawn(async move {
            for _ in 0..15 {
                if let Some(delivery) = queue
                    .receive(Wanted::ALL, Duration::ZERO, LONG)
                    .await
                    .unwrap()
                {
                    // Another worker may have released it in the meantime.
                    let settled = queue.dead_letter(&delivery.receipt, "for a try").await;
                    assert!(
                        matches!(settled, Ok(()) | Err(QueueError::LeaseLost)),
                        "{settled:?}"
                    );
                }
                queue.redrive(None).await.unwrap();
                queue.release_held().await.unwrap();
            }
        })
    });
    for worker in futures::future::join_all(workers).await {
        worker.unwrap();
    }
    queues[0].redrive(None).await.unwrap();
    queues[0].release_held().await.unwrap();
    let depth = queues[0].depth().await.unwrap();
    assert_eq!(
        (depth.ready, depth.in_flight + depth.delayed + depth.dead),
        (40, 0)
    );
}

#[tokio::test]
async fn a_body_that_postgres_cannot_keep_is_refused() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let queue = queue(&open(&server.database()).await.unwrap());
    let refused = queue.send_body("no\0thing", Duration::ZERO).await;
    assert!(
        matches!(refused, Err(QueueError::Refused { .. })),
        "{refused:?}"
    );
    // A reason is only for people, so invalid characters are replaced.
    queue.send_body("something", Duration::ZERO).await.unwrap();
    let delivery = queue
        .receive(Wanted::ALL, LONG, LONG)
        .await
        .unwrap()
        .unwrap();
    queue
        .dead_letter(&delivery.receipt, "no\0thing")
        .await
        .unwrap();
    let dead = queue.dead_letters(1).await.unwrap();
    assert_eq!(dead[0].reason.as_deref(), Some("no\u{FFFD}thing"));
}

/// The query by which KEDA decides how many transcoders run.
#[tokio::test]
async fn the_scaler_of_kubernetes_counts_what_is_due_or_in_progress() {
    const MANIFEST: &str = include_str!("../../../../infra/kubernetes/transcoder-postgresql.yaml");
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let database = open(&address).await.unwrap();
    let queue = PriorityQueue::new(&database, MAX_RECEIVES, "worker");
    for message in [
        message(1),
        chunk(2),
        bulk(3),
        message(4),
        chunk(6),
        chunk(7),
    ] {
        queue.send(&message, Duration::ZERO).await.unwrap();
    }
    queue.send(&message(5), LONG).await.unwrap();
    let receive = async || {
        let received = queue.receive(Wanted::ALL, LONG, LONG).await;
        received.unwrap().unwrap()
    };
    let dead = receive().await;
    queue.dead_letter(&dead.receipt, "broken").await.unwrap();
    receive().await;

    let (_, text) = MANIFEST.split_once("query: >-").unwrap();
    let (query, _) = text.split_once("targetQueryValue").unwrap();
    let by_hand = sqlx::PgPool::connect(&address).await.unwrap();
    let (count,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(query))
        .fetch_one(&by_hand)
        .await
        .unwrap();
    assert_eq!(
        count, 3,
        "one in progress, a bulk job, and one for all chunks"
    );
}
