//! The loop of the transcoder: receives messages from the queue and processes several at a time.
//!
//! Two leases protect a job: that of the message in the queue, and that of the claim on the video
//! in the catalog. Only the claim decides who may write; see `heartbeat`. To *settle* a message
//! means to acknowledge it, release it for another delivery, or make it a dead letter.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, CatalogError, Claim, ClaimOutcome, next_attempt};
use domain::content_key::KeyEncryptionKeys;
use domain::ids::{JobId, VideoId};
use domain::job::JobMessage;
use domain::profile::Profile;
use domain::retry::Next;
use platform::job_queue::{Delivery, QueueError, SharedQueue};
use platform::net::Policy;
use platform::object_store::SharedStore;
use platform::object_store::uploads::UploadSigner;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, warn};

use crate::fetch::Pace;
use crate::ffmpeg::Tools;
use platform::clock::now_ms;

mod ending;
mod heartbeat;
mod importing;
mod in_hand;
mod outage;
mod posters;
mod transcoding;

pub use in_hand::InHand;
pub use outage::Outage;

/// Configuration of a worker.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Name in the catalog; unique among running processes.
    pub name: String,
    /// Number of concurrent jobs.
    pub jobs: usize,
    /// Number of concurrent imports, in addition to the jobs.
    pub imports_at_once: usize,
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
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            name: "transcoder".to_owned(),
            jobs: 1,
            imports_at_once: 4,
            encoders: std::thread::available_parallelism().map_or(1, usize::from),
            lease: Duration::from_secs(60),
            wait: Duration::from_secs(20),
            profiles: HashMap::new(),
            imports: crate::fetch::DEFAULT_POLICY,
            import_pace: Pace::default(),
            max_import_bytes: None,
            private_bucket: "private".to_owned(),
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
    /// The videos that its jobs are processing; initially none.
    pub in_hand: InHand,
}

/// Pause before a message is received again if the state of its job is unknown.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

impl Worker {
    /// Works until cancelled. The current jobs are then released at once, with all finished chunks
    /// kept.
    pub async fn run(&self, cancel: CancellationToken) {
        let room = Arc::new(tokio::sync::Semaphore::new(self.config.jobs.max(1)));
        let import_room = Arc::new(tokio::sync::Semaphore::new(self.config.imports_at_once.max(1)));
        let tasks = tokio_util::task::TaskTracker::new();
        while !cancel.is_cancelled() {
            self.wait_for_services(&cancel).await;
            // A free slot first, so that a job that was received can start immediately.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { break };
            let received = tokio::select! {
                received = self.queue.receive(self.config.wait, self.config.lease) => received,
                () = cancel.cancelled() => break,
            };
            match received {
                Ok(Some(delivery)) => {
                    let Some(place) = self.place_for(&delivery, place, &import_room).await else { continue };
                    let (worker, cancel) = (self.clone(), cancel.clone());
                    tasks.spawn(async move {
                        worker.handle(&delivery, &cancel).await;
                        drop(place);
                    });
                }
                Ok(None) => {}
                Err(problem) => {
                    error!("could not receive: {:#}", anyhow::Error::from(problem));
                    self.outage.begin("the queue could not be reached");
                }
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn handle(&self, delivery: &Delivery, cancel: &CancellationToken) {
        let settled = match &delivery.message {
            Ok(message) => {
                let (job, video) = (message.id(), message.video());
                let attempt = tracing::field::Empty;
                let span = tracing::info_span!("job", job.id = %job, video.id = %video, attempt);
                self.settle(delivery, message, cancel).instrument(span).await
            }
            Err(invalid) => {
                warn!("malformed message: {invalid}");
                self.queue.dead_letter(&delivery.receipt, &invalid.to_string()).await
            }
        };
        match settled {
            // The message was delivered again meanwhile: that receiver settles it.
            Ok(()) | Err(QueueError::LeaseLost) => {}
            Err(problem) => error!("could not settle a message: {:#}", anyhow::Error::from(problem)),
        }
    }

    async fn settle(
        &self,
        delivery: &Delivery,
        message: &JobMessage,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        let is_poster = matches!(message, JobMessage::PosterV1(_));
        if delivery.receive_count > 1 {
            let next = next_attempt(&self.catalog, (message.video(), message.id()), None, now_ms()).await;
            match next {
                Ok(Next::GiveUp) => {
                    return self
                        .queue
                        .dead_letter(&delivery.receipt, "no attempt made more progress than the ones before it")
                        .await;
                }
                // Attempts decide when a job ends, not deliveries. A new message with its own
                // deliveries is sent before the old one is deleted: a duplicate is better than a
                // loss. A poster has no attempts.
                Ok(Next::Again(_)) | Err(_) if delivery.is_last && !is_poster => {
                    info!(
                        "sending the job again: it was delivered {} times and has another attempt",
                        delivery.receive_count
                    );
                    self.queue.send(message, Duration::ZERO).await?;
                    return self.queue.ack(&delivery.receipt).await;
                }
                Ok(Next::Again(_)) | Err(_) => {}
            }
        }
        match message {
            JobMessage::TranscodeV1(job) => self.settle_job(delivery, job, cancel).await,
            JobMessage::ImportV1(import) => self.settle_import(delivery, import, cancel).await,
            JobMessage::PosterV1(job) => self.settle_poster(delivery, job, cancel).await,
        }
    }

    /// Returns the claim if this worker got it; otherwise settles the message and returns `None`.
    /// `is_free_here`: no other job of this process is processing the video.
    async fn admitted(
        &self,
        delivery: &Delivery,
        (video, job): (VideoId, &JobId),
        is_free_here: bool,
        claimed: Result<ClaimOutcome, CatalogError>,
    ) -> Result<Option<Claim>, QueueError> {
        let receipt = &delivery.receipt;
        let settled = match claimed {
            Ok(ClaimOutcome::Claimed(claim)) => {
                self.outage.forget();
                tracing::Span::current().record("attempt", claim.fence);
                return Ok(Some(claim));
            }
            Ok(ClaimOutcome::AlreadyDone | ClaimOutcome::Gone) => {
                info!("nothing to do");
                self.queue.ack(receipt).await
            }
            Ok(ClaimOutcome::Held { until_ms }) => {
                let holder = self.catalog.holder(video).await.ok().flatten().filter(|it| it.job == *job);
                match holder {
                    // The claim was granted, but the response was lost: the connection was closed,
                    // or the process was suspended.
                    Some(claim) if is_free_here && claim.worker == self.config.name => {
                        tracing::Span::current().record("attempt", claim.fence);
                        info!("this worker has claimed it already");
                        return Ok(Some(claim));
                    }
                    // The message of the holder was delivered before. This one is delivered for
                    // the first time, so it is a duplicate of it.
                    Some(_) if delivery.receive_count <= 1 => {
                        info!("another worker has it already");
                        return self.queue.ack(receipt).await.map(|()| None);
                    }
                    // The holder may be dead: try again when its lease has expired.
                    Some(_) | None => {}
                }
                let delay = Duration::from_millis(until_ms.saturating_sub(now_ms())) + Duration::from_secs(1);
                self.queue.release(receipt, delay, "held by another worker").await
            }
            Err(problem) => {
                warn!("could not claim: {:#}", anyhow::Error::from(problem));
                self.queue.release(receipt, RETRY_PAUSE, "the catalog could not be reached").await
            }
        };
        settled.map(|()| None)
    }

    fn profile(&self, name: &str) -> Option<Profile> {
        let known = self.config.profiles.get(name).cloned();
        known.or_else(|| (name == "default").then(Profile::default))
    }
}

/// Whether a catalog error means that the claim is lost.
fn is_loss(problem: &CatalogError) -> bool {
    matches!(problem, CatalogError::LeaseLost { .. } | CatalogError::Gone { .. })
}

#[cfg(test)]
mod tests;
