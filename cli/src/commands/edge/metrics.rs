//! Metrics of an edge: its responses by status.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use health::{Registered, register_process};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: u16,
}

/// Counts responses. Clones share the counters.
#[derive(Clone, Default)]
pub(super) struct EdgeMetrics(Family<StatusLabels, Counter>);

impl EdgeMetrics {
    /// All metrics of this process.
    pub(super) fn registered(&self) -> Registered {
        let mut registry = Registry::with_prefix("edgereel");
        register_process(&mut registry);
        let help = "Responses to viewers, by HTTP status";
        registry.register("edge_responses", help, self.0.clone());
        Registered(registry)
    }

    /// The router with a count of its responses.
    pub(super) fn count(&self, router: Router) -> Router {
        let statuses = self.0.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let statuses = statuses.clone();
            async move {
                let response = next.run(request).await;
                let status = response.status().as_u16();
                statuses.get_or_create(&StatusLabels { status }).inc();
                response
            }
        }))
    }
}
