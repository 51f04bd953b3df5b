//! Metrics of the API: requests, their duration, and the length of the queue.

use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use metrics::table::{HTTP_REQUEST_SECONDS, HTTP_REQUESTS, JOBS, OLDEST_JOB_WAIT, OTHER};
use metrics::{Registry, Source};

use catalog::Catalog;
use platform::clock;
use platform::job_queue::SharedQueue;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::ApiState;

/// The metrics of this process.
pub struct Metrics {
    registry: Registry,
    queue: SharedQueue,
    catalog: Catalog,
}

impl Metrics {
    /// The metrics of an API over this queue and this catalog.
    pub fn new(queue: &SharedQueue, catalog: &Catalog) -> Self {
        Self {
            registry: catalog.metrics().clone(),
            queue: queue.clone(),
            catalog: catalog.clone(),
        }
    }

    /// Counts a response.
    pub(crate) fn count(&self, method: &http::Method, response: &Response, took: Duration) {
        // The route is the template, so ids do not create new series.
        let route = response
            .extensions()
            .get::<RouteName>()
            .map_or(OTHER, |it| it.0);
        // Clients may send arbitrary methods; only those of known routes become labels.
        let method = if route == OTHER {
            OTHER
        } else {
            method.as_str()
        };
        let status = response.status();
        let labels = [method, route, status.as_str()];
        self.registry.count(&HTTP_REQUESTS, labels);
        self.registry.time(&HTTP_REQUEST_SECONDS, [route], took);
    }
}

#[async_trait]
impl Source for Metrics {
    fn registry(&self) -> &Registry {
        &self.registry
    }

    async fn refresh(&self) -> anyhow::Result<()> {
        let depth = self.queue.depth().await?;
        for (state, number) in [
            ("ready", depth.ready),
            ("delayed", depth.delayed),
            ("in-flight", depth.in_flight),
            ("dead", depth.dead),
        ] {
            self.registry.set(&JOBS, [state], number as f64);
        }
        let oldest = self.catalog.oldest_queued().await?;
        let wait = oldest.map_or(Duration::ZERO, |it| clock::now().since(it));
        let seconds = wait.as_secs();
        self.registry.set(&OLDEST_JOB_WAIT, [], seconds as f64);
        Ok(())
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
pub(crate) async fn export(
    State(state): State<ApiState>,
    _: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let snapshot = state.metrics.snapshot().await;
    let snapshot = snapshot.map_err(ApiError::unavailable)?;
    Ok(health::text_response(&snapshot, &headers))
}
