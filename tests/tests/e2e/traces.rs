//! A collector of OpenTelemetry receives one trace from the upload of a video to its webhook, and nothing secret.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::player::Player;
use e2e::upload::send_source;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "1234567812345678";
/// Part of the names that must not be exported.
const TITLE: &str = "Premiere";

/// A request that a server of the test received.
#[derive(Clone)]
struct Received {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A server that accepts everything.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Received>>>);

async fn take(State(receiver): State<Receiver>, uri: Uri, headers: HeaderMap, body: Bytes) {
    receiver.0.lock().unwrap().push(Received {
        path: uri.path().to_owned(),
        headers,
        body,
    });
}

impl Receiver {
    /// The receiver, and its URL without a path.
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self::default();
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    fn all(&self) -> Vec<Received> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for a webhook of a type.
    async fn webhook(&self, kind: &str) -> Received {
        let began = Instant::now();
        loop {
            let is_it = |it: &Received| {
                let body: Value = serde_json::from_slice(&it.body).unwrap_or_default();
                body["type"] == kind
            };
            if let Some(found) = self.all().into_iter().find(is_it) {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "no {kind}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value {
        Some(AnyValue::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// All spans that the collector has, and the names of their services.
fn collected(collector: &Receiver) -> (Vec<Span>, BTreeSet<String>) {
    let (mut spans, mut services) = (vec![], BTreeSet::new());
    for request in collector.all() {
        assert_eq!(request.path, "/v1/traces");
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
        assert_eq!(request.headers["authorization"], "Bearer of-the-collector");
        let batch = ExportTraceServiceRequest::decode(request.body).expect("OTLP");
        for of_resource in batch.resource_spans {
            for attribute in of_resource.resource.unwrap_or_default().attributes {
                if attribute.key == "service.name" {
                    let value = attribute.value.and_then(|it| it.value);
                    services.insert(text(value.as_ref()));
                }
            }
            spans.extend(of_resource.scope_spans.into_iter().flat_map(|it| it.spans));
        }
    }
    (spans, services)
}

/// Uploads a video in a trace of the client's own.
async fn upload_in_trace(dev: &Dev, http: &reqwest::Client, bytes: Vec<u8>) -> Value {
    let name = format!("{TITLE}.mp4");
    let request =
        json!({ "filename": name, "title": TITLE, "profile": "small", "size": bytes.len() });
    let created = http
        .post(format!("{}/v1/uploads", dev.info["api"].as_str().unwrap()))
        .bearer_auth(dev.info["token"].as_str().unwrap())
        .header("traceparent", format!("00-{TRACE}-{CLIENT}-01"))
        .header("tracestate", "vendor=1")
        // The handler runs in a task of its own.
        .header("idempotency-key", "once")
        .header("content-type", "application/json")
        .body(request.to_string())
        .send();
    let created: Value = created.await.unwrap().json().await.unwrap();
    let video = send_source(http, created.clone(), bytes).await;
    dev.until_ready(video).await;
    created
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_its_job_and_its_webhook_are_one_trace() {
    let (collector, collector_url) = Receiver::start().await;
    let (endpoint, endpoint_url) = Receiver::start().await;
    let mut home = Home::new();
    home.environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector_url.as_str()),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20of-the-collector",
        ),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("EDGEREEL_LOG_FORMAT", "json"),
        ("RUST_LOG", "debug"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let path = home.folder.path().join("film.mp4");
    let film = make_film(&path, "640x360", "24", 16.0, &[]);
    let dev = home.start().await;
    let body = json!({ "url": format!("{endpoint_url}/hook-with-secret") });
    let (status, webhook) = dev.call("POST", "/v1/webhooks", Some(&body)).await;
    assert_eq!(status, 201, "{webhook}");

    let http = reqwest::Client::new();
    let created = upload_in_trace(&dev, &http, std::fs::read(&film).unwrap()).await;
    let video = created["video"].as_str().unwrap().parse().unwrap();
    let received = endpoint.webhook("video.ready").await;
    // A pass exists, and requests that fail.
    let hls_url = dev.hls_url(video).await;
    Player::new().presentation(&hls_url).await.unwrap().unwrap();
    dev.call(
        "GET",
        "/v1/videos/vid_018bcfe5680077078707070707070707",
        None,
    )
    .await;
    let info = dev.info.clone();
    assert!(dev.terminate().await.success());

    let (spans, services) = collected(&collector);
    assert_eq!(services, BTreeSet::from(["edgereel-dev".to_owned()]));
    let trace: Vec<_> = spans
        .iter()
        .filter(|it| hex(&it.trace_id) == TRACE)
        .collect();
    let ids: BTreeMap<_, _> = trace
        .iter()
        .map(|it| (hex(&it.span_id), it.name.as_str()))
        .collect();
    let names: BTreeSet<_> = ids.values().copied().collect();
    for name in [
        "POST /v1/uploads",
        "bucket event",
        "job transcode",
        "probe",
        "plan",
        "stills",
        "verify",
        "publish",
        "webhook upload.completed",
        "webhook video.ready",
    ] {
        assert!(names.contains(name), "no `{name}` in {names:?}");
    }
    assert!(names.iter().any(|it| it.starts_with("lane ")), "{names:?}");
    // Each parent is a span of the trace, or that of the client.
    let parent_of = |name: &str| {
        let span = trace.iter().find(|it| it.name == name).unwrap();
        let parent = hex(&span.parent_span_id);
        ids.get(&parent)
            .map_or(parent.clone(), |it| (*it).to_owned())
    };
    for name in &names {
        let parent = parent_of(name);
        assert!(
            parent == CLIENT || names.contains(parent.as_str()),
            "{name}: {parent}"
        );
    }
    for (name, parent) in [
        ("POST /v1/uploads", CLIENT),
        ("job transcode", "POST /v1/uploads"),
        ("webhook video.ready", "POST /v1/uploads"),
        ("probe", "job transcode"),
        ("publish", "job transcode"),
    ] {
        assert_eq!(parent_of(name), parent, "{name}");
    }
    // The endpoint can continue the trace.
    let sent = received.headers["traceparent"].to_str().unwrap();
    let delivery = trace
        .iter()
        .find(|it| it.name == "webhook video.ready")
        .unwrap();
    assert_eq!(sent, format!("00-{TRACE}-{}-01", hex(&delivery.span_id)));
    // Other requests are in traces of their own.
    let other = spans
        .iter()
        .find(|it| it.name == "POST /v1/webhooks")
        .unwrap();
    assert_ne!(hex(&other.trace_id), TRACE);
    assert!(!spans.iter().any(|it| it.name.contains("healthz")));

    // Log lines have the ids.
    let lines = home.log();
    let lines = lines
        .lines()
        .filter_map(|it| serde_json::from_str::<Value>(it).ok());
    let ready: Vec<_> = lines
        .filter(|it| it["fields"]["message"] == "the video is ready")
        .collect();
    assert_eq!(ready.len(), 1);
    assert_eq!(ready[0]["span"]["trace_id"], TRACE);
    assert_eq!(
        ids[ready[0]["span"]["span_id"].as_str().unwrap()],
        "job transcode"
    );

    let pass = hls_url.split('/').max_by_key(|it| it.len()).unwrap();
    nothing_secret_in(
        &collector,
        &[
            info["token"].as_str().unwrap(),
            info["s3"]["secret_access_key"].as_str().unwrap(),
            webhook["secret"].as_str().unwrap(),
            pass,
            TITLE,
            "hook-with-secret",
            "X-Amz-",
            "SELECT ",
            "127.0.0.1",
        ],
    );
}

/// Checks that no request to the collector contains one of these texts.
fn nothing_secret_in(collector: &Receiver, secrets: &[&str]) {
    for request in collector.all() {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        for secret in secrets {
            assert!(secret.len() > 5, "`{secret}` could occur by chance");
            assert!(!body.contains(secret), "`{secret}` was exported");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_collector_disturbs_nothing() {
    // A port at which nothing listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut home = Home::new();
    home.environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "300"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let dev = home.start().await;
    let is_reported = |home: &Home| home.log().matches("does not accept traces").count();
    let began = Instant::now();
    // Several exports fail.
    while is_reported(&home) == 0 || began.elapsed() < Duration::from_secs(3) {
        let (status, body) = dev.call("GET", "/v1/videos", None).await;
        assert_eq!(status, 200, "{body}");
        assert!(began.elapsed() < Duration::from_secs(20), "{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(dev.terminate().await.success());
    assert_eq!(is_reported(&home), 1, "{}", home.log());
}
