//! An installation in a temporary folder.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use domain::content_key::KeyEncryptionKeys;
use domain::ids::VideoId;
use domain::job::Mode;
use domain::keyring::{GrantKeys, PassKeys};
use functions::auth::ApiToken;
use functions::ingest::{Ingest, Ingested};
use functions::playback::Playback;
use functions::webhooks::Webhooks;
use functions::{ApiConfig, ApiState, router};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use platform::catalog::{SharedCatalog, SqliteCatalog};
use platform::database::open_sqlite;
use platform::job_queue::{QueueName, SharedQueue, SqliteQueue};
use platform::net::{Guard, Policy};
use platform::object_store::s3::S3Store;
use platform::s3_server::testing::{PRIVATE, RunningServer};
use platform::secret::Secret;
use platform::webhooks::{SharedWebhooks, SqlWebhooks};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const TOKEN: &str = "er_test_token";
const KEYS: &str = "test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) catalog: SharedCatalog,
    pub(crate) queue: SharedQueue,
    pub(crate) store: Arc<S3Store>,
    pub(crate) webhooks: SharedWebhooks,
    pub(crate) ingest: Ingest,
    pub(crate) s3: RunningServer,
    pub(crate) http: reqwest::Client,
    _folder: TempDir,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let database = open_sqlite(&folder.path().join("edgereel.db")).await.unwrap();
        let catalog: SharedCatalog = Arc::new(SqliteCatalog::new(&database));
        let queue: SharedQueue = Arc::new(SqliteQueue::new(&database, QueueName::Interactive, 3, "test"));
        let store = Arc::new(s3.store());
        let mut config = ApiConfig::new(PRIVATE);
        config.max_upload_bytes = 1 << 40;
        let webhooks: SharedWebhooks = Arc::new(SqlWebhooks::new(&database));
        let state = ApiState {
            catalog: catalog.clone(),
            queue: queue.clone(),
            store: store.clone(),
            signer: store.clone(),
            token: Arc::new(ApiToken::new(&Secret::new(TOKEN))),
            playback: Arc::new(playback()),
            webhooks: Webhooks {
                store: webhooks.clone(),
                keys: Arc::new(KeyEncryptionKeys::parse(KEYS).unwrap()),
                guard: Guard::new(Policy::default()),
            },
            config: Arc::new(config),
        };
        let ingest = Ingest {
            catalog: catalog.clone(),
            queue: queue.clone(),
            store: store.clone(),
            private_bucket: PRIVATE.to_owned(),
            profile: "default".to_owned(),
            mode: Mode::Abr,
        };
        let http = reqwest::Client::new();
        Self { router: router(state), catalog, queue, store, webhooks, ingest, s3, http, _folder: folder }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map_or(Body::empty(), |it| Body::from(it.to_string()));
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {TOKEN}"));
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Sends what the API has signed, as a browser does: the length is that of the body.
    pub(crate) async fn put(&self, request: &Value, body: Vec<u8>) -> reqwest::Response {
        assert_eq!(request["method"], "PUT");
        let mut put = self.http.put(request["url"].as_str().unwrap());
        let headers = request["headers"].as_object().unwrap();
        assert!(headers.contains_key("content-length"), "the size is signed");
        for (name, value) in headers.iter().filter(|it| it.0 != "content-length") {
            put = put.header(name, value.as_str().unwrap());
        }
        put.body(body).send().await.unwrap()
    }

    /// Takes in all events that wait, and acknowledges them.
    pub(crate) async fn pump(&self) -> Vec<Ingested> {
        let outbox = self.s3.server.events();
        let mut taken = Vec::new();
        for event in outbox.waiting(100).await.unwrap() {
            taken.extend(self.ingest.take(&event.body, now_ms()).await.unwrap());
            outbox.ack(event.sequence).await.unwrap();
        }
        taken
    }

    /// Uploads a small file, and takes its event in.
    pub(crate) async fn upload_small(&self) -> VideoId {
        let created = self.post("/v1/uploads", serde_json::json!({ "file_name": "a.mp4", "size": 3 })).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        assert!(self.put(&created.body["upload"]["request"], b"abc".to_vec()).await.status().is_success());
        self.pump().await;
        created.video()
    }

    /// The state in the catalog.
    pub(crate) async fn state(&self, video: VideoId) -> &'static str {
        self.catalog.get_video(video).await.unwrap().state.name().as_str()
    }
}

impl Answer {
    pub(crate) fn video(&self) -> VideoId {
        self.body["video"].as_str().unwrap().parse().unwrap()
    }

    /// The status, and the code of the problem.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, &str) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.body);
        let code = self.body["code"].as_str().unwrap();
        assert_eq!(self.body["type"], format!("urn:edgereel:problem:{code}"));
        assert_eq!(self.body["status"], self.status.as_u16());
        assert!(!self.body["detail"].as_str().unwrap().is_empty());
        (self.status.as_u16(), code)
    }
}

fn playback() -> Playback {
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let grants = GrantKeys::parse(&format!("test:HS256:{key}")).unwrap();
    let passes = PassKeys::parse(&format!("test:{key}")).unwrap();
    Playback::new("https://edge.example", grants, Some(passes))
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}
