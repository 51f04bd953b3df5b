//! Metrics of a worker, and how long it has been idle.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use catalog::Video;
use domain::prices::Prices;
use domain::receipt::Receipt;
use domain::time::UnixMillis;
use metrics::Registry;
use metrics::table::{
    ATTEMPTS, CHUNKS, COST_USD, CPU_SECONDS, DEAD_LETTERS, JOBS_RUNNING, PLAYABLE_SECONDS,
    READ_BYTES, READY_SECONDS, SOURCE_SECONDS, STAGE_SECONDS, WRITTEN_BYTES,
};

/// Metrics of one worker. Clones share them.
#[derive(Debug, Clone)]
pub struct WorkerMetrics(Registry);

impl Default for WorkerMetrics {
    fn default() -> Self {
        Self::new(Registry::default())
    }
}

impl WorkerMetrics {
    /// Records in this registry.
    pub fn new(registry: Registry) -> Self {
        registry.set(&JOBS_RUNNING, [], 0.0);
        Self(registry)
    }

    /// Counts an attempt that ended.
    pub(crate) fn attempt(&self, outcome: &'static str) {
        self.0.count(&ATTEMPTS, [outcome]);
    }

    /// Counts a chunk of a video that another transcoder leads.
    pub(crate) fn chunk(&self, outcome: &'static str) {
        self.0.count(&CHUNKS, [outcome]);
    }

    /// Counts a job that became a dead letter.
    pub(super) fn dead_letter(&self, class: &'static str) {
        self.0.count(&DEAD_LETTERS, [class]);
    }

    /// Counts a video that is ready, and what it used.
    pub(crate) fn ready(&self, receipt: &Receipt, prices: &Prices) {
        self.attempt("done");
        self.0.add(&SOURCE_SECONDS, [], seconds(receipt.source_ms));
        self.0.add(&CPU_SECONDS, [], seconds(receipt.cpu_ms));
        self.0.add(&READ_BYTES, [], receipt.bytes_in as f64);
        self.0.add(&WRITTEN_BYTES, [], receipt.bytes_out as f64);
        for it in &receipt.stages {
            let stage = [it.stage.as_str()];
            self.0.observe(&STAGE_SECONDS, stage, seconds(it.wall_ms));
        }
        let cost = receipt.cost(prices);
        for (part, usd) in [
            ("compute", cost.compute_usd),
            ("egress", cost.egress_usd),
            ("requests", cost.requests_usd),
        ] {
            self.0.add(&COST_USD, [part], usd);
        }
    }

    /// Records how long the viewers of an upload waited.
    pub(crate) fn waited(&self, video: &Video) {
        let Some(complete) = video.queued_ms else {
            return;
        };
        // A video that was requested again may have been playable before.
        let since = |it: UnixMillis| (it >= complete).then(|| it.since(complete));
        if let Some(wait) = video.playable_ms.and_then(since) {
            self.0.time(&PLAYABLE_SECONDS, [], wait);
        }
        if let Some(wait) = video.ready_ms.and_then(since) {
            self.0.time(&READY_SECONDS, [], wait);
        }
    }

    /// A job in progress, until it is dropped.
    pub(super) fn running(&self) -> Running {
        self.0.shift(&JOBS_RUNNING, [], 1.0);
        Running(self.0.clone())
    }
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

/// A job in progress.
pub(super) struct Running(Registry);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.shift(&JOBS_RUNNING, [], -1.0);
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
