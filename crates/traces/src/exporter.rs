//! What happens to spans before they leave: conversion, and a report of a collector that does not accept them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::convention;

/// Whether the collector accepted the last spans.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_failing: AtomicBool,
}

/// Converts spans and passes them on.
#[derive(Debug)]
pub(crate) struct Exporter<E> {
    next: E,
    health: Arc<Health>,
}

impl Health {
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Notes the result of an export. Only changes are logged: the spans are lost, and nothing else.
    fn note(&self, result: &OTelSdkResult) {
        let was_failing = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match (was_failing, result) {
            (false, Err(problem)) => {
                tracing::warn!("the collector does not accept traces, which are lost: {problem}");
            }
            (true, Ok(())) => tracing::info!("the collector accepts traces again"),
            (true, Err(_)) | (false, Ok(())) => {}
        }
    }
}

impl<E> Exporter<E> {
    pub(crate) fn new(next: E, health: Arc<Health>) -> Self {
        Self { next, health }
    }
}

impl<E: SpanExporter> SpanExporter for Exporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let batch: Vec<_> = batch.into_iter().filter_map(convention::convert).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let result = self.next.export(batch).await;
        self.health.note(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;
    use crate::convention::tests::span;

    /// Fails as planned, and counts exported spans.
    #[derive(Debug, Default)]
    struct Collector {
        results: Mutex<Vec<OTelSdkResult>>,
        exported: Arc<Mutex<Vec<usize>>>,
    }

    impl SpanExporter for Collector {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.exported.lock().unwrap().push(batch.len());
            self.results.lock().unwrap().pop().unwrap_or(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_collector_that_fails_is_noted_until_it_accepts_spans() {
        let failure = || Err(OTelSdkError::InternalFailure("unreachable".to_owned()));
        let collector = Collector {
            results: Mutex::new(vec![Ok(()), failure(), failure()]),
            ..Collector::default()
        };
        let (exported, health) = (Arc::clone(&collector.exported), Arc::new(Health::default()));
        let exporter = Exporter::new(collector, Arc::clone(&health));
        let request = || span("request", &[("method", "GET"), ("route", "/v1/videos")]);
        let monitor = || span("request", &[("method", "GET"), ("route", "/healthz")]);
        for (batch, is_failing) in [
            (vec![request(), monitor()], true),
            (vec![monitor()], true),
            (vec![request()], true),
            (vec![request(), request()], false),
        ] {
            // The caller does nothing about it.
            let _ = exporter.export(batch).await;
            assert_eq!(health.is_failing(), is_failing);
        }
        assert_eq!(*exported.lock().unwrap(), [1, 1, 2]);
    }
}
