//! The loop of the transcoder: receives messages from the queue and processes several at a time.
//!
//! Two leases protect a job: that of the message in the queue, and that of the claim on the video
//! in the catalog. Only the claim decides who may write; see `heartbeat`. To *settle* a message
//! means to acknowledge it, release it for another delivery, or make it a dead letter.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, CatalogError, next_attempt};
use domain::content_key::KeyEncryptionKeys;
use domain::job::JobMessage;
use domain::prices::Prices;
use domain::profile::Profile;
use domain::retry::Next;
use platform::clock;
use platform::job_queue::{Delivery, QueueError, SharedQueue};
use platform::net::Policy;
use platform::object_store::SharedStore;
use platform::object_store::uploads::UploadSigner;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, warn};

use crate::fan_out::Helping;
use crate::fetch::Pace;
use crate::ffmpeg::Tools;
use crate::jobs::captions::CaptionsJob;
use crate::jobs::chunk::ChunkJob;
use crate::jobs::download::DownloadJob;
use crate::jobs::import::ImportJob;
use crate::jobs::poster::PosterJob;
use crate::jobs::preview::PreviewJob;
use crate::jobs::thumbnail::ThumbnailJob;
use crate::jobs::transcode::TranscodeJob;
use crate::jobs::transcription::TranscriptionJob;
use crate::jobs::{Fate, JobContext};
use crate::spans;
use crate::transcriber::Transcriber;

mod active;
mod claims;
mod heartbeat;
mod metrics;
mod outage;
mod slots;

use self::metrics::LastJob;
pub use self::metrics::WorkerMetrics;
pub use active::ActiveVideos;
pub(crate) use heartbeat::Heartbeat;
pub use outage::Outage;
use slots::{Helped, SideSlots};

/// Configuration of a worker.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Name in the catalog; unique among running processes.
    pub name: String,
    /// Number of concurrent jobs.
    pub jobs: usize,
    /// Number of concurrent imports, in addition to the jobs.
    pub imports_at_once: usize,
    /// Makes captions of audio; `None`: requests for them fail.
    pub transcriber: Option<Transcriber>,
    /// Number of parallel encoders per job, of one thread each.
    pub encoders: usize,
    /// Duration of a lease: without a heartbeat, another worker may claim the job after it.
    pub lease: Duration,
    /// How long one poll of an empty queue waits.
    pub wait: Duration,
    /// Profiles by name. `default` is always available.
    pub profiles: HashMap<String, Profile>,
    /// Addresses from which sources may be imported.
    pub imports: Policy,
    /// Minimum pace of an import.
    pub import_pace: Pace,
    /// Maximum size of an imported source, bytes, if that is less than its profile allows.
    pub max_import_bytes: Option<u64>,
    /// Name of the private bucket, as in events and jobs.
    pub private_bucket: String,
    /// Prices, by which a profile's `copy_top` decides.
    pub prices: Prices,
    /// How long a message can be held; `None`: as long as the queue says.
    pub longest_hold: Option<Duration>,
    /// [`Worker::run`] ends when no job came for so long and none is running; `None`: only when it is cancelled.
    pub until_idle: Option<Duration>,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            name: "transcoder".to_owned(),
            jobs: 1,
            imports_at_once: 4,
            transcriber: None,
            encoders: std::thread::available_parallelism().map_or(1, usize::from),
            lease: Duration::from_secs(60),
            wait: Duration::from_secs(20),
            profiles: HashMap::new(),
            imports: crate::fetch::DEFAULT_POLICY,
            import_pace: Pace::default(),
            max_import_bytes: None,
            private_bucket: "private".to_owned(),
            prices: Prices::default(),
            longest_hold: None,
            until_idle: None,
        }
    }
}

/// Takes jobs from a queue and executes them.
#[derive(Clone)]
pub struct Worker {
    /// The job queue.
    pub queue: SharedQueue,
    /// The catalog of videos.
    pub catalog: Catalog,
    /// Both buckets.
    pub store: SharedStore,
    /// The same store, for multipart uploads.
    pub uploads: Arc<dyn UploadSigner>,
    /// Keys that wrap content keys.
    pub keys: Arc<KeyEncryptionKeys>,
    /// FFmpeg and ffprobe.
    pub tools: Tools,
    /// Configuration.
    pub config: WorkerConfig,
    /// Whether a service is unavailable; initially none is known to be.
    pub outage: Outage,
    /// Metrics; initially zero.
    pub metrics: WorkerMetrics,
    /// The videos that its jobs are processing; initially none.
    pub active: ActiveVideos,
    /// What it shares among the chunks that it encodes for other transcoders; initially nothing.
    pub helping: Helping,
}

/// Pause before a message is received again if the catalog could not be asked about its job.
pub(crate) const CATALOG_PAUSE: Duration = Duration::from_secs(5);

/// Shortest poll of a worker that ends when it is idle.
const LEAST_POLL: Duration = Duration::from_secs(1);

impl Worker {
    /// Works until cancelled, or idle for as long as configured. When cancelled, the current jobs are
    /// released at once, with all finished chunks kept.
    pub async fn run(&self, cancel: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.config.jobs.max(1)));
        let side = SideSlots::new(&self.config);
        let tasks = tokio_util::task::TaskTracker::new();
        let last_job = LastJob::now();
        let mut helped = Helped::default();
        while !cancel.is_cancelled() {
            if self.outage.is_on() {
                self.wait_for_services(&cancel).await;
                last_job.note();
            }
            // A free slot first, so that a job that was received can start immediately.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            let is_busy = slots.available_permits() + 1 < self.config.jobs.max(1);
            let wanted = self.wanted(is_busy, &side, &mut helped);
            let wait = self.poll(&last_job, tasks.is_empty());
            // A chunk may end meanwhile, and then other messages are wanted.
            let wait = match side.is_helping(&self.config) {
                true => wait.min(LEAST_POLL),
                false => wait,
            };
            let received = tokio::select! {
                received = self.queue.receive(wanted, wait, self.config.lease) => received,
                () = cancel.cancelled() => break,
            };
            match received {
                Ok(Some(delivery)) => {
                    helped.note(&delivery);
                    let Some(slot) = self.slot_for(&delivery, slot, &side).await else {
                        continue;
                    };
                    let (worker, cancel) = (self.clone(), cancel.clone());
                    let (running, last_job) = (self.metrics.running(), last_job.clone());
                    tasks.spawn(async move {
                        worker.handle(&delivery, &cancel).await;
                        last_job.note();
                        drop((slot, running));
                    });
                }
                Ok(None) if tasks.is_empty() && self.is_idle(&last_job) => {
                    info!("no job came for the configured time: ending");
                    break;
                }
                Ok(None) => {}
                Err(problem) => {
                    error!(
                        "could not receive a job from the queue: {:#}",
                        anyhow::Error::from(problem)
                    );
                    self.outage.begin("the queue could not be reached");
                }
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    /// How long one poll of the queue waits: not beyond the end of the time to be idle.
    fn poll(&self, last_job: &LastJob, is_free: bool) -> Duration {
        let wait = self.config.wait;
        match self.config.until_idle {
            Some(limit) if is_free => {
                let left = limit.saturating_sub(last_job.elapsed());
                wait.min(left.max(LEAST_POLL))
            }
            Some(_) | None => wait,
        }
    }

    /// An outage does not count: only a queue that has responded is known to be empty, and the jobs
    /// that the outage delayed come after it.
    fn is_idle(&self, last_job: &LastJob) -> bool {
        let limit = self.config.until_idle;
        limit.is_some_and(|it| last_job.elapsed() >= it)
    }

    async fn handle(&self, delivery: &Delivery, cancel: &CancellationToken) {
        let settled = match &delivery.message {
            Ok(message) => {
                let span = spans::job(&self.catalog, message).await;
                let work = async {
                    let fate = match self.fate_without_attempt(delivery, message).await {
                        Some(fate) => fate,
                        None => {
                            self.run_job(
                                message,
                                JobContext {
                                    worker: self,
                                    delivery,
                                    cancel,
                                },
                            )
                            .await
                        }
                    };
                    self.settle(delivery, message, fate).await
                };
                work.instrument(span).await
            }
            Err(invalid) => {
                warn!("malformed message: {invalid}");
                self.metrics.dead_letter("unreadable");
                self.queue
                    .dead_letter(&delivery.receipt, &invalid.to_string())
                    .await
            }
        };
        match settled {
            // The message was delivered again meanwhile: that receiver settles it.
            Ok(()) | Err(QueueError::LeaseLost) => {}
            Err(problem) => error!(
                "could not settle a message: {:#}",
                anyhow::Error::from(problem)
            ),
        }
    }

    async fn run_job(&self, message: &JobMessage, context: JobContext<'_>) -> Fate {
        match message {
            JobMessage::TranscodeV1(job) => TranscodeJob { context, job }.run().await,
            JobMessage::ImportV1(import) => ImportJob { context, import }.run().await,
            JobMessage::PosterV1(job) => PosterJob { context, job }.run().await,
            JobMessage::CaptionsV1(job) => CaptionsJob { context, job }.run().await,
            JobMessage::ThumbnailV1(job) => ThumbnailJob { context, job }.run().await,
            JobMessage::DownloadV1(job) => DownloadJob { context, job }.run().await,
            JobMessage::PreviewV1(job) => PreviewJob { context, job }.run().await,
            JobMessage::TranscriptionV1(job) => TranscriptionJob { context, job }.run().await,
            JobMessage::ChunkV1(job) => ChunkJob { context, job }.run().await,
        }
    }

    /// The fate of a message that was delivered before and gets no other attempt now.
    async fn fate_without_attempt(
        &self,
        delivery: &Delivery,
        message: &JobMessage,
    ) -> Option<Fate> {
        if delivery.receive_count <= 1 {
            return None;
        }
        match next_attempt(
            &self.catalog,
            (message.video(), message.id()),
            None,
            clock::now(),
        )
        .await
        {
            Ok(Next::GiveUp) => Some(Fate::dead_letter(
                "no attempt made more progress than the ones before it",
            )),
            // Attempts decide when a job ends, not deliveries.
            Ok(Next::Again(_)) | Err(_) if delivery.is_last && message.has_attempts() => {
                let count = delivery.receive_count;
                info!(
                    "sending the job again: it was delivered {count} times and has another attempt"
                );
                Some(Fate::Replace {
                    pause: Duration::ZERO,
                })
            }
            Ok(Next::Again(_)) | Err(_) => None,
        }
    }

    /// Carries out the fate of a message.
    async fn settle(
        &self,
        delivery: &Delivery,
        message: &JobMessage,
        fate: Fate,
    ) -> Result<(), QueueError> {
        let receipt = &delivery.receipt;
        match fate {
            Fate::Acknowledge => self.queue.ack(receipt).await,
            Fate::Release { pause, reason } => self.queue.release(receipt, pause, &reason).await,
            Fate::DeadLetter { reason } => {
                self.metrics.dead_letter("infrastructure");
                self.queue.dead_letter(receipt, &reason).await
            }
            // The new message is sent before the old one is deleted: a duplicate is better than a
            // loss.
            Fate::Replace { pause } => {
                self.queue.send(message, pause).await?;
                self.queue.ack(receipt).await
            }
        }
    }

    /// The profile of a job; `None`: this installation does not have it.
    pub(crate) fn profile(&self, name: &str) -> Option<Profile> {
        let known = self.config.profiles.get(name).cloned();
        known.or_else(|| Profile::built_in(name))
    }
}

/// Whether a catalog error means that the claim is lost.
fn is_claim_lost(problem: &CatalogError) -> bool {
    matches!(
        problem,
        CatalogError::LeaseLost { .. } | CatalogError::Gone { .. }
    )
}

#[cfg(test)]
mod tests;
