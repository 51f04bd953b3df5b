//! Reuses renditions of the published generation if only some rungs are re-encoded.
//!
//! Segments are copied inside the store, unchanged: the ciphertext keeps its key and IV. Only the
//! key is rewrapped, since a wrapped key is bound to its path. A chunk is recorded once all of its
//! segments exist, whether copied or encoded, so all later steps see an ordinary generation.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::Catalog;
use domain::content_key::KeyEncryptionKeys;
use domain::failure::SourceProblem;
use domain::ids::{Generation, VideoId};
use domain::job::{Mode, Partial};
use domain::object_key::{ObjectKey, RenditionName, SegmentFormat};
use domain::per_title::PerTitle;
use domain::plan::{CopyDecision, CopyRefusal, EncodePlan, Rendition};
use domain::probe::Probe;
use domain::profile::Profile;
use domain::segment::{ChunkRecord, Lane, SegmentRecord};
use futures::{StreamExt as _, TryStreamExt as _};
use platform::object_store::{ObjectStoreExt as _, SharedStore};

use crate::content_keys::WrappedKeys;
use crate::error::TranscodeError;
use crate::manifest;
use crate::published::LARGEST_INIT;
use crate::sink::GenerationWriter;

/// Maximum size of a manifest, bytes: a day of short segments.
pub(crate) const LARGEST_MANIFEST: u64 = 256 << 20;
/// Number of segments that are copied in parallel.
const SIDE_BY_SIDE: usize = 8;

/// The renditions to reuse.
pub(crate) struct ReusedRenditions {
    base: Generation,
    rungs: Vec<RenditionName>,
    replace_copy: bool,
    plan: EncodePlan,
    chunks: Vec<ChunkRecord>,
    from: WrappedKeys,
    to: Arc<WrappedKeys>,
}

impl ReusedRenditions {
    /// Reads the manifest of the base generation. `keys`: the wrapping keys, and the store of the
    /// new generation's keys.
    pub(crate) async fn of(
        store: &SharedStore,
        catalog: &Catalog,
        keys: (Arc<KeyEncryptionKeys>, Arc<WrappedKeys>),
        video: VideoId,
        partial: &Partial,
    ) -> Result<Self, TranscodeError> {
        let (base, (wrapping, to)) = (partial.base.clone(), keys);
        let manifest = ObjectKey::Manifest {
            video,
            generation: base.clone(),
        };
        let manifest = store.read_if_present(&manifest, LARGEST_MANIFEST).await?;
        // A version with other planning rules created it: nothing of it fits.
        let plan = manifest
            .and_then(|it| manifest::plan_of(&it))
            .ok_or(SourceProblem::RungsDoNotFit)?;
        let chunks = catalog.chunks(video, &base).await?;
        let from = WrappedKeys::new(Arc::clone(store), wrapping, video, base.clone());
        Ok(Self {
            base,
            rungs: partial.rungs.clone(),
            replace_copy: partial.replace_copy,
            plan,
            chunks,
            from,
            to,
        })
    }

    /// The rungs that are re-encoded.
    pub(crate) fn rungs(&self) -> &[RenditionName] {
        &self.rungs
    }

    /// Whether a lane decodes the source: for one of the rungs, and with it for the I-frames.
    pub(crate) fn decodes(&self, lane: Lane) -> bool {
        let is_of_lane = |it: &RenditionName| match lane {
            Lane::First => self.plan.first.as_ref() == Some(it),
            Lane::Encode => self.plan.first.as_ref() != Some(it),
            Lane::Copy | Lane::Audio => false,
        };
        self.rungs.iter().any(is_of_lane)
    }

    /// Whether a rendition is reused.
    pub(crate) fn has(&self, rendition: &RenditionName) -> bool {
        let is_made = self.rungs.contains(rendition)
            || (self.plan.is_iframes(rendition) && self.decodes(Lane::Encode));
        let is_removed = self.replace_copy
            && self
                .plan
                .copy
                .rung()
                .is_some_and(|it| it.rendition.name == *rendition);
        !is_made && !is_removed
    }

    /// The plan of the new generation: that of the old one, except for the re-encoded rungs. `choices`:
    /// the measurements of these rungs.
    pub(crate) fn plan(
        &self,
        probe: &Probe,
        profile: &Profile,
        mode: Mode,
        choices: Option<&PerTitle>,
    ) -> Result<EncodePlan, TranscodeError> {
        let mut probe = probe.clone();
        // Discovered only while remuxing; the new plan would not know it.
        if self.plan.copy == CopyDecision::Encode(CopyRefusal::OpenGroups) {
            probe.index.closed_gops = false;
        }
        let mut fresh = EncodePlan::with_choices(&probe, profile, mode, choices)?;
        let mut base = self.plan.clone();
        if self.replace_copy {
            base = base.with_copy_replaced(&probe, profile);
        }
        if base.copy == CopyDecision::Encode(CopyRefusal::Replaced) {
            fresh = fresh.with_copy_replaced(&probe, profile);
            fresh = fresh.with_crf_of(choices);
        }
        base.with_rungs_of(&fresh, &self.rungs).map_err(|misfit| {
            tracing::info!("single rungs cannot be re-encoded: {misfit}");
            SourceProblem::RungsDoNotFit.into()
        })
    }

    /// Stores the keys of a reused rendition for the new generation too: those that its recorded
    /// segments have.
    pub(crate) async fn content_keys(&self, rendition: &Rendition) -> Result<(), TranscodeError> {
        let records = self.chunks.iter().flat_map(|it| &it.segments);
        let own = records.filter(|it| it.rendition == rendition.name);
        let names: BTreeSet<_> = own
            .map(|it| self.plan.key_name(rendition, it.index))
            .collect();
        self.copy_keys(names).await
    }

    async fn copy_keys(
        &self,
        names: impl IntoIterator<Item = RenditionName>,
    ) -> Result<(), TranscodeError> {
        let names: Vec<_> = names.into_iter().collect();
        let copies: Vec<_> = names
            .iter()
            .map(|name| self.to.copy_key(name, &self.from))
            .collect();
        futures::stream::iter(copies)
            .buffer_unordered(SIDE_BY_SIDE)
            .try_for_each(|_| async { Ok(()) })
            .await
    }

    /// Copies the reused segments of a chunk.
    pub(crate) async fn chunk(
        &self,
        writer: &GenerationWriter,
        lane: Lane,
        index: u32,
    ) -> Result<ChunkRecord, TranscodeError> {
        let old = self
            .chunks
            .iter()
            .find(|it| it.lane == lane && it.index == index);
        let old = old.ok_or_else(|| {
            TranscodeError::Verification(format!(
                "chunk {index} of {} is not there to be taken over",
                lane.as_str()
            ))
        })?;
        let segments: Vec<SegmentRecord> = old
            .segments
            .iter()
            .filter(|it| self.has(&it.rendition))
            .cloned()
            .collect();
        self.inits(writer, &segments).await?;
        let copies: Vec<_> = segments.iter().map(|it| self.segment(writer, it)).collect();
        futures::stream::iter(copies)
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect::<()>()
            .await?;
        let of_copy = |it| SegmentRecord {
            attempt: writer.attempt(),
            ..it
        };
        let segments = segments.into_iter().map(of_copy).collect();
        let codecs = old.codecs.iter().filter(|(name, _)| self.has(name));
        let codecs = codecs
            .map(|(name, codecs)| (name.clone(), codecs.clone()))
            .collect();
        Ok(ChunkRecord {
            lane,
            index,
            cpu_ms: 0,
            wall_ms: 0,
            segments,
            codecs,
            traffic: None,
        })
    }

    /// Adds the reused segments to an encoded chunk.
    pub(crate) async fn complete(
        &self,
        writer: &GenerationWriter,
        mut made: ChunkRecord,
    ) -> Result<ChunkRecord, TranscodeError> {
        let taken = self.chunk(writer, made.lane, made.index).await?;
        made.segments.extend(taken.segments);
        made.segments
            .sort_by(|a, b| (&a.rendition, a.index).cmp(&(&b.rendition, b.index)));
        made.codecs.extend(taken.codecs);
        Ok(made)
    }

    /// Copies the initialisation sections of segments. The segments of several productions become
    /// those of one, so they must need the same one.
    async fn inits(
        &self,
        writer: &GenerationWriter,
        records: &[SegmentRecord],
    ) -> Result<(), TranscodeError> {
        let base = writer.of_generation(self.base.clone());
        let names: BTreeSet<_> = records
            .iter()
            .map(|it| (&it.rendition, it.attempt))
            .collect();
        for (name, attempt) in names {
            let planned = self.plan.rendition(name);
            let Some(rendition) = planned.filter(|it| it.format == SegmentFormat::Fmp4) else {
                continue;
            };
            let key = base.init_key(rendition, attempt);
            let init = base.read_if_present(&key, LARGEST_INIT).await?;
            let init = init.ok_or_else(|| {
                TranscodeError::Verification(format!("`{}` is missing", key.path()))
            })?;
            match writer.put_init(rendition, init).await {
                Err(TranscodeError::Verification(what)) => {
                    tracing::info!("single rungs cannot be re-encoded: {what}");
                    return Err(SourceProblem::RungsDoNotFit.into());
                }
                stored => stored?,
            }
        }
        Ok(())
    }

    async fn segment(
        &self,
        writer: &GenerationWriter,
        record: &SegmentRecord,
    ) -> Result<(), TranscodeError> {
        let SegmentRecord {
            rendition, index, ..
        } = record;
        if let Some(planned) = self.plan.rendition(rendition)
            && writer
                .copy_segment(&writer.of_generation(self.base.clone()), planned, record)
                .await?
        {
            return Ok(());
        }
        Err(TranscodeError::Verification(format!(
            "segment {index} of {rendition} did not come over whole"
        )))
    }
}

#[cfg(test)]
mod tests;
