//! Metrics of a worker, and how long it has been idle.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Metrics of one worker. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct WorkerMetrics {
    running: Gauge,
    attempts: Family<AttemptLabels, Counter>,
    chunks: Family<AttemptLabels, Counter>,
    source_seconds: Counter<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    outcome: &'static str,
}

impl WorkerMetrics {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("transcoder");
        registry.register(
            "jobs_running",
            "Jobs in progress, imports included",
            self.running.clone(),
        );
        registry.register(
            "attempts",
            "Ended attempts: done, rejected (the source is at fault), failed, released (the worker was stopped), lost \
             (the lease expired)",
            self.attempts.clone(),
        );
        registry.register(
            "chunks",
            "Chunks of videos that another transcoder leads: done, late (another one was faster), failed, returned (the \
             worker was stopped, or got a video of its own)",
            self.chunks.clone(),
        );
        registry.register(
            "source_seconds",
            "Length of the sources of videos that became ready",
            self.source_seconds.clone(),
        );
    }

    /// Counts an attempt that ended.
    pub(crate) fn attempt(&self, outcome: &'static str) {
        self.attempts
            .get_or_create(&AttemptLabels { outcome })
            .inc();
    }

    /// Counts a chunk of a video that another transcoder leads.
    pub(crate) fn chunk(&self, outcome: &'static str) {
        self.chunks.get_or_create(&AttemptLabels { outcome }).inc();
    }

    /// Counts a video that is ready.
    pub(crate) fn ready(&self, source_ms: u64) {
        self.attempt("done");
        let _ = self
            .source_seconds
            .inc_by(Duration::from_millis(source_ms).as_secs_f64());
    }

    /// A job in progress, until it is dropped.
    pub(super) fn running(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }
}

/// A job in progress.
pub(super) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// When a worker last had a job, or an outage ended. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct LastJob(Arc<Mutex<Instant>>);

impl LastJob {
    pub(super) fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Records that a job came or ended, or an outage ended.
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }
}
