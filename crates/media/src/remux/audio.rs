//! The AAC track: frames without their ADTS headers.

use std::collections::VecDeque;

use super::{Chunk, Pending, RemuxError};
use crate::aac::{AdtsHeader, SAMPLES_PER_BLOCK};
use crate::ts::{PesUnit, TICKS_PER_SECOND};

/// Deviation of the clock that is put down to rounding, in parts of a second.
const JITTER: i64 = 50;

/// The samples of the audio. A sample of an MP4 file is an AAC frame.
#[derive(Default)]
pub(super) struct AudioTrack {
    /// Header of the first frame.
    pub(super) header: Option<AdtsHeader>,
    /// Presentation time of the first frame, ticks.
    pub(super) first_pts: i64,
    /// Sizes in bytes.
    pub(super) sizes: Vec<u32>,
    /// Durations that differ from a frame's 1,024, by the number of the frame, from 0. Audio
    /// samples.
    pub(super) odd_durations: Vec<(u32, u32)>,
    /// Duration of all frames, audio samples.
    pub(super) duration: i64,
    pub(super) chunks: Vec<Chunk>,
    pub(super) pending: VecDeque<Pending>,
    last_pts: Option<i64>,
}

impl AudioTrack {
    pub(super) fn last_time(&self) -> Option<i64> {
        self.last_pts
    }

    pub(super) fn push(&mut self, unit: &PesUnit) -> Result<(), RemuxError> {
        let (mut rest, mut time) = (unit.data.as_slice(), unit.pts);
        self.last_pts = Some(unit.pts);
        if self.header.is_some() {
            self.follow_clock(unit.pts);
        }
        while !rest.is_empty() {
            let damaged = || RemuxError::Unsupported("an audio frame is damaged");
            let header = AdtsHeader::parse(rest).ok_or_else(damaged)?;
            let frame = rest
                .get(..usize::from(header.frame_bytes))
                .ok_or_else(damaged)?;
            // Without `protection_absent`, two bytes of a checksum follow.
            let skip = if frame[1] & 1 == 1 { 7 } else { 9 };
            let data = frame.get(skip..).ok_or_else(damaged)?.to_vec();
            self.check(&header, unit.pts)?;
            self.sizes.push(data.len() as u32);
            self.duration += i64::from(SAMPLES_PER_BLOCK);
            self.pending.push_back(Pending { time, data });
            time += i64::from(SAMPLES_PER_BLOCK) * TICKS_PER_SECOND as i64
                / i64::from(header.sample_rate);
            rest = &rest[usize::from(header.frame_bytes)..];
        }
        Ok(())
    }

    /// All frames have the parameters of the first one.
    fn check(&mut self, header: &AdtsHeader, pts: i64) -> Result<(), RemuxError> {
        let parameters = |it: &AdtsHeader| (it.object_type, it.sample_rate, it.channels);
        match &self.header {
            Some(first) if parameters(first) == parameters(header) && header.blocks == 1 => Ok(()),
            None if header.blocks == 1 && header.channels > 0 => {
                (self.header, self.first_pts) = (Some(*header), pts);
                Ok(())
            }
            _ => Err(RemuxError::Unsupported("the audio changes its parameters")),
        }
    }

    /// Where the clock jumps, the frame before is longer or shorter: audio and video stay in sync.
    fn follow_clock(&mut self, pts: i64) {
        let Some(header) = &self.header else { return };
        let rate = i64::from(header.sample_rate);
        let ticks = TICKS_PER_SECOND as i64;
        let due = ((pts - self.first_pts) * rate + ticks / 2) / ticks;
        let jump = due - self.duration;
        if jump.abs() * JITTER <= rate {
            return;
        }
        let last = self.sizes.len() as u32 - 1;
        let before = match self.odd_durations.last() {
            Some((number, duration)) if *number == last => {
                let duration = *duration;
                self.odd_durations.pop();
                duration
            }
            _ => SAMPLES_PER_BLOCK,
        };
        let after = (i64::from(before) + jump).clamp(1, u32::MAX.into()) as u32;
        self.odd_durations.push((last, after));
        self.duration += i64::from(after) - i64::from(before);
    }

    /// `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1).
    pub(super) fn specific_config(header: &AdtsHeader) -> [u8; 2] {
        let rate = header.sample_rate_index();
        let channels = if header.channels == 8 {
            7
        } else {
            header.channels
        };
        [
            header.object_type << 3 | rate >> 1,
            (rate & 1) << 7 | channels << 3,
        ]
    }
}
