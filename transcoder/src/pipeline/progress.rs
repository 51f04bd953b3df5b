//! The progress of the work: finished chunks only, weighted by their cost.

use domain::plan::EncodePlan;
use domain::segment::{ChunkRecord, Lane};

/// Adds up the finished work.
pub(super) struct Meter {
    done: u64,
    total: u64,
    plan: EncodePlan,
}

/// The maximum before publishing: the work is complete only when it is published.
const BEFORE_PUBLISHING: u64 = 98;

impl Meter {
    pub(super) fn new(plan: &EncodePlan, finished: &[ChunkRecord]) -> Self {
        let lanes = [Lane::Copy, Lane::Encode, Lane::Audio];
        let total =
            lanes.iter().flat_map(|lane| plan.chunks(*lane).iter().map(|it| weight(plan, *lane, it.index))).sum();
        let mut meter = Self { done: 0, total, plan: plan.clone() };
        for chunk in finished {
            meter.finished(chunk);
        }
        meter
    }

    /// Adds a finished chunk; returns the percentage.
    pub(super) fn finished(&mut self, chunk: &ChunkRecord) -> u8 {
        self.done += weight(&self.plan, chunk.lane, chunk.index);
        self.percent()
    }

    pub(super) fn percent(&self) -> u8 {
        (self.done * BEFORE_PUBLISHING / self.total.max(1)).min(BEFORE_PUBLISHING) as u8
    }
}

/// The approximate number of pixels to encode; remuxing and audio cost next to nothing in
/// comparison.
fn weight(plan: &EncodePlan, lane: Lane, index: u32) -> u64 {
    let Some(chunk) = plan.chunks(lane).get(index as usize) else { return 0 };
    let span = plan.span(&chunk.segments);
    let frames = span.end.frame - span.start.frame;
    let pixels: u64 = plan.rungs.iter().map(|it| u64::from(it.size.width) * u64::from(it.size.height)).sum();
    match lane {
        Lane::Encode => frames * (pixels + 10_000),
        Lane::Copy | Lane::Audio => frames * 20_000,
    }
}
