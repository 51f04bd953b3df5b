//! When segments begin, and which of them are one piece of work.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::probe::{Probe, Ratio};
use crate::profile::Profile;
use crate::segment::TICKS_PER_SECOND;

/// A moment at which all renditions have a segment boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Boundary {
    /// From the first frame of the source.
    pub ticks: u64,
    /// Number of the first frame at or after it, on the constant frame rate of the encoded rungs.
    pub frame: u64,
}

/// A piece of work: some consecutive segments of all renditions of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkPlan {
    /// Place in its lane, from 0.
    pub index: u32,
    /// Which segments.
    pub segments: Range<u32>,
}

/// No segment is longer than the target by more than this, seconds (Apple 7.7).
const SLACK_SECONDS: f64 = 0.5;

/// Length of a chunk of encoding beside a remuxed rung, seconds. Shorter ones cost more starts and seeks; longer ones
/// lose more work in a crash.
const ENCODE_CHUNK_SECONDS: f64 = 24.0;

/// Length of a chunk of encoding where viewers watch what is encoded, seconds: while one encoder makes the next segments, those
/// of the others cannot be shown yet.
const WATCHED_CHUNK_SECONDS: f64 = 12.0;

/// So many chunks of one segment come first where viewers watch what is encoded.
const SINGLE_SEGMENTS: u32 = 6;

/// Ticks of an access unit of AAC at 44.1 kHz, and its rounding.
const AUDIO_UNIT: u64 = 1024 * TICKS_PER_SECOND / 44_100 + 1;

/// Where segments begin and the last one ends.
///
/// Beside a remuxed rung, boundaries are keyframes of the source; otherwise they are equidistant, at
/// keyframes that we make.
pub(super) fn boundaries(probe: &Probe, profile: &Profile, copied: bool, end: u64) -> Vec<Boundary> {
    let rate = probe.video.frame_rate;
    let last = Boundary { ticks: end, frame: rate.frame_at(end).max(1) };
    if copied {
        let starts = keyframe_starts(&probe.index.keyframes, end, profile.segment_seconds);
        let starts = starts.into_iter().map(|ticks| Boundary { ticks, frame: rate.frame_at(ticks) });
        return starts.chain([last]).collect();
    }
    let keyframes = keyframe_interval(rate, profile);
    let per_segment = ((profile.segment_seconds * rate.as_f64() / keyframes as f64).round() as u64).max(1) * keyframes;
    // A rest this short is added to the segment before it: it is within the slack (Apple 7.7).
    let shortest = ((SLACK_SECONDS * rate.as_f64()) as u64).max(1);
    let mut starts: Vec<u64> = (0..last.frame.div_ceil(per_segment)).map(|it| it * per_segment).collect();
    if starts.len() > 1 && starts.last().is_some_and(|it| last.frame - it <= shortest) {
        starts.pop();
    }
    let end = Boundary { ticks: rate.ticks_of_frame(last.frame), frame: last.frame };
    starts.into_iter().map(|frame| Boundary { ticks: rate.ticks_of_frame(frame), frame }).chain([end]).collect()
}

/// Picks, one after the other, the last keyframe within reach of a segment, or the next one there is.
fn keyframe_starts(keyframes: &[u64], end: u64, segment_seconds: f64) -> Vec<u64> {
    let reach = ((segment_seconds + SLACK_SECONDS) * TICKS_PER_SECOND as f64) as u64;
    let shortest = (SLACK_SECONDS * TICKS_PER_SECOND as f64) as u64;
    let mut starts = vec![0];
    let mut start = 0;
    loop {
        if end - start <= reach {
            return starts;
        }
        let after = keyframes.partition_point(|it| *it <= start);
        let beyond = keyframes.partition_point(|it| *it <= start + reach);
        // Keyframes can stand close together: a segment of nothing but a scene cut helps nobody.
        let next = match keyframes[after..beyond].last() {
            Some(within) if within - start >= shortest => *within,
            _ => match keyframes.get(beyond) {
                Some(next) => *next,
                None => return starts,
            },
        };
        if next >= end {
            return starts;
        }
        starts.push(next);
        start = next;
    }
}

/// Frames from one keyframe to the next.
pub(super) fn keyframe_interval(rate: Ratio, profile: &Profile) -> u64 {
    ((profile.keyframe_seconds * rate.as_f64()).round() as u64).max(1)
}

/// The longest segment, rounded to seconds, but never below the profile's target.
pub(super) fn target_duration(boundaries: &[Boundary], profile: &Profile) -> u32 {
    let longest = boundaries.windows(2).map(|it| it[1].ticks - it[0].ticks).max().unwrap_or(0);
    // Segments of audio end with a whole access unit, up to 24 ms later (1,024 samples at 44.1 kHz).
    let rounded = (longest + AUDIO_UNIT + TICKS_PER_SECOND / 2) / TICKS_PER_SECOND;
    (rounded as u32).max(profile.segment_seconds.round() as u32)
}

/// The chunks of encoding.
///
/// Every chunk decodes from the keyframe before it: where those are far apart, longer chunks keep that
/// waste below half, up to the whole file at once. `watched`: viewers watch what is encoded, while it grows.
pub(super) fn encode_chunks(segments: u32, profile: &Profile, longest_gop: u64, watched: bool) -> Vec<ChunkPlan> {
    let gop_seconds = longest_gop as f64 / TICKS_PER_SECOND as f64;
    let least = if watched { WATCHED_CHUNK_SECONDS } else { ENCODE_CHUNK_SECONDS };
    let seconds = least.max(gop_seconds * 2.0);
    let then = ((seconds / profile.segment_seconds).round() as u32).max(1);
    let singles = if watched && gop_seconds <= WATCHED_CHUNK_SECONDS { SINGLE_SEGMENTS } else { 1 };
    chunks(segments, std::iter::repeat_n(1, singles as usize), then)
}

/// Divides segments into chunks: the first ones have these lengths, so that viewers need not wait, and the others are larger.
pub(super) fn chunks(segments: u32, first: impl IntoIterator<Item = u32>, then: u32) -> Vec<ChunkPlan> {
    let (mut chunks, mut first) = (vec![], first.into_iter());
    let mut start = 0;
    while start < segments {
        let end = segments.min(start + first.next().unwrap_or(then).max(1));
        chunks.push(ChunkPlan { index: chunks.len() as u32, segments: start..end });
        start = end;
    }
    chunks
}
