//! The shared services of parts that run alone: a database, a queue and buckets.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::services::ingest::{Ingest, Ingested};
use config::{Installation, Services};
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey};
use platform::clock;
use platform::object_store::ObjectStore as _;
use s3_server::EventOutbox;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::part::Part;
use crate::program::{PROFILE, text};
use crate::upload::send_source;

/// A key of 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
/// Token of the API.
pub const TOKEN: &str = "er_test";

/// The services of one installation. Its data is removed with it.
pub struct Site {
    /// Environment variables of the parts.
    pub variables: Vec<(&'static str, String)>,
    /// Executes the work of the Lambda functions.
    pub functions: Arc<Installation>,
    /// HTTP client of all callers.
    pub http: reqwest::Client,
    /// Directory for files.
    pub folder: TempDir,
}

impl Site {
    /// An installation with these services, and the small profile.
    ///
    /// # Panics
    /// If they cannot be reached.
    pub async fn new(services: Services, folder: TempDir) -> Self {
        let store = &services.store;
        let profiles = folder.path().join("profiles");
        let variables = vec![
            ("EDGEREEL_DATABASE", services.database.address.expose()),
            ("EDGEREEL_MIGRATE", "1".to_owned()),
            ("EDGEREEL_QUEUE", services.queue.address.to_string()),
            ("EDGEREEL_S3_ENDPOINT", store.endpoint.clone()),
            ("EDGEREEL_S3_REGION", store.region.clone()),
            ("EDGEREEL_S3_ACCESS_KEY_ID", store.access_key_id.clone()),
            (
                "EDGEREEL_S3_SECRET_ACCESS_KEY",
                store.secret_access_key.expose().to_owned(),
            ),
            ("EDGEREEL_PRIVATE_BUCKET", store.private_bucket.clone()),
            ("EDGEREEL_MEDIA_BUCKET", store.media_bucket.clone()),
            ("EDGEREEL_KEY_ENCRYPTION_KEYS", format!("one:{KEY}")),
            ("EDGEREEL_WEBHOOK_KEYS", format!("one:{KEY}")),
            ("EDGEREEL_API_TOKEN", TOKEN.to_owned()),
            ("EDGEREEL_EDGE_URL", "https://edge.example".to_owned()),
            ("EDGEREEL_GRANT_KEYS", format!("one:HS256:{KEY}")),
            ("EDGEREEL_PASS_KEYS", format!("one:{KEY}")),
            ("EDGEREEL_PROFILES_DIR", text(&profiles)),
        ];
        std::fs::create_dir(&profiles).expect("directories can be created");
        std::fs::write(profiles.join("small.toml"), PROFILE).expect("a profile can be written");
        std::fs::write(profiles.join("notes.txt"), "no profile").expect("files can be written");
        let functions = Installation::connect(services, "functions")
            .await
            .expect("the services can be reached");
        Self {
            variables,
            functions: Arc::new(functions),
            http: reqwest::Client::new(),
            folder,
        }
    }

    /// Starts an API.
    ///
    /// # Panics
    /// If it does not listen in time.
    pub async fn api(&self) -> Part {
        Part::start(
            &["api", "--listen", "127.0.0.1:0"],
            &self.variables,
            self.folder.path(),
        )
        .await
    }

    /// Starts a program with these arguments and more variables.
    ///
    /// # Panics
    /// If it does not start in time.
    pub async fn part(&self, arguments: &[&str], more: &[(&'static str, String)]) -> Part {
        let variables = [&self.variables[..], more].concat();
        Part::start(arguments, &variables, self.folder.path()).await
    }

    /// Starts a transcoder.
    ///
    /// # Panics
    /// If it does not start in time.
    pub async fn transcoder(&self) -> Part {
        Part::start(
            &["transcoder", "--encoders", "1"],
            &self.variables,
            self.folder.path(),
        )
        .await
    }

    /// Calls an API: status and body.
    ///
    /// # Panics
    /// If the server does not respond.
    pub async fn call(
        &self,
        api: &Part,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        self.call_with(api, method, path, body, &[]).await
    }

    /// As [`call`](Self::call), with more headers.
    ///
    /// # Panics
    /// If the server does not respond.
    pub async fn call_with(
        &self,
        api: &Part,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let url = format!("{}{path}", api.said["api"].as_str().expect("an address"));
        let mut request = self
            .http
            .request(method.parse().expect("a method"), url)
            .bearer_auth(TOKEN);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.expect("the API answers");
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_slice(&answer.bytes().await.expect("to its end")).unwrap_or_default(),
        )
    }

    /// Uploads a file, and delivers its event as the bucket does: twice.
    ///
    /// # Panics
    /// If the API or the store rejects a request.
    pub async fn upload(&self, api: &Part, film: &Path) -> VideoId {
        self.upload_as(api, film, "small").await
    }

    /// As [`upload`](Self::upload), with another profile.
    ///
    /// # Panics
    /// If the API or the store rejects a request.
    pub async fn upload_as(&self, api: &Part, film: &Path, profile: &str) -> VideoId {
        let bytes = std::fs::read(film).expect("the file can be read");
        let fields = json!({ "filename": "film.mp4", "size": bytes.len(), "content_type": "video/mp4", "profile": profile });
        let (status, created) = self.call(api, "POST", "/v1/uploads", Some(fields)).await;
        assert_eq!(status, 201, "{created}");
        let video = send_source(&self.http, created, bytes).await;
        let event = self.event(video).await;
        for _ in 0..2 {
            let taken = Ingest::new(&self.functions)
                .process(&event, clock::now())
                .await
                .expect("it is taken in");
            // The second time, a transcoder may hold the job.
            let [Ingested::Queued(_) | Ingested::Duplicate(_) | Ingested::AlreadyDone(_)] =
                taken[..]
            else {
                panic!("it starts nothing: {taken:?}")
            };
        }
        video
    }

    /// S3's event of a source that has arrived.
    async fn event(&self, video: VideoId) -> String {
        let source = self
            .functions
            .catalog
            .get_video(video)
            .await
            .expect("it is there")
            .source
            .key;
        let source = source.expect("it was announced");
        let key = ObjectKey::parse(Bucket::Private, &source).expect("a key of ours");
        let head = self
            .functions
            .store
            .head(&key)
            .await
            .expect("it has arrived");
        let object = json!({ "key": source, "size": head.size, "eTag": head.etag.0 });
        let record = json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "eventTime": "2024-05-24T19:36:44.379Z",
            "s3": { "bucket": { "name": self.functions.private_bucket }, "object": object },
        });
        json!({ "Records": [record] }).to_string()
    }

    /// Processes the events of an embedded S3 server from now on, as the function `ingest` does.
    pub fn pump(&self, outbox: EventOutbox) -> JoinHandle<()> {
        let ingest = Ingest::new(&self.functions);
        tokio::spawn(async move {
            loop {
                for event in outbox
                    .next_batch(100)
                    .await
                    .expect("the outbox can be read")
                {
                    ingest
                        .process(&event.body, clock::now())
                        .await
                        .expect("it is taken in");
                    outbox
                        .ack(event.sequence)
                        .await
                        .expect("the outbox takes it");
                }
            }
        })
    }

    /// Waits until a condition holds for a video.
    ///
    /// # Panics
    /// If it does not within four minutes, or the video fails before: after a lost worker, a lease and the delivery of a
    /// message may follow one another.
    pub async fn until(&self, api: &Part, video: VideoId, holds: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let (status, now) = self
                .call(api, "GET", &format!("/v1/videos/{video}"), None)
                .await;
            assert_eq!(status, 200, "{now}");
            if holds(&now) {
                return;
            }
            assert!(
                now["state"] != "failed" && began.elapsed() < Duration::from_secs(240),
                "{now:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
