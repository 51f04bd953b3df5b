//! The complete flow with the edge worker in workerd: an upload through the API, the bucket's event
//! to the queue handler, the job to SQS (LocalStack), the transcoder, and playback through the
//! worker by three independent players and by the watch page of the web app.

mod sqs;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{ApiConfig, ApiSettings, ApiState};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use catalog::Catalog;
use catalog::SqsJobQueue;
use catalog::database::open_sqlite;
use config::{EdgeListPlace, Installation};
use domain::content_key::KeyEncryptionKeys;
use domain::ids::VideoId;
use domain::job::JobMessage;
use domain::keyring::{GrantKeys, PassKeys};
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use domain::playback::cases::world;
use domain::profile::Profile;
use domain::state::StateName;
use e2e::edge::{Edge, event, outcome, upload};
use e2e::media::make_film;
use e2e::{browser, program};
use futures::TryStreamExt as _;
use platform::job_queue::sqs::SqsQueueConfig;
use platform::job_queue::{SharedQueue, SqsQueue};
use platform::net::Policy;
use platform::object_store::ObjectStore as _;
use platform::object_store::s3::S3Store;
use platform::secret::Secret;
use platform::testing::{PRIVATE, RunningServer};
use serde_json::{Value, json};
use sqs::Sqs;
use testkit::LocalStack;
use tokio_util::sync::CancellationToken;
use transcoder::{ActiveVideos, Outage, Worker, WorkerConfig};

/// API, store, catalog and transcoder of one installation, around an SQS queue.
struct Site {
    s3: RunningServer,
    catalog: Catalog,
    queue: SharedQueue,
    api: String,
}

const TOKEN: &str = "a token of at least thirty-two bytes";

impl Site {
    async fn start(folder: &Path, sqs: &Sqs, edge: &Edge) -> Self {
        let s3 = RunningServer::start(&folder.join("s3")).await;
        let database = open_sqlite(&folder.join("edgereel.db")).await.unwrap();
        let catalog = Catalog::new(&database);
        let keys = (LocalStack::KEY.to_owned(), Secret::new(LocalStack::KEY));
        let config = SqsQueueConfig {
            queue_url: sqs.url.clone(),
            region: None,
            keys: Some(keys),
        };
        let queue: SharedQueue = Arc::new(SqsJobQueue::new(
            SqsQueue::open(&config).await.unwrap(),
            &database,
        ));
        let store = Arc::new(s3.store());
        let mut config = ApiConfig::default();
        config.profiles.extend(["small".to_owned()]);
        config.default_profile = "small".to_owned();
        let installation = Installation {
            database,
            catalog: catalog.clone(),
            queue: queue.clone(),
            store,
            private_bucket: PRIVATE.to_owned(),
        };
        let settings = ApiSettings {
            token: Secret::new(TOKEN),
            edge_url: edge.url(),
            edge_list: EdgeListPlace::Edge,
            grant_keys: GrantKeys::parse(world::GRANT_KEYS).unwrap(),
            pass_keys: Some(PassKeys::parse(world::PASS_KEYS).unwrap()),
            webhook_keys: KeyEncryptionKeys::parse(world::KEY_ENCRYPTION_KEYS).unwrap(),
            webhook_policy: Policy {
                allow_private: true,
                allow_http: true,
            },
            identity: None,
            config,
        };
        let state = ApiState::new(&installation, settings).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, api::router(state)).await });
        Self {
            s3,
            catalog,
            queue,
            api,
        }
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let request = reqwest::Client::new()
            .request(method, format!("{}{path}", self.api))
            .bearer_auth(TOKEN);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "{path}: {}",
            answer.text().await.unwrap()
        );
        answer.json().await.unwrap()
    }

    async fn upload(&self, film: &Path) -> VideoId {
        let bytes = std::fs::read(film).unwrap();
        let fields = json!({ "filename": "film.mp4", "size": bytes.len() });
        let created = self
            .call(reqwest::Method::POST, "/v1/uploads", Some(fields))
            .await;
        let request = &created["upload"]["request"];
        let mut put = reqwest::Client::new().put(request["url"].as_str().unwrap());
        for (name, value) in request["headers"].as_object().unwrap() {
            if name != "content-length" {
                put = put.header(name, value.as_str().unwrap());
            }
        }
        assert!(put.body(bytes).send().await.unwrap().status().is_success());
        created["video"].as_str().unwrap().parse().unwrap()
    }

    /// Works until the video is ready.
    async fn work(&self, video: VideoId) {
        let config = WorkerConfig {
            name: "worker".to_owned(),
            encoders: 1,
            wait: Duration::from_millis(200),
            profiles: [(
                "small".to_owned(),
                Profile::parse(&program::profile_with_one_sound()).unwrap(),
            )]
            .into(),
            ..WorkerConfig::default()
        };
        let worker = Worker {
            queue: self.queue.clone(),
            catalog: self.catalog.clone(),
            store: Arc::new(self.s3.store()),
            uploads: Arc::new(self.s3.store()),
            keys: Arc::new(KeyEncryptionKeys::parse(world::KEY_ENCRYPTION_KEYS).unwrap()),
            tools: e2e::program::tools(),
            config,
            outage: Outage::default(),
            metrics: Default::default(),
            active: ActiveVideos::default(),
            helping: Default::default(),
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let stop = stop.clone();
            async move { worker.run(stop).await }
        });
        let started = Instant::now();
        loop {
            let now = self.catalog.get_video(video).await.unwrap();
            match now.state.name() {
                StateName::Ready => break,
                StateName::Failed => panic!("{:?}", now.state),
                _ => assert!(
                    started.elapsed() < Duration::from_secs(120),
                    "still {:?}",
                    now.state
                ),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.cancel();
        running.await.unwrap();
    }
}

/// Copies the outputs into the buckets of the edge, which in the cloud are the same.
async fn publish(store: &S3Store, video: VideoId, folder: &Path, edge: &mut Edge) {
    for prefix in ObjectPrefix::of_video(video) {
        let mut after = None;
        loop {
            let page = store.list(&prefix, after.as_deref()).await.unwrap();
            for entry in page.entries {
                let keys =
                    [Bucket::Media, Bucket::Private].map(|it| ObjectKey::parse(it, &entry.path));
                let Some(key) = keys.into_iter().flatten().next() else {
                    continue;
                };
                let body = store.get(&key, None, None).await.unwrap();
                let bytes: Vec<_> = body.stream.try_collect().await.unwrap();
                let bucket = if key.bucket() == Bucket::Private {
                    "private"
                } else {
                    "media"
                };
                let path = folder.join(bucket).join(entry.path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes.concat()).unwrap();
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    edge.fill("MEDIA", &folder.join("media")).await;
    edge.fill("PRIVATE", &folder.join("private")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_an_upload_to_three_players() {
    let Some(sqs) = Sqs::start().await else {
        return;
    };
    let Some(mut edge) = Edge::start(sqs.bindings(&sqs.url)).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path(), &sqs, &edge).await;
    let film = make_film(
        &folder.path().join("film.mp4"),
        "640x360",
        "25",
        24.0,
        &["-g", "50"],
    );
    let video = site.upload(&film).await;
    let events = site.s3.server.events().waiting(10).await.unwrap();
    let bodies: Vec<Value> = events
        .iter()
        .map(|it| serde_json::from_str(&it.body).unwrap())
        .collect();
    let (acked, retried) = outcome(&edge.queue(&bodies).await);
    assert_eq!((acked.len(), retried.len()), (1, 0));
    site.work(video).await;
    publish(
        &site.s3.store(),
        video,
        &folder.path().join("copy"),
        &mut edge,
    )
    .await;
    let stream = site
        .call(
            reqwest::Method::GET,
            &format!("/v1/videos/{video}/stream"),
            None,
        )
        .await;
    let url = stream["hls_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&edge.url()), "{url}");

    program::check(&url, folder.path()).await;
    ffmpeg_plays(&url);
    gstreamer_plays(&url);
    if browser::is_there() {
        let report = browser::run("play.mjs", &[&url], Duration::from_secs(300)).await;
        browser::played_without_an_error(&report);
        assert_eq!(report["ended"], true, "{report:#}");
        assert!(
            (report["duration"].as_f64().unwrap() - 24.0).abs() < 0.2,
            "{report:#}"
        );
        let played = report["played"].as_array().unwrap();
        assert!(
            [360, 180].iter().all(|it| played.contains(&json!(it))),
            "a rung was not shown: {report:#}"
        );

        let (video, edge) = (video.to_string(), edge.url());
        let arguments = [&site.api, TOKEN, &video, &edge];
        let report = browser::run("web/worker.mjs", &arguments, Duration::from_secs(200)).await;
        assert_eq!(
            (&report["stalls"], &report["notice"]),
            (&json!(0), &Value::Null),
            "{report:#}"
        );
        assert!(
            report["images"].as_u64() > Some(20) && report["time"].as_f64() > Some(23.5),
            "{report:#}"
        );
    }
}

/// FFmpeg decodes video and audio to the end, without an error message.
fn ffmpeg_plays(url: &str) {
    let arguments = [
        "-nostdin", "-v", "warning", "-i", url, "-map", "0:v:0", "-map", "0:a:0", "-f", "framecrc",
        "-",
    ];
    let output = Command::new("ffmpeg").args(arguments).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let frames = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|it| it.starts_with("0,"))
        .count();
    assert!(
        (598..=602).contains(&frames),
        "{frames} frames: {complaints}"
    );
}

/// `GStreamer`, which has its own HLS implementation, plays to the end.
fn gstreamer_plays(url: &str) {
    let pipeline = [
        "--no-fault",
        "playbin3",
        "video-sink=fakevideosink",
        "audio-sink=fakesink sync=false",
        &format!("uri={url}"),
    ]
    .map(str::to_owned);
    let output = match Command::new("timeout")
        .args(["90", "gst-launch-1.0"])
        .args(pipeline)
        .output()
    {
        Ok(output) if output.status.code() != Some(127) => output,
        _ => return testkit::missing("GStreamer", "scripts/setup.sh --browser"),
    };
    let report = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && report.contains("Got EOS"),
        "{report}"
    );
}
