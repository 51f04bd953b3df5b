//! An AAC track: frames without their ADTS headers.

use std::collections::VecDeque;
use std::ops::Range;

use super::{Pending, Unsupported};
use crate::aac::{AdtsHeader, AudioConfig, SAMPLES_PER_BLOCK};
use crate::ts::{PesUnit, TICKS_PER_SECOND};

/// Deviation of the clock that is put down to rounding, in parts of a second.
const JITTER: i64 = 50;

const TICKS: i64 = TICKS_PER_SECOND as i64;

/// The samples of the audio. A sample of an MP4 file is an AAC frame.
#[derive(Default)]
pub(crate) struct AudioTrack {
    /// Parameters of the first frame.
    pub(crate) config: Option<AudioConfig>,
    /// Presentation time of the first frame, ticks.
    pub(crate) first_pts: i64,
    /// Sizes in bytes.
    pub(crate) sizes: Vec<u32>,
    /// Durations that differ from a frame's 1,024, by the number of the frame, from 0. Audio
    /// samples.
    pub(crate) odd_durations: Vec<(u32, u32)>,
    /// Duration of all frames, audio samples.
    pub(crate) duration: i64,
    pub(crate) pending: VecDeque<Pending>,
    /// Times of the frames that are added, ticks; `None`: all.
    pub(crate) kept: Option<Range<i64>>,
    last_pts: Option<i64>,
}

impl AudioTrack {
    pub(crate) fn last_time(&self) -> Option<i64> {
        self.last_pts
    }

    /// Whether a frame at this time is added.
    pub(crate) fn keeps(&self, pts: i64) -> bool {
        self.kept.as_ref().is_none_or(|it| it.contains(&pts))
    }

    /// Adds the frames of a PES packet, which holds whole frames.
    pub(crate) fn push(&mut self, unit: &PesUnit) -> Result<(), Unsupported> {
        if self.kept.as_ref().is_some_and(|it| unit.pts >= it.end) {
            return Ok(());
        }
        let (mut rest, mut samples) = (unit.data.as_slice(), 0);
        self.begin(unit.pts);
        while !rest.is_empty() {
            let damaged = Unsupported("an audio frame is damaged");
            let header = AdtsHeader::parse(rest).ok_or(damaged)?;
            let frame = rest.get(..usize::from(header.frame_bytes)).ok_or(damaged)?;
            // Without `protection_absent`, two bytes of a checksum follow.
            let skip = if frame[1] & 1 == 1 { 7 } else { 9 };
            let data = frame.get(skip..).ok_or(damaged)?;
            if header.blocks != 1 {
                return Err(Unsupported("an audio frame has several blocks"));
            }
            let config = AudioConfig::from(&header);
            let pts = unit.pts + ticks_at(samples, i64::from(config.sample_rate.max(1)));
            if self.keeps(pts) {
                self.push_frame(config, pts, data)?;
            }
            samples += i64::from(SAMPLES_PER_BLOCK);
            rest = &rest[usize::from(header.frame_bytes)..];
        }
        Ok(())
    }

    /// Continues at a presentation time: that of the next frame.
    pub(crate) fn begin(&mut self, pts: i64) {
        self.last_pts = Some(pts);
        if let Some(config) = self.config {
            self.follow_clock(pts, i64::from(config.sample_rate));
        }
    }

    /// Adds a frame without its header. `pts`: its presentation time, if it is the first one.
    pub(crate) fn push_frame(
        &mut self,
        config: AudioConfig,
        pts: i64,
        data: &[u8],
    ) -> Result<(), Unsupported> {
        if config.channels == 0 {
            return Err(Unsupported(
                "the layout of the audio is in a program config element, which Edgereel does not write",
            ));
        }
        // All frames have the parameters of the first one.
        match self.config {
            Some(first) if first == config => {}
            Some(_) => return Err(Unsupported("the audio changes its parameters")),
            None => (self.config, self.first_pts) = (Some(config), pts),
        }
        let rate = i64::from(config.sample_rate);
        let time = ticks_at(sample_at(self.first_pts, rate) + self.duration, rate);
        self.sizes.push(data.len() as u32);
        self.duration += i64::from(SAMPLES_PER_BLOCK);
        let data = data.to_vec();
        self.pending.push_back(Pending { time, data });
        Ok(())
    }

    /// Sets the duration of the last frame, audio samples.
    pub(crate) fn set_last_duration(&mut self, duration: u32) {
        let Some(last) = self.sizes.len().checked_sub(1) else {
            return;
        };
        let last = last as u32;
        let before = match self.odd_durations.pop_if(|it| it.0 == last) {
            Some((_, duration)) => duration,
            None => SAMPLES_PER_BLOCK,
        };
        if duration != SAMPLES_PER_BLOCK {
            self.odd_durations.push((last, duration));
        }
        self.duration += i64::from(duration) - i64::from(before);
    }

    /// Where the clock jumps, the frame before is longer or shorter: audio and video stay in sync.
    fn follow_clock(&mut self, pts: i64, rate: i64) {
        let due = ((pts - self.first_pts) * rate + TICKS / 2).div_euclid(TICKS);
        let jump = due - self.duration;
        if jump.abs() * JITTER <= rate {
            return;
        }
        let last = self.sizes.len() as u32 - 1;
        let before = match self.odd_durations.last() {
            Some((number, duration)) if *number == last => *duration,
            _ => SAMPLES_PER_BLOCK,
        };
        let after = (i64::from(before) + jump).clamp(1, u32::MAX.into()) as u32;
        self.set_last_duration(after);
    }
}

/// The number of the audio sample at a time of the transport stream.
///
/// A time of an encoder is a number of samples, rounded to ticks. A tick is less than a sample at
/// rates below 90 kHz, so rounding back is exact.
pub(crate) fn sample_at(ticks: i64, rate: i64) -> i64 {
    (ticks * rate + TICKS / 2).div_euclid(TICKS)
}

/// The time of an audio sample, rounded to ticks.
pub(crate) fn ticks_at(sample: i64, rate: i64) -> i64 {
    (sample * TICKS + rate / 2).div_euclid(rate)
}
