//! The parts run apart, as in the cloud: an API, transcoders, a database, a queue and buckets, told by the environment
//! where the others are.

#![cfg(test)]

use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use domain::ids::VideoId;
use domain::object_key::ObjectKey;
use e2e::media::make_film;
use e2e::part::Part;
use e2e::program::{PROFILE, text};
use functions::ingest::Ingested;
use functions::installation::Installation;
use functions::now_ms;
use functions::settings::Services;
use platform::catalog::AttemptOutcome;
use platform::connect::QueueAddress;
use platform::job_queue::sqs::SqsQueueConfig;
use platform::object_store::ObjectStore as _;
use platform::object_store::s3::S3StoreConfig;
use platform::s3_server::testing::RunningServer;
use platform::secret::Secret;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{LocalStack, Postgres};

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// A place where the parts find each other.
struct Site {
    variables: Vec<(&'static str, String)>,
    /// Does what the Lambda functions do.
    functions: Installation,
    http: reqwest::Client,
    folder: TempDir,
}

impl Site {
    async fn new(services: Services, folder: TempDir) -> Self {
        let store = &services.store;
        let mut variables = vec![
            ("EDGEREEL_DATABASE", services.database.clone()),
            ("EDGEREEL_QUEUE", services.queue.to_string()),
            ("EDGEREEL_S3_ENDPOINT", store.endpoint.clone()),
            ("EDGEREEL_S3_REGION", store.region.clone()),
            ("EDGEREEL_S3_ACCESS_KEY_ID", store.access_key_id.clone()),
            ("EDGEREEL_S3_SECRET_ACCESS_KEY", store.secret_access_key.expose().to_owned()),
            ("EDGEREEL_PRIVATE_BUCKET", store.private_bucket.clone()),
            ("EDGEREEL_MEDIA_BUCKET", store.media_bucket.clone()),
            ("EDGEREEL_KEY_ENCRYPTION_KEYS", format!("one:{KEY}")),
            ("EDGEREEL_API_TOKEN", "er_test".to_owned()),
            ("EDGEREEL_EDGE_URL", "https://edge.example".to_owned()),
            ("EDGEREEL_GRANT_KEYS", format!("one:HS256:{KEY}")),
            ("EDGEREEL_PROFILES", "small".to_owned()),
        ];
        // What SQS is told by AWS's own variables.
        variables.extend([("AWS_ACCESS_KEY_ID", "test".to_owned()), ("AWS_SECRET_ACCESS_KEY", "test".to_owned())]);
        variables.push(("AWS_REGION", LocalStack::REGION.to_owned()));
        let profiles = folder.path().join("profiles");
        std::fs::create_dir(&profiles).unwrap();
        std::fs::write(profiles.join("small.toml"), PROFILE).unwrap();
        std::fs::write(profiles.join("notes.txt"), "no profile").unwrap();
        let functions = Installation::connect(services, "functions").await.unwrap();
        Self { variables, functions, http: reqwest::Client::new(), folder }
    }

    async fn api(&self) -> Part {
        Part::start(&["api", "--listen", "127.0.0.1:0"], &self.variables, self.folder.path()).await
    }

    async fn transcoder(&self) -> Part {
        let profiles = text(&self.folder.path().join("profiles"));
        let arguments = ["transcoder", "--profiles-dir", &profiles, "--encoders", "1"];
        Part::start(&arguments, &self.variables, self.folder.path()).await
    }

    async fn call(&self, api: &Part, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", api.said["api"].as_str().unwrap());
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth("er_test");
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    /// Uploads a file, and tells of it as the bucket does: twice.
    async fn upload(&self, api: &Part, film: &Path) -> VideoId {
        let bytes = std::fs::read(film).unwrap();
        let wish =
            json!({ "filename": "film.mp4", "size": bytes.len(), "content_type": "video/mp4", "profile": "small" });
        let (status, created) = self.call(api, "POST", "/v1/uploads", Some(wish)).await;
        assert_eq!(status, 201, "{created}");
        let (video, request) = (created["video"].as_str().unwrap().parse().unwrap(), &created["upload"]["request"]);
        let mut put = self.http.put(request["url"].as_str().unwrap());
        for (name, value) in request["headers"].as_object().unwrap().iter().filter(|it| it.0 != "content-length") {
            put = put.header(name, value.as_str().unwrap());
        }
        let answer = put.body(bytes).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());

        let source = self.functions.catalog.get_video(video).await.unwrap().source.key.unwrap();
        let key = ObjectKey::parse(domain::object_key::Bucket::Private, &source).unwrap();
        let head = self.functions.store.head(&key).await.unwrap();
        let object = json!({ "key": source, "size": head.size, "eTag": head.etag.0 });
        let record = json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "eventTime": "2024-05-24T19:36:44.379Z",
            "s3": { "bucket": { "name": self.functions.services.store.private_bucket }, "object": object },
        });
        let event = json!({ "Records": [record] }).to_string();
        for _ in 0..2 {
            let taken = self.functions.ingest().take(&event, now_ms()).await.unwrap();
            assert!(matches!(taken[..], [Ingested::Queued(_) | Ingested::Duplicate(_)]), "{taken:?}");
        }
        video
    }

    /// Waits until something holds of a video.
    async fn until(&self, api: &Part, video: VideoId, holds: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let (status, now) = self.call(api, "GET", &format!("/v1/videos/{video}"), None).await;
            assert_eq!(status, 200, "{now}");
            if holds(&now) {
                return;
            }
            assert!(now["state"] != "failed" && began.elapsed() < Duration::from_secs(120), "{now:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// One transcoder is told to stop in the middle; another one goes on there.
    async fn show(self) {
        let film = make_film(&self.folder.path().join("film.mp4"), "640x360", "24", 40.0, &["-g", "600"]);
        let (api, first) = (self.api().await, self.transcoder().await);
        assert_eq!(self.call(&api, "GET", "/readyz", None).await.0, 200);
        let video = self.upload(&api, &film).await;
        self.until(&api, video, |it| it["percent"].as_u64().is_some_and(|it| it > 0)).await;
        let second = self.transcoder().await;
        let log = first.log();
        assert!(first.terminate().await.success());
        self.until(&api, video, |it| it["state"] == "ready").await;

        let (status, stream) = self.call(&api, "GET", &format!("/v1/videos/{video}/stream"), None).await;
        assert_eq!(status, 200, "{stream}");
        let url = stream["hls_url"].as_str().unwrap();
        assert!(url.starts_with(&format!("https://edge.example/v/{video}/master.m3u8?grant=ey")), "{url}");
        self.functions.store.head(&ObjectKey::Master { video }).await.expect("it is published");
        let attempts = self.functions.catalog.attempts(video).await.unwrap();
        let outcomes: Vec<_> = attempts.iter().map(|it| it.outcome.clone()).collect();
        assert_eq!(outcomes, [Some(AttemptOutcome::Released), Some(AttemptOutcome::Ready)], "{attempts:#?}");
        assert_ne!(attempts[0].worker, attempts[1].worker);
        assert!(!log.contains("ERROR"), "{log}");

        assert!(second.terminate().await.success());
        let log = api.log();
        assert!(api.terminate().await.success());
        assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_host_with_a_file_and_an_s3_server() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let services = Services { database, queue: QueueAddress::Database, store: s3.store_config() };
    Site::new(services, folder).await.show().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_cloud_with_postgresql_sqs_and_s3() {
    let (Some(postgres), Some(aws)) = (Postgres::start(), LocalStack::start()) else { return };
    let services = Services {
        database: postgres.database(),
        queue: QueueAddress::Sqs(queue(&aws).await),
        store: buckets(&aws).await,
    };
    Site::new(services, tempfile::tempdir().unwrap()).await.show().await;
}

async fn buckets(server: &LocalStack) -> S3StoreConfig {
    use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
    let client = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.endpoint())
        .region(Region::new(LocalStack::REGION))
        .credentials_provider(Credentials::new(LocalStack::KEY, LocalStack::KEY, None, None, "test"))
        .force_path_style(true);
    let client = aws_sdk_s3::Client::from_conf(client.build());
    for bucket in ["private", "media"] {
        client.create_bucket().bucket(bucket).send().await.expect("a bucket can be made");
    }
    S3StoreConfig {
        endpoint: server.endpoint(),
        public_endpoint: None,
        region: LocalStack::REGION.to_owned(),
        access_key_id: LocalStack::KEY.to_owned(),
        secret_access_key: Secret::new(LocalStack::KEY),
        private_bucket: "private".to_owned(),
        media_bucket: "media".to_owned(),
        force_path_style: true,
    }
}

/// A queue with dead letters.
async fn queue(server: &LocalStack) -> SqsQueueConfig {
    use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.endpoint())
        .region(Region::new(LocalStack::REGION))
        .credentials_provider(Credentials::new(LocalStack::KEY, LocalStack::KEY, None, None, "test"));
    let client = aws_sdk_sqs::Client::from_conf(config.build());
    let make = async |name: &str| {
        let made = client.create_queue().queue_name(name).send().await.expect("a queue can be made");
        made.queue_url.expect("it has a URL")
    };
    let (dead, url) = (make("dead").await, make("jobs").await);
    let arn = QueueAttributeName::QueueArn;
    let answer = client.get_queue_attributes().queue_url(dead).attribute_names(arn.clone()).send().await;
    let arn = answer.expect("a queue has attributes").attributes.expect("as asked for")[&arn].clone();
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"5"}}"#);
    let request = client.set_queue_attributes().queue_url(&url).attributes(QueueAttributeName::RedrivePolicy, policy);
    request.send().await.expect("a policy can be set");
    let keys = (LocalStack::KEY.to_owned(), Secret::new(LocalStack::KEY));
    SqsQueueConfig { queue_url: url, region: None, keys: Some(keys) }
}
