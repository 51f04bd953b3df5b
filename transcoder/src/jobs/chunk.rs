//! One chunk of a video that another transcoder leads.
//!
//! The rows of the fan-out decide, so the message is always acknowledged, except by a program that
//! cannot follow the plan: the leader sends another one when the chunk is free again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use catalog::{CatalogError, ChunkClaim, ChunkOutcome, Eligible, FanOut};
use domain::failure::SourceProblem;
use domain::job::ChunkJob as ChunkRequest;
use domain::object_key::{ObjectKey, RenditionName};
use domain::plan::{ChunkPlan, EncodePlan, RenditionKind};
use domain::profile::Profile;
use domain::retry;
use domain::segment::{ChunkRecord, ChunkTraffic, Lane};
use platform::clock;
use platform::object_store::ObjectStoreExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Fate, JobContext};
use crate::content_keys::{ContentKeyStore, RenditionKeys, WrappedKeys};
use crate::error::TranscodeError;
use crate::fan_out::{CHUNK_LEASE, CHUNK_PULSE, LARGEST_PLAN, SharedPlan};
use crate::loopback::Loopback;
use crate::pipeline::{Materials, encoders_for};
use crate::sink::GenerationWriter;
use crate::source::{Blocks, ObjectSource};
use crate::spans;
use crate::worker::CATALOG_PAUSE;

/// A message that asks for a chunk.
pub(crate) struct ChunkJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a ChunkRequest,
}

/// What became of the segments of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// The catalog names them.
    Recorded,
    /// Nothing names them.
    Unwanted,
    /// The catalog may name them: it did not respond. The leader removes them if it does not.
    Unknown,
}

/// A fan-out that this program can take part in.
struct Followed {
    fan_out: FanOut,
    profile: Profile,
    shared: SharedPlan,
}

impl ChunkJob<'_> {
    /// Claims the chunk, encodes it, and records it.
    pub(crate) async fn run(&self) -> Fate {
        let (JobContext { worker, .. }, job) = (self.context, self.job);
        let followed = match self.follow().await {
            Ok(Some(followed)) => followed,
            Ok(None) => return Fate::Acknowledge,
            Err(fate) => return fate,
        };
        let Some(chunk) = followed.shared.plan.encode_chunks.get(job.index as usize) else {
            return Fate::Acknowledge;
        };
        let of = (job.video, &job.generation, &job.plan);
        let by = (worker.config.name.as_str(), CHUNK_LEASE);
        let claimed = worker
            .catalog
            .claim_chunk(of, job.index, Eligible::Free, by, clock::now())
            .await;
        let claim = match claimed {
            Ok(ChunkOutcome::Claimed(claim)) => claim,
            Ok(ChunkOutcome::Busy | ChunkOutcome::Done) => {
                info!("another transcoder has the chunk");
                return Fate::Acknowledge;
            }
            Err(problem) => return unavailable(problem),
        };
        let production = match worker.helping.production(&worker.catalog, &claim).await {
            Ok(Some(production)) => production,
            Ok(None) => return Fate::Acknowledge,
            Err(problem) => return unavailable(problem),
        };
        let writer = GenerationWriter::new(
            Arc::clone(&worker.store),
            job.video,
            job.generation.clone(),
            production,
        );
        let stop = self.context.cancel.child_token();
        let own_video = worker.helping.until_own_video();
        let work = Box::pin(self.encode(&followed, chunk, writer.clone(), stop.clone()));
        let made = tokio::select! {
            made = work => made,
            () = self.keep(&claim) => Err(TranscodeError::Cancelled),
            () = own_video.cancelled() => Err(TranscodeError::Cancelled),
        };
        stop.cancel();
        let is_returned = self.context.cancel.is_cancelled() || own_video.is_cancelled();
        let settled = self.settle(&claim, made, is_returned).await;
        if settled == Settled::Unwanted {
            // FFmpeg's last segments may still be on their way to the store.
            writer.close().await;
            self.remove(&followed.shared.plan, chunk, &writer).await;
        }
        Fate::Acknowledge
    }

    /// Reads what the leader decided. `None`: the chunk is not wanted any more.
    async fn follow(&self) -> Result<Option<Followed>, Fate> {
        let (JobContext { worker, .. }, job) = (self.context, self.job);
        let found = worker.catalog.fan_out(job.video, &job.generation).await;
        let Some(fan_out) = found.map_err(unavailable)?.filter(|it| it.plan == job.plan) else {
            info!("the chunk is not wanted any more");
            return Ok(None);
        };
        let foreign = || {
            info!(
                "cannot follow the plan of the chunk: another version or another profile made it"
            );
            // The leader sends another one after a while.
            Fate::Acknowledge
        };
        let profile = worker.profile(&fan_out.job.profile);
        let profile = profile.filter(|it| fan_out.job.generation(it) == job.generation);
        let Some(profile) = profile else {
            return Err(foreign());
        };
        let document = ObjectKey::SharedPlan {
            video: job.video,
            generation: job.generation.clone(),
        };
        let text = worker.store.read_if_present(&document, LARGEST_PLAN).await;
        let text = text.map_err(|it| {
            warn!("could not read the plan: {:#}", anyhow::Error::from(it));
            Fate::release(CATALOG_PAUSE, "the store could not be reached")
        })?;
        let shared = text.and_then(|it| SharedPlan::parse(&it, &job.plan));
        match shared {
            Some(shared) => Ok(Some(Followed {
                fan_out,
                profile,
                shared,
            })),
            None => Err(foreign()),
        }
    }

    async fn encode(
        &self,
        followed: &Followed,
        chunk: &ChunkPlan,
        writer: GenerationWriter,
        stop: CancellationToken,
    ) -> Result<ChunkRecord, TranscodeError> {
        let (JobContext { worker, .. }, job) = (self.context, self.job);
        let SharedPlan { plan, probe } = &followed.shared;
        let (tools, profile) = (&worker.tools, &followed.profile);
        tools.check_depth(plan).await?;
        let all = worker.config.encoders;
        let encoders = encoders_for(tools, profile, (plan, probe), all);
        // The memory may suffice for fewer encoders than this worker has.
        let share = all.div_ceil(encoders.max(1));
        let _encoders = worker.helping.encoders(share, all).await;
        let request = &followed.fan_out.job;
        let key = request.source_key().ok_or(SourceProblem::SourceMissing)?;
        let etag = &request.source.etag;
        let source = ObjectSource::open(Arc::clone(&worker.store), key, etag).await?;
        let blocks = Blocks::new(Arc::new(source));
        let materials = Materials {
            tools,
            profile,
            probe,
            loopback: Loopback::start(blocks.clone()).await?,
            writer: writer.clone(),
            keys: self.content_keys(plan),
            encoders,
        };
        let context = materials.context(plan, plan.clone(), stop).await?;
        let (sender, mut segments) = mpsc::channel(16);
        let encoding = async {
            let made = context.encode(chunk, &sender).await;
            drop(sender);
            made
        };
        // Only whole chunks count.
        let passing = async { while segments.recv().await.is_some() {} };
        let (made, ()) = tokio::join!(encoding, passing);
        let mut record = made?;
        let traffic = writer.traffic();
        record.traffic = Some(ChunkTraffic {
            bytes_in: blocks.fetched(),
            bytes_out: traffic.bytes.load(Ordering::Relaxed),
            reads: traffic.reads.load(Ordering::Relaxed) + blocks.requests(),
            writes: traffic.writes.load(Ordering::Relaxed),
        });
        info!(
            chunk = job.index,
            cpu_ms = record.cpu_ms,
            wall_ms = record.wall_ms,
            "encoded a chunk of another transcoder's video"
        );
        Ok(record)
    }

    fn content_keys(&self, plan: &EncodePlan) -> HashMap<RenditionName, RenditionKeys> {
        let (JobContext { worker, .. }, job) = (self.context, self.job);
        if !plan.encrypt {
            return HashMap::new();
        }
        let store: Arc<dyn ContentKeyStore> = Arc::new(WrappedKeys::new(
            Arc::clone(&worker.store),
            Arc::clone(&worker.keys),
            job.video,
            job.generation.clone(),
        ));
        let renditions = plan.renditions(Lane::Encode).into_iter();
        renditions
            .map(|it| {
                let keys = RenditionKeys::new(Arc::clone(&store), it.name.clone());
                (it.name.clone(), keys)
            })
            .collect()
    }

    /// Renews the claim and the message. Returns when the chunk is not wanted any more.
    async fn keep(&self, claim: &ChunkClaim) {
        let JobContext {
            worker, delivery, ..
        } = self.context;
        let mut extended = Instant::now();
        loop {
            tokio::time::sleep(CHUNK_PULSE).await;
            if extended.elapsed() >= worker.config.lease / 3 {
                // If the message comes again, the claim decides.
                drop(
                    worker
                        .queue
                        .extend(&delivery.receipt, worker.config.lease)
                        .await,
                );
                extended = Instant::now();
            }
            match worker
                .catalog
                .renew_chunk(claim, CHUNK_LEASE, clock::now())
                .await
            {
                Ok(()) => {}
                Err(CatalogError::Gone { .. }) => return,
                // Others may encode the chunk too; the first record counts.
                Err(problem) => warn!(
                    "could not renew the claim of a chunk: {:#}",
                    anyhow::Error::from(problem)
                ),
            }
        }
    }

    /// Records the result, or gives the chunk back.
    async fn settle(
        &self,
        claim: &ChunkClaim,
        made: Result<ChunkRecord, TranscodeError>,
        is_returned: bool,
    ) -> Settled {
        let (JobContext { worker, cancel, .. }, job) = (self.context, self.job);
        let catalog = &worker.catalog;
        let (outcome, pause) = match made {
            Ok(record) => {
                let record = || catalog.record_claimed_chunk(claim, &record, clock::now());
                match worker.retry_while_unavailable(cancel, record).await {
                    Ok(true) => {
                        worker.metrics.chunk("done");
                        return Settled::Recorded;
                    }
                    Ok(false) => {
                        info!("another transcoder was faster");
                        ("late", None)
                    }
                    Err(problem) => {
                        warn!(
                            "could not record a chunk: {:#}",
                            anyhow::Error::from(problem)
                        );
                        worker.metrics.chunk("failed");
                        return Settled::Unknown;
                    }
                }
            }
            Err(_) if is_returned => ("returned", None),
            Err(TranscodeError::Cancelled) => ("late", None),
            Err(problem) => {
                let failure = problem.failure();
                spans::record_failure(failure.code);
                if failure.code.is_lack_of_service() {
                    worker.outage.begin(&problem.to_string());
                }
                let log_tail = problem.log_tail().to_owned();
                warn!(
                    chunk = job.index,
                    "could not encode a chunk: {:#}\n{log_tail}",
                    anyhow::Error::from(problem)
                );
                ("failed", Some(retry::pause_after(claim.failures + 1)))
            }
        };
        worker.metrics.chunk(outcome);
        if let Err(problem) = catalog.release_chunk(claim, pause, clock::now()).await {
            // Its lease expires.
            warn!(
                "could not release a chunk: {:#}",
                anyhow::Error::from(problem)
            );
        }
        Settled::Unwanted
    }

    async fn remove(&self, plan: &EncodePlan, chunk: &ChunkPlan, writer: &GenerationWriter) {
        let segments = plan.renditions(Lane::Encode).into_iter().flat_map(|it| {
            let indexes = match it.kind {
                RenditionKind::IFrames => chunk.index..chunk.index + 1,
                RenditionKind::Video | RenditionKind::Audio => chunk.segments.clone(),
            };
            indexes.map(move |index| writer.segment_key(it, index))
        });
        for key in segments {
            if let Err(problem) = self.context.worker.store.delete(&key).await {
                // The leader removes what no playlist names.
                return warn!(
                    "could not remove a chunk that does not count: {:#}",
                    anyhow::Error::from(problem)
                );
            }
        }
    }
}

fn unavailable(problem: CatalogError) -> Fate {
    warn!(
        "could not look at a chunk: {:#}",
        anyhow::Error::from(problem)
    );
    Fate::release(CATALOG_PAUSE, "the catalog could not be reached")
}
