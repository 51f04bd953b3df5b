//! What the pipeline remembers across crashes, and whom it tells how far it has come.

use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;
use domain::job::Stage;
use domain::segment::ChunkRecord;
use platform::catalog::{Claim, RenditionRecord, SharedCatalog};

use crate::clock::now_ms;
use crate::error::TranscodeError;

/// The memory of one job. Every method that writes fails once the claim is lost.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Whether nothing of this video was ever published: then viewers may watch while it grows.
    fn first_run(&self) -> bool;

    /// The chunks that were finished before, by this attempt or an earlier one.
    async fn finished(&self) -> Result<Vec<ChunkRecord>, TranscodeError>;

    /// Notes a finished chunk.
    async fn finish(&self, chunk: &ChunkRecord) -> Result<(), TranscodeError>;

    /// Notes how far the work has come, 0 to 100.
    async fn progress(&self, stage: Stage, percent: u8) -> Result<(), TranscodeError>;

    /// Notes what the renditions are.
    async fn renditions(&self, renditions: &[RenditionRecord]) -> Result<(), TranscodeError>;

    /// One rung with audio can be watched.
    async fn playable(&self) -> Result<(), TranscodeError>;

    /// Fails unless the work is still ours. Asked before the pointer to a generation moves.
    async fn still_ours(&self) -> Result<(), TranscodeError>;
}

/// The journal of a claimed job: the catalog.
pub struct CatalogJournal {
    catalog: SharedCatalog,
    claim: Claim,
    first_run: bool,
    lease: std::time::Duration,
}

impl CatalogJournal {
    /// A journal that writes by the right of `claim`.
    pub fn new(catalog: SharedCatalog, claim: Claim, first_run: bool, lease: std::time::Duration) -> Self {
        Self { catalog, claim, first_run, lease }
    }
}

#[async_trait]
impl Journal for CatalogJournal {
    fn first_run(&self) -> bool {
        self.first_run
    }

    async fn finished(&self) -> Result<Vec<ChunkRecord>, TranscodeError> {
        Ok(self.catalog.chunks(self.claim.video, &self.claim.generation).await?)
    }

    async fn finish(&self, chunk: &ChunkRecord) -> Result<(), TranscodeError> {
        Ok(self.catalog.record_chunk(&self.claim, chunk, now_ms()).await?)
    }

    async fn progress(&self, stage: Stage, percent: u8) -> Result<(), TranscodeError> {
        Ok(self.catalog.set_progress(&self.claim, stage, percent, now_ms()).await?)
    }

    async fn renditions(&self, renditions: &[RenditionRecord]) -> Result<(), TranscodeError> {
        Ok(self.catalog.set_renditions(&self.claim, renditions, now_ms()).await?)
    }

    async fn playable(&self) -> Result<(), TranscodeError> {
        Ok(self.catalog.mark_playable(&self.claim, now_ms()).await?)
    }

    async fn still_ours(&self) -> Result<(), TranscodeError> {
        self.catalog.renew(&self.claim, self.lease, now_ms()).await?;
        Ok(())
    }
}

/// Hears of the progress of a job that has no catalog.
pub type OnProgress = Box<dyn Fn(Progress) + Send + Sync>;

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// This stage, this many percent of the whole.
    At(Stage, u8),
    /// One rung with audio can be watched.
    Playable,
}

/// The journal of a job without services: it lives as long as the process.
pub struct MemoryJournal {
    chunks: Mutex<Vec<ChunkRecord>>,
    on_progress: OnProgress,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new(on_progress: OnProgress) -> Self {
        Self { chunks: Mutex::default(), on_progress }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<ChunkRecord>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    fn first_run(&self) -> bool {
        true
    }

    async fn finished(&self) -> Result<Vec<ChunkRecord>, TranscodeError> {
        Ok(self.all().clone())
    }

    async fn finish(&self, chunk: &ChunkRecord) -> Result<(), TranscodeError> {
        self.all().push(chunk.clone());
        Ok(())
    }

    async fn progress(&self, stage: Stage, percent: u8) -> Result<(), TranscodeError> {
        (self.on_progress)(Progress::At(stage, percent));
        Ok(())
    }

    async fn renditions(&self, _renditions: &[RenditionRecord]) -> Result<(), TranscodeError> {
        Ok(())
    }

    async fn playable(&self) -> Result<(), TranscodeError> {
        (self.on_progress)(Progress::Playable);
        Ok(())
    }

    async fn still_ours(&self) -> Result<(), TranscodeError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
