//! Video usability information (annex E.2.1), up to the timing.

use crate::bits::BitReader;
use crate::h264::reduced;
use crate::video_signal::VideoSignal;

#[derive(Default)]
pub(super) struct Vui {
    pub(super) signal: VideoSignal,
    pub(super) frame_rate: Option<(u32, u32)>,
}

impl Vui {
    /// Reads as far as there are bits.
    pub(super) fn read(bits: &mut BitReader<'_>) -> Self {
        let mut vui = Self::default();
        let _ = vui.fill(bits);
        vui
    }

    fn fill(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.signal.fill(bits)?;
        bits.bits(3)?; // neutral chroma, fields, and whether frames declare fields
        if bits.bit()? {
            for _ in 0..4 {
                bits.ue()?; // the default display window
            }
        }
        if bits.bit()? {
            let units = bits.bits(32)?;
            let scale = bits.bits(32)?;
            // Unlike in H.264, a tick is a frame.
            self.frame_rate = (units > 0 && scale > 0).then(|| reduced(scale, units));
        }
        Some(())
    }
}
