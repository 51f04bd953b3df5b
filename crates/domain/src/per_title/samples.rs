//! Which parts of a video are measured.

use std::ops::Range;
use std::time::Duration;

use crate::plan::Boundary;
use crate::probe::{Ratio, SourceIndex};
use crate::segment::{TICKS_PER_SECOND, seconds};

/// A part of the presentation that is measured.
pub type Sample = Range<Boundary>;

/// Duration of a sample, seconds: the usual distance of keyframes, so that its bit rate is that of
/// the rung.
const SAMPLE_SECONDS: u64 = 2;

/// A video of this duration gets one sample, seconds, and one more for each time that it lasts longer.
const SECONDS_PER_SAMPLE: u64 = 20;

/// Most samples. More of them hardly change the mean.
const MOST_SAMPLES: u64 = 4;

/// The part at both ends of a video that has titles, black frames and credits: one of this many.
const EDGE: u64 = 20;

/// The shortest video that is measured, seconds.
const SHORTEST_SECONDS: u64 = 2 * SAMPLE_SECONDS;

/// The samples of a source, in the order of the presentation; empty: it is too short.
///
/// Each is in another part of the video, and begins at a keyframe. Of the keyframes in its part, it
/// is the one whose group of pictures has the median bit rate: neither a black scene nor the most
/// complex one.
pub fn samples(index: &SourceIndex, rate: Ratio) -> Vec<Sample> {
    let length = SAMPLE_SECONDS * TICKS_PER_SECOND;
    let shown = index.video_end.saturating_sub(index.video_start);
    if shown < SHORTEST_SECONDS * TICKS_PER_SECOND {
        return vec![];
    }
    let edge = shown / EDGE;
    let (first, last) = (index.video_start + edge, index.video_end - edge - length);
    let count = (shown / (SECONDS_PER_SAMPLE * TICKS_PER_SECOND)).clamp(1, MOST_SAMPLES);
    let part = |number: u64| first + (last - first) * number / count;
    let starts = (0..count).map(|number| start_in(index, part(number)..part(number + 1)));
    let frames = (SAMPLE_SECONDS as f64 * rate.as_f64()).round() as u64;
    let sample = |ticks: u64| {
        let frame = rate.frame_at(ticks);
        let end = frame + frames.max(1);
        Boundary { ticks, frame }..Boundary {
            ticks: rate.ticks_of_frame(end),
            frame: end,
        }
    };
    starts.map(sample).collect()
}

/// The start of the sample in a part of the presentation, ticks.
fn start_in(index: &SourceIndex, part: Range<u64>) -> u64 {
    let ends = index.keyframes.iter().skip(1).chain([&index.video_end]);
    let groups = index.keyframes.iter().zip(ends).enumerate();
    let mut groups: Vec<(u64, u64)> = groups
        .filter(|(_, (start, _))| part.contains(start))
        .map(|(number, (start, end))| {
            let bytes = index.gop_bytes.get(number).copied().unwrap_or(0);
            let rate = u128::from(bytes) * u128::from(TICKS_PER_SECOND);
            (
                (rate / u128::from((end.saturating_sub(*start)).max(1))) as u64,
                *start,
            )
        })
        .collect();
    // A stable sort: with equal rates, the earlier one comes first.
    groups.sort_by_key(|it| it.0);
    match groups.get(groups.len() / 2) {
        Some((_, start)) => *start,
        // A long group of pictures: the decoder starts at its keyframe.
        None => part.start + (part.end - part.start) / 2,
    }
}

/// Time limit of the measurement of a video whose presentation has this duration, in ticks. Four
/// samples take as long as about a minute of encoding.
pub fn time_limit(duration: u64) -> Duration {
    let share = (seconds(duration) / 20.0).min(480.0);
    Duration::from_secs_f64(120.0 + share)
}
