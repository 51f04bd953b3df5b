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

impl Worker {
    /// The messages that it can work on: chunks of other transcoders' videos only beside no job, and bulk
    /// jobs only beside no chunk.
    pub(super) fn wanted(&self, is_busy: bool, side: &SideSlots) -> Wanted {
        Wanted {
            chunks: !is_busy && side.chunks.available_permits() > 0,
            bulk: is_busy || !side.is_helping(&self.config),
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
