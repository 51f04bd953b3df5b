//! Events of the bucket that become jobs in SQS.

use super::*;

/// A LocalStack with a queue of jobs.
pub(super) struct Sqs {
    pub(super) _server: LocalStack,
    pub(super) client: Client,
    pub(super) url: String,
}

impl Sqs {
    pub(super) async fn start() -> Option<Self> {
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
        let client = Client::from_conf(config.build());
        let (dead, url) = (
            make_queue(&client, "dead").await,
            make_queue(&client, "jobs").await,
        );
        let arn = QueueAttributeName::QueueArn;
        let answer = client
            .get_queue_attributes()
            .queue_url(dead)
            .attribute_names(arn.clone())
            .send()
            .await
            .unwrap();
        let policy = format!(
            r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":"5"}}"#,
            answer.attributes.unwrap()[&arn]
        );
        let request = client.set_queue_attributes().queue_url(&url);
        request
            .attributes(QueueAttributeName::RedrivePolicy, policy)
            .send()
            .await
            .unwrap();
        Some(Self {
            _server: server,
            client,
            url,
        })
    }

    /// The bindings of the worker.
    pub(super) fn bindings(&self, url: &str) -> Value {
        json!({
            "EDGEREEL_GRANT_KEYS": world::GRANT_KEYS,
            "EDGEREEL_PASS_KEYS": world::PASS_KEYS,
            "EDGEREEL_KEY_ENCRYPTION_KEYS": world::KEY_ENCRYPTION_KEYS,
            "EDGEREEL_PRIVATE_BUCKET": PRIVATE,
            "EDGEREEL_PROFILE": "small",
            "EDGEREEL_SQS_QUEUE_URL": url,
            "AWS_REGION": LocalStack::REGION,
            "AWS_ACCESS_KEY_ID": LocalStack::KEY,
            "AWS_SECRET_ACCESS_KEY": LocalStack::KEY,
        })
    }

    /// Receives and removes all waiting messages.
    async fn drain(&self) -> Vec<String> {
        let mut bodies = vec![];
        loop {
            let received = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(10)
                .send()
                .await;
            let messages = received.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            for message in messages {
                let request = self.client.delete_message().queue_url(&self.url);
                request
                    .set_receipt_handle(message.receipt_handle)
                    .send()
                    .await
                    .unwrap();
                bodies.extend(message.body);
            }
        }
    }
}

async fn make_queue(client: &Client, name: &str) -> String {
    client
        .create_queue()
        .queue_name(name)
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_become_jobs_in_sqs_each_on_its_own() {
    let Some(sqs) = Sqs::start().await else {
        return;
    };
    let Some(mut edge) = Edge::start(sqs.bindings(&sqs.url)).await else {
        return;
    };
    let mut bodies: Vec<Value> = (0..25).map(upload).collect();
    bodies.extend([
        // Text, as other relays send it; a duplicate; and events that start no work.
        upload(0).to_string().into(),
        upload(1),
        event("PutObject", PRIVATE, "elsewhere/film.mp4"),
        event("PutObject", "other", "uploads/x/film.mp4"),
        event("DeleteObject", PRIVATE, "uploads/x/film.mp4"),
        json!("rubbish"),
        json!(7),
        json!(null),
        json!({ "a": [1, 2, { "b": null }] }),
    ]);
    let (acked, retried) = outcome(&edge.queue(&bodies).await);
    assert_eq!((acked.len(), retried.len()), (bodies.len(), 0));
    let sent = sqs.drain().await;
    let jobs: BTreeSet<VideoId> = sent
        .iter()
        .map(|it| JobMessage::parse(it).unwrap())
        .map(|it| it.video())
        .collect();
    assert_eq!((sent.len(), jobs.len()), (25, 25), "each job once");

    // A missing queue: the jobs are retried, the rest is acknowledged.
    let url = format!("{}-gone", sqs.url);
    let mut edge = Edge::start(sqs.bindings(&url)).await.unwrap();
    let (acked, retried) = outcome(&edge.queue(&[upload(1), json!("rubbish"), upload(2)]).await);
    assert_eq!(
        (acked, retried),
        (vec!["1".to_owned()], vec!["0".to_owned(), "2".to_owned()])
    );
    // And an endpoint where no server listens.
    let mut edge = Edge::start(sqs.bindings("http://127.0.0.1:9/queue/jobs"))
        .await
        .unwrap();
    assert_eq!(outcome(&edge.queue(&[upload(1)]).await).1, ["0"]);
}
