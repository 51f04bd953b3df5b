//! The recorded output of a generation: segments, codecs and costs.
//!
//! Playlists, progress and the receipt are functions of these records and the plan, so any process
//! that has both computes the same.

use std::collections::BTreeMap;

use domain::job::Stage;
use domain::object_key::RenditionName;
use domain::receipt::Receipt;
use domain::segment::{ChunkRecord, ChunkTraffic, Lane, SegmentRecord};

/// The recorded chunks of a generation, and segments whose chunk is not finished yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records {
    segments: BTreeMap<RenditionName, BTreeMap<u32, SegmentRecord>>,
    codecs: BTreeMap<RenditionName, String>,
    chunks: BTreeMap<(Lane, u32), ChunkCost>,
}

/// The resources that a chunk used: times in milliseconds, and the traffic of another transcoder.
#[derive(Debug, Clone, Copy)]
struct ChunkCost {
    cpu_ms: u64,
    wall_ms: u64,
    traffic: ChunkTraffic,
}

impl Records {
    /// Adds a finished chunk. Added again, it replaces itself.
    pub(crate) fn add(&mut self, chunk: &ChunkRecord) {
        for segment in &chunk.segments {
            self.segments
                .entry(segment.rendition.clone())
                .or_default()
                .insert(segment.index, segment.clone());
        }
        self.codecs.extend(chunk.codecs.clone());
        let cost = ChunkCost {
            cpu_ms: chunk.cpu_ms,
            wall_ms: chunk.wall_ms,
            traffic: chunk.traffic.unwrap_or_default(),
        };
        self.chunks.insert((chunk.lane, chunk.index), cost);
    }

    /// Adds a segment whose chunk is not finished yet: it can be shown.
    pub(crate) fn add_segment(&mut self, segment: SegmentRecord, codecs: String) {
        self.codecs
            .entry(segment.rendition.clone())
            .or_insert(codecs);
        self.segments
            .entry(segment.rendition.clone())
            .or_default()
            .insert(segment.index, segment);
    }

    /// Whether a chunk is finished.
    pub(crate) fn has(&self, lane: Lane, index: u32) -> bool {
        self.chunks.contains_key(&(lane, index))
    }

    /// All segments, by rendition and index.
    pub(crate) fn all_segments(&self) -> Vec<SegmentRecord> {
        self.segments
            .values()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }

    /// The segments of a rendition, by index.
    pub(crate) fn segments(
        &self,
        rendition: &RenditionName,
    ) -> impl Iterator<Item = &SegmentRecord> + Clone {
        self.segments
            .get(rendition)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// Names of the renditions that have segments.
    pub(crate) fn renditions(&self) -> impl Iterator<Item = &RenditionName> {
        self.segments.keys()
    }

    /// The number of segments of a rendition that are available without a gap.
    pub(crate) fn frontier(&self, rendition: &RenditionName) -> u32 {
        self.segments(rendition)
            .zip(0..)
            .take_while(|(segment, position)| segment.index == *position)
            .count() as u32
    }

    /// The codecs of a rendition (RFC 6381), if a segment was measured.
    pub(crate) fn codecs(&self, rendition: &RenditionName) -> Option<&String> {
        self.codecs.get(rendition)
    }

    /// The receipt of all finished chunks: CPU time, wall time by stage, and the traffic of the transcoders
    /// that take part.
    pub(crate) fn receipt(&self) -> Receipt {
        let mut receipt = Receipt::default();
        for ((lane, _), cost) in &self.chunks {
            receipt.cpu_ms += cost.cpu_ms;
            receipt.bytes_in += cost.traffic.bytes_in;
            receipt.bytes_out += cost.traffic.bytes_out;
            receipt.store_reads += cost.traffic.reads;
            receipt.store_writes += cost.traffic.writes;
            receipt.add_stage(stage_of(*lane), cost.wall_ms);
        }
        receipt
    }

    #[cfg(test)]
    pub(crate) fn remove_segment(
        &mut self,
        rendition: &RenditionName,
        index: u32,
    ) -> SegmentRecord {
        self.segments
            .get_mut(rendition)
            .unwrap()
            .remove(&index)
            .unwrap()
    }
}

/// The stage to which the work of a lane belongs.
pub(crate) fn stage_of(lane: Lane) -> Stage {
    match lane {
        Lane::Copy => Stage::Copy,
        Lane::First | Lane::Encode => Stage::Encode,
        Lane::Audio => Stage::Audio,
    }
}

#[cfg(test)]
mod tests {
    use domain::receipt::StageTime;

    use super::*;
    use crate::testing::{chunk_records, name, planned_records, remuxed_plan};

    #[test]
    fn records_do_not_depend_on_the_order_of_chunks() {
        let plan = remuxed_plan();
        let chunks = chunk_records(&plan);
        let collect = |chunks: &mut dyn Iterator<Item = &ChunkRecord>| {
            let mut records = Records::default();
            chunks.for_each(|it| records.add(it));
            records
        };
        let (forwards, backwards) = (
            collect(&mut chunks.iter()),
            collect(&mut chunks.iter().rev()),
        );
        let twice = collect(&mut chunks.iter().chain(&chunks));
        assert_eq!(forwards.all_segments().len(), planned_records(&plan).len());
        for other in [backwards, twice] {
            assert_eq!(forwards.all_segments(), other.all_segments());
            assert_eq!(forwards.receipt(), other.receipt());
        }
    }

    #[test]
    fn a_receipt_adds_up_the_chunks_of_each_lane() {
        let mut records = Records::default();
        assert_eq!(records.receipt(), Receipt::default());
        for (lane, index, cpu_ms, wall_ms) in [
            (Lane::Encode, 0, 700, 90),
            (Lane::Encode, 1, 800, 100),
            (Lane::Copy, 0, 20, 30),
            (Lane::Encode, 0, 710, 91),
        ] {
            records.add(&ChunkRecord {
                lane,
                index,
                cpu_ms,
                wall_ms,
                segments: vec![],
                codecs: BTreeMap::new(),
                traffic: None,
            });
        }
        let receipt = records.receipt();
        assert_eq!(
            receipt.cpu_ms,
            710 + 800 + 20,
            "a chunk that was recorded again counts once"
        );
        let stages = [(Stage::Copy, 30), (Stage::Encode, 191)];
        assert_eq!(
            receipt.stages,
            stages.map(|(stage, wall_ms)| StageTime { stage, wall_ms })
        );
        assert!(
            records.has(Lane::Copy, 0)
                && !records.has(Lane::Copy, 1)
                && !records.has(Lane::Audio, 0)
        );
    }

    #[test]
    fn the_frontier_ends_at_the_first_gap() {
        let plan = remuxed_plan();
        let mut records = Records::default();
        let rung = name("720p");
        assert_eq!(records.frontier(&rung), 0);
        for segment in planned_records(&plan)
            .into_iter()
            .filter(|it| it.rendition == rung && it.index != 4)
        {
            records.add_segment(segment, "avc1.64001f".to_owned());
        }
        assert_eq!(
            (records.frontier(&rung), records.segments(&rung).count()),
            (4, 9)
        );
        assert_eq!(
            records.codecs(&rung).map(String::as_str),
            Some("avc1.64001f")
        );
        assert_eq!(records.codecs(&name("480p")), None);
    }
}
