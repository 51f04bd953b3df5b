//! The consume loop: one job after the other, each under a lease, until told to stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::content_key::KeyEncryptionKeys;
use domain::ids::{JobId, VideoId};
use domain::job::JobMessage;
use domain::profile::Profile;
use domain::retry::Next;
use platform::catalog::{CatalogError, Claim, ClaimOutcome, SharedCatalog, next_attempt};
use platform::job_queue::{Delivery, QueueError, SharedQueue};
use platform::net::Policy;
use platform::object_store::SharedStore;
use platform::object_store::uploads::UploadSigner;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, warn};

use crate::clock::now_ms;
use crate::fetch::Pace;
use crate::ffmpeg::Tools;

mod ending;
mod heartbeat;
mod importing;
mod in_hand;
mod outage;
mod posters;
mod transcoding;

pub use in_hand::InHand;
pub use outage::Outage;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Names it in the catalog; unique among the processes that are alive.
    pub name: String,
    /// Jobs at the same time.
    pub jobs: usize,
    /// Imports at the same time, beside the jobs.
    pub imports_at_once: usize,
    /// Encoders of one thread each, per job.
    pub encoders: usize,
    /// How long a job stays ours without a sign of life.
    pub lease: Duration,
    /// How long one look at an empty queue takes.
    pub wait: Duration,
    /// By name. `default` is always there.
    pub profiles: HashMap<String, Profile>,
    /// Where sources may be fetched from.
    pub imports: Policy,
    /// How quickly a source that is fetched has to come.
    pub import_pace: Pace,
    /// Largest source that is fetched, bytes, where that is less than its profile allows.
    pub max_import_bytes: Option<u64>,
    /// The name of the private bucket, as it stands in events and jobs.
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

/// Takes jobs from a queue and does them.
#[derive(Clone)]
pub struct Worker {
    /// Where jobs come from.
    pub queue: SharedQueue,
    /// Who knows the videos.
    pub catalog: SharedCatalog,
    /// Both buckets.
    pub store: SharedStore,
    /// The same store, for what arrives in parts.
    pub uploads: Arc<dyn UploadSigner>,
    /// Wrap content keys.
    pub keys: Arc<KeyEncryptionKeys>,
    /// FFmpeg.
    pub tools: Tools,
    /// How to work.
    pub config: WorkerConfig,
    /// Whether a service is away; at first none is known to be.
    pub outage: Outage,
    /// What its jobs have in hand; at first nothing.
    pub in_hand: InHand,
}

/// Pause before a message is looked at again of which nothing is known.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

impl Worker {
    /// Works until cancelled. A job at hand is then given back at once, with all finished chunks kept.
    pub async fn run(&self, cancel: CancellationToken) {
        let room = Arc::new(tokio::sync::Semaphore::new(self.config.jobs.max(1)));
        let import_room = Arc::new(tokio::sync::Semaphore::new(self.config.imports_at_once.max(1)));
        let tasks = tokio_util::task::TaskTracker::new();
        while !cancel.is_cancelled() {
            self.wait_for_services(&cancel).await;
            // First a free place, then a job: what is received is begun.
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
                let span = tracing::info_span!("job", job.id = %message.id(), video.id = %message.video());
                self.settle(delivery, message, cancel).instrument(span).await
            }
            Err(invalid) => {
                warn!("a message that is no job: {invalid}");
                self.queue.bury(&delivery.receipt, &invalid.to_string()).await
            }
        };
        match settled {
            // Whoever has the message now settles it.
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
            let next = next_attempt(&*self.catalog, (message.video(), message.id()), None, now_ms()).await;
            match next {
                Ok(Next::GiveUp) => {
                    return self.queue.bury(&delivery.receipt, "no attempt came further than those before it").await;
                }
                // The attempts decide when a job ends, not how often it was delivered. A new message with deliveries
                // of its own, then the end of the old one: twice is better than never. A poster has no attempts.
                Ok(Next::Again(_)) | Err(_) if delivery.is_last && !is_poster => {
                    info!("delivered {} times, and there is another attempt: sent again", delivery.receive_count);
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

    /// The claim, if there is one; otherwise the message is settled. `is_free_here`: no other job of this process has the
    /// video in hand.
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
                return Ok(Some(claim));
            }
            Ok(ClaimOutcome::AlreadyDone | ClaimOutcome::Gone) => {
                info!("nothing to do");
                self.queue.ack(receipt).await
            }
            Ok(ClaimOutcome::Held { until_ms }) => {
                let holder = self.catalog.holder(video).await.ok().flatten().filter(|it| it.job == *job);
                match holder {
                    // The claim was made, and its answer lost: a connection broke off, or the process was suspended.
                    Some(claim) if is_free_here && claim.worker == self.config.name => {
                        info!("this worker has claimed it already");
                        return Ok(Some(claim));
                    }
                    // Delivered for the first time, it is not the message that the holder works on: a double.
                    Some(_) if delivery.receive_count <= 1 => {
                        info!("another worker has it already");
                        return self.queue.ack(receipt).await.map(|()| None);
                    }
                    // The holder may have lost it: look again when its lease has ended.
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

/// Whether a catalog error means that the work is not ours any more.
fn is_loss(problem: &CatalogError) -> bool {
    matches!(problem, CatalogError::LeaseLost { .. } | CatalogError::Gone { .. })
}

#[cfg(test)]
mod tests;
