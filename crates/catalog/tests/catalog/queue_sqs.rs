//! Conformance of the queue in SQS, on LocalStack.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use catalog::SqsJobQueue;
use catalog::database::{Database, open_sqlite};
use platform::job_queue::conformance::{Subject, message};
use platform::job_queue::sqs::{OpenSqsError, SqsQueueConfig};
use platform::job_queue::{JobQueue as _, QueueError, SqsQueue, Wanted};
use platform::secret::Secret;
use tempfile::TempDir;
use testkit::{LocalStack, together};

const MAX_RECEIVES: u32 = 4;

/// A LocalStack instance and a client that creates queues there.
pub(crate) struct Site {
    server: LocalStack,
    client: Client,
    queues: AtomicU32,
}

impl Site {
    pub(crate) fn start() -> Option<Self> {
        let server = LocalStack::start()?;
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(server.endpoint())
            .region(Region::new(LocalStack::REGION))
            .credentials_provider(Credentials::new(
                LocalStack::KEY,
                LocalStack::KEY,
                None,
                None,
                "test",
            ));
        Some(Self {
            client: Client::from_conf(config.build()),
            server,
            queues: AtomicU32::new(0),
        })
    }

    /// Creates a queue without a dead-letter queue.
    async fn plain_queue(&self) -> String {
        let name = format!("queue-{}", self.queues.fetch_add(1, Ordering::Relaxed));
        let made = self
            .client
            .create_queue()
            .queue_name(name)
            .send()
            .await
            .expect("a queue can be made");
        made.queue_url.expect("it has a URL")
    }

    pub(crate) async fn queue(&self) -> SqsQueue {
        let (dead, url) = (self.plain_queue().await, self.plain_queue().await);
        let arn = QueueAttributeName::QueueArn;
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(dead)
            .attribute_names(arn.clone())
            .send()
            .await;
        let arn = answer
            .expect("a queue has attributes")
            .attributes
            .expect("as asked for")[&arn]
            .clone();
        let policy =
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{MAX_RECEIVES}"}}"#);
        let request = self.client.set_queue_attributes().queue_url(&url);
        request
            .attributes(QueueAttributeName::RedrivePolicy, policy)
            .send()
            .await
            .expect("a policy can be set");
        SqsQueue::open(&self.config(&url))
            .await
            .expect("it is whole")
    }

    fn config(&self, url: &str) -> SqsQueueConfig {
        assert!(url.starts_with(&self.server.endpoint()), "{url}");
        let keys = (LocalStack::KEY.to_owned(), Secret::new(LocalStack::KEY));
        SqsQueueConfig {
            queue_url: url.to_owned(),
            region: None,
            keys: Some(keys),
        }
    }

    async fn subject(&self) -> (Subject, TempDir) {
        let (queue, _, folder) = self.job_queue().await;
        let subject = Subject {
            queue: Arc::new(queue),
            max_receives: MAX_RECEIVES,
            tick: Duration::from_secs(1),
        };
        (subject, folder)
    }

    /// As `subject`, with queues of their own for chunks and bulk jobs.
    async fn subject_with_all(&self) -> (Subject, TempDir) {
        let (queue, _, folder) = self.job_queue().await;
        let queue = queue.with_chunks(Some(self.queue().await));
        let queue = queue.with_bulk(Some(self.queue().await));
        let subject = Subject {
            queue: Arc::new(queue),
            max_receives: MAX_RECEIVES,
            tick: Duration::from_secs(1),
        };
        (subject, folder)
    }

    /// A queue, and the database with its dead letters.
    pub(crate) async fn job_queue(&self) -> (SqsJobQueue, Database, TempDir) {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let database = open_sqlite(&folder.path().join("edgereel.db"))
            .await
            .expect("a new database");
        let queue = SqsJobQueue::new(self.queue().await, &database);
        (queue, database, folder)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs_does_what_every_queue_does() {
    let Some(site) = Site::start() else { return };
    together(
        platform::job_queue_conformance!(together: site.subject().await),
        20,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_queues_it_does_what_every_queue_does() {
    let Some(site) = Site::start() else { return };
    together(
        platform::job_queue_conformance!(together: site.subject_with_all().await),
        20,
    )
    .await;
    together(
        platform::queue_order_conformance!(together: site.subject_with_all().await),
        20,
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_used_says_so() {
    let Some(site) = Site::start() else { return };
    let url = site.plain_queue().await;
    let without = SqsQueue::open(&site.config(&url)).await;
    assert!(
        matches!(without, Err(OpenSqsError::NoDeadLetterQueue { .. })),
        "{without:?}"
    );
    let missing = SqsQueue::open(&site.config(&format!("{url}-gone"))).await;
    let Err(OpenSqsError::Settings {
        source: QueueError::Refused { .. },
        ..
    }) = missing
    else {
        panic!("{missing:?}")
    };
    let closed = SqsQueueConfig {
        queue_url: "http://127.0.0.1:1/queue/us-east-1/000000000000/jobs".to_owned(),
        ..site.config(&url)
    };
    let closed = SqsQueue::open(&closed).await;
    let Err(OpenSqsError::Settings {
        source: QueueError::Unavailable { .. },
        ..
    }) = closed
    else {
        panic!("{closed:?}")
    };
}

#[tokio::test]
async fn sqs_refuses_what_it_cannot_keep() {
    let Some(site) = Site::start() else { return };
    let queue = site.queue().await;
    for body in ["", "no\0thing", &"x".repeat(1_100_000)] {
        let refused = queue.send_body(body, Duration::ZERO).await;
        assert!(
            matches!(refused, Err(QueueError::Refused { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn the_reason_and_the_count_outlive_the_message() {
    let Some(site) = Site::start() else { return };
    let (queue, database, _folder) = site.job_queue().await;
    queue.send(&message(1), Duration::ZERO).await.unwrap();
    let long = Duration::from_secs(60);
    let first = queue
        .receive(Wanted::ALL, long, long)
        .await
        .unwrap()
        .unwrap();
    queue
        .release(&first.receipt, Duration::ZERO, "not yet")
        .await
        .unwrap();
    let second = queue
        .receive(Wanted::ALL, long, long)
        .await
        .unwrap()
        .unwrap();
    queue
        .dead_letter(&second.receipt, "no\u{0}t a\u{7} video")
        .await
        .unwrap();
    assert_eq!(queue.collect_dead_letters().await.unwrap(), 1);
    let again = SqsJobQueue::new(site.queue().await, &database);
    for queue in [queue, again] {
        assert_eq!(queue.collect_dead_letters().await.unwrap(), 0);
        let dead = queue.dead_letters(10).await.unwrap();
        let [letter] = dead.as_slice() else {
            panic!("{dead:?}")
        };
        assert_eq!(
            letter.reason.as_deref(),
            Some("no\u{FFFD}t a\u{FFFD} video")
        );
        assert_eq!((letter.receive_count, letter.sent_ms), (2, second.sent_ms));
    }
}

/// SQS does not record when it moved a message: it may have died at any time since it was sent.
#[tokio::test]
async fn the_time_of_a_silent_death_is_not_known() {
    let Some(site) = Site::start() else { return };
    let (queue, _, _folder) = site.job_queue().await;
    queue.send(&message(1), Duration::ZERO).await.unwrap();
    let (wait, lease) = (Duration::from_secs(30), Duration::from_secs(1));
    let mut sent_ms = None;
    while let Some(delivery) = queue.receive(Wanted::ALL, lease * 5, lease).await.unwrap() {
        sent_ms = Some(delivery.sent_ms);
    }
    let began = std::time::Instant::now();
    while queue.collect_dead_letters().await.unwrap() == 0 {
        assert!(began.elapsed() < wait, "it is not dead");
    }
    let letter = queue.dead_letters(1).await.unwrap().remove(0);
    assert_eq!(Some(letter.died_after_ms), sent_ms);
    assert!(letter.dead_lettered_ms >= letter.sent_ms + lease * 3);
}

/// SQS itself would delete a message with it that another receiver holds.
#[tokio::test]
async fn an_ended_lease_opens_nothing() {
    let Some(site) = Site::start() else { return };
    let queue = site.queue().await;
    queue.send(&message(1), Duration::ZERO).await.unwrap();
    let lease = Duration::from_secs(1);
    let first = queue.receive(lease * 10, lease).await.unwrap().unwrap();
    tokio::time::sleep(lease * 2).await;
    for answer in [
        queue.ack(&first.receipt).await,
        queue.extend(&first.receipt, lease).await,
        queue
            .release(&first.receipt, Duration::ZERO, "too late")
            .await,
        queue.dead_letter(&first.receipt, "too late").await,
    ] {
        assert!(matches!(answer, Err(QueueError::LeaseLost)), "{answer:?}");
    }
    let second = queue
        .receive(lease * 10, lease * 60)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(second.receive_count, 2);
    queue.ack(&second.receipt).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), Default::default());
}
