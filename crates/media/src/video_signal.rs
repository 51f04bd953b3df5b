//! The beginning of the video usability information, which H.264 (annex E.1.1) and HEVC (annex E.2.1)
//! share: the shape of pixels, and colours.

use crate::bits::BitReader;

/// How a decoded frame is displayed.
#[derive(Default)]
pub(crate) struct VideoSignal {
    /// Width and height of a pixel.
    pub(crate) pixel_aspect: Option<(u32, u32)>,
    /// Whether samples use all values.
    pub(crate) full_range: Option<bool>,
    /// Primaries, transfer characteristics and matrix, as numbers of ITU-T H.273.
    pub(crate) color: Option<(u8, u8, u8)>,
}

/// Table E-1 from `aspect_ratio_idc` 1 on.
const PIXEL_ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

impl VideoSignal {
    /// Reads up to the position of chroma samples; `None`: the bits end before. What was read by then
    /// stays.
    pub(crate) fn fill(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        if bits.bit()? {
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
        Some(())
    }
}
