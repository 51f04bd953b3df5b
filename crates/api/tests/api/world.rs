//! An installation in a temporary directory.

mod requests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use self::requests::Answer;
use api::auth::ApiToken;
use api::auth::identity::IdentityProvider;
use api::edge_list::Revocations;
use api::live::LiveVideos;
use api::playback::Playback;
use api::services::ingest::{Ingest, Ingested};
use api::webhooks::Webhooks;
use api::{ApiConfig, ApiState, router};
use api_types::api_keys::CreatedApiKey;
use async_trait::async_trait;
use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Body;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use catalog::SqlQueue;
use catalog::accounts::Accounts;
use catalog::database::open_sqlite;
use catalog::idempotency::Idempotency;
use catalog::shares::Shares;
use catalog::{Catalog, Claim, ClaimOutcome};
use config::{IdentitySettings, Limits, Signature};
use domain::content_key::KeyEncryptionKeys;
use domain::failure::{Failure, FailureCode};
use domain::ids::{ApiKeyId, Generation, VideoId};
use domain::job::{Job, JobMessage, JobReason, Mode};
use domain::keyring::{GrantKeys, PassKeys};
use domain::retry::MAX_ATTEMPTS;
use http::StatusCode;
use platform::clock;
use platform::job_queue::{QueueName, SharedQueue, Wanted};
use platform::net::{Guard, Policy};
use platform::object_store::s3::S3Store;
use platform::secret::Secret;
use platform::testing::{PRIVATE, RunningServer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const TOKEN: &str = "er_test_token";
const PAGE: &[u8] = b"<!doctype html><meta name=\"edgereel-edge\" content=\"\" />";
const IDENTITY_SECRET: &str = "what an identity provider signs with";
const KEYS: &str = "test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) state: ApiState,
    /// Path of the database.
    pub(crate) database: PathBuf,
    pub(crate) accounts: Accounts,
    pub(crate) catalog: Catalog,
    pub(crate) queue: SharedQueue,
    pub(crate) store: Arc<S3Store>,
    pub(crate) webhooks: catalog::webhooks::Webhooks,
    pub(crate) revoked: Arc<RevokedViewers>,
    pub(crate) ingest: Ingest,
    pub(crate) s3: RunningServer,
    pub(crate) http: reqwest::Client,
    _folder: TempDir,
}

/// A fake edge that accepts revocations, or is unreachable.
#[derive(Default)]
pub(crate) struct RevokedViewers {
    /// The revoked names.
    pub(crate) names: Mutex<Vec<String>>,
    /// Whether the edge is unreachable.
    pub(crate) is_away: AtomicBool,
}

#[async_trait]
impl Revocations for RevokedViewers {
    async fn revoke(&self, names: &[String], _: u64) -> anyhow::Result<()> {
        anyhow::ensure!(!self.is_away.load(Ordering::SeqCst), "the edge is away");
        self.names.lock().unwrap().extend_from_slice(names);
        Ok(())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// An installation with a changed configuration.
    pub(crate) async fn with(decide: impl FnOnce(&mut ApiConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let database = open_sqlite(&folder.path().join("edgereel.db"))
            .await
            .unwrap();
        let catalog = Catalog::new(&database);
        let queue: SharedQueue =
            Arc::new(SqlQueue::new(&database, QueueName::Interactive, 3, "test"));
        let accounts = Accounts::new(&database);
        let store = Arc::new(s3.store());
        let mut config = ApiConfig {
            max_upload_bytes: 1 << 40,
            ..ApiConfig::default()
        };
        config.profiles.push("small".to_owned());
        let signature = Signature::Hs256 {
            secret: Secret::new(IDENTITY_SECRET),
        };
        let identity = IdentityProvider::new(IdentitySettings::new(
            signature,
            "https://id.example",
            "edgereel",
        ));
        // Tests of rate limits set their own.
        config.limits = Limits {
            callers: None,
            failures: None,
            ..Limits::default()
        };
        decide(&mut config);
        let webhooks = catalog::webhooks::Webhooks::new(&database);
        let shares = Shares::new(&database);
        let revoked = Arc::new(RevokedViewers::default());
        config.public_url = "https://api.example/".to_owned();
        let ingest = Ingest {
            catalog: catalog.clone(),
            queue: queue.clone(),
            store: store.clone(),
            private_bucket: PRIVATE.to_owned(),
            profile: "default".to_owned(),
            mode: Mode::Abr,
        };
        let playback = Arc::new(playback());
        let state = ApiState {
            pages: web_app::WebApp::with_page(Some(PAGE), "https://edge.example", ""),
            sign_in: None,
            ingest: ingest.clone(),
            catalog: catalog.clone(),
            queue: queue.clone(),
            store: store.clone(),
            signer: store.clone(),
            token: Arc::new(ApiToken::new(&Secret::new(TOKEN))),
            identity: Some(Arc::new(identity.unwrap())),
            accounts: accounts.clone(),
            shares,
            idempotency: Idempotency::new(&database),
            revocations: revoked.clone(),
            metrics: Arc::new(api::metrics::Metrics::new(&queue, &catalog)),
            live: LiveVideos::new(&catalog, &playback),
            playback,
            webhooks: Webhooks {
                store: webhooks.clone(),
                keys: Arc::new(KeyEncryptionKeys::parse(KEYS).unwrap()),
                guard: Guard::new(Policy::default()),
            },
            config: Arc::new(config),
        };
        let http = reqwest::Client::new();
        Self {
            router: router(state.clone()),
            state,
            database: folder.path().join("edgereel.db"),
            catalog,
            accounts,
            queue,
            store,
            webhooks,
            revoked,
            ingest,
            s3,
            http,
            _folder: folder,
        }
    }

    /// The same installation without an identity provider.
    pub(crate) fn without_identity_provider(mut self) -> Self {
        self.state.identity = None;
        self.router = router(self.state.clone());
        self
    }

    /// The same installation with another identity provider.
    pub(crate) fn with_identity_provider(mut self, settings: IdentitySettings) -> Self {
        self.state.identity = Some(Arc::new(IdentityProvider::new(settings).unwrap()));
        self.router = router(self.state.clone());
        self
    }

    /// The response to a request, without a comparison with the document.
    pub(crate) async fn router_response(
        &self,
        request: http::request::Builder,
    ) -> axum::response::Response {
        self.router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    /// The same installation with a new token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.state.token = Arc::new(ApiToken::new(&Secret::new(token)));
        self.router = router(self.state.clone());
        self
    }

    /// Creates an API key; returns its id and secret.
    pub(crate) async fn key(&self, owner: Option<&str>, scopes: &[&str]) -> (ApiKeyId, String) {
        let made = self
            .post(
                "/v1/api-keys",
                json!({ "name": "a key", "owner": owner, "scopes": scopes }),
            )
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let CreatedApiKey { api_key, key } = serde_json::from_value(made.body).unwrap();
        (api_key.id, key.into_exposed())
    }

    /// Ingests and acknowledges all pending events.
    pub(crate) async fn pump(&self) -> Vec<Ingested> {
        let outbox = self.s3.server.events();
        let mut taken = Vec::new();
        for event in outbox.waiting(100).await.unwrap() {
            taken.extend(
                self.ingest
                    .process(&event.body, clock::now())
                    .await
                    .unwrap(),
            );
            outbox.ack(event.sequence).await.unwrap();
        }
        taken
    }

    /// Uploads a small file and ingests its event.
    pub(crate) async fn upload_small(&self) -> VideoId {
        let created = self
            .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
            .await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        assert!(
            self.put(&created.body["upload"]["request"], b"abc".to_vec())
                .await
                .status()
                .is_success()
        );
        self.pump().await;
        created.video()
    }

    /// Claims the video as a worker.
    pub(crate) async fn claim(&self, id: VideoId) -> Claim {
        let job = self
            .catalog
            .get_video(id)
            .await
            .unwrap()
            .to_job(JobReason::Upload)
            .unwrap();
        let generation = Generation::of(&job.source.etag, &job.profile);
        match self
            .catalog
            .claim(
                &job,
                &generation,
                "worker",
                Duration::from_secs(60),
                clock::now(),
            )
            .await
            .unwrap()
        {
            ClaimOutcome::Claimed(claim) => claim,
            other => panic!("{other:?}"),
        }
    }

    /// Fails all attempts of the video, so that its message becomes a dead letter.
    pub(crate) async fn fail_for_good(&self, id: VideoId) {
        let failure = Failure::of(FailureCode::Internal);
        for attempt in 1..=MAX_ATTEMPTS {
            let claim = self.claim(id).await;
            self.catalog
                .fail(&claim, &failure, attempt < MAX_ATTEMPTS, "", clock::now())
                .await
                .unwrap();
        }
        let mut others = vec![];
        while let Some(delivery) = self
            .queue
            .receive(Wanted::ALL, Duration::ZERO, Duration::from_secs(60))
            .await
            .unwrap()
        {
            match &delivery.message {
                Ok(message) if message.video() == id => {
                    self.queue
                        .dead_letter(&delivery.receipt, failure.code.as_str())
                        .await
                        .unwrap();
                }
                _ => others.push(delivery),
            }
        }
        for other in others {
            self.queue
                .release(&other.receipt, Duration::ZERO, "not this one")
                .await
                .unwrap();
        }
    }

    /// Receives all jobs of the queue.
    pub(crate) async fn jobs(&self) -> Vec<Job> {
        let messages = self.messages().await;
        let job = |it: &JobMessage| it.job().expect("an encoding").clone();
        messages.iter().map(job).collect()
    }

    /// All messages since the last call. They leave the queue.
    pub(crate) async fn messages(&self) -> Vec<JobMessage> {
        let (queue, lease) = (&self.queue, Duration::from_secs(60));
        let mut messages = vec![];
        while let Some(delivery) = queue
            .receive(Wanted::ALL, Duration::ZERO, lease)
            .await
            .unwrap()
        {
            queue.ack(&delivery.receipt).await.unwrap();
            messages.push(delivery.message.unwrap());
        }
        messages
    }

    /// The number of jobs that write a master playlist, since the last call. They leave the queue.
    pub(crate) async fn playlist_jobs(&self) -> usize {
        let (wait, lease) = (Duration::ZERO, Duration::from_secs(60));
        let mut count = 0;
        while let Some(delivery) = self.queue.receive(Wanted::ALL, wait, lease).await.unwrap() {
            count += usize::from(matches!(delivery.message, Ok(JobMessage::CaptionsV1(_))));
            self.queue.ack(&delivery.receipt).await.unwrap();
        }
        count
    }

    /// The state in the catalog.
    pub(crate) async fn state(&self, video: VideoId) -> &'static str {
        self.catalog
            .get_video(video)
            .await
            .unwrap()
            .state
            .name()
            .as_str()
    }
}

/// A valid JWT of the customer's identity provider with these changes.
pub(crate) fn jwt(changes: Value) -> String {
    let expires = clock::now().as_secs() + 300;
    let mut claims =
        json!({ "iss": "https://id.example", "aud": "edgereel", "sub": "ann", "exp": expires });
    let Value::Object(changes) = changes else {
        panic!("claims are an object")
    };
    claims.as_object_mut().unwrap().extend(changes);
    let part = |it: Value| Base64UrlUnpadded::encode_string(it.to_string().as_bytes());
    let signed = format!(
        "{}.{}",
        part(json!({ "alg": "HS256", "typ": "JWT" })),
        part(claims)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, IDENTITY_SECRET.as_bytes());
    let signature = Base64UrlUnpadded::encode_string(hmac::sign(&key, signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

fn playback() -> Playback {
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let grants = GrantKeys::parse(&format!("test:HS256:{key}")).unwrap();
    let passes = PassKeys::parse(&format!("test:{key}")).unwrap();
    Playback::new("https://edge.example", grants, Some(passes))
}
