//! The leader of a fan-out.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::{Duration, Instant};

use catalog::{ChunkClaim, ChunkOutcome, OpenChunk};
use domain::ids::PlanId;
use domain::job::ChunkJob;
use domain::object_key::ObjectKey;
use domain::plan::EncodePlan;
use domain::probe::Probe;
use domain::segment::{ChunkRecord, Lane};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use platform::clock;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::choice::{messages, next_chunk};
use super::{CHUNK_LEASE, FanOutServices, SharedPlan};
use crate::error::TranscodeError;
use crate::lanes::{EncodeContext, LaneOutput};
use crate::sink::GenerationWriter;

/// Interval between two looks at the rows.
const LOOK: Duration = Duration::from_secs(1);

/// How long no message is sent after the queue failed.
const QUEUE_PAUSE: Duration = Duration::from_secs(30);

/// Leads the transcoders that encode one generation.
pub(crate) struct Lead<'a> {
    services: &'a FanOutServices,
    plan: PlanId,
}

impl<'a> Lead<'a> {
    /// Stores the plan, and adds the rows of these chunks, which are not recorded yet.
    pub(crate) async fn begin(
        services: &'a FanOutServices,
        writer: &GenerationWriter,
        plan: &EncodePlan,
        probe: &Probe,
        missing: impl Iterator<Item = u32> + Send,
    ) -> Result<Self, TranscodeError> {
        let shared = SharedPlan {
            plan: plan.clone(),
            probe: probe.clone(),
        };
        let (text, id) = shared.render();
        writer.put(&document(writer), text.into()).await?;
        let (claim, job) = (&services.claim, &services.job);
        let missing: Vec<u32> = missing.collect();
        info!(chunks = missing.len(), plan = %id, "other transcoders may take part");
        services
            .catalog
            .begin_fan_out(claim, job, &id, missing)
            .await?;
        Ok(Self { services, plan: id })
    }

    /// Ends the fan-out that an earlier attempt, or another strategy, may have begun.
    pub(crate) async fn end_earlier(services: &FanOutServices) -> Result<(), TranscodeError> {
        let FanOutServices { catalog, claim, .. } = services;
        let earlier = catalog.fan_out(claim.video, &claim.generation).await?;
        if earlier.is_some() {
            catalog.end_fan_out(claim).await?;
        }
        Ok(())
    }

    /// Removes the plan, if there was a fan-out, after the generation was published. The rows go with
    /// the job.
    pub(crate) async fn remove_plan(writer: &GenerationWriter) {
        if let Err(problem) = writer.store().delete(&document(writer)).await {
            // The sweeper removes it with the generation.
            warn!(
                "could not remove the shared plan: {:#}",
                anyhow::Error::from(problem)
            );
        }
    }

    /// Sends messages for as long as it is polled. The leader's own work does not wait for the queue.
    async fn wake_others(&self) -> Infallible {
        loop {
            let sent = self.send_messages().await;
            let pause = match sent {
                Ok(()) => LOOK,
                Err(problem) => {
                    // This transcoder encodes the chunks itself.
                    warn!("could not send the messages of chunks: {problem:#}");
                    QUEUE_PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn send_messages(&self) -> anyhow::Result<()> {
        let FanOutServices {
            catalog,
            claim,
            queue,
            worker,
            ..
        } = self.services;
        let (video, generation) = (claim.video, &claim.generation);
        let open = catalog.open_chunks(video, generation).await?;
        for index in messages(&open, worker, clock::now()) {
            let job = ChunkJob::new(video, generation.clone(), self.plan.clone(), index);
            queue.send(&job.into(), Duration::ZERO).await?;
            catalog
                .note_chunk_messages(claim, &[index], clock::now())
                .await?;
        }
        Ok(())
    }

    /// Encodes chunks of the lane `encode` together with other transcoders, until all of them are
    /// recorded, and sends each one. Uses the `encoders` that are free.
    pub(crate) async fn encode(
        &self,
        context: &EncodeContext,
        chunks: Vec<usize>,
        encoders: &Semaphore,
        sender: &mpsc::Sender<LaneOutput>,
    ) -> Result<(), TranscodeError> {
        let mut work = Work {
            lead: self,
            context,
            encoders,
            sender,
            missing: chunks.into_iter().map(|it| it as u32).collect(),
            own: BTreeMap::new(),
            running: FuturesUnordered::new(),
            times: vec![],
        };
        let result = tokio::select! {
            result = work.all() => result,
            never = self.wake_others() => match never {},
        };
        work.running.clear();
        for own in std::mem::take(&mut work.own).into_values() {
            work.release(&own.claim).await;
        }
        result
    }
}

fn document(writer: &GenerationWriter) -> ObjectKey {
    ObjectKey::SharedPlan {
        video: writer.video(),
        generation: writer.generation().clone(),
    }
}

/// A chunk that the leader itself encodes.
struct Own {
    claim: ChunkClaim,
    renewed: Instant,
    /// Cancelled when another transcoder has recorded the chunk.
    stop: CancellationToken,
}

/// The result of a chunk; `None`: it was stopped.
type Made = (u32, Option<Result<ChunkRecord, TranscodeError>>);

struct Work<'a> {
    lead: &'a Lead<'a>,
    context: &'a EncodeContext,
    encoders: &'a Semaphore,
    sender: &'a mpsc::Sender<LaneOutput>,
    /// The chunks that are not recorded.
    missing: BTreeSet<u32>,
    own: BTreeMap<u32, Own>,
    running: FuturesUnordered<BoxFuture<'a, Made>>,
    /// Wall time of finished chunks per second of video.
    times: Vec<Duration>,
}

impl Work<'_> {
    async fn all(&mut self) -> Result<(), TranscodeError> {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.missing.is_empty() {
            tokio::select! {
                biased;
                () = self.context.cancel.cancelled() => return Err(TranscodeError::Cancelled),
                Some((index, made)) = self.running.next() => {
                    let own = self.own.remove(&index);
                    if let (Some(own), Some(made)) = (own, made) {
                        self.finish(&own.claim, made).await?;
                    }
                }
                _ = looks.tick() => {}
            }
            match self.look().await {
                // A failed look is repeated; the heartbeat of the job decides when to stop.
                Err(TranscodeError::Catalog(problem)) => warn!(
                    "could not look at the shared chunks: {:#}",
                    anyhow::Error::from(problem)
                ),
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Records a chunk of this transcoder. If it failed, the strategy or the attempt fails.
    async fn finish(
        &mut self,
        claim: &ChunkClaim,
        made: Result<ChunkRecord, TranscodeError>,
    ) -> Result<(), TranscodeError> {
        let record = match made {
            Ok(record) => record,
            Err(problem) => {
                self.release(claim).await;
                return Err(problem);
            }
        };
        let catalog = &self.lead.services.catalog;
        let counts = catalog
            .record_claimed_chunk(claim, &record, clock::now())
            .await?;
        match counts {
            true => self.take(record).await,
            // The next look finds the record of the other transcoder.
            false => Ok(()),
        }
    }

    /// Passes a recorded chunk on.
    async fn take(&mut self, record: ChunkRecord) -> Result<(), TranscodeError> {
        if !self.missing.remove(&record.index) {
            return Ok(());
        }
        let chunk = &self.context.plan.encode_chunks[record.index as usize];
        let span = self.context.plan.span(&chunk.segments);
        let seconds = domain::segment::seconds(span.end.ticks - span.start.ticks);
        let wall = Duration::from_millis(record.wall_ms);
        self.times.push(wall.div_f64(seconds.max(1.0)));
        self.sender
            .send(LaneOutput::Chunk(record))
            .await
            .map_err(|_| TranscodeError::Cancelled)
    }

    async fn look(&mut self) -> Result<(), TranscodeError> {
        let FanOutServices { catalog, claim, .. } = self.lead.services;
        let (video, generation) = (claim.video, &claim.generation);
        let mut open = catalog.open_chunks(video, generation).await?;
        let is_open: BTreeSet<u32> = open.iter().map(|it| it.index).collect();
        let recorded: Vec<u32> = self.missing.difference(&is_open).copied().collect();
        for index in recorded {
            // Its row is gone without a record if the job was withdrawn: the heartbeat cancels the work.
            let record = catalog
                .chunk(video, generation, (Lane::Encode, index))
                .await?;
            if let Some(record) = record {
                if let Some(own) = self.own.get(&index) {
                    own.stop.cancel();
                }
                self.take(record).await?;
            }
        }
        self.renew().await?;
        self.claim_chunks(&mut open).await
    }

    async fn renew(&mut self) -> Result<(), TranscodeError> {
        for own in self.own.values_mut() {
            if own.renewed.elapsed() < CHUNK_LEASE / 3 {
                continue;
            }
            let catalog = &self.lead.services.catalog;
            match catalog
                .renew_chunk(&own.claim, CHUNK_LEASE, clock::now())
                .await
            {
                Ok(()) => own.renewed = Instant::now(),
                Err(catalog::CatalogError::Gone { .. }) => own.stop.cancel(),
                Err(problem) => return Err(problem.into()),
            }
        }
        Ok(())
    }

    /// Begins chunks while encoders are free.
    async fn claim_chunks(&mut self, open: &mut Vec<OpenChunk>) -> Result<(), TranscodeError> {
        let FanOutServices {
            catalog,
            claim,
            worker,
            ..
        } = self.lead.services;
        while let Ok(encoder) = self.encoders.try_acquire() {
            let (now, own) = (clock::now(), self.own.keys().copied().collect());
            let Some((index, eligible)) = next_chunk(open, &own, self.usual(), now) else {
                return Ok(());
            };
            let of = (claim.video, &claim.generation, &self.lead.plan);
            let by = (worker.as_str(), CHUNK_LEASE);
            let outcome = catalog.claim_chunk(of, index, eligible, by, now).await?;
            let ChunkOutcome::Claimed(claim) = outcome else {
                // Another transcoder was faster.
                open.retain(|it| it.index != index);
                continue;
            };
            let stop = CancellationToken::new();
            let own = Own {
                claim,
                renewed: Instant::now(),
                stop: stop.clone(),
            };
            self.own.insert(index, own);
            let (context, sender) = (self.context, self.sender);
            let chunk = &context.plan.encode_chunks[index as usize];
            self.running.push(Box::pin(async move {
                let made = tokio::select! {
                    // First, so that no segment of this transcoder follows the record of another one.
                    biased;
                    () = stop.cancelled() => None,
                    made = context.encode(chunk, sender) => Some(made),
                };
                drop(encoder);
                (index, made)
            }));
        }
        Ok(())
    }

    /// How long a chunk of usual length takes: the median.
    fn usual(&self) -> Option<Duration> {
        const LONGEST_CHUNK_SECONDS: u32 = 24;
        if self.times.len() < 3 {
            return None;
        }
        let mut times = self.times.clone();
        times.sort();
        Some(times[times.len() / 2] * LONGEST_CHUNK_SECONDS)
    }

    async fn release(&mut self, claim: &ChunkClaim) {
        let catalog = &self.lead.services.catalog;
        if let Err(problem) = catalog.release_chunk(claim, None, clock::now()).await {
            // Its lease expires.
            warn!(
                "could not release a chunk: {:#}",
                anyhow::Error::from(problem)
            );
        }
    }
}
