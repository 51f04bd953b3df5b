//! The static metadata of HDR10 in SEI messages (annex D.2): the mastering display and the light
//! levels.

use super::nal_type;
use crate::nal::{sei_messages, without_emulation};

/// `nal_unit_type` of SEI messages in front of a frame.
const PREFIX_SEI: u8 = 39;
const MASTERING_DISPLAY: u32 = 137;
const LIGHT_LEVELS: u32 = 144;

/// The static metadata of HDR10. The bytes are the same in SEI messages and in MP4 boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HdrMetadata {
    /// Mastering display colour volume (D.2.28, and the box `mdcv` of ISO/IEC 14496-12): primaries
    /// in the order green, blue, red, and the white point, in units of 0.00002; maximum and minimum
    /// luminance in units of 0.0001 cd/m².
    pub mastering_display: Option<[u8; 24]>,
    /// Content light level (D.2.35, and the box `clli`): maximum of any pixel and maximum average
    /// of any frame, cd/m², 16 bits each.
    pub light_levels: Option<[u8; 4]>,
}

impl HdrMetadata {
    /// Takes the metadata out of a NAL unit, if it has some.
    pub(crate) fn note(&mut self, nal: &[u8]) {
        if nal_type(nal) != Some(PREFIX_SEI) {
            return;
        }
        let rbsp = without_emulation(nal.get(2..).unwrap_or_default());
        for (kind, payload) in sei_messages(&rbsp) {
            match kind {
                MASTERING_DISPLAY => self.mastering_display = payload.first_chunk().copied(),
                LIGHT_LEVELS => self.light_levels = payload.first_chunk().copied(),
                _ => {}
            }
        }
    }
}
