//! Assembles stored segments into chunks.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use domain::object_key::RenditionName;
use domain::plan::{ChunkPlan, EncodePlan, Rendition, RenditionKind};
use domain::segment::{ChunkRecord, Lane, SegmentRecord, TICKS_PER_SECOND};

use super::{Codecs, LaneOutput};
use crate::error::TranscodeError;
use crate::ffmpeg::process::Cost;
use crate::sink::Stored;
use crate::verify;

/// The segments of one run that are not assembled yet.
pub(super) struct Assembly {
    lane: Lane,
    renditions: Vec<Rendition>,
    chunks: VecDeque<ChunkPlan>,
    segments: BTreeMap<(RenditionName, u32), SegmentRecord>,
    codecs: Codecs,
    /// Whether the run continues to the end of the lane.
    through: bool,
}

/// A remainder of the source that is shorter than this may be missing, ticks.
const SHORTEST: u64 = TICKS_PER_SECOND / 4;

/// Whether a segment is the last one, and shorter than [`SHORTEST`].
pub(crate) fn may_be_missing(plan: &EncodePlan, index: u32) -> bool {
    let rest = plan.duration() - plan.boundaries[index as usize].ticks;
    index + 1 == plan.segments() && rest <= SHORTEST && index > 0
}

impl Assembly {
    pub(super) fn new(plan: &EncodePlan, lane: Lane, chunks: &[ChunkPlan]) -> Self {
        Self {
            lane,
            renditions: plan.renditions(lane).into_iter().cloned().collect(),
            chunks: chunks.iter().cloned().collect(),
            segments: BTreeMap::new(),
            codecs: Codecs::new(),
            through: !matches!(lane, Lane::First | Lane::Encode) || chunks.len() > 1,
        }
    }

    /// Verifies and adds a segment. A repeated one replaces the earlier one.
    pub(super) fn add(
        &mut self,
        plan: &EncodePlan,
        stored: &Stored,
    ) -> Result<LaneOutput, TranscodeError> {
        let record = verify::segment(plan, self.lane, stored)?;
        let codecs = match self.codecs.entry(record.rendition.clone()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let codecs = stored
                    .measured
                    .lead()
                    .and_then(|it| it.codec.clone())
                    .ok_or_else(|| {
                        TranscodeError::Verification(format!(
                            "{} does not say what codec it is",
                            record.rendition
                        ))
                    })?;
                unknown.insert(codecs).clone()
            }
        };
        self.segments
            .insert((record.rendition.clone(), record.index), record.clone());
        Ok(LaneOutput::Segment { record, codecs })
    }

    /// Whether no more segments are expected.
    pub(super) fn is_complete(&self) -> bool {
        self.chunks.iter().all(|it| self.missing(it).is_empty())
    }

    /// The next chunk, if all of its segments have arrived.
    pub(super) fn take_complete(&mut self, cost: Cost) -> Option<ChunkRecord> {
        let complete = self
            .chunks
            .front()
            .is_some_and(|it| self.missing(it).is_empty());
        // The last one waits for the end of the run, whose cost it carries.
        let last_of_several = self.chunks.len() == 1 && self.through;
        if !complete || last_of_several {
            return None;
        }
        self.chunks
            .pop_front()
            .map(|chunk| self.record(&chunk, cost))
    }

    /// The remaining chunks when the run has ended; `None` if segments are missing, except a very
    /// short remainder of the source.
    pub(super) fn take_rest(mut self, cost: Cost, plan: &EncodePlan) -> Option<Vec<ChunkRecord>> {
        let mut records = vec![];
        while let Some(chunk) = self.chunks.pop_front() {
            if self
                .missing(&chunk)
                .iter()
                .any(|(_, index)| !may_be_missing(plan, *index))
            {
                return None;
            }
            let last = self.chunks.is_empty();
            let cost = if last {
                cost
            } else {
                Cost {
                    cpu: std::time::Duration::ZERO,
                    ..cost
                }
            };
            records.push(self.record(&chunk, cost));
        }
        Some(records)
    }

    fn expected(&self, chunk: &ChunkPlan) -> Vec<(RenditionName, u32)> {
        self.renditions
            .iter()
            .flat_map(|rendition| {
                // The trick-play rendition has one object per chunk.
                let indices = match rendition.kind {
                    RenditionKind::IFrames => chunk.index..chunk.index + 1,
                    RenditionKind::Video | RenditionKind::Audio => chunk.segments.clone(),
                };
                indices.map(|index| (rendition.name.clone(), index))
            })
            .collect()
    }

    fn missing(&self, chunk: &ChunkPlan) -> Vec<(RenditionName, u32)> {
        self.expected(chunk)
            .into_iter()
            .filter(|it| !self.segments.contains_key(it))
            .collect()
    }

    fn record(&mut self, chunk: &ChunkPlan, cost: Cost) -> ChunkRecord {
        let segments = self
            .expected(chunk)
            .iter()
            .filter_map(|it| self.segments.remove(it))
            .collect();
        ChunkRecord {
            lane: self.lane,
            index: chunk.index,
            cpu_ms: cost.cpu.as_millis() as u64,
            wall_ms: cost.wall.as_millis() as u64,
            segments,
            codecs: self.codecs.clone(),
            traffic: None,
        }
    }
}

#[cfg(test)]
mod tests;
