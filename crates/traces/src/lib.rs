//! Traces of requests, jobs, chunks and deliveries, and their way to a collector (OpenTelemetry, OTLP over HTTP).
//!
//! The programs create spans with `tracing`. [`start`] makes the layer that exports them, if the variables of
//! OpenTelemetry ask for it: without them, no thread runs and no span is kept. [`context`](begin) connects the spans of
//! different programs: a request continues the trace of its client, and a job that of the request which caused it.
//!
//! Only the spans of our own crates are exported, and of their fields only those that `convention` lists, under the
//! names of OpenTelemetry's semantic conventions. Log lines are not exported. So nothing that a library or a log line
//! says, such as a statement, a signed URL or a file name, can reach a collector.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::{Filter, Layer};

mod collector;
mod context;
mod convention;
mod exporter;
mod variables;

pub use context::{Incoming, begin, current, resume, within};

use exporter::{Exporter, Health};
use variables::{Choice, Variables};

/// How long a program waits at its end until the collector has its last spans.
const END_LIMIT: Duration = Duration::from_secs(3);
/// How long a flush waits for a collector that did not accept the spans before.
const HOPELESS: Duration = Duration::from_millis(50);

/// The crates whose spans are exported.
const OURS: [&str; 4] = ["api", "edgereel", "functions", "transcoder"];

/// The layer that exports spans. It must be the innermost one.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The way of the spans of this program to a collector. Clones share it; the default one leads nowhere.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    sending: Option<(SdkTracerProvider, Arc<Health>)>,
}

/// The result of [`start`].
pub struct Started {
    /// The layer to add to the subscriber; `None`: traces are off.
    pub layer: Option<SpanLayer>,
    /// Flushes the spans.
    pub traces: Traces,
    /// What is wrong with the variables, to be logged once logging has started. Never a value of them.
    pub problem: Option<String>,
}

/// Prepares the export of spans, as the `OTEL_*` variables of this process say. `service` is the name of the program
/// without `OTEL_SERVICE_NAME`.
///
/// Invalid variables turn traces off, and never stop a program.
pub fn start(service: &str) -> Started {
    let variables = Variables::of_process();
    let off = |problem| Started {
        layer: None,
        traces: Traces::default(),
        problem,
    };
    let timeout = match variables.choice() {
        Choice::Off => return off(None),
        Choice::Invalid(problem) => return off(Some(problem)),
        Choice::On { timeout } => timeout,
    };
    let Some(collector) = collector::exporter(timeout) else {
        let problem = "traces are off: check OTEL_EXPORTER_OTLP_ENDPOINT, which must be an http or https URL, and the other variables OTEL_EXPORTER_OTLP_*";
        return off(Some(problem.to_owned()));
    };
    let health = Arc::new(Health::default());
    let exporter = Exporter::new(collector, Arc::clone(&health));
    // It reads OTEL_BSP_*; the provider reads OTEL_TRACES_SAMPLER and the limits of spans.
    let processor = BatchSpanProcessor::builder(exporter).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_resource(resource(&variables, service))
        .build();
    Started {
        layer: Some(layer(&provider)),
        traces: Traces {
            sending: Some((provider, health)),
        },
        problem: variables.ignored(),
    }
}

impl Traces {
    /// Whether spans are exported.
    pub fn is_on(&self) -> bool {
        self.sending.is_some()
    }

    /// Sends the spans that have ended, and waits for at most `limit`: a Lambda function does not run between two
    /// invocations. A collector that was unreachable before is hardly waited for.
    pub async fn flush(&self, limit: Duration) {
        let Some((provider, health)) = self.sending.clone() else {
            return;
        };
        let limit = if health.is_failing() {
            limit.min(HOPELESS)
        } else {
            limit
        };
        let flushing = tokio::task::spawn_blocking(move || provider.force_flush());
        // What is late is sent by the thread of the exporter.
        drop(tokio::time::timeout(limit, flushing).await);
    }

    /// Sends the last spans, and waits for at most three seconds. Call it at the end of a program.
    pub async fn end(self) {
        let Some((provider, health)) = self.sending else {
            return;
        };
        let limit = if health.is_failing() {
            HOPELESS
        } else {
            END_LIMIT
        };
        let ending = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(limit));
        // The exporter has logged why they could not be sent.
        drop(ending.await);
    }
}

fn layer(provider: &SdkTracerProvider) -> SpanLayer {
    tracing_opentelemetry::layer::<Registry>()
        .with_tracer(provider.tracer("edgereel"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        .with_filter(filter())
        .boxed()
}

/// Our spans, and no log lines.
fn filter() -> impl Filter<Registry> + Send + Sync + 'static {
    let is_ours = |metadata: &Metadata<'_>| {
        let target = metadata.target().split("::").next().unwrap_or_default();
        metadata.is_span() && *metadata.level() <= tracing::Level::INFO && OURS.contains(&target)
    };
    FilterFn::new(is_ours).with_max_level_hint(LevelFilter::INFO)
}

/// What the spans are of: the program and its version, unless the variables name others.
fn resource(variables: &Variables, service: &str) -> Resource {
    let mut resource = Resource::builder();
    for (key, value) in [
        ("service.name", service),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ] {
        if !variables.names(key) {
            resource = resource.with_attribute(KeyValue::new(key, value.to_owned()));
        }
    }
    resource.build()
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[tokio::test]
    async fn traces_that_are_off_cost_nothing() {
        let traces = Traces::default();
        assert!(!traces.is_on());
        traces.flush(Duration::from_secs(60)).await;
        traces.end().await;
    }

    #[test]
    fn only_our_spans_are_exported() {
        let provider = SdkTracerProvider::builder().build();
        let subscriber = tracing_subscriber::registry().with(layer(&provider));
        tracing::subscriber::with_default(subscriber, || {
            let context = |span: tracing::Span| begin(&span, None);
            assert!(context(tracing::info_span!(target: "transcoder::worker", "job")).is_some());
            assert!(context(tracing::info_span!(target: "api", "request")).is_some());
            for other in [
                tracing::debug_span!(target: "transcoder::worker", "detail"),
                tracing::info_span!(target: "aws_sdk_s3::operation", "put_object"),
                tracing::info_span!(target: "api_of_another_crate", "request"),
                tracing::info_span!(target: "sqlx::query", "SELECT secret"),
                tracing::info_span!(target: "hyper::client", "connect"),
            ] {
                assert_eq!(context(other.clone()), None, "{other:?}");
            }
        });
    }
}
