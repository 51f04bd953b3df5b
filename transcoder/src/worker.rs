//! The consume loop: one job after the other, each under a lease, until told to stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::content_key::KeyEncryptionKeys;
use domain::failure::{SourceProblem, Verdict};
use domain::ids::{JobId, VideoId};
use domain::job::{Job, JobMessage};
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use domain::profile::{Profile, SourcePolicy};
use domain::state::VideoState;
use platform::catalog::{Attempt, AttemptOutcome, CatalogError, Claim, ClaimOutcome, SharedCatalog};
use platform::job_queue::{Delivery, QueueError, SharedQueue};
use platform::net::Policy;
use platform::object_store::uploads::UploadSigner;
use platform::object_store::{SharedStore, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, warn};

use crate::clock::now_ms;
use crate::error::TranscodeError;
use crate::fetch::Pace;
use crate::ffmpeg::Tools;
use crate::journal::CatalogJournal;
use crate::pipeline::{self, Order, Published};
use crate::source::ObjectSource;
use crate::takeover::Takeover;
use crate::vault::WrappedKeys;

mod heartbeat;
mod importing;
mod posters;

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
}

/// Pause after the queue could not be reached.
const QUEUE_PAUSE: Duration = Duration::from_secs(5);

/// Pause before a failed job is tried again; doubled every time.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

impl Worker {
    /// Works until cancelled. A job at hand is then given back at once, with all finished chunks kept.
    pub async fn run(&self, cancel: CancellationToken) {
        let room = Arc::new(tokio::sync::Semaphore::new(self.config.jobs.max(1)));
        let import_room = Arc::new(tokio::sync::Semaphore::new(self.config.imports_at_once.max(1)));
        let tasks = tokio_util::task::TaskTracker::new();
        while !cancel.is_cancelled() {
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
                    tokio::select! {
                        () = tokio::time::sleep(QUEUE_PAUSE) => {}
                        () = cancel.cancelled() => break,
                    }
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
        if delivery.is_last && self.deserves_more(delivery, message).await {
            // A new message with deliveries of its own, then the end of the old one: twice is better than never.
            info!("much was delivered, but not in vain: sent again");
            self.queue.send(message, Duration::ZERO).await?;
            return self.queue.ack(&delivery.receipt).await;
        }
        match message {
            JobMessage::TranscodeV1(job) => self.settle_job(delivery, job, cancel).await,
            JobMessage::ImportV1(import) => self.settle_import(delivery, import, cancel).await,
            JobMessage::PosterV1(job) => self.settle_poster(delivery, job, cancel).await,
        }
    }

    async fn settle_job(&self, delivery: &Delivery, job: &Job, cancel: &CancellationToken) -> Result<(), QueueError> {
        let receipt = &delivery.receipt;
        let Some(profile) = self.profile(&job.profile) else {
            return self.queue.bury(receipt, &format!("there is no profile `{}`", job.profile)).await;
        };
        let generation = job.generation(&profile);
        let config = &self.config;
        let claimed = self.catalog.claim(job, &generation, &config.name, config.lease, now_ms()).await;
        match self.admitted(delivery, job.video, &job.id, claimed).await? {
            Some(claim) => self.work(delivery, job, profile, claim, cancel).await,
            None => Ok(()),
        }
    }

    /// The claim, if there is one; otherwise the message is settled.
    async fn admitted(
        &self,
        delivery: &Delivery,
        video: VideoId,
        job: &JobId,
        claimed: Result<ClaimOutcome, CatalogError>,
    ) -> Result<Option<Claim>, QueueError> {
        let receipt = &delivery.receipt;
        let settled = match claimed {
            Ok(ClaimOutcome::Claimed(claim)) => return Ok(Some(claim)),
            Ok(ClaimOutcome::AlreadyDone | ClaimOutcome::Gone) => {
                info!("nothing to do");
                self.queue.ack(receipt).await
            }
            // Delivered for the first time, it is not the message that the holder works on: a double.
            Ok(ClaimOutcome::Held { .. }) if delivery.receive_count <= 1 && self.is_worked_on(video, job).await => {
                info!("somebody works on it already");
                self.queue.ack(receipt).await
            }
            // Otherwise the holder may have lost it: look again when its lease has ended.
            Ok(ClaimOutcome::Held { until_ms }) => {
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

    /// Whether the deliveries so far were not the fault of the job: a worker that is stopped or killed uses one up,
    /// however well it worked. A job that comes no further from attempt to attempt deserves no more.
    async fn deserves_more(&self, delivery: &Delivery, message: &JobMessage) -> bool {
        let attempts = self.catalog.attempts(message.video()).await.unwrap_or_default();
        let own: Vec<&Attempt> = attempts.iter().filter(|it| it.job == *message.id()).collect();
        let window = &own[own.len().saturating_sub(delivery.receive_count as usize - 1)..];
        let Some((first, rest)) = window.split_first() else { return false };
        window.iter().any(|it| it.outcome == Some(AttemptOutcome::Released))
            || rest.iter().any(|it| it.progress.percent > first.progress.percent)
    }

    /// Whether the attempt that goes on is at this very job, and not at another one of the same video.
    async fn is_worked_on(&self, video: VideoId, job: &JobId) -> bool {
        let attempts = self.catalog.attempts(video).await.unwrap_or_default();
        attempts.last().is_some_and(|it| it.job == *job && it.ended_ms.is_none())
    }

    async fn work(
        &self,
        delivery: &Delivery,
        job: &Job,
        profile: Profile,
        claim: Claim,
        cancel: &CancellationToken,
    ) -> Result<(), QueueError> {
        let stop = cancel.child_token();
        let beating = heartbeat::Heartbeat::start(self, &claim, delivery.receipt.clone(), stop.clone());
        let result = self.transcode(job, &profile, &claim, &stop).await;
        let lost = beating.stop().await;
        let result = match lost {
            // The pipeline only knows that it was stopped; this is why.
            Some(reason) => Err(TranscodeError::Catalog(reason)),
            None => result,
        };
        match result {
            Ok(published) => self.finish(delivery, job, &profile, &claim, &published).await,
            Err(problem) if problem.lost_claim() => self.stopped(delivery, &claim, problem).await,
            // Whatever overtook it has a job of its own: the event of another source, or somebody's later wish.
            Err(overtaken @ (TranscodeError::Source(SourceProblem::SourceChanged) | TranscodeError::Superseded)) => {
                info!("overtaken: {overtaken}");
                if let Err(problem) = self.catalog.release(&claim, now_ms()).await {
                    warn!("the catalog could not be told: {:#}", anyhow::Error::from(problem));
                }
                self.queue.ack(&delivery.receipt).await
            }
            Err(problem) => self.fail(delivery, &claim, problem).await,
        }
    }

    async fn transcode(
        &self,
        job: &Job,
        profile: &Profile,
        claim: &Claim,
        stop: &CancellationToken,
    ) -> Result<Published, TranscodeError> {
        let key = job.source_key().ok_or(SourceProblem::SourceMissing)?;
        let source = ObjectSource::open(Arc::clone(&self.store), key, &job.source.etag).await?;
        let video = self.catalog.get_video(job.video).await?;
        let journal =
            CatalogJournal::new(Arc::clone(&self.catalog), claim.clone(), video.ready_ms.is_none(), self.config.lease);
        let vault =
            WrappedKeys::new(Arc::clone(&self.store), Arc::clone(&self.keys), claim.video, claim.generation.clone());
        let vault = Arc::new(vault);
        let takeover = match &job.partial {
            Some(partial) if !matches!(&video.state, VideoState::Ready { generation } if *generation == partial.base) =>
            {
                return Err(TranscodeError::Superseded);
            }
            Some(partial) => {
                let keys = (Arc::clone(&self.keys), Arc::clone(&vault));
                Some(Takeover::of(&self.store, &*self.catalog, keys, claim.video, partial).await?)
            }
            None => None,
        };
        let order = Order {
            tools: self.tools.clone(),
            source: Arc::new(source),
            store: Arc::clone(&self.store),
            vault,
            takeover,
            journal: Arc::new(journal),
            video: claim.video,
            generation: claim.generation.clone(),
            profile: profile.clone(),
            mode: job.mode,
            workers: self.config.encoders,
        };
        // The pipeline is a large future; on the heap it costs the callers nothing.
        Box::pin(pipeline::run(&order, stop)).await
    }

    async fn finish(
        &self,
        delivery: &Delivery,
        job: &Job,
        profile: &Profile,
        claim: &Claim,
        published: &Published,
    ) -> Result<(), QueueError> {
        match self.catalog.mark_ready(claim, &published.receipt, now_ms()).await {
            Ok(_) => {
                let duration_ms = published.receipt.wall_ms;
                info!(duration_ms, cpu_ms = published.receipt.cpu_ms, "the video is ready");
            }
            Err(problem) => {
                // Everything is published: the next delivery finds all chunks done and only publishes again.
                return self.fail(delivery, claim, problem.into()).await;
            }
        }
        if let Some(key) = job.source_key()
            && let Err(problem) = self.retire_source(&key, profile.source_policy).await
        {
            // The video is ready all the same; the source stays until somebody sweeps it.
            warn!("the source could not be put away: {:#}", anyhow::Error::from(problem));
        }
        self.queue.ack(&delivery.receipt).await
    }

    async fn retire_source(&self, key: &ObjectKey, policy: SourcePolicy) -> Result<(), TranscodeError> {
        let ObjectKey::Source { video, file_name } = key else { return Ok(()) };
        match policy {
            SourcePolicy::Keep => return Ok(()),
            SourcePolicy::Archive => {
                let archived = ObjectKey::ArchivedSource { video: *video, file_name: file_name.clone() };
                self.store.copy(key, &archived).await?;
            }
            SourcePolicy::Delete => {}
        }
        Ok(self.store.delete(key).await?)
    }

    async fn fail(&self, delivery: &Delivery, claim: &Claim, problem: TranscodeError) -> Result<(), QueueError> {
        let (failure, log_tail) = (problem.failure(), problem.log_tail().to_owned());
        let receipt = &delivery.receipt;
        let verdict = failure.class().verdict();
        let told = match verdict {
            Verdict::Release => {
                info!("given back");
                self.catalog.release(claim, now_ms()).await
            }
            Verdict::Reject => {
                info!(failure.code = %failure.code, "the source was refused: {problem}");
                self.catalog.fail(claim, &failure, false, &log_tail, now_ms()).await
            }
            Verdict::Retry => {
                error!(failure.code = %failure.code, "{:#}\n{log_tail}", anyhow::Error::from(problem));
                self.catalog.fail(claim, &failure, !delivery.is_last, &log_tail, now_ms()).await
            }
        };
        if let Err(problem) = told {
            warn!("could not record the failure: {:#}", anyhow::Error::from(problem));
            // A deletion takes the source away, and what fails then may have stored something since.
            self.clean_up_if_gone(claim).await;
        }
        match verdict {
            Verdict::Reject => self.queue.ack(receipt).await,
            Verdict::Release => self.queue.release(receipt, Duration::ZERO, "the worker was stopped").await,
            Verdict::Retry => {
                let delay = RETRY_PAUSE * 2_u32.pow(delivery.receive_count.clamp(1, 7) - 1);
                self.queue.release(receipt, delay, failure.code.as_str()).await
            }
        }
    }

    /// The claim is lost.
    async fn stopped(&self, delivery: &Delivery, claim: &Claim, problem: TranscodeError) -> Result<(), QueueError> {
        info!("stopped: {:#}", anyhow::Error::from(problem));
        self.clean_up_if_gone(claim).await;
        // A gone video needs no message any more; after a lost lease it is somebody else's.
        self.queue.ack(&delivery.receipt).await
    }

    /// A deletion cannot see what a worker stores a moment later: the worker removes it.
    async fn clean_up_if_gone(&self, claim: &Claim) {
        let video = match self.catalog.get_video(claim.video).await {
            Ok(video) => video,
            Err(problem) => return warn!("could not clean up: {:#}", anyhow::Error::from(problem)),
        };
        // What a cancelled job has finished is kept: a retry goes on there, or the sweeper takes it.
        if video.state != VideoState::Deleted {
            return;
        }
        if let Err(problem) = self.abort_uploads(claim.video).await {
            warn!("could not clean up: {:#}", anyhow::Error::from(problem));
        }
        for prefix in ObjectPrefix::of_video(claim.video) {
            if let Err(problem) = self.store.delete_all(&prefix).await {
                warn!("could not clean up: {:#}", anyhow::Error::from(problem));
            }
        }
    }

    /// What was being brought into the bucket.
    async fn abort_uploads(&self, video: VideoId) -> Result<(), StoreError> {
        for upload in self.uploads.list_unfinished(&ObjectPrefix::Sources(video)).await? {
            if let Some(key) = ObjectKey::parse(Bucket::Private, &upload.path) {
                self.uploads.abort_multipart(&key, &upload.id).await?;
            }
        }
        Ok(())
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
