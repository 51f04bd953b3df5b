//! The connection to the collector.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use tokio::runtime::{Builder, Runtime};

/// The exporter of the SDK, which reads the endpoint and the headers from the variables. `None` if one of them is
/// invalid. Its error is not passed on, because it may contain a value.
pub(crate) fn exporter(timeout: Duration) -> Option<SpanExporter> {
    let http = reqwest::Client::builder()
        .timeout(timeout)
        // The headers may contain a key, which is for this collector only.
        .redirect(reqwest::redirect::Policy::none())
        // Between two exports, nothing drives the runtime: an idle connection could not be closed.
        .pool_max_idle_per_host(0)
        .build()
        .ok()?;
    let client = Client {
        http,
        runtime: Mutex::default(),
    };
    SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(timeout)
        .build()
        .ok()
}

/// An HTTP client for the thread of the batch processor, which has no runtime: it waits for the future of an export
/// without one. The runtime of the program would be gone when the last spans are sent.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    /// Made by the first export, in the thread that also drops it: where it is dropped, no other runtime may run.
    runtime: Mutex<Option<Runtime>>,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = match &mut *runtime {
            Some(runtime) => runtime,
            empty => empty.insert(Builder::new_current_thread().enable_all().build()?),
        };
        runtime.block_on(self.http.send_bytes(request))
    }
}
