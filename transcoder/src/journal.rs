//! The record of finished chunks, which survives a crash, and the progress reports of the pipeline.

use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;
use catalog::{Catalog, Claim, RenditionRecord};
use domain::job::Stage;
use domain::segment::ChunkRecord;
use platform::clock;

use crate::error::TranscodeError;

/// The record of one job. Every method that writes fails once the claim is lost.
#[async_trait]
pub(crate) trait Journal: Send + Sync {
    /// Whether no generation of this video was ever published: then viewers may watch it while it
    /// grows.
    fn first_run(&self) -> bool;

    /// The chunks that this attempt or an earlier one finished.
    async fn finished(&self) -> Result<Vec<ChunkRecord>, TranscodeError>;

    /// Records a finished chunk.
    async fn finish(&self, chunk: &ChunkRecord) -> Result<(), TranscodeError>;

    /// Records the progress, 0 to 100.
    async fn progress(&self, stage: Stage, percent: u8) -> Result<(), TranscodeError>;

    /// Records the renditions.
    async fn renditions(&self, renditions: &[RenditionRecord]) -> Result<(), TranscodeError>;

    /// Records that one rung with audio can be watched.
    async fn playable(&self) -> Result<(), TranscodeError>;

    /// Fails unless the claim is still held. Called before playlists that viewers may read are
    /// written.
    async fn ensure_claim_held(&self) -> Result<(), TranscodeError>;
}

/// The journal of a claimed job, stored in the catalog.
pub(crate) struct CatalogJournal {
    catalog: Catalog,
    claim: Claim,
    first_run: bool,
    lease: std::time::Duration,
}

impl CatalogJournal {
    /// A journal that writes under `claim`.
    pub(crate) fn new(
        catalog: Catalog,
        claim: Claim,
        first_run: bool,
        lease: std::time::Duration,
    ) -> Self {
        Self {
            catalog,
            claim,
            first_run,
            lease,
        }
    }
}

#[async_trait]
impl Journal for CatalogJournal {
    fn first_run(&self) -> bool {
        self.first_run
    }

    async fn finished(&self) -> Result<Vec<ChunkRecord>, TranscodeError> {
        Ok(self
            .catalog
            .chunks(self.claim.video, &self.claim.generation)
            .await?)
    }

    async fn finish(&self, chunk: &ChunkRecord) -> Result<(), TranscodeError> {
        Ok(self
            .catalog
            .record_chunk(&self.claim, chunk, clock::now())
            .await?)
    }

    async fn progress(&self, stage: Stage, percent: u8) -> Result<(), TranscodeError> {
        Ok(self
            .catalog
            .set_progress(&self.claim, stage, percent, clock::now())
            .await?)
    }

    async fn renditions(&self, renditions: &[RenditionRecord]) -> Result<(), TranscodeError> {
        Ok(self
            .catalog
            .set_renditions(&self.claim, renditions, clock::now())
            .await?)
    }

    async fn playable(&self) -> Result<(), TranscodeError> {
        Ok(self
            .catalog
            .mark_playable(&self.claim, clock::now())
            .await?)
    }

    async fn ensure_claim_held(&self) -> Result<(), TranscodeError> {
        self.catalog
            .renew(&self.claim, self.lease, clock::now())
            .await?;
        Ok(())
    }
}

/// Receives the progress of a job without a catalog.
pub(crate) type OnProgress = Box<dyn Fn(Progress) + Send + Sync>;

/// Progress of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The current stage, and the percentage of the whole work.
    At(Stage, u8),
    /// One rung with audio can be watched.
    Playable,
}

/// The journal of a job without services: it lives as long as the process.
pub(crate) struct MemoryJournal {
    chunks: Mutex<Vec<ChunkRecord>>,
    on_progress: OnProgress,
}

impl MemoryJournal {
    /// An empty journal.
    pub(crate) fn new(on_progress: OnProgress) -> Self {
        Self {
            chunks: Mutex::default(),
            on_progress,
        }
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

    async fn ensure_claim_held(&self) -> Result<(), TranscodeError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
