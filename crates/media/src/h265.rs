//! HEVC (ISO/IEC 23008-2, H.265): sequence parameter sets (7.3.2.2), random access, and the static
//! metadata of HDR.

mod sei;
mod skip;
mod vui;

use crate::bits::BitReader;
use crate::nal::without_emulation;
use vui::Vui;

pub use sei::HdrMetadata;

/// `nal_unit_type` of a sequence parameter set.
const SPS: u8 = 33;

/// The contents of a sequence parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sps {
    /// Profile, tier and level.
    pub profile: Profile,
    /// Number of temporal layers, 1 to 7.
    pub temporal_layers: u8,
    /// Whether decoding can switch up to a higher temporal layer at any frame.
    pub temporal_nesting: bool,
    /// Width in pixels, after cropping to the conformance window.
    pub width: u32,
    /// Height in pixels, after cropping to the conformance window.
    pub height: u32,
    /// Chroma format: 0 is monochrome, 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4.
    pub chroma_format: u8,
    /// Bits per luma sample.
    pub bit_depth: u8,
    /// Bits per chroma sample.
    pub chroma_bit_depth: u8,
    /// Pixel aspect ratio, if the VUI declares it.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Whether luma uses the full range, if the VUI declares it.
    pub full_range: Option<bool>,
    /// Colour primaries, transfer and matrix (ISO/IEC 23091-2), if the VUI declares them.
    pub color: Option<(u8, u8, u8)>,
    /// Frames per second as a fraction, if the VUI declares it.
    pub frame_rate: Option<(u32, u32)>,
}

/// Profile, tier and level (7.3.3), as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// `general_profile_space`, 0 to 3.
    pub space: u8,
    /// Whether it is the High tier, not the Main tier.
    pub high_tier: bool,
    /// `general_profile_idc`: 1 Main, 2 Main 10, 3 Main Still Picture, 4 range extensions.
    pub profile: u8,
    /// The 32 compatibility flags; flag 0 is the most significant bit.
    pub compatibility: u32,
    /// The 48 constraint flags.
    pub constraints: [u8; 6],
    /// `general_level_idc`: 30 times the level.
    pub level: u8,
}

impl Profile {
    /// Number of bytes up to the level.
    const BYTES: usize = 12;

    fn parse(bytes: &[u8; Self::BYTES]) -> Self {
        let [first, a, b, c, d, constraints @ .., level] = *bytes;
        Self {
            space: first >> 6,
            high_tier: first & 0x20 != 0,
            profile: first & 0x1f,
            compatibility: u32::from_be_bytes([a, b, c, d]),
            constraints,
            level,
        }
    }

    /// The bytes, as in the parameter set and in `hvcC`.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let first = self.space << 6 | u8::from(self.high_tier) << 5 | self.profile;
        let [a, b, c, d] = self.compatibility.to_be_bytes();
        let [e, f, g, h, i, j] = self.constraints;
        [first, a, b, c, d, e, f, g, h, i, j, self.level]
    }

    /// The codec as RFC 6381 writes it (ISO/IEC 14496-15, annex E), such as `hvc1.1.6.L93.B0`.
    pub fn codec_string(&self) -> String {
        let space = ["", "A", "B", "C"][usize::from(self.space & 3)];
        let tier = if self.high_tier { 'H' } else { 'L' };
        let mut codec = format!(
            "hvc1.{space}{}.{:X}.{tier}{}",
            self.profile,
            self.compatibility.reverse_bits(),
            self.level
        );
        let significant = self.constraints.iter().rposition(|it| *it != 0);
        for byte in &self.constraints[..significant.map_or(0, |it| it + 1)] {
            codec.push_str(&format!(".{byte:X}"));
        }
        codec
    }
}

impl Sps {
    /// Parses a NAL unit of type 33 (with its header of two bytes, without start code); `None` if
    /// it is invalid.
    pub fn parse(nal: &[u8]) -> Option<Self> {
        if nal_type(nal)? != SPS {
            return None;
        }
        parse_rbsp(&without_emulation(nal.get(2..)?))
    }

    /// Parses the first sequence parameter set of an `hvcC` box's payload.
    pub fn from_hvcc(hvcc: &[u8]) -> Option<Self> {
        let mut sets = hvcc_units(hvcc)?;
        Self::parse(sets.find(|it| nal_type(it) == Some(SPS))?)
    }

    /// The codec as RFC 6381 writes it, such as `hvc1.1.6.L93.B0`.
    pub fn codec_string(&self) -> String {
        self.profile.codec_string()
    }
}

/// The kind of a frame: whether decoding can start there, and whether it survives that start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// IDR, or BLA without skipped frames: everything that follows can be decoded.
    Closed,
    /// CRA, or BLA with leading frames: decoding can start here, except for its RASL frames.
    Open,
    /// RASL: refers to frames before its random access frame, so it is skipped after a start there.
    Skipped,
    /// Intra-coded, of a reserved kind.
    Intra,
    /// Any other frame.
    Other,
}

/// The kind of frame of a slice, by the type of its NAL unit (table 7-1). `None`: not a slice.
pub fn frame_kind(nal_type: u8) -> Option<FrameKind> {
    Some(match nal_type {
        8 | 9 => FrameKind::Skipped,
        16 | 21 => FrameKind::Open,
        17..=20 => FrameKind::Closed,
        22 | 23 => FrameKind::Intra,
        0..=31 => FrameKind::Other,
        _ => return None,
    })
}

/// The type of a NAL unit.
pub(crate) fn nal_type(nal: &[u8]) -> Option<u8> {
    Some(nal.first()? >> 1 & 0x3f)
}

/// The NAL units in the payload of `hvcC` (ISO/IEC 14496-15, 8.3.3.1); ends at the first that is
/// truncated. `None`: lengths in samples do not have four bytes.
pub(crate) fn hvcc_units(hvcc: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let mut reader = crate::read::Reader::new(hvcc);
    reader.skip(21)?;
    if reader.u8()? & 3 != 3 {
        return None;
    }
    let mut arrays = reader.u8()?;
    let mut left = 0;
    Some(std::iter::from_fn(move || {
        while left == 0 {
            arrays = arrays.checked_sub(1)?;
            reader.skip(1)?;
            left = reader.u16()?;
        }
        left -= 1;
        let length = usize::from(reader.u16()?);
        reader.take(length)
    }))
}

fn parse_rbsp(rbsp: &[u8]) -> Option<Sps> {
    let first = *rbsp.first()?;
    let (layers, temporal_nesting) = ((first >> 1 & 7) + 1, first & 1 == 1);
    let rest = rbsp.get(1..)?;
    let profile = Profile::parse(rest.first_chunk()?);
    let mut bits = BitReader::new(&rest[Profile::BYTES..]);
    skip::sub_layers(&mut bits, layers)?;
    bits.ue()?; // sps_seq_parameter_set_id
    let chroma_format = bits.ue().filter(|it| *it <= 3)? as u8;
    let separate_planes = chroma_format == 3 && bits.bit()?;
    let (width, height) = (bits.ue()?, bits.ue()?);
    let window = if bits.bit()? {
        [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?]
    } else {
        [0; 4]
    };
    let (across, down) = match (chroma_format, separate_planes) {
        (1, _) => (2, 2),
        (2, _) => (2, 1),
        _ => (1, 1),
    };
    let cropped = |size: u32, before: u32, after: u32, unit: u32| {
        let crop = before.checked_add(after)?.checked_mul(unit)?;
        size.checked_sub(crop)
            .filter(|it| (1..=65_536).contains(it))
    };
    let width = cropped(width, window[0], window[1], across)?;
    let height = cropped(height, window[2], window[3], down)?;
    let mut depth = || Some(bits.ue().filter(|it| *it <= 8)? as u8 + 8);
    let (bit_depth, chroma_bit_depth) = (depth()?, depth()?);
    // A damaged or absent VUI does not invalidate the rest of the parameter set.
    let vui = match skip::to_vui(&mut bits, layers) {
        Some(true) => Vui::read(&mut bits),
        _ => Vui::default(),
    };
    Some(Sps {
        profile,
        temporal_layers: layers,
        temporal_nesting,
        width,
        height,
        chroma_format,
        bit_depth,
        chroma_bit_depth,
        pixel_aspect: vui.signal.pixel_aspect,
        full_range: vui.signal.full_range,
        color: vui.signal.color,
        frame_rate: vui.frame_rate,
    })
}

#[cfg(test)]
mod tests;
