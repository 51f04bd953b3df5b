//! Sequence headers (5.5): profile, level, size, format.

use super::{SEQUENCE_HEADER, obus};
use crate::bits::BitReader;
use crate::h264::reduced;

/// The contents of a sequence header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceHeader {
    /// `seq_profile`: 0 Main, 1 High, 2 Professional.
    pub profile: u8,
    /// `seq_level_idx` of the first operating point; 0 is level 2.0, 4 is level 3.0.
    pub level: u8,
    /// Whether it is the High tier, not the Main tier.
    pub high_tier: bool,
    /// Maximum width of a frame, pixels.
    pub width: u32,
    /// Maximum height of a frame, pixels.
    pub height: u32,
    /// Bits per sample, 8, 10 or 12.
    pub bit_depth: u8,
    /// Whether the video has only luma.
    pub monochrome: bool,
    /// Whether chroma has half the resolution, across and down.
    pub subsampling: (bool, bool),
    /// `chroma_sample_position`; 0: unknown.
    pub chroma_position: u8,
    /// Colours.
    pub color: Color,
    /// Frames per second as a fraction, if the header declares equal intervals.
    pub frame_rate: Option<(u32, u32)>,
}

/// The colour description; numbers of ISO/IEC 23091-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    /// Primaries, transfer and matrix, if they are declared.
    pub description: Option<(u8, u8, u8)>,
    /// Whether samples use the full range.
    pub full_range: bool,
}

impl SequenceHeader {
    /// Parses an OBU with its header; `None` if it is not a valid sequence header.
    pub fn parse(obu: &[u8]) -> Option<Self> {
        let obu = obus(obu).next()?;
        if obu.kind != SEQUENCE_HEADER || obu.truncated {
            return None;
        }
        parse(&mut BitReader::new(obu.payload))
    }

    /// Parses the first sequence header of an `av1C` box's payload.
    pub fn from_av1c(av1c: &[u8]) -> Option<Self> {
        let obu = obus(av1c.get(4..)?).find(|it| it.kind == SEQUENCE_HEADER)?;
        Self::parse(obu.whole)
    }

    /// The codec as the AV1 binding for ISO BMFF writes it (section 5), such as `av01.0.04M.08`;
    /// with the optional fields if the colours differ from those of HD video.
    pub fn codec_string(&self) -> String {
        let tier = if self.high_tier { 'H' } else { 'M' };
        let (profile, level, depth) = (self.profile, self.level, self.bit_depth);
        let mut codec = format!("av01.{profile}.{level:02}{tier}.{depth:02}");
        let (primaries, transfer, matrix) = self.color.description.unwrap_or((1, 1, 1));
        let unspecified = (primaries, transfer, matrix) == (2, 2, 2);
        let usual = unspecified || (primaries, transfer, matrix) == (1, 1, 1);
        if usual && !self.monochrome && self.subsampling == (true, true) && !self.color.full_range {
            return codec;
        }
        let (mono, range) = (u8::from(self.monochrome), u8::from(self.color.full_range));
        let (across, down) = (u8::from(self.subsampling.0), u8::from(self.subsampling.1));
        let position = self.chroma_position;
        codec.push_str(&format!(
            ".{mono}.{across}{down}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{range}"
        ));
        codec
    }
}

fn parse(bits: &mut BitReader<'_>) -> Option<SequenceHeader> {
    let profile = bits.bits(3).filter(|it| *it <= 2)? as u8;
    bits.bit()?; // still_picture
    let is_reduced = bits.bit()?;
    let (mut frame_rate, mut level, mut high_tier) = (None, 0, false);
    if is_reduced {
        level = bits.bits(5)? as u8;
    } else {
        let timing = Timing::read(bits)?;
        frame_rate = timing.frame_rate;
        let has_delay = bits.bit()?;
        for point in 0..=bits.bits(5)? {
            bits.bits(12)?; // operating_point_idc
            let own = bits.bits(5)? as u8;
            let own_tier = own > 7 && bits.bit()?;
            if point == 0 {
                (level, high_tier) = (own, own_tier);
            }
            if let Some(delay_bits) = timing.delay_bits
                && bits.bit()?
            {
                bits.bits(delay_bits)?;
                bits.bits(delay_bits)?;
                bits.bit()?;
            }
            if has_delay && bits.bit()? {
                bits.bits(4)?;
            }
        }
    }
    let (width_bits, height_bits) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
    let (width, height) = (bits.bits(width_bits)? + 1, bits.bits(height_bits)? + 1);
    skip_tools(bits, is_reduced)?;
    let format = Format::read(bits, profile)?;
    Some(SequenceHeader {
        profile,
        level,
        high_tier,
        width,
        height,
        bit_depth: format.bit_depth,
        monochrome: format.monochrome,
        subsampling: format.subsampling,
        chroma_position: format.chroma_position,
        color: format.color,
        frame_rate,
    })
}

struct Timing {
    frame_rate: Option<(u32, u32)>,
    /// Length of the delays of a decoder model, bits.
    delay_bits: Option<u32>,
}

impl Timing {
    /// 5.5.3 and 5.5.4.
    fn read(bits: &mut BitReader<'_>) -> Option<Self> {
        let mut timing = Self {
            frame_rate: None,
            delay_bits: None,
        };
        if !bits.bit()? {
            return Some(timing);
        }
        let (units, scale) = (bits.bits(32)?, bits.bits(32)?);
        if bits.bit()? {
            let units = units.checked_mul(bits.ue()?.checked_add(1)?);
            let units = units.filter(|it| *it > 0 && scale > 0);
            timing.frame_rate = units.map(|it| reduced(scale, it));
        }
        if bits.bit()? {
            timing.delay_bits = Some(bits.bits(5)? + 1);
            bits.bits(32)?; // num_units_in_decoding_tick
            bits.bits(10)?;
        }
        Some(timing)
    }
}

/// Skips the coding tools between the size and the format.
fn skip_tools(bits: &mut BitReader<'_>, is_reduced: bool) -> Option<()> {
    if !is_reduced && bits.bit()? {
        bits.bits(7)?; // lengths of frame ids
    }
    bits.bits(3)?; // superblocks, filter_intra, intra_edge_filter
    if !is_reduced {
        bits.bits(4)?; // compound modes, warped motion, dual filter
        let has_order = bits.bit()?;
        if has_order {
            bits.bits(2)?;
        }
        // Whether frames select screen content tools, or whether they use them.
        let uses_screen_content = bits.bit()? || bits.bit()?;
        if uses_screen_content && !bits.bit()? {
            bits.bit()?; // seq_force_integer_mv
        }
        if has_order {
            bits.bits(3)?;
        }
    }
    bits.bits(3).map(|_| ()) // superres, cdef, restoration
}

/// `color_config` (5.5.2).
struct Format {
    bit_depth: u8,
    monochrome: bool,
    subsampling: (bool, bool),
    chroma_position: u8,
    color: Color,
}

impl Format {
    fn read(bits: &mut BitReader<'_>, profile: u8) -> Option<Self> {
        let high = bits.bit()?;
        let bit_depth = match (profile, high) {
            (2, true) if bits.bit()? => 12,
            (_, true) => 10,
            (_, false) => 8,
        };
        let monochrome = profile != 1 && bits.bit()?;
        let description = if bits.bit()? {
            let mut number = || bits.bits(8).map(|it| it as u8);
            Some((number()?, number()?, number()?))
        } else {
            None
        };
        // sRGB has neither a range nor subsampling.
        let is_rgb = !monochrome && description == Some((1, 13, 0));
        let full_range = is_rgb || bits.bit()?;
        let subsampling = match (monochrome, is_rgb, profile) {
            (true, _, _) | (_, false, 0) => (true, true),
            (_, true, _) | (_, _, 1) => (false, false),
            _ if bit_depth == 12 => {
                let across = bits.bit()?;
                (across, across && bits.bit()?)
            }
            _ => (true, false),
        };
        let chroma_position = match (monochrome, subsampling) {
            (false, (true, true)) => bits.bits(2)? as u8,
            _ => 0,
        };
        Some(Self {
            bit_depth,
            monochrome,
            subsampling,
            chroma_position,
            color: Color {
                description,
                full_range,
            },
        })
    }
}
