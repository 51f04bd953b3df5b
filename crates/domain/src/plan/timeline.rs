//! Divides the presentation into segments, and segments into chunks.

use std::ops::Range;

use crate::growth::FEWEST_SEGMENTS;
use crate::probe::{Probe, Ratio};
use crate::profile::Profile;
use crate::segment::TICKS_PER_SECOND;

/// A time at which all renditions have a segment boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boundary {
    /// Time from the start of the presentation, ticks.
    pub ticks: u64,
    /// Number of the first frame at or after it, at the constant frame rate of the encoded rungs.
    pub frame: u64,
}

/// A chunk of work: consecutive segments of all renditions of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkPlan {
    /// Position in its lane, from 0.
    pub index: u32,
    /// The segments of the chunk.
    pub segments: Range<u32>,
}

/// For whom the chunks of a lane are encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct EncodeUse {
    /// Viewers watch the encoded rungs while they grow.
    pub(super) is_watched: bool,
    /// Several transcoders encode them.
    pub(super) is_shared: bool,
}

/// How much longer than the target a segment may be, seconds (Apple 7.7).
const SLACK_SECONDS: f64 = 0.5;

/// Length of the first segments of a video that viewers watch while it is encoded, seconds.
const SHORT_SECONDS: f64 = 1.0;

/// Length of an encoding chunk beside a remuxed rung, seconds. Shorter chunks cost more starts and
/// seeks; longer ones lose more work in a crash.
const ENCODE_CHUNK_SECONDS: f64 = 24.0;

/// Length of an encoding chunk if viewers watch the encoded rungs while they grow, seconds: while
/// one encoder produces the next segments, those of the others cannot be shown yet.
const WATCHED_CHUNK_SECONDS: f64 = 12.0;

/// Into how many parts the rest of a video that several transcoders encode is divided at each point:
/// chunks become shorter towards the end, so that up to 16 transcoders end together. Simulated with
/// 16, they take 1.05 times as long as in theory; with chunks of equal length, 1.2 times.
const PARTS_OF_REST: f64 = 24.0;

/// Number of chunks of one segment, after the first chunk, if viewers watch the encoded rungs while
/// they grow.
const SINGLE_SEGMENTS: u32 = 5;

/// Ticks of an AAC access unit at 44.1 kHz, rounded up.
const AUDIO_UNIT: u64 = 1024 * TICKS_PER_SECOND / 44_100 + 1;

/// The grid of the boundaries of a source that has only audio.
pub(super) const MILLISECONDS: Ratio = Ratio { num: 1000, den: 1 };

/// The constant frame rate of the encoded rungs, or the grid of a source that has only audio.
pub(super) fn grid(probe: &Probe) -> Ratio {
    probe
        .video
        .as_ref()
        .map_or(MILLISECONDS, |it| it.frame_rate)
}

/// Starts of the segments, and the end of the last one.
///
/// Beside a remuxed rung, boundaries are keyframes of the source. Otherwise they are at keyframes
/// that the encoder inserts: the first ones a second apart, so that viewers can start as soon as
/// [`FEWEST_SEGMENTS`] short segments are encoded, and the others equidistant.
pub(super) fn boundaries(
    probe: &Probe,
    profile: &Profile,
    copied: bool,
    end: u64,
) -> Vec<Boundary> {
    let rate = grid(probe);
    let last = Boundary {
        ticks: end,
        frame: rate.frame_at(end).max(1),
    };
    if copied {
        let starts = keyframe_starts(&probe.index.keyframes, end, profile.segment_seconds);
        let starts = starts.into_iter().map(|ticks| Boundary {
            ticks,
            frame: rate.frame_at(ticks),
        });
        return starts.chain([last]).collect();
    }
    if probe.video.is_none() {
        return even(last, profile);
    }
    let keyframes = keyframe_interval(rate, profile);
    let per_segment = ((profile.segment_seconds * rate.as_f64() / keyframes as f64).round() as u64)
        .max(1)
        * keyframes;
    // A remainder this short is added to the previous segment, which stays within the slack (Apple
    // 7.7).
    let shortest = ((SLACK_SECONDS * rate.as_f64()) as u64).max(1);
    let few = u64::from(FEWEST_SEGMENTS);
    let short = if last.frame > per_segment * few {
        ((SHORT_SECONDS * rate.as_f64()).round() as u64).clamp(1, per_segment)
    } else {
        // The whole video is encoded in a moment.
        per_segment
    };
    let lead = short * few;
    let regular = (1..).map(|it| it * per_segment);
    let mut starts: Vec<u64> = (0..=few)
        .map(|it| it * short)
        .chain(regular.skip_while(|it| *it < lead + shortest))
        .take_while(|it| *it < last.frame)
        .collect();
    if starts.len() > 1 && starts.last().is_some_and(|it| last.frame - it <= shortest) {
        starts.pop();
    }
    let end = Boundary {
        ticks: rate.ticks_of_frame(last.frame),
        frame: last.frame,
    };
    starts
        .into_iter()
        .map(|frame| Boundary {
            ticks: rate.ticks_of_frame(frame),
            frame,
        })
        .chain([end])
        .collect()
}

/// Equal segments of audio, up to the end. All of a segment is encoded within a moment, so the first
/// ones are as long as the others. A short remainder is added to the previous segment.
fn even(last: Boundary, profile: &Profile) -> Vec<Boundary> {
    const SHORTEST: u64 = TICKS_PER_SECOND / 4;
    let length = (profile.segment_seconds * MILLISECONDS.as_f64()).round() as u64;
    let boundary = |frame| Boundary {
        ticks: MILLISECONDS.ticks_of_frame(frame),
        frame,
    };
    let starts = (0..).map(|it| boundary(it * length));
    let mut starts: Vec<Boundary> = starts.take_while(|it| it.ticks < last.ticks).collect();
    if starts.len() > 1
        && starts
            .last()
            .is_some_and(|it| last.ticks - it.ticks <= SHORTEST)
    {
        starts.pop();
    }
    starts.push(last);
    starts
}

/// Selects, one after the other, the last keyframe within reach of a segment, or the next one there
/// is.
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
        // Keyframes can be close together: a segment that consists of a scene cut only is useless.
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

/// Number of frames between keyframes.
pub(super) fn keyframe_interval(rate: Ratio, profile: &Profile) -> u64 {
    ((profile.keyframe_seconds * rate.as_f64()).round() as u64).max(1)
}

/// The longest segment, rounded to seconds, but never below the profile's target.
pub(super) fn target_duration(boundaries: &[Boundary], profile: &Profile) -> u32 {
    let longest = boundaries
        .windows(2)
        .map(|it| it[1].ticks - it[0].ticks)
        .max()
        .unwrap_or(0);
    // Audio segments end with a whole access unit, up to 24 ms later (1,024 samples at 44.1 kHz).
    let rounded = (longest + AUDIO_UNIT + TICKS_PER_SECOND / 2) / TICKS_PER_SECOND;
    (rounded as u32).max(profile.segment_seconds.round() as u32)
}

/// The encoding chunks.
///
/// Every chunk decodes from the keyframe before it, so chunks begin soon after one where that is
/// possible. If keyframes are far apart, longer chunks keep that overhead below half, up to the
/// whole file at once. The short segments at the beginning are one chunk. `keyframes`: those of the
/// source, ticks; empty: one run produces all chunks.
pub(super) fn encode_chunks(
    boundaries: &[Boundary],
    keyframes: &[u64],
    profile: &Profile,
    longest_gop: u64,
    used: EncodeUse,
) -> Vec<ChunkPlan> {
    let gop_seconds = longest_gop as f64 / TICKS_PER_SECOND as f64;
    let least = if used.is_watched {
        WATCHED_CHUNK_SECONDS
    } else {
        ENCODE_CHUNK_SECONDS
    };
    let seconds = least.max(gop_seconds * 2.0);
    let shortest = profile.segment_seconds.max(gop_seconds * 2.0).min(seconds);
    let end = boundaries.last().map_or(0, |it| it.ticks);
    let then = |start: u32| {
        let rest = end - boundaries[start as usize].ticks;
        let part = rest as f64 / TICKS_PER_SECOND as f64 / PARTS_OF_REST;
        let seconds = match used.is_shared {
            true => part.clamp(shortest, seconds),
            false => seconds,
        };
        ((seconds / profile.segment_seconds).round() as u32).max(1)
    };
    let reach = ((profile.segment_seconds + SLACK_SECONDS) * TICKS_PER_SECOND as f64) as u64;
    let short = boundaries[1..]
        .iter()
        .take_while(|it| it.ticks <= reach)
        .count();
    let short = short.max(1) as u32;
    let singles = if used.is_watched && gop_seconds <= WATCHED_CHUNK_SECONDS {
        SINGLE_SEGMENTS
    } else {
        0
    };
    chunks(boundaries.len() as u32 - 1, |start| {
        if start == 0 {
            short
        } else if start < short + singles {
            1
        } else {
            length_to_keyframe(boundaries, keyframes, start, then(start))
        }
    })
}

/// About `usual` segments from `start` on, a quarter more or less: as many as bring the next chunk
/// closest to the keyframe before it.
fn length_to_keyframe(boundaries: &[Boundary], keyframes: &[u64], start: u32, usual: u32) -> u32 {
    let wasted = |length: u32| match boundaries.get((start + length) as usize) {
        Some(next) => {
            let before = keyframes.partition_point(|it| *it <= next.ticks);
            next.ticks - before.checked_sub(1).map_or(next.ticks, |it| keyframes[it])
        }
        None => 0,
    };
    let mut lengths: Vec<u32> = (usual - usual / 4..=usual + usual / 4).collect();
    lengths.sort_by_key(|it| it.abs_diff(usual));
    lengths
        .into_iter()
        .min_by_key(|it| wasted(*it))
        .unwrap_or(usual)
}

/// Divides segments into chunks; `length` is that of a chunk that begins with a segment.
pub(super) fn chunks(segments: u32, length: impl Fn(u32) -> u32) -> Vec<ChunkPlan> {
    let (mut chunks, mut start) = (vec![], 0);
    while start < segments {
        let end = segments.min(start + length(start).max(1));
        chunks.push(ChunkPlan {
            index: chunks.len() as u32,
            segments: start..end,
        });
        start = end;
    }
    chunks
}
