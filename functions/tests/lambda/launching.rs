//! Functions that send jobs start transcoders, with a stand-in for ECS.

use std::time::Duration;

use domain::ids::VideoId;
use futures::future::join_all;
use platform::job_queue::conformance;
use serde_json::{Value, json};
use testkit::{EcsStandIn, EcsTrouble};

use crate::cases::{Cloud, message, of_r2, request};
use crate::runtime::Function;

/// The environment of functions that may start transcoders.
async fn cloud(ecs: &EcsStandIn) -> Cloud {
    let mut cloud = Cloud::new().await;
    for (name, value) in EcsStandIn::VARIABLES {
        cloud.set(name, value);
    }
    cloud.set("AWS_ENDPOINT_URL_ECS", &ecs.endpoint());
    cloud
}

fn video(number: u8) -> VideoId {
    VideoId::new(1_700_000_000_000, [number; 10])
}

/// A batch of events of uploads.
fn batch(numbers: impl Iterator<Item = u8>) -> Value {
    let events = numbers.map(|it| message(&it.to_string(), &of_r2(video(it))));
    json!({ "Records": events.collect::<Vec<_>>() })
}

#[tokio::test]
async fn an_event_starts_one_transcoder() {
    let ecs = EcsStandIn::start();
    let cloud = cloud(&ecs).await;
    let mut ingest = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
    let answer = ingest.invoke(batch(1..2)).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let runs = ecs.calls("RunTask");
    assert_eq!((runs.len(), ecs.tasks()), (1, 1));
    assert_eq!(runs[0]["taskDefinition"], "transcoder:7");
    let network = &runs[0]["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(network["subnets"], json!(["subnet-1", "subnet-2"]));
    // The same event again finds its job in the queue, and the task that waits for it.
    ingest.invoke(batch(1..2)).await.unwrap();
    assert_eq!(ecs.calls("RunTask").len(), 1);
}

#[tokio::test]
async fn the_api_starts_a_transcoder_for_an_event() {
    let ecs = EcsStandIn::start();
    let cloud = cloud(&ecs).await;
    let mut api = Function::start(env!("CARGO_BIN_EXE_api"), &cloud.variables).await;
    let event = serde_json::from_str(&of_r2(video(1))).unwrap();
    let answer = api
        .invoke(request("POST", "/v1/events", Some(event), "x"))
        .await
        .unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!((ecs.calls("RunTask").len(), ecs.tasks()), (1, 1));
}

#[tokio::test]
async fn a_burst_of_events_starts_few_transcoders() {
    let ecs = EcsStandIn::start();
    let cloud = cloud(&ecs).await;
    let start = (0..5).map(|_| Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables));
    let mut instances = join_all(start).await;
    let batches = instances.iter_mut().zip(0..).map(async |(it, number)| {
        let answer = it.invoke(batch(number * 10..number * 10 + 10)).await;
        assert_eq!(answer, Ok(json!({ "batchItemFailures": [] })));
    });
    join_all(batches).await;
    assert_eq!(cloud.queue.depth().await.unwrap().ready, 50);
    // Eight, or more if the tokens changed in between.
    let (tasks, requests) = (ecs.tasks(), ecs.calls("RunTask").len());
    assert!((8..=16).contains(&tasks), "{tasks} tasks");
    assert!(requests <= 80, "{requests} requests");
}

#[tokio::test]
async fn a_launch_that_fails_fails_no_event() {
    let ecs = EcsStandIn::start();
    let cloud = cloud(&ecs).await;
    for (number, trouble) in (1..).zip([EcsTrouble::AccessDenied, EcsTrouble::NoCapacity]) {
        ecs.set_trouble(trouble.clone());
        let mut ingest = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
        let answer = ingest.invoke(batch(number..number + 1)).await.unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{trouble:?}");
        let waiting = cloud.queue.depth().await.unwrap().ready;
        assert_eq!((waiting, ecs.tasks()), (number.into(), 0), "{trouble:?}");
    }
}

#[tokio::test]
async fn schedules_start_the_transcoders_that_are_missing() {
    let ecs = EcsStandIn::start();
    let cloud = cloud(&ecs).await;
    let message = conformance::message(1);
    cloud.queue.send(&message, Duration::ZERO).await.unwrap();
    let mut started = 0;
    for program in [
        env!("CARGO_BIN_EXE_dead-letter"),
        env!("CARGO_BIN_EXE_sweeper"),
    ] {
        let mut function = Function::start(program, &cloud.variables).await;
        function.invoke(json!({})).await.unwrap();
        started += 1;
        assert_eq!(ecs.tasks(), started, "{program}");
        // Another job, for the next function.
        let message = conformance::message(10);
        cloud.queue.send(&message, Duration::ZERO).await.unwrap();
    }
}

#[tokio::test]
async fn a_limit_of_zero_starts_nothing() {
    let ecs = EcsStandIn::start();
    let mut cloud = cloud(&ecs).await;
    cloud.set("EDGEREEL_ECS_MAX_TASKS", "0");
    let mut ingest = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
    ingest.invoke(batch(1..2)).await.unwrap();
    assert_eq!(ecs.calls("ListTasks").len(), 0);
    assert_eq!(cloud.queue.depth().await.unwrap().ready, 1);
}
