//! How much of a growing video is shown: never less than players need, and at a sustainable pace.
//!
//! A player that reloads a growing playlist expects a new segment within 1.5 target durations (RFC
//! 8216, 6.2.2), and a viewer expects uninterrupted playback. An encoder guarantees neither: it may
//! be slower than playback, and chunks that are encoded in parallel finish in bursts. A video is
//! therefore shown as soon as the finished segments, together with those expected at the measured
//! speed, last until the end. Segments are held back while the next ones are late.

use std::collections::VecDeque;

/// A growing playlist with fewer segments is not shown: players start three target durations before
/// its end (RFC 8216, 6.3.3), and buffer that much.
pub const FEWEST_SEGMENTS: u32 = 3;

/// The share of the measured speed that is relied on, percent: other work may start on the same
/// processors.
const RELIED_ON_PERCENT: u64 = 80;

/// How long the next standstill may be, in percent of the longest recent one.
const LONGER_PERCENT: u64 = 175;

/// The number of remembered moves: as many as two chunks have segments.
const REMEMBERED: usize = 8;

/// The growth of the finished beginning of a video.
#[derive(Debug, Clone)]
pub struct Growth {
    work: Work,
    start: Move,
    last: Move,
    /// The moves before the last one, the oldest first.
    recent: VecDeque<Move>,
}

/// A moment at which more segments were finished.
#[derive(Debug, Clone, Copy)]
struct Move {
    at_ms: u64,
    ready: u32,
}

/// The division of the work into segments and chunks.
#[derive(Debug, Clone)]
pub struct Work {
    /// End of each segment of the whole video, milliseconds of the presentation.
    pub ends_ms: Vec<u64>,
    /// The first segment after each chunk, in the lane that determines the pace.
    pub chunk_ends: Vec<u32>,
    /// Number of chunks that are encoded in parallel.
    pub side_by_side: u32,
}

/// The published part of a growing video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Number of segments.
    pub segments: u32,
    /// Time of publishing, milliseconds on any clock.
    pub since_ms: u64,
}

impl Growth {
    /// Starts, or resumes, work with `ready` segments that are finished without a gap. Times are
    /// milliseconds on any monotonic clock.
    pub fn new(work: Work, now_ms: u64, ready: u32) -> Self {
        let start = Move {
            at_ms: now_ms,
            ready,
        };
        Self {
            work,
            start,
            last: start,
            recent: VecDeque::new(),
        }
    }

    /// Records that `ready` segments are finished without a gap.
    pub fn note(&mut self, now_ms: u64, ready: u32) {
        if ready <= self.last.ready {
            return;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(self.last);
        self.last = Move {
            at_ms: now_ms,
            ready,
        };
    }

    /// The number of segments to show now; 0: the video is not shown yet.
    ///
    /// The result is never less than what is shown, and never more than what is ready.
    pub fn to_show(&self, now_ms: u64, shown: Option<Shown>) -> u32 {
        let all = self.work.ends_ms.len() as u32;
        let ready = self.last.ready.min(all);
        if ready == all {
            return ready;
        }
        let lasting = self.lasting(now_ms).min(ready);
        let Some(shown) = shown else {
            return if lasting >= FEWEST_SEGMENTS {
                lasting
            } else {
                0
            };
        };
        // A playlist that has not changed for the length of a segment moves on, whatever the
        // prediction.
        let waited = now_ms.saturating_sub(shown.since_ms);
        let due = u32::from(waited >= self.work.length(shown.segments));
        lasting
            .max(shown.segments + due)
            .min(ready)
            .max(shown.segments)
    }

    /// The maximum number of segments that can be shown now, so that from then on a segment can be
    /// added for every segment that is played, until the end. 0: the speed is unknown or
    /// insufficient.
    fn lasting(&self, now_ms: u64) -> u32 {
        let Self {
            work,
            start,
            last,
            recent,
        } = self;
        let (Some(next_end), Some(end)) =
            (work.ends_ms.get(last.ready as usize), work.ends_ms.last())
        else {
            return last.ready;
        };
        let Some(oldest) = recent.front() else {
            return 0;
        };
        // The lower of the speeds of the whole work and of the recent moves.
        let time_for = |media_ms: u64| {
            let at_speed_since = |since: &Move| {
                let made = work
                    .begin(last.ready)
                    .saturating_sub(work.begin(since.ready))
                    .max(1);
                let elapsed = last.at_ms.saturating_sub(since.at_ms);
                media_ms.saturating_mul(elapsed) / made * 100 / RELIED_ON_PERCENT
            };
            at_speed_since(start).max(at_speed_since(oldest))
        };
        // The next segment is expected after the longest of the recent standstills, including the
        // current one.
        let standing = now_ms.saturating_sub(last.at_ms);
        let moves = recent.iter().chain([last]);
        let standstills = recent
            .iter()
            .zip(moves.skip(1))
            .map(|(from, to)| to.at_ms.saturating_sub(from.at_ms));
        let longest = standstills.max().unwrap_or(0).max(standing) * LONGER_PERCENT / 100;
        let wait = longest
            .max(time_for(work.length(last.ready)))
            .saturating_sub(standing);
        // With k segments shown, a segment that ends at e is due in e - begin(k). Three segments
        // must be ready in time: the next one; the last one of its chunk, which one encoder
        // produces while the others are ahead; and the last one of all, if there are fewer chunks
        // than encoders. The prediction is linear between them.
        let chunk_end = work.begin(
            work.chunk_ends
                .iter()
                .copied()
                .find(|it| *it > last.ready)
                .unwrap_or(last.ready + 1),
        );
        let by_one =
            time_for(chunk_end - work.begin(last.ready)) * u64::from(work.side_by_side.max(1));
        let latest = next_end
            .saturating_sub(wait)
            .min(chunk_end.saturating_sub(by_one.saturating_sub(standing)))
            .min(end.saturating_sub(wait + time_for(end - next_end) + longest));
        let beginnings = std::iter::once(0).chain(work.ends_ms.iter().copied());
        (beginnings.take_while(|it| *it <= latest).count() as u32).saturating_sub(1)
    }
}

impl Work {
    /// Start of a segment, milliseconds.
    fn begin(&self, segment: u32) -> u64 {
        segment
            .checked_sub(1)
            .and_then(|it| self.ends_ms.get(it as usize))
            .copied()
            .unwrap_or(0)
    }

    /// Length of a segment, milliseconds.
    fn length(&self, segment: u32) -> u64 {
        self.ends_ms
            .get(segment as usize)
            .map_or(0, |end| end - self.begin(segment))
    }
}

#[cfg(test)]
mod tests;
