//! The port.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics::Source;
use metrics::text::{Format, encode};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::services::Services;

/// Where a program reports its health.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Health")]
pub struct HealthArgs {
    /// Address for `/healthz`, `/readyz` and `/metrics`, without authentication: `127.0.0.1:9090`. Off by default.
    #[arg(long, env = "EDGEREEL_HEALTH_LISTEN", value_name = "ADDR")]
    pub health_listen: Option<SocketAddr>,
}

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot bind to `{address}`: choose another address with --health-listen")]
pub struct PortError {
    address: SocketAddr,
    source: std::io::Error,
}

/// What a program reports.
pub struct Health {
    /// The services that it needs.
    pub services: Services,
    /// Its metrics.
    pub metrics: Arc<dyn Source>,
}

/// The open port. Dropping it closes the port.
pub struct HealthServer {
    address: SocketAddr,
    serving: JoinHandle<std::io::Result<()>>,
}

impl HealthArgs {
    /// Opens the port, if one is set.
    ///
    /// # Errors
    /// If the address is in use.
    pub async fn start(&self, health: Health) -> Result<Option<HealthServer>, PortError> {
        let Some(address) = self.health_listen else {
            return Ok(None);
        };
        let failed = |source| PortError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let metrics = Router::new()
            .route("/metrics", get(export))
            .with_state(health.metrics);
        let router = routes(health.services).merge(metrics);
        let serving = tokio::spawn(serve::serve(listener, router, std::future::pending()));
        tracing::info!(%address, "reporting health and metrics");
        Ok(Some(HealthServer { address, serving }))
    }
}

impl HealthServer {
    /// The address of the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HealthServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// `/healthz` and `/readyz`.
pub fn routes(services: Services) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready))
        .with_state(services)
}

/// Each service with its state, and 503 if one does not respond.
async fn ready(State(services): State<Services>) -> (StatusCode, Json<Value>) {
    let states = services.states().await;
    let is_ready = states.iter().all(|it| it.1);
    let word = |works: bool| Value::from(if works { "ok" } else { "failing" });
    let body: Map<_, _> = [("status", is_ready)]
        .into_iter()
        .chain(states)
        .map(|(name, works)| (name.to_owned(), word(works)))
        .collect();
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body.into()))
}

async fn export(State(source): State<Arc<dyn Source>>, headers: HeaderMap) -> Response {
    match source.snapshot().await {
        Ok(snapshot) => text_response(&snapshot, &headers),
        Err(problem) => {
            tracing::warn!("cannot collect metrics: {problem:#}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Metrics as text, in the format that the request accepts.
pub fn text_response(snapshot: &metrics::Snapshot, request: &HeaderMap) -> Response {
    let accept = request.get(ACCEPT).and_then(|it| it.to_str().ok());
    let format = Format::accepted(accept);
    let kind = [(CONTENT_TYPE, format.content_type())];
    (kind, encode(snapshot, format)).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use metrics::{Program, Registry};

    use super::*;

    #[tokio::test]
    async fn the_port_reports_services_and_memory() {
        let works = Arc::new(AtomicBool::new(true));
        let seen = works.clone();
        let services = Services::default().with("queue", move || {
            let answer = if seen.load(Ordering::SeqCst) {
                Ok(())
            } else {
                Err("away")
            };
            async move { answer }
        });
        let registry = Registry::default();
        registry.begin(Program::Edge);
        let health = Health {
            services,
            metrics: Arc::new(registry),
        };
        let args = HealthArgs {
            health_listen: Some("127.0.0.1:0".parse().unwrap()),
        };
        let server = args.start(health).await.unwrap().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let read = async |path: &str| {
            let url = format!("http://{}{path}", server.address());
            let answer = client.get(url).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let ready = "{\"queue\":\"ok\",\"status\":\"ok\"}".to_owned();
        assert_eq!(read("/readyz").await, (200, ready));
        works.store(false, Ordering::SeqCst);
        assert_eq!(read("/readyz").await.0, 503);
        assert_eq!(read("/healthz").await.0, 200);
        let (status, metrics) = read("/metrics").await;
        assert!(
            status == 200 && metrics.contains("edgereel_process_resident_memory_bytes "),
            "{metrics}"
        );
        assert!(metrics.ends_with("# EOF\n"), "{metrics}");
        let url = format!("http://{}/metrics", server.address());
        let plain = client.get(&url).header("accept", "text/plain");
        let plain = plain.send().await.unwrap();
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(plain.headers()["content-type"], kind);
        assert!(!plain.text().await.unwrap().contains("# EOF"));
        assert_eq!(read("/").await.0, 404);

        let taken = HealthArgs {
            health_listen: Some(server.address()),
        };
        let again = Health {
            services: Services::default(),
            metrics: Arc::new(Registry::default()),
        };
        let taken = taken.start(again).await.err().unwrap().to_string();
        assert!(taken.contains("--health-listen"), "{taken}");
        assert!(
            HealthArgs::default()
                .start(Health {
                    services: Services::default(),
                    metrics: Arc::new(Registry::default()),
                })
                .await
                .unwrap()
                .is_none()
        );
    }
}
