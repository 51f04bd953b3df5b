//! Video usability information (annex E.2.1), up to the timing.

use crate::bits::BitReader;
use crate::h264::{PIXEL_ASPECTS, reduced};

#[derive(Default)]
pub(super) struct Vui {
    pub(super) pixel_aspect: Option<(u32, u32)>,
    pub(super) full_range: Option<bool>,
    pub(super) color: Option<(u8, u8, u8)>,
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
        if bits.bit()? {
            // The table of ratios is that of H.264.
            self.pixel_aspect = match bits.bits(8)? {
                255 => Some((bits.bits(16)?, bits.bits(16)?)).filter(|it| it.0 > 0 && it.1 > 0),
                kind => PIXEL_ASPECTS.get((kind as usize).wrapping_sub(1)).copied(),
            };
        }
        if bits.bit()? {
            bits.bit()?; // overscan_appropriate_flag
        }
        if bits.bit()? {
            bits.bits(3)?; // video_format
            self.full_range = Some(bits.bit()?);
            if bits.bit()? {
                let mut number = || bits.bits(8).map(|it| it as u8);
                self.color = Some((number()?, number()?, number()?));
            }
        }
        if bits.bit()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?; // chroma_sample_loc_type_bottom_field
        }
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
