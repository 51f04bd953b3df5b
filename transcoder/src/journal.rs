//! The record of finished chunks, which survives a crash, and the progress reports of the pipeline.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use catalog::{
    CaptionOrigin, CaptionRecord, CaptionsStored, Catalog, ChaptersRecord, Claim, NewCaptions,
    RenditionRecord,
};
use domain::chapter::Chapters;
use domain::ids::ChaptersId;
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

    /// The number of a new production of the generation, which no other one has:
    /// [`SegmentRecord::attempt`](domain::segment::SegmentRecord::attempt).
    async fn next_attempt(&self) -> Result<u32, TranscodeError>;

    /// The number of the last production of the generation, also by other transcoders.
    async fn last_attempt(&self) -> Result<u32, TranscodeError>;

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

    /// Records captions of the source. Returns whether they are captions of the video now: not, if
    /// it has them already.
    async fn add_captions(&self, new: &NewCaptions) -> Result<bool, TranscodeError>;

    /// The captions of the video.
    async fn captions(&self) -> Result<Vec<CaptionRecord>, TranscodeError>;

    /// Records that the master playlist names these captions. Returns whether they are still the
    /// captions of the video.
    async fn captions_published(
        &self,
        _captions: &[CaptionRecord],
    ) -> Result<bool, TranscodeError> {
        Ok(true)
    }

    /// Records chapters of the source, unless the video has chapters or had some.
    async fn add_chapters(&self, chapters: &Chapters) -> Result<(), TranscodeError>;

    /// The chapters of the video.
    async fn chapters(&self) -> Result<Option<ChaptersRecord>, TranscodeError>;

    /// Records that the master playlist names these chapters. Returns whether they are still the
    /// chapters of the video.
    async fn chapters_published(
        &self,
        _chapters: Option<&ChaptersId>,
    ) -> Result<bool, TranscodeError> {
        Ok(true)
    }

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
    attempts: Arc<Mutex<Vec<u32>>>,
}

impl CatalogJournal {
    /// A journal that writes under `claim`, and adds the numbers of its productions to `attempts`.
    pub(crate) fn new(
        catalog: Catalog,
        claim: Claim,
        first_run: bool,
        lease: std::time::Duration,
        attempts: Arc<Mutex<Vec<u32>>>,
    ) -> Self {
        Self {
            catalog,
            claim,
            first_run,
            lease,
            attempts,
        }
    }
}

/// The list behind a mutex, also after a panic of its holder: it is complete after each step.
pub(crate) fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Journal for CatalogJournal {
    fn first_run(&self) -> bool {
        self.first_run
    }

    async fn next_attempt(&self) -> Result<u32, TranscodeError> {
        let number = self.catalog.next_segment_attempt(&self.claim, 0).await?;
        lock(&self.attempts).push(number);
        Ok(number)
    }

    async fn last_attempt(&self) -> Result<u32, TranscodeError> {
        Ok(self
            .catalog
            .last_production(self.claim.video, &self.claim.generation)
            .await?)
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

    async fn add_captions(&self, new: &NewCaptions) -> Result<bool, TranscodeError> {
        let stored = self.catalog.set_captions(self.claim.video, new).await?;
        Ok(matches!(stored, CaptionsStored::Stored { .. }))
    }

    async fn captions(&self) -> Result<Vec<CaptionRecord>, TranscodeError> {
        Ok(self.catalog.captions(self.claim.video).await?)
    }

    async fn captions_published(&self, captions: &[CaptionRecord]) -> Result<bool, TranscodeError> {
        Ok(self
            .catalog
            .captions_published(self.claim.video, captions, clock::now())
            .await?)
    }

    async fn add_chapters(&self, chapters: &Chapters) -> Result<(), TranscodeError> {
        let origin = CaptionOrigin::Embedded;
        self.catalog
            .set_chapters(self.claim.video, chapters, origin, clock::now())
            .await?;
        Ok(())
    }

    async fn chapters(&self) -> Result<Option<ChaptersRecord>, TranscodeError> {
        Ok(self.catalog.chapters(self.claim.video).await?)
    }

    async fn chapters_published(
        &self,
        chapters: Option<&ChaptersId>,
    ) -> Result<bool, TranscodeError> {
        Ok(self
            .catalog
            .chapters_published(self.claim.video, chapters, clock::now())
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
    attempts: AtomicU32,
    chunks: Mutex<Vec<ChunkRecord>>,
    captions: Mutex<Vec<CaptionRecord>>,
    chapters: Mutex<Chapters>,
    on_progress: OnProgress,
}

impl MemoryJournal {
    /// An empty journal.
    pub(crate) fn new(on_progress: OnProgress) -> Self {
        Self {
            attempts: AtomicU32::new(0),
            chunks: Mutex::default(),
            captions: Mutex::default(),
            chapters: Mutex::default(),
            on_progress,
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    fn first_run(&self) -> bool {
        true
    }

    async fn next_attempt(&self) -> Result<u32, TranscodeError> {
        Ok(self.attempts.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn last_attempt(&self) -> Result<u32, TranscodeError> {
        Ok(self.attempts.load(Ordering::Relaxed))
    }

    async fn finished(&self) -> Result<Vec<ChunkRecord>, TranscodeError> {
        Ok(lock(&self.chunks).clone())
    }

    async fn finish(&self, chunk: &ChunkRecord) -> Result<(), TranscodeError> {
        lock(&self.chunks).push(chunk.clone());
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

    async fn add_captions(&self, new: &NewCaptions) -> Result<bool, TranscodeError> {
        lock(&self.captions).push(new.record.clone());
        Ok(true)
    }

    async fn captions(&self) -> Result<Vec<CaptionRecord>, TranscodeError> {
        let mut captions = lock(&self.captions).clone();
        // The order of the catalog.
        captions.sort_by_key(|it| (it.language.clone(), it.forced, it.sdh));
        Ok(captions)
    }

    async fn add_chapters(&self, chapters: &Chapters) -> Result<(), TranscodeError> {
        *self.chapters.lock().unwrap_or_else(PoisonError::into_inner) = chapters.clone();
        Ok(())
    }

    async fn chapters(&self) -> Result<Option<ChaptersRecord>, TranscodeError> {
        let chapters = self
            .chapters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Ok(Some(ChaptersRecord {
            id: ChaptersId::of(&chapters.to_json()),
            chapters,
            origin: CaptionOrigin::Embedded,
            published: false,
        }))
    }

    async fn ensure_claim_held(&self) -> Result<(), TranscodeError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
