//! Export by OTLP, the protocol of OpenTelemetry: protobuf over HTTP, at an interval and at the end of the program.
//!
//! Source: [OTLP 1.x](https://opentelemetry.io/docs/specs/otlp/#otlphttp). The export runs beside the work and never
//! delays it. Values are cumulative, so an export that fails loses nothing: the next one has all values.

mod encode;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use settings::{Otlp, Settings};

use crate::definition::Program;
use crate::source::Source;

/// How long the last export may take: less than supervisors wait before they kill the process.
const LAST_EXPORT: Duration = Duration::from_secs(5);
/// Largest response that is read.
const RESPONSE_LIMIT: u64 = 64 << 10;

/// Exports the metrics of a program until it is finished or dropped.
pub struct Exporter(Option<Running>);

struct Running {
    stop: oneshot::Sender<()>,
    exporting: JoinHandle<()>,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some(running) = &self.0 {
            running.exporting.abort();
        }
    }
}

impl Exporter {
    /// Starts the export if the environment variables of OpenTelemetry name an endpoint (see [`Settings`]). Invalid
    /// values are logged, and ignored as the specification requires.
    pub fn start(program: Program, source: Arc<dyn Source>) -> Self {
        let settings = Settings::read(program, |name| std::env::var(name).ok());
        for problem in &settings.problems {
            tracing::warn!("{problem}");
        }
        match settings.otlp {
            Some(otlp) => Self::with(otlp, source),
            None => Self(None),
        }
    }

    /// Starts the export with these settings.
    pub fn with(otlp: Otlp, source: Arc<dyn Source>) -> Self {
        // A redirect would send the headers, which may contain a token, to another server.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(otlp.timeout)
            .build();
        let client = match client {
            Ok(client) => client,
            Err(problem) => {
                tracing::warn!("cannot export metrics: {problem}");
                return Self(None);
            }
        };
        let (stop, stopped) = oneshot::channel();
        tracing::info!(interval = ?otlp.interval, "exporting metrics by OTLP");
        let sender = Sender {
            otlp,
            source,
            client,
            is_failing: false,
        };
        let exporting = tokio::spawn(sender.run(stopped));
        Self(Some(Running { stop, exporting }))
    }

    /// Exports a last time, and ends. Waits 5 seconds at most.
    pub async fn finish(mut self) {
        let Some(Running { stop, exporting }) = self.0.take() else {
            return;
        };
        let abort = exporting.abort_handle();
        // If the task has ended already, it cannot be stopped.
        let _ = stop.send(());
        if tokio::time::timeout(LAST_EXPORT, exporting).await.is_err() {
            abort.abort();
            tracing::warn!("the last export of metrics did not finish in time");
        }
    }
}

struct Sender {
    otlp: Otlp,
    source: Arc<dyn Source>,
    client: reqwest::Client,
    is_failing: bool,
}

impl Sender {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            let mut is_last = tokio::select! {
                // A dropped sender ends the export too.
                _ = &mut stopped => true,
                () = tokio::time::sleep(self.otlp.interval) => false,
            };
            // A collector that is stuck does not delay the end of the program.
            let exported = tokio::select! {
                exported = self.export() => exported,
                _ = &mut stopped, if !is_last => {
                    is_last = true;
                    self.export().await
                }
            };
            self.note(&exported);
            if is_last {
                return;
            }
        }
    }

    /// Logs the first failure of several, and the end of them.
    fn note(&mut self, exported: &Result<(), String>) {
        match exported {
            Ok(()) if self.is_failing => tracing::info!("metrics are exported again"),
            Err(problem) if !self.is_failing => tracing::warn!(
                "cannot export metrics: {problem}. Further failures are not logged until an export succeeds"
            ),
            Ok(()) | Err(_) => {}
        }
        self.is_failing = exported.is_err();
    }

    async fn export(&self) -> Result<(), String> {
        let all = async {
            // Values from services are as old as the last response. The health of the services is reported elsewhere.
            if let Err(problem) = self.source.refresh().await {
                tracing::debug!("some metrics are not up to date: {problem:#}");
            }
            self.send().await
        };
        match tokio::time::timeout(self.otlp.timeout, all).await {
            Ok(sent) => sent,
            Err(_) => Err(format!("no success within {:?}", self.otlp.timeout)),
        }
    }

    async fn send(&self) -> Result<(), String> {
        let message = encode::request(&self.source.registry().snapshot(), &self.otlp.resource);
        // The URL may contain a token, and the server's reason may contain the URL.
        let failed = |it: reqwest::Error| chain(&it.without_url());
        let response = self
            .client
            .post(self.otlp.endpoint.clone())
            .headers(self.otlp.headers.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(message.encode_to_vec())
            .send()
            .await
            .map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("the collector responded with {status}"));
        }
        if response
            .content_length()
            .is_none_or(|it| it > RESPONSE_LIMIT)
        {
            return Ok(());
        }
        let body = response.bytes().await.map_err(failed)?;
        // Some collectors respond with another body, or none.
        let answer = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
        match answer.partial_success {
            Some(partial) if partial.rejected_data_points > 0 => Err(format!(
                "the collector rejected {} values: {}",
                partial.rejected_data_points, partial.error_message
            )),
            Some(_) | None => Ok(()),
        }
    }
}

/// An error with its reasons.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut reason = error.source();
    while let Some(it) = reason {
        text = format!("{text}: {it}");
        reason = it.source();
    }
    text
}

#[cfg(test)]
mod tests;
