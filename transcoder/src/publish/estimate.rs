//! Estimated rates before everything is measured: upper bounds, since players rely on BANDWIDTH
//! (RFC 8216, 4.3.4.2).

use domain::plan::EncodePlan;
use domain::probe::SourceIndex;
use hls::bandwidth::Bandwidth;

/// Overhead of transport streams over the bytes of the source, percent.
const OVERHEAD: u64 = 6;

/// The rate of a rung or audio rendition that is encoded at most at `kbps`.
pub(super) fn encoded(kbps: u32) -> Bandwidth {
    Bandwidth { peak: u64::from(kbps) * 1250, average: u64::from(kbps) * 1050 }
}

/// Bytes of the source in each segment; empty: unknown.
pub(super) fn segment_bytes(plan: &EncodePlan, index: &SourceIndex) -> Vec<u64> {
    if index.gop_bytes.len() != index.keyframes.len() {
        return vec![];
    }
    plan.boundaries
        .windows(2)
        .map(|pair| {
            let from = index.keyframes.partition_point(|it| *it < pair[0].ticks);
            let to = index.keyframes.partition_point(|it| *it < pair[1].ticks);
            index.gop_bytes[from..to.max(from)].iter().sum()
        })
        .collect()
}

/// The rate of the remuxed rung, from the bytes of the source.
pub(super) fn copied(plan: &EncodePlan, segment_bytes: &[u64]) -> Bandwidth {
    let segments: Vec<(u64, u64)> = plan
        .boundaries
        .windows(2)
        .zip(segment_bytes)
        .map(|(pair, bytes)| (pair[1].ticks - pair[0].ticks, bytes * (100 + OVERHEAD) / 100))
        .collect();
    if segments.is_empty() {
        // Nothing is known: the maximum that the profile allows.
        return Bandwidth { peak: 15_000_000, average: 10_000_000 };
    }
    Bandwidth::measure(&segments, plan.target_duration)
}
