//! What a generation takes over from the one that plays, where only some rungs are made anew.
//!
//! Segments are copied inside the store, as they are: ciphertext stays ciphertext of the same key with the same IV.
//! Only the key is wrapped anew, since a wrapped key is bound to its path. A chunk is recorded once all of it is
//! there, whoever made it, so that everything after that sees a generation like any other.

use std::sync::Arc;

use domain::content_key::{ContentKey, KeyEncryptionKeys};
use domain::failure::SourceProblem;
use domain::ids::{Generation, VideoId};
use domain::job::{Mode, Partial};
use domain::object_key::{ObjectKey, RenditionName};
use domain::plan::{CopyRefusal, EncodePlan};
use domain::probe::Probe;
use domain::profile::Profile;
use domain::segment::{ChunkRecord, Lane, SegmentRecord};
use futures::{StreamExt as _, TryStreamExt as _};
use platform::catalog::Catalog;
use platform::object_store::{ObjectStoreExt as _, SharedStore};

use crate::error::TranscodeError;
use crate::manifest;
use crate::sink::Outlet;
use crate::vault::WrappedKeys;

/// Longest manifest: a day of short segments.
pub(crate) const LARGEST_MANIFEST: u64 = 256 << 20;
/// Segments that are copied side by side.
const SIDE_BY_SIDE: usize = 8;

/// What is there already.
pub struct Takeover {
    base: Generation,
    rungs: Vec<RenditionName>,
    plan: EncodePlan,
    chunks: Vec<ChunkRecord>,
    from: WrappedKeys,
    to: Arc<WrappedKeys>,
}

impl Takeover {
    /// Reads what there is. `keys`: those that wrap, and where the keys of the new generation go.
    pub async fn of(
        store: &SharedStore,
        catalog: &dyn Catalog,
        keys: (Arc<KeyEncryptionKeys>, Arc<WrappedKeys>),
        video: VideoId,
        partial: &Partial,
    ) -> Result<Self, TranscodeError> {
        let (base, (wrapping, to)) = (partial.base.clone(), keys);
        let manifest = ObjectKey::Manifest { video, generation: base.clone() };
        let manifest = store.read_if_present(&manifest, LARGEST_MANIFEST).await?;
        // Made by a version that planned in another way: nothing of it fits.
        let plan = manifest.and_then(|it| manifest::plan_of(&it)).ok_or(SourceProblem::RungsDoNotFit)?;
        let chunks = catalog.chunks(video, &base).await?;
        let from = WrappedKeys::new(Arc::clone(store), wrapping, video, base.clone());
        Ok(Self { base, rungs: partial.rungs.clone(), plan, chunks, from, to })
    }

    /// The rungs that are made.
    pub fn rungs(&self) -> &[RenditionName] {
        &self.rungs
    }

    /// Whether a rendition is there already.
    pub fn has(&self, rendition: &RenditionName) -> bool {
        !self.rungs.contains(rendition) && *rendition != RenditionName::iframes()
    }

    /// The plan of the new generation: that of the old one, but for the rungs that are made.
    pub fn plan(&self, probe: &Probe, profile: &Profile, mode: Mode) -> Result<EncodePlan, TranscodeError> {
        let mut probe = probe.clone();
        // Found out the hard way, when it was to be remuxed; it would be found out again.
        if self.plan.copy == Err(CopyRefusal::OpenGroups) {
            probe.index.closed_gops = false;
        }
        let fresh = EncodePlan::new(&probe, profile, mode)?;
        self.plan.with_rungs_of(&fresh, &self.rungs).map_err(|misfit| {
            tracing::info!("single rungs cannot be made anew: {misfit}");
            SourceProblem::RungsDoNotFit.into()
        })
    }

    /// The key of a rendition that is there already, kept for the new generation too.
    pub async fn content_key(&self, rendition: &RenditionName) -> Result<ContentKey, TranscodeError> {
        self.to.take_over(rendition, &self.from).await
    }

    /// Takes over what there is of a chunk.
    pub async fn chunk(&self, outlet: &Outlet, lane: Lane, index: u32) -> Result<ChunkRecord, TranscodeError> {
        let old = self.chunks.iter().find(|it| it.lane == lane && it.index == index);
        let old = old.ok_or_else(|| {
            TranscodeError::Verification(format!("chunk {index} of {} is not there to be taken over", lane.as_str()))
        })?;
        let segments: Vec<SegmentRecord> = old.segments.iter().filter(|it| self.has(&it.rendition)).cloned().collect();
        let copies: Vec<_> = segments.iter().map(|it| self.segment(outlet, it)).collect();
        futures::stream::iter(copies).buffer_unordered(SIDE_BY_SIDE).try_collect::<()>().await?;
        let codecs = old.codecs.iter().filter(|(name, _)| self.has(name));
        let codecs = codecs.map(|(name, codecs)| (name.clone(), codecs.clone())).collect();
        Ok(ChunkRecord { lane, index, cpu_ms: 0, wall_ms: 0, segments, codecs })
    }

    /// Adds to a chunk that was encoded what there is of it already.
    pub async fn complete(&self, outlet: &Outlet, mut made: ChunkRecord) -> Result<ChunkRecord, TranscodeError> {
        let taken = self.chunk(outlet, made.lane, made.index).await?;
        made.segments.extend(taken.segments);
        made.segments.sort_by(|a, b| (&a.rendition, a.index).cmp(&(&b.rendition, b.index)));
        made.codecs.extend(taken.codecs);
        Ok(made)
    }

    async fn segment(&self, outlet: &Outlet, record: &SegmentRecord) -> Result<(), TranscodeError> {
        let from = ObjectKey::Segment {
            video: outlet.video(),
            generation: self.base.clone(),
            rendition: record.rendition.clone(),
            index: record.index,
            container: self.plan.container,
        };
        if outlet.take_over(&from, record).await? {
            return Ok(());
        }
        let SegmentRecord { rendition, index, .. } = record;
        Err(TranscodeError::Verification(format!("segment {index} of {rendition} did not come over whole")))
    }
}

#[cfg(test)]
mod tests;
