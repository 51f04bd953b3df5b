//! Prometheus metrics: requests, their duration, and the length of the queue.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use catalog::Catalog;
use platform::clock;
use platform::job_queue::SharedQueue;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::services::ingest::EventCounts;
use crate::state::ApiState;

/// Labels of a request. The route is the template, so ids do not create new series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    state: &'static str,
}

/// Upper bounds of the histogram buckets in seconds.
const BUCKETS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The metrics of this process.
pub struct Metrics {
    registry: Mutex<Registry>,
    queue: SharedQueue,
    catalog: Catalog,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    jobs: Family<JobLabels, Gauge>,
    oldest: Gauge,
}

impl Metrics {
    /// The metrics of an API over this queue and this catalog.
    pub fn new(events: &EventCounts, queue: &SharedQueue, catalog: &Catalog) -> Self {
        let mut registry = Registry::with_prefix("edgereel");
        let requests = Family::<RequestLabels, Counter>::default();
        let seconds =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let jobs = Family::<JobLabels, Gauge>::default();
        registry.register("http_requests", "HTTP requests", requests.clone());
        let help = "Time from the request to the response headers";
        registry.register_with_unit(
            "http_request_duration",
            help,
            Unit::Seconds,
            seconds.clone(),
        );
        registry.register("jobs", "Messages in the job queue", jobs.clone());
        let oldest = Gauge::default();
        let help = "How long the job has waited that waits longest, 0 if none waits";
        registry.register_with_unit("oldest_job_wait", help, Unit::Seconds, oldest.clone());
        events.register(&mut registry);
        health::register_process(&mut registry);
        Self {
            registry: Mutex::new(registry),
            queue: queue.clone(),
            catalog: catalog.clone(),
            requests,
            seconds,
            jobs,
            oldest,
        }
    }

    /// Adds metrics of other parts of this process.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts a response.
    pub(crate) fn count(&self, method: &http::Method, response: &Response, took: Duration) {
        let route = response
            .extensions()
            .get::<RouteName>()
            .map_or("other", |it| it.0);
        // Clients may send arbitrary methods; only those of known routes become labels.
        let method = if route == "other" {
            "other"
        } else {
            method.as_str()
        };
        let (method, route) = (method.to_owned(), route.to_owned());
        let labels = RequestLabels {
            method,
            route: route.clone(),
            status: response.status().as_u16(),
        };
        self.requests.get_or_create(&labels).inc();
        self.seconds
            .get_or_create(&RouteLabels { route })
            .observe(took.as_secs_f64());
    }
}

#[async_trait]
impl health::Metrics for Metrics {
    async fn text(&self) -> anyhow::Result<String> {
        let depth = self.queue.depth().await?;
        for (state, number) in [
            ("ready", depth.ready),
            ("delayed", depth.delayed),
            ("in-flight", depth.in_flight),
            ("dead", depth.dead),
        ] {
            self.jobs
                .get_or_create(&JobLabels { state })
                .set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        let oldest = self.catalog.oldest_queued().await?;
        let wait = oldest.map_or(Duration::ZERO, |it| clock::now().since(it));
        self.oldest
            .set(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// The route template of a response.
#[derive(Clone, Copy)]
pub(crate) struct RouteName(pub(crate) &'static str);

/// Middleware that records the route template in the response.
pub(crate) async fn name_route(
    State(name): State<RouteName>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(name);
    response
}

/// `GET /metrics`, for the operator only.
pub(crate) async fn export(State(state): State<ApiState>, _: Caller) -> Result<Response, ApiError> {
    let text = health::Metrics::text(&*state.metrics)
        .await
        .map_err(ApiError::unavailable)?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}
