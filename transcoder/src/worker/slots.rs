//! The slots of a worker: which messages it can work on, and what a delivery runs in.

use std::sync::Arc;
use std::time::Duration;

use domain::job::JobMessage;
use platform::clock;
use platform::job_queue::{Delivery, Wanted};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use super::{Worker, WorkerConfig};
use crate::jobs::Fate;

/// How long an import waits before it asks for a slot again.
const IMPORT_PAUSE: Duration = Duration::from_secs(15);

/// How long a transcription waits before it asks for a slot again: those before it take minutes.
const TRANSCRIPTION_PAUSE: Duration = Duration::from_secs(60);

/// Number of concurrent transcriptions.
const TRANSCRIPTIONS: usize = 1;

/// Number of chunks for each encoder after which bulk jobs have their turn.
const CHUNKS_IN_A_ROW: usize = 8;

/// The slots of jobs that wait for others, for a server or for the operator's transcriber, and those of
/// chunks of other transcoders' videos, one for each encoder.
pub(super) struct SideSlots {
    pub(super) imports: Arc<Semaphore>,
    transcriptions: Arc<Semaphore>,
    chunks: Arc<Semaphore>,
}

impl SideSlots {
    pub(super) fn new(config: &WorkerConfig) -> Self {
        let slots = |count: usize| Arc::new(Semaphore::new(count.max(1)));
        Self {
            imports: slots(config.imports_at_once),
            transcriptions: slots(TRANSCRIPTIONS),
            chunks: slots(config.encoders),
        }
    }

    /// Whether chunks of other transcoders' videos are encoded.
    pub(super) fn is_helping(&self, config: &WorkerConfig) -> bool {
        self.chunks.available_permits() < config.encoders.max(1)
    }

    /// The slots for a message, and how long it waits if none is free; `None`: it needs one of the
    /// others.
    fn of(&self, message: &JobMessage) -> Option<(&Arc<Semaphore>, Duration)> {
        match message {
            JobMessage::ImportV1(_) => Some((&self.imports, IMPORT_PAUSE)),
            JobMessage::TranscriptionV1(_) => Some((&self.transcriptions, TRANSCRIPTION_PAUSE)),
            JobMessage::ChunkV1(_) => Some((&self.chunks, Duration::ZERO)),
            _ => None,
        }
    }
}

/// Number of chunks that a worker has begun since it last had none.
#[derive(Debug, Default)]
pub(super) struct Helped(usize);

impl Helped {
    /// Notes what was received.
    pub(super) fn note(&mut self, delivery: &Delivery) {
        self.0 += usize::from(matches!(&delivery.message, Ok(JobMessage::ChunkV1(_))));
    }
}

impl Worker {
    /// The messages that it can work on: chunks of other transcoders' videos only beside no job, and bulk
    /// jobs only beside no chunk. After many chunks, it waits until the last of them has ended, so that
    /// bulk jobs have their turn.
    pub(super) fn wanted(&self, is_busy: bool, side: &SideSlots, helped: &mut Helped) -> Wanted {
        let is_helping = side.is_helping(&self.config);
        if !is_helping {
            helped.0 = 0;
        }
        let is_enough = helped.0 >= CHUNKS_IN_A_ROW * self.config.encoders.max(1);
        Wanted {
            chunks: !is_busy && !is_enough && side.chunks.available_permits() > 0,
            bulk: is_busy || !is_helping,
        }
    }

    /// The slot for a delivery. Imports and transcriptions wait for others and must not keep encodes from
    /// starting, so they have slots of their own. `None`: all of these are in use, and the job is
    /// delivered again later.
    pub(super) async fn slot_for(
        &self,
        delivery: &Delivery,
        slot: OwnedSemaphorePermit,
        side: &SideSlots,
    ) -> Option<OwnedSemaphorePermit> {
        let Ok(message) = &delivery.message else {
            return Some(slot);
        };
        let Some((slots, pause)) = side.of(message) else {
            return Some(slot);
        };
        if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
            return Some(slot);
        }
        if let JobMessage::TranscriptionV1(job) = message
            && let Err(problem) = self.catalog.note_transcription(job, clock::now()).await
        {
            warn!(
                "could not note a transcription that waits: {:#}",
                anyhow::Error::from(problem)
            );
        }
        // A new message instead of the old one: waiting for a slot is not a failed delivery.
        if let Err(problem) = self
            .settle(delivery, message, Fate::Replace { pause })
            .await
        {
            warn!(
                "could not requeue a job that waits for a slot: {:#}",
                anyhow::Error::from(problem)
            );
        }
        None
    }
}
