//! The properties of a video track that planning needs: keyframes, frame rate, whether it can be
//! cut at keyframes.

use super::{Mp4Error, Track};

/// A position at which a segment may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyframe {
    /// Presentation time in the track's timescale, edits applied.
    pub pts: i64,
    /// Decode time in the track's timescale, edits applied.
    pub dts: i64,
    /// Position in decode order, from 0.
    pub sample: u32,
    /// Offset in the file, bytes.
    pub offset: u64,
    /// Size, bytes.
    pub size: u32,
    /// Total size of all samples before it in decode order, bytes.
    pub bytes_before: u64,
}

/// A summary of a video track. Times in the track's timescale, edits applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoIndex {
    /// Units per second.
    pub timescale: u32,
    /// Keyframes in presentation order, which in a file that can be cut is also decode order. For a
    /// file with very many keyframes, only those that are at least half a second apart.
    pub keyframes: Vec<Keyframe>,
    /// Number of frames in the track.
    pub frame_count: u32,
    /// Total size of all frames, bytes.
    pub bytes: u64,
    /// Size of the largest frame, bytes.
    pub largest_frame: u32,
    /// Shortest interval between two samples in decode order, without the last sample's duration.
    pub min_frame_ticks: u32,
    /// Longest such interval.
    pub max_frame_ticks: u32,
    /// Presentation time of the first frame that is shown, as FFmpeg reports it.
    pub first_pts: i64,
    /// End of the last frame.
    pub end_pts: i64,
    /// Longest distance between keyframes; the end of the track counts as one.
    pub max_keyframe_gap: i64,
    /// Whether no frame is presented on the other side of a keyframe than it is decoded: the track
    /// can be cut before any keyframe.
    pub closed_gops: bool,
    /// Whether the first sample is a keyframe.
    pub starts_with_keyframe: bool,
    /// Number of frames that an edit list hides at the start; they are decoded and not shown.
    pub hidden_at_start: u32,
    /// Number of frames that an edit list hides at the end.
    pub hidden_at_end: u32,
    /// Whether the edit list does more than shift the start.
    pub complex_edits: bool,
    /// Presentation times of the shown frames, increasing.
    pub frame_times: Vec<i64>,
}

impl VideoIndex {
    /// Reads the tables of `track` once; an hour at 60 frames per second takes a few milliseconds.
    ///
    /// # Errors
    /// [`Mp4Error::TooManySamples`]; [`Mp4Error::Damaged`] if there is no sample, or the tables
    /// contain different numbers of samples.
    pub fn new(track: &Track) -> Result<Self, Mp4Error> {
        let shift = track.presentation_shift();
        let many = track.table.sync_count() > MANY_KEYFRAMES;
        let mut scan = Scan {
            spacing: if many {
                i64::from(track.timescale / 2).max(1)
            } else {
                0
            },
            ..Scan::default()
        };
        for sample in track.table.samples()? {
            // The same sum in all arms below; tables that overflow it are invalid.
            let pts = sample
                .cts
                .checked_add(shift)
                .ok_or(Mp4Error::Damaged { what: "elst" })?;
            scan.visit(
                &sample,
                pts,
                sample.dts.saturating_add(shift),
                track.edit_end(),
            );
            if scan.keyframes.len() > MOST_KEYFRAMES {
                // Reached only with implausible times: there are as many frames as in fourteen
                // hours.
                return Err(Mp4Error::Damaged { what: "stss" });
            }
        }
        if scan.frames == 0 || scan.frames != track.table.sample_count() {
            return Err(Mp4Error::Damaged { what: "stsc" });
        }
        let (min_frame_ticks, max_frame_ticks) = frame_ticks(track.table.durations(), scan.frames);
        let mut keyframes = scan.keyframes;
        keyframes.sort_by_key(|it| it.pts);
        let mut frame_times = scan.frame_times;
        frame_times.sort_unstable();
        if scan.reordered
            && let Some((last, usual)) = frame_times.last().zip(usual_interval(&frame_times))
        {
            // Durations are those of decoding: with reordered frames, the longest one may belong to
            // the last frame, which was decoded before a pause and is shown after it.
            scan.end_pts = scan.end_pts.min(last.saturating_add(usual));
        }
        let max_keyframe_gap = longest_gap(&keyframes, scan.end_pts);
        Ok(Self {
            timescale: track.timescale,
            keyframes,
            frame_count: scan.frames,
            bytes: scan.bytes,
            largest_frame: scan.largest_frame,
            min_frame_ticks,
            max_frame_ticks,
            first_pts: scan.first_pts.unwrap_or(0),
            end_pts: scan.end_pts,
            max_keyframe_gap,
            closed_gops: !scan.open_gop,
            starts_with_keyframe: scan.starts_with_keyframe,
            hidden_at_start: scan.hidden_at_start,
            hidden_at_end: scan.hidden_at_end,
            complex_edits: track.has_complex_edits(),
            frame_times,
        })
    }

    /// Total size of the samples from keyframe `from` to just before keyframe `to`, bytes; `to` may
    /// be one past the last, for "to the end". `None` if there are no such keyframes.
    pub fn bytes_between(&self, from: usize, to: usize) -> Option<u64> {
        let start = self.keyframes.get(from)?.bytes_before;
        let end = if to == self.keyframes.len() {
            self.bytes
        } else {
            self.keyframes.get(to)?.bytes_before
        };
        end.checked_sub(start)
    }

    /// Whether all frames have the same duration.
    pub fn has_uniform_frames(&self) -> bool {
        self.min_frame_ticks == self.max_frame_ticks
    }

    /// Frames per second over the whole track, as a fraction that is exact for uniform frames.
    pub fn frame_rate(&self) -> (u64, u64) {
        if self.has_uniform_frames() && self.min_frame_ticks > 0 {
            return (u64::from(self.timescale), u64::from(self.min_frame_ticks));
        }
        let ticks = u64::try_from(self.end_pts.saturating_sub(self.first_pts))
            .unwrap_or(0)
            .max(1);
        (
            u64::from(self.frame_count) * u64::from(self.timescale),
            ticks,
        )
    }

    /// Converts ticks of this track to seconds.
    pub fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 / f64::from(self.timescale)
    }
}

/// An hour of keyframes only, at 60 per second: if there are more, not all are kept.
const MANY_KEYFRAMES: u32 = 216_000;

/// Maximum number of keyframes that are kept.
const MOST_KEYFRAMES: usize = 1_000_000;

#[derive(Default)]
struct Scan {
    /// Minimum distance of kept keyframes, ticks.
    spacing: i64,
    /// Presentation time of the latest keyframe in decode order, kept or not.
    latest_keyframe: Option<i64>,
    keyframes: Vec<Keyframe>,
    frames: u32,
    bytes: u64,
    largest_frame: u32,
    first_pts: Option<i64>,
    end_pts: i64,
    open_gop: bool,
    starts_with_keyframe: bool,
    hidden_at_start: u32,
    hidden_at_end: u32,
    frame_times: Vec<i64>,
    /// Whether presentation order differs from decoding order.
    reordered: bool,
    /// Latest presentation time so far.
    latest: Option<i64>,
}

impl Scan {
    fn visit(&mut self, sample: &super::Sample, pts: i64, dts: i64, edit_end: Option<i64>) {
        if sample.sync {
            self.starts_with_keyframe |= self.frames == 0;
            // A frame is decoded before this keyframe and presented after it.
            self.open_gop |= self.latest.is_some_and(|it| it > pts);
            self.latest_keyframe = Some(pts);
            if self
                .keyframes
                .last()
                .is_none_or(|it| pts >= it.pts.saturating_add(self.spacing) || self.spacing == 0)
            {
                self.keyframes.push(Keyframe {
                    pts,
                    dts,
                    sample: sample.index,
                    offset: sample.offset,
                    size: sample.bytes,
                    bytes_before: self.bytes,
                });
            }
        } else {
            // A frame is decoded after a keyframe and presented before it.
            self.open_gop |= self.latest_keyframe.is_some_and(|it| pts < it);
        }
        self.reordered |= self.latest.is_some_and(|it| pts < it);
        self.latest = Some(self.latest.map_or(pts, |it| it.max(pts)));
        self.frames += 1;
        self.bytes = self.bytes.saturating_add(u64::from(sample.bytes));
        self.largest_frame = self.largest_frame.max(sample.bytes);
        let end = pts.saturating_add(i64::from(sample.duration));
        if end <= 0 && pts < 0 {
            self.hidden_at_start += 1;
        } else if edit_end.is_some_and(|it| pts >= it) {
            self.hidden_at_end += 1;
        } else {
            self.first_pts = Some(self.first_pts.map_or(pts, |it| it.min(pts)));
            // The edit list determines the end of the presentation; the duration of a last sample
            // may be anything.
            self.end_pts = self.end_pts.max(edit_end.map_or(end, |it| it.min(end)));
            self.frame_times.push(pts);
        }
    }
}

/// Shortest and longest sample duration. The last sample has no successor: writers store arbitrary
/// values there.
fn frame_ticks(durations: &[(u32, u32)], frames: u32) -> (u32, u32) {
    let mut left = if frames > 1 { frames - 1 } else { frames };
    let mut range: Option<(u32, u32)> = None;
    for &(count, delta) in durations {
        if left == 0 {
            break;
        }
        if count > 0 {
            range = Some(range.map_or((delta, delta), |(min, max)| {
                (min.min(delta), max.max(delta))
            }));
        }
        left -= count.min(left);
    }
    range.unwrap_or((0, 0))
}

/// The median interval of frames in presentation order.
fn usual_interval(frame_times: &[i64]) -> Option<i64> {
    let mut intervals: Vec<i64> = frame_times
        .windows(2)
        .map(|it| it[1].saturating_sub(it[0]))
        .collect();
    intervals.sort_unstable();
    intervals.get(intervals.len() / 2).copied()
}

fn longest_gap(keyframes: &[Keyframe], end_pts: i64) -> i64 {
    let starts = keyframes.iter().map(|it| it.pts);
    let ends = starts.clone().skip(1).chain([end_pts]);
    starts
        .zip(ends)
        .map(|(start, end)| end.saturating_sub(start))
        .max()
        .unwrap_or(0)
}
