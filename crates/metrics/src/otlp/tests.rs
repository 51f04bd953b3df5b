//! A real HTTP listener in the place of a collector.

use std::sync::Mutex;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric, metric::Data, number_data_point,
};

use super::*;
use crate::registry::Registry;
use crate::table::{ATTEMPTS, HTTP_REQUEST_SECONDS, OLDEST_JOB_WAIT};

/// What the collector received, and how it responds.
#[derive(Default)]
struct Collector {
    received: Mutex<Vec<(HeaderMap, ExportMetricsServiceRequest)>>,
    status: Mutex<StatusCode>,
    rejects: Mutex<bool>,
    delay: Mutex<Duration>,
}

async fn receive(
    State(collector): State<Arc<Collector>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let delay = *collector.delay.lock().unwrap();
    tokio::time::sleep(delay).await;
    let message = ExportMetricsServiceRequest::decode(body).unwrap();
    collector.received.lock().unwrap().push((headers, message));
    let partial_success = collector
        .rejects
        .lock()
        .unwrap()
        .then(|| ExportMetricsPartialSuccess {
            rejected_data_points: 3,
            error_message: "too old".to_owned(),
        });
    let answer = ExportMetricsServiceResponse { partial_success };
    let status = *collector.status.lock().unwrap();
    (status, answer.encode_to_vec())
}

async fn start() -> (Arc<Collector>, String) {
    let collector = Arc::new(Collector::default());
    let router = Router::new()
        .route("/v1/metrics", post(receive))
        .with_state(collector.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (collector, url)
}

fn settings(url: &str, interval_ms: &str) -> Otlp {
    let settings = Settings::read(Program::Transcoder, |name| {
        let value = match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => url,
            "OTEL_EXPORTER_OTLP_HEADERS" => "authorization=Bearer%20t",
            "OTEL_METRIC_EXPORT_INTERVAL" => interval_ms,
            _ => return None,
        };
        Some(value.to_owned())
    });
    settings.otlp.unwrap()
}

fn sender(otlp: Otlp, registry: &Registry) -> Sender {
    Sender {
        otlp,
        source: Arc::new(registry.clone()),
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
        is_failing: false,
    }
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|it| it.key == name).unwrap();
    match found.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn a_collector_receives_all_values_at_the_end() {
    let (collector, url) = start().await;
    let registry = Registry::default();
    registry.count(&ATTEMPTS, ["done"]);
    registry.set(&OLDEST_JOB_WAIT, [], 12.0);
    registry.observe(&HTTP_REQUEST_SECONDS, ["/uploads"], 0.03);
    registry.observe(&HTTP_REQUEST_SECONDS, ["/uploads"], 7.0);
    let exporter = Exporter::with(settings(&url, "3600000"), Arc::new(registry));
    exporter.finish().await;

    let received = collector.received.lock().unwrap();
    let [(headers, message)] = &received[..] else {
        panic!("{} exports", received.len());
    };
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["authorization"], "Bearer t");
    let of_process = &message.resource_metrics[0];
    let attributes = &of_process.resource.as_ref().unwrap().attributes;
    assert_eq!(text(attributes, "service.name"), "edgereel-transcoder");
    assert_eq!(text(attributes, "service.instance.id").len(), 16);
    let metrics = &of_process.scope_metrics[0].metrics;
    let named = |name: &str| metrics.iter().find(|it| it.name == name).unwrap();

    let attempts = named("edgereel_transcoder_attempts_total");
    let Some(Data::Sum(sum)) = &attempts.data else {
        panic!("{attempts:?}")
    };
    let cumulative = AggregationTemporality::Cumulative as i32;
    assert!(sum.is_monotonic && sum.aggregation_temporality == cumulative);
    let point = &sum.data_points[0];
    assert_eq!(point.value, Some(number_data_point::Value::AsDouble(1.0)));
    assert_eq!(text(&point.attributes, "outcome"), "done");
    assert!(0 < point.start_time_unix_nano);
    assert!(point.start_time_unix_nano <= point.time_unix_nano);

    let wait = named("edgereel_oldest_job_wait_seconds");
    let Some(Data::Gauge(gauge)) = &wait.data else {
        panic!("{wait:?}")
    };
    assert_eq!(
        gauge.data_points[0].value,
        Some(number_data_point::Value::AsDouble(12.0))
    );
    assert_eq!(wait.unit, "s");

    let latency: &Metric = named("edgereel_http_request_duration_seconds");
    let Some(Data::Histogram(histogram)) = &latency.data else {
        panic!("{latency:?}")
    };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum), (2, Some(7.03)));
    assert_eq!(point.bucket_counts, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    assert_eq!(point.explicit_bounds.len() + 1, point.bucket_counts.len());
}

#[tokio::test]
async fn values_are_exported_at_the_interval() {
    let (collector, url) = start().await;
    let source = Arc::new(Registry::default());
    let exporter = Exporter::with(settings(&url, "20"), source);
    let began = Instant::now();
    while collector.received.lock().unwrap().len() < 3 {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(exporter);
}

#[tokio::test]
async fn a_refusal_is_a_failure_until_an_export_succeeds() {
    let (collector, url) = start().await;
    let mut sender = sender(settings(&url, "1000"), &Registry::default());
    for (status, rejects, is_failing) in [
        (StatusCode::SERVICE_UNAVAILABLE, false, true),
        (StatusCode::OK, true, true),
        (StatusCode::OK, false, false),
        (StatusCode::FOUND, false, true),
    ] {
        *collector.status.lock().unwrap() = status;
        *collector.rejects.lock().unwrap() = rejects;
        let exported = sender.export().await;
        sender.note(&exported);
        assert_eq!(sender.is_failing, is_failing, "{status} {rejects}");
    }
}

#[tokio::test]
async fn a_failure_does_not_name_the_endpoint() {
    let otlp = settings("http://user:s3cret@127.0.0.1:1", "1000");
    let exported = sender(otlp, &Registry::default()).export().await;
    let problem = exported.unwrap_err();
    assert!(!problem.contains("s3cret"), "{problem}");
}

#[tokio::test]
async fn a_collector_that_hangs_delays_the_end_by_5_seconds_at_most() {
    let (collector, url) = start().await;
    *collector.delay.lock().unwrap() = Duration::from_secs(3_600);
    let exporter = Exporter::with(settings(&url, "1"), Arc::new(Registry::default()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    exporter.finish().await;
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn without_an_endpoint_there_is_nothing_to_finish() {
    Exporter(None).finish().await;
}
