//! The manifest: every segment of a generation, for audits, migrations and repairs.

use domain::ids::{Generation, VideoId};
use domain::plan::EncodePlan;
use domain::segment::SegmentRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Manifest<'a> {
    version: u32,
    video: VideoId,
    generation: &'a Generation,
    /// Duration, in ticks of 1/90000 s.
    duration_ticks: u64,
    plan: &'a EncodePlan,
    segments: &'a [SegmentRecord],
}

/// The plan in a manifest; `None`: the manifest has another version.
pub fn plan_of(text: &[u8]) -> Option<EncodePlan> {
    #[derive(Deserialize)]
    struct Planned {
        version: u32,
        plan: EncodePlan,
    }
    let planned: Planned = serde_json::from_slice(text).ok()?;
    (planned.version == 1).then_some(planned.plan)
}

/// The JSON document. Times are ticks of 1/90000 s, hashes are of the objects as stored.
pub fn render(video: VideoId, generation: &Generation, plan: &EncodePlan, segments: &[SegmentRecord]) -> Vec<u8> {
    let manifest = Manifest { version: 1, video, generation, duration_ticks: plan.duration(), plan, segments };
    serde_json::to_vec(&manifest).expect("numbers and strings always serialise")
}
