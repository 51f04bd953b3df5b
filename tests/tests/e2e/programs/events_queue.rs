//! `edgereel ingest`, over SQS of LocalStack.

use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;

use super::*;

fn client(aws: &LocalStack) -> aws_sdk_sqs::Client {
    let (id, secret) = (LocalStack::KEY, LocalStack::KEY);
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(aws.endpoint())
        .region(Region::new(LocalStack::REGION))
        .credentials_provider(Credentials::new(id, secret, None, None, "test"));
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// A queue whose messages become dead letters after two deliveries, and its dead-letter queue.
async fn queues(client: &aws_sdk_sqs::Client) -> (String, String) {
    let dead = client.create_queue().queue_name("events-dead").send().await;
    let dead = dead.unwrap().queue_url.unwrap();
    let arn = client
        .get_queue_attributes()
        .queue_url(&dead)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .unwrap();
    let arn = &arn.attributes.unwrap()[&QueueAttributeName::QueueArn];
    let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": "2" }).to_string();
    let events = client
        .create_queue()
        .queue_name("events")
        .attributes(QueueAttributeName::RedrivePolicy, policy)
        .send()
        .await;
    (events.unwrap().queue_url.unwrap(), dead)
}

/// The messages of a queue, in flight or not.
async fn count(client: &aws_sdk_sqs::Client, queue: &str) -> u32 {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let answer = client
        .get_queue_attributes()
        .queue_url(queue)
        .set_attribute_names(Some(names.to_vec()))
        .send()
        .await
        .unwrap();
    let attributes = answer.attributes.unwrap();
    attributes
        .values()
        .map(|it| it.parse::<u32>().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_from_sqs_and_each_has_its_own_outcome() {
    let Some(aws) = LocalStack::start() else {
        return;
    };
    let (site, _s3) = site(None).await;
    let sqs = client(&aws);
    let (events, dead) = queues(&sqs).await;
    let variables = [
        ("EDGEREEL_EVENTS_QUEUE", format!("sqs:{events}")),
        ("AWS_ACCESS_KEY_ID", LocalStack::KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", LocalStack::KEY.to_owned()),
        ("AWS_REGION", LocalStack::REGION.to_owned()),
        (HEALTH.0, HEALTH.1.to_owned()),
    ];
    let ingest = site.part(&["ingest"], &variables).await;
    let send = async |body: String| {
        let sent = sqs.send_message().queue_url(&events).message_body(body);
        sent.send().await.unwrap();
    };
    // 25 sources, one of them twice, a message that is not an event, and a job of a newer version.
    let event = |number: u64| {
        let video = VideoId::new(number, [1; 10]);
        let object =
            json!({ "key": format!("uploads/{video}/film.mp4"), "size": 3, "eTag": "abc" });
        json!({
            "account": "a", "action": "PutObject", "bucket": "private",
            "eventTime": "2024-05-24T19:36:44.379Z", "object": object,
        })
    };
    for number in 0..25 {
        send(event(number).to_string()).await;
    }
    send(event(0).to_string()).await;
    send("hello".to_owned()).await;
    send(json!({ "type": "transcode-v9", "video": "x" }).to_string()).await;

    let began = Instant::now();
    loop {
        let ready = site.functions.queue.depth().await.unwrap().ready;
        let (left, dead) = (count(&sqs, &events).await, count(&sqs, &dead).await);
        if (ready, left) == (25, 0) {
            assert_eq!(dead, 1, "the job of a newer version waits for the operator");
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{ready} jobs, {left} events, {dead} dead: {}",
            ingest.log()
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let (_, metrics) = read_health(&ingest, "/metrics").await;
    assert!(
        metrics.contains("edgereel_bucket_events_total{outcome=\"queued\"} 25"),
        "{metrics}"
    );
    super::exported::is_as_in_the_table(::metrics::Program::Ingest, &metrics);
    // The long poll does not delay the end.
    let began = Instant::now();
    assert!(ingest.terminate().await.success());
    assert!(began.elapsed() < Duration::from_secs(5));
}
