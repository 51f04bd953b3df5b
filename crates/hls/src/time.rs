//! Times: ticks of 90 kHz, and fractions for frame rates.

use serde::{Deserialize, Serialize};

/// Ticks per second of all times in a presentation: the clock of MPEG-2 transport streams.
pub const TICKS_PER_SECOND: u64 = 90_000;

/// Converts ticks to seconds.
pub fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND as f64
}

/// A positive fraction, such as a frame rate or a pixel aspect ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ratio {
    /// Numerator; positive.
    pub num: u32,
    /// Denominator; positive.
    pub den: u32,
}

impl Ratio {
    /// `None` if either part is zero.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        (num > 0 && den > 0).then_some(Self { num, den })
    }

    /// The value as a floating-point number.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// For a frame rate: presentation time of frame number `frame`, in ticks, rounded to the nearest.
    pub fn ticks_of_frame(self, frame: u64) -> u64 {
        let numerator = u128::from(frame) * u128::from(self.den) * u128::from(TICKS_PER_SECOND);
        ((numerator + u128::from(self.num / 2)) / u128::from(self.num)) as u64
    }

    /// For a frame rate: the number of the frame that is nearest to `ticks`.
    pub fn frame_at(self, ticks: u64) -> u64 {
        let denominator = u128::from(self.den) * u128::from(TICKS_PER_SECOND);
        ((u128::from(ticks) * u128::from(self.num) + denominator / 2) / denominator) as u64
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_ticks_agree() {
        for (num, den) in [
            (30, 1),
            (30000, 1001),
            (24000, 1001),
            (25, 1),
            (60, 1),
            (90000, 3001),
        ] {
            let rate = Ratio { num, den };
            for frame in [0, 1, 2, 47, 1_000, 215_784] {
                assert_eq!(
                    rate.frame_at(rate.ticks_of_frame(frame)),
                    frame,
                    "{rate} {frame}"
                );
            }
        }
        assert_eq!(
            Ratio {
                num: 30000,
                den: 1001
            }
            .ticks_of_frame(30),
            90_090
        );
    }
}
