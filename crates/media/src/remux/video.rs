//! The H.264 track: NAL units with their lengths in front, instead of start codes.

use std::collections::VecDeque;

use super::{Chunk, Pending, RemuxError};
use crate::ts::PesUnit;

/// The samples of the video.
#[derive(Default)]
pub(super) struct VideoTrack {
    /// Parameter sets of the first frame, without start codes.
    pub(super) sps: Vec<Vec<u8>>,
    pub(super) pps: Vec<Vec<u8>>,
    /// Decoding time of the first frame, ticks.
    pub(super) first_dts: i64,
    /// Earliest presentation time, ticks.
    pub(super) min_pts: i64,
    /// Latest presentation time, and the frame's number.
    pub(super) max_pts: (i64, usize),
    /// Sizes in bytes, one per frame, as the tables below.
    pub(super) sizes: Vec<u32>,
    /// Ticks until the next frame is decoded; the last frame has none yet.
    pub(super) durations: Vec<u32>,
    /// Ticks from decoding to presentation.
    pub(super) offsets: Vec<i32>,
    /// Numbers of the IDR frames, from 0.
    pub(super) sync: Vec<u32>,
    pub(super) chunks: Vec<Chunk>,
    pub(super) pending: VecDeque<Pending>,
    last_dts: Option<i64>,
}

impl VideoTrack {
    pub(super) fn last_time(&self) -> Option<i64> {
        self.last_dts
    }

    pub(super) fn push(&mut self, unit: &PesUnit) -> Result<(), RemuxError> {
        let (data, is_idr) = self.sample(&unit.data)?;
        // Decoding times have to grow. Presentation times stay as they are.
        let dts = match self.last_dts {
            Some(last) => unit.dts.max(last + 1),
            None => unit.dts,
        };
        match self.last_dts {
            Some(last) => {
                let duration = u32::try_from(dts - last);
                let duration =
                    duration.map_err(|_| RemuxError::Unsupported("a frame is too long"))?;
                self.durations.push(duration);
            }
            None => (self.first_dts, self.min_pts, self.max_pts.0) = (dts, unit.pts, unit.pts),
        }
        self.last_dts = Some(dts);
        let number = self.sizes.len();
        self.min_pts = self.min_pts.min(unit.pts);
        if unit.pts >= self.max_pts.0 {
            self.max_pts = (unit.pts, number);
        }
        if is_idr {
            self.sync.push(number as u32);
        }
        let offset = i32::try_from(unit.pts - dts);
        self.offsets
            .push(offset.map_err(|_| RemuxError::Unsupported("a frame is shown too late"))?);
        self.sizes.push(data.len() as u32);
        self.pending.push_back(Pending { time: dts, data });
        Ok(())
    }

    /// Converts an access unit, and returns whether it is an IDR frame. Parameter sets that are the
    /// same as those of the first frame are in the sample entry, so they are left out.
    fn sample(&mut self, unit: &[u8]) -> Result<(Vec<u8>, bool), RemuxError> {
        let (is_first, mut is_idr) = (self.sizes.is_empty(), false);
        let mut data = Vec::with_capacity(unit.len() + 16);
        for nal in nal_units(unit) {
            let Some(kind) = nal.first().map(|it| it & 0x1f) else {
                continue;
            };
            let sets = match kind {
                7 => Some(&mut self.sps),
                8 => Some(&mut self.pps),
                _ => None,
            };
            match (kind, sets) {
                // Access unit delimiters only belong into byte streams.
                (9, _) => continue,
                (_, Some(sets)) if sets.iter().any(|it| it == nal) => continue,
                (_, Some(sets)) if is_first => {
                    sets.push(nal.to_vec());
                    continue;
                }
                _ => {}
            }
            is_idr |= kind == 5;
            data.extend_from_slice(&(nal.len() as u32).to_be_bytes());
            data.extend_from_slice(nal);
        }
        if is_first && (self.sps.is_empty() || self.pps.is_empty() || !is_idr) {
            return Err(RemuxError::Unsupported(
                "the video does not begin with an IDR frame and its parameter sets",
            ));
        }
        if data.is_empty() {
            return Err(RemuxError::Unsupported("a frame has no data"));
        }
        Ok((data, is_idr))
    }
}

/// The NAL units of a byte stream (ISO/IEC 14496-10, annex B), without start codes and trailing
/// zeros.
fn nal_units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = next_start_code(bytes, 0).map(|it| it + 3);
    std::iter::from_fn(move || {
        let begin = start?;
        let next = next_start_code(bytes, begin);
        start = next.map(|it| it + 3);
        let nal = &bytes[begin..next.unwrap_or(bytes.len())];
        let end = nal.iter().rposition(|it| *it != 0).map_or(0, |it| it + 1);
        Some(&nal[..end])
    })
}

/// Offset of the next `00 00 01` at `from` or later.
fn next_start_code(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some([a, b, c]) = bytes.get(at..at + 3) {
        match (a, b, c) {
            (0, 0, 1) => return Some(at),
            // No start code includes a byte above 1.
            (_, _, 2..) => at += 3,
            (_, 1.., _) => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_are_between_start_codes() {
        for (bytes, expected) in [
            (
                &[0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 7, 1, 0, 0, 1, 5][..],
                vec![&[9, 0xf0][..], &[7, 1], &[5]],
            ),
            (
                &[7, 7, 0, 0, 1, 5, 0, 2, 0, 0, 3, 1, 0, 0],
                vec![&[5, 0, 2, 0, 0, 3, 1]],
            ),
            (
                &[0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 8],
                vec![&[1, 0, 1], &[8]],
            ),
            (&[0, 0, 1], vec![&[]]),
            (&[0, 0], vec![]),
            (&[], vec![]),
        ] {
            assert_eq!(nal_units(bytes).collect::<Vec<_>>(), expected, "{bytes:?}");
        }
    }
}
