//! Senders of jobs start transcoders, with a stand-in for ECS.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_sqs::config::{Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use catalog::PriorityQueue;
use catalog::database::open_sqlite;
use futures::future::join_all;
use platform::job_queue::conformance::{Subject, chunk, message};
use platform::job_queue::{JobQueue, SharedQueue, Wanted};
use platform::launch::ecs::TaskSettings;
use platform::launch::{LaunchOutcome, LaunchSettings, Launcher, LaunchingQueue, Report};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{EcsStandIn, EcsTrouble};

const LIMIT: u32 = 8;
const LONG: Duration = Duration::from_secs(60);

/// A queue in a file, and ECS.
struct Site {
    ecs: EcsStandIn,
    queue: SharedQueue,
    _folder: TempDir,
}

fn settings() -> LaunchSettings {
    LaunchSettings {
        tasks: TaskSettings {
            cluster: "videos".to_owned(),
            task_definition: "arn:aws:ecs:us-east-1:0:task-definition/transcoder:7".to_owned(),
            subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            security_group: "sg-1".to_owned(),
        },
        limit: NonZeroU32::new(LIMIT).expect("a limit"),
        report: Report::default(),
    }
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let database = open_sqlite(&folder.path().join("edgereel.db"))
            .await
            .expect("a new database");
        Self {
            ecs: EcsStandIn::start(),
            queue: Arc::new(PriorityQueue::new(&database, 5, "worker")),
            _folder: folder,
        }
    }

    /// The queue as a sender has it that was started now.
    fn sender(&self) -> LaunchingQueue {
        self.sender_with(&settings())
    }

    fn sender_with(&self, settings: &LaunchSettings) -> LaunchingQueue {
        let credentials = Credentials::new(EcsStandIn::KEY, EcsStandIn::KEY, None, None, "test");
        let aws = SdkConfig::builder()
            .endpoint_url(self.ecs.endpoint())
            .region(Region::new(EcsStandIn::REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        let launcher = Launcher::new(settings).with_aws(aws.build());
        LaunchingQueue::new(self.queue.clone(), launcher)
    }

    /// The requests that started tasks.
    fn runs(&self) -> Vec<Value> {
        self.ecs.calls("RunTask")
    }
}

async fn send(queue: &dyn JobQueue, number: u8) {
    let sent = queue.send(&message(number), Duration::ZERO).await;
    sent.expect("send");
}

#[tokio::test]
async fn a_job_starts_one_task_at_a_public_address() {
    let site = Site::new().await;
    send(&site.sender(), 1).await;
    let lists = site.ecs.calls("ListTasks");
    assert_eq!(
        lists,
        [json!({ "cluster": "videos", "family": "transcoder", "desiredStatus": "RUNNING" })]
    );
    let [run] = site.runs().try_into().expect("one request");
    let token = run["clientToken"].as_str().unwrap();
    assert_eq!(token.len(), 32, "{token}");
    let expected = json!({
        "cluster": "videos",
        "taskDefinition": "arn:aws:ecs:us-east-1:0:task-definition/transcoder:7",
        "count": 1,
        "clientToken": token,
        "startedBy": "edgereel",
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-1", "subnet-2"],
            "securityGroups": ["sg-1"],
            "assignPublicIp": "ENABLED",
        } },
    });
    assert_eq!(run, expected);
}

#[tokio::test]
async fn a_burst_starts_as_many_as_the_limit_with_few_requests() {
    let site = Site::new().await;
    let sender = site.sender();
    join_all((0..50).map(|number| send(&sender, number))).await;
    // One look in two seconds; the sends take longer than that on a busy machine.
    let looks = site.ecs.calls("ListTasks").len();
    assert!((1..=10).contains(&looks), "{looks} looks");
    sender.finish_sends().await;
    assert_eq!((site.ecs.tasks(), site.runs().len()), (8, 8));
    // The schedule finds nothing to add.
    sender.finish_sends().await;
    sender.start_workers().await;
    assert_eq!((site.ecs.tasks(), site.runs().len()), (8, 8));
}

/// As on Lambda, where each instance sends one job.
#[tokio::test]
async fn many_senders_at_once_start_no_more_than_the_limit() {
    let site = Site::new().await;
    let senders: Vec<_> = (0..50).map(|_| site.sender()).collect();
    let sends = senders.iter().zip(0..).map(|(it, number)| send(it, number));
    join_all(sends).await;
    // Nearly all requests had the token of another one; two looks may have been on either side of the moment at which
    // tokens change.
    let tasks = site.ecs.tasks();
    assert!((8..=16).contains(&tasks), "{tasks}");
}

#[tokio::test]
async fn transcoders_that_are_free_take_the_jobs() {
    let site = Site::new().await;
    send(&site.sender(), 1).await;
    assert_eq!(site.ecs.tasks(), 1);
    // It has not received its job yet: one task for each of two jobs.
    send(&site.sender(), 2).await;
    assert_eq!(site.ecs.tasks(), 2);
    for _ in 0..2 {
        site.queue
            .receive(Wanted::ALL, LONG, LONG)
            .await
            .unwrap()
            .unwrap();
    }
    send(&site.sender(), 3).await;
    assert_eq!(site.ecs.tasks(), 3, "two are busy");
    // One job is done, so that its transcoder takes the third one.
    let third = site
        .queue
        .receive(Wanted::ALL, LONG, LONG)
        .await
        .unwrap()
        .unwrap();
    site.queue.ack(&third.receipt).await.unwrap();
    send(&site.sender(), 4).await;
    assert_eq!(site.ecs.tasks(), 3, "one is free");
}

#[tokio::test]
async fn a_job_that_arrives_at_the_end_of_the_last_transcoder_is_not_stranded() {
    let site = Site::new().await;
    let sender = site.sender();
    send(&sender, 1).await;
    let job = site
        .queue
        .receive(Wanted::ALL, LONG, LONG)
        .await
        .unwrap()
        .unwrap();
    site.queue.ack(&job.receipt).await.unwrap();
    // It is idle, and still counts, when the job is sent; then it ends.
    send(&site.sender(), 2).await;
    assert_eq!(site.ecs.tasks(), 1);
    site.ecs.end_tasks();
    // The token of the first place changes every half minute.
    let began = Instant::now();
    while site.ecs.tasks() == 0 {
        assert!(began.elapsed() < LONG, "no task was started");
        sender.start_workers().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn tasks_run_on_demand_while_spot_has_no_capacity() {
    let site = Site::new().await;
    site.ecs.set_trouble(EcsTrouble::NoSpot);
    send(&site.sender(), 1).await;
    let runs = site.runs();
    assert_eq!((runs.len(), site.ecs.tasks()), (2, 1));
    assert_eq!(
        runs[1]["capacityProviderStrategy"],
        json!([{ "capacityProvider": "FARGATE", "weight": 1 }])
    );
    assert_ne!(runs[0]["clientToken"], runs[1]["clientToken"]);
}

#[tokio::test]
async fn a_request_is_repeated_with_the_same_token_when_there_were_too_many() {
    let site = Site::new().await;
    site.ecs.set_trouble(EcsTrouble::Throttling(2));
    send(&site.sender(), 1).await;
    assert_eq!((site.runs().len(), site.ecs.tasks()), (1, 1));
}

static FAILURES: AtomicU32 = AtomicU32::new(0);

fn count_failures(outcome: LaunchOutcome) {
    FAILURES.fetch_add(u32::from(outcome.has_failed), Ordering::Relaxed);
}

#[tokio::test]
async fn a_failed_launch_fails_no_send_and_is_reported() {
    let site = Site::new().await;
    let settings = LaunchSettings {
        report: Report(count_failures),
        ..settings()
    };
    let troubles = [
        EcsTrouble::AccessDenied,
        EcsTrouble::NoCapacity,
        EcsTrouble::Throttling(u32::MAX),
        EcsTrouble::Slow(Duration::from_secs(20)),
    ];
    for (number, trouble) in (1..).zip(troubles) {
        site.ecs.set_trouble(trouble.clone());
        let (sender, began) = (site.sender_with(&settings), Instant::now());
        send(&sender, number).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(10), "{trouble:?}: {took:?}");
        assert_eq!(
            FAILURES.load(Ordering::Relaxed),
            u32::from(number),
            "{trouble:?}"
        );
        // The next ones do not wait for a service that fails.
        let began = Instant::now();
        send(&sender, 100 + number).await;
        sender.start_workers().await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "{trouble:?}: {took:?}");
    }
    assert_eq!(site.ecs.tasks(), 0);
    assert_eq!(site.queue.depth().await.unwrap().ready, 8);
    site.ecs.set_trouble(EcsTrouble::None);
    site.sender().start_workers().await;
    assert_eq!(site.ecs.tasks(), 8);
}

#[tokio::test]
async fn redriven_letters_start_transcoders_and_delayed_jobs_do_not() {
    let site = Site::new().await;
    let sender = site.sender();
    sender.send(&message(1), LONG).await.unwrap();
    assert_eq!(site.ecs.tasks(), 0);
    site.queue.send(&message(2), Duration::ZERO).await.unwrap();
    let job = site
        .queue
        .receive(Wanted::ALL, LONG, LONG)
        .await
        .unwrap()
        .unwrap();
    site.queue
        .dead_letter(&job.receipt, "broken")
        .await
        .unwrap();
    assert_eq!(sender.redrive(None).await.unwrap(), 1);
    assert_eq!(site.ecs.tasks(), 1);
}

/// A transcoder of the cloud sends chunks and starts no others itself.
#[tokio::test]
async fn chunks_that_wait_start_transcoders_at_the_next_look() {
    let site = Site::new().await;
    for index in 0..5 {
        let sent = site.queue.send(&chunk(index), Duration::ZERO).await;
        sent.unwrap();
    }
    assert_eq!(site.ecs.tasks(), 0);
    let schedule = site.sender();
    assert!(schedule.takes_chunks());
    schedule.start_workers().await;
    assert_eq!(site.ecs.tasks(), 2, "one for each four chunks");
}

mod as_every_queue {
    use super::*;

    async fn subject() -> (Subject, Site) {
        let site = Site::new().await;
        let subject = Subject {
            queue: Arc::new(site.sender()),
            max_receives: 5,
            tick: Duration::from_millis(200),
        };
        (subject, site)
    }

    platform::job_queue_conformance!(subject().await);
    platform::queue_order_conformance!(subject().await);
}
