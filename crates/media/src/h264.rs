//! H.264 sequence parameter sets (ISO/IEC 14496-10, 7.3.2.1): profile, level, size, timing.

use crate::bits::BitReader;
use crate::nal::without_emulation;
use crate::video_signal::VideoSignal;

/// The contents of a sequence parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sps {
    /// `profile_idc`: 66 Baseline, 77 Main, 100 High, 110 High 10, 122 High 4:2:2, 244 High 4:4:4.
    pub profile: u8,
    /// The six constraint flags and two reserved bits, as in RFC 6381.
    pub constraints: u8,
    /// `level_idc`: ten times the level.
    pub level: u8,
    /// Width in pixels, after cropping.
    pub width: u32,
    /// Height in pixels, after cropping.
    pub height: u32,
    /// Chroma format: 0 is monochrome, 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4.
    pub chroma_format: u8,
    /// Bits per luma sample.
    pub bit_depth: u8,
    /// Whether frames may be coded as fields.
    pub interlaced: bool,
    /// Number of required reference frames.
    pub reference_frames: u32,
    /// Pixel aspect ratio, if the VUI declares it.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Whether luma uses the full range 0 to 255, if the VUI declares it.
    pub full_range: Option<bool>,
    /// Colour primaries, transfer and matrix (ISO/IEC 23091-2), if the VUI declares them.
    pub color: Option<(u8, u8, u8)>,
    /// Frames per second as a fraction, if the VUI declares it. Reliable only with
    /// [`Sps::fixed_frame_rate`].
    pub frame_rate: Option<(u32, u32)>,
    /// Whether the VUI guarantees equal frame intervals.
    pub fixed_frame_rate: bool,
    /// `max_num_reorder_frames`, if the VUI declares it; 0 means no B-frames.
    pub reorder_frames: Option<u32>,
}

impl Sps {
    /// Parses a NAL unit of type 7 (with its header byte, without start code); `None` if it is
    /// invalid.
    pub fn parse(nal: &[u8]) -> Option<Self> {
        if nal.first()? & 0x1f != 7 {
            return None;
        }
        let rbsp = without_emulation(nal.get(1..)?);
        parse_rbsp(&rbsp)
    }

    /// Parses the first parameter set of an `avcC` box's payload.
    pub fn from_avcc(avcc: &[u8]) -> Option<Self> {
        let mut reader = crate::read::Reader::new(avcc);
        reader.skip(5)?;
        if reader.u8()? & 0x1f == 0 {
            return None;
        }
        let length = usize::from(reader.u16()?);
        Self::parse(reader.take(length)?)
    }

    /// The codec as RFC 6381 writes it, such as `avc1.640028`.
    pub fn codec_string(&self) -> String {
        format!(
            "avc1.{:02x}{:02x}{:02x}",
            self.profile, self.constraints, self.level
        )
    }

    /// Whether the format is 8-bit 4:2:0, which every device decodes.
    pub fn is_common_format(&self) -> bool {
        self.bit_depth == 8 && self.chroma_format == 1
    }
}

fn parse_rbsp(rbsp: &[u8]) -> Option<Sps> {
    let (profile, constraints, level) = (*rbsp.first()?, *rbsp.get(1)?, *rbsp.get(2)?);
    let mut bits = BitReader::new(rbsp.get(3..)?);
    bits.ue()?; // seq_parameter_set_id
    let format = Format::read(&mut bits, profile)?;
    bits.ue()?; // log2_max_frame_num_minus4
    skip_order_count(&mut bits)?;
    let reference_frames = bits.ue()?;
    bits.bit()?; // gaps_in_frame_num_value_allowed_flag
    let width_macroblocks = bits.ue()?.checked_add(1)?;
    let height_map_units = bits.ue()?.checked_add(1)?;
    let frames_only = bits.bit()?;
    if !frames_only {
        bits.bit()?; // mb_adaptive_frame_field_flag
    }
    bits.bit()?; // direct_8x8_inference_flag
    let crop = if bits.bit()? {
        [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?]
    } else {
        [0; 4]
    };
    let fields = if frames_only { 1 } else { 2 };
    let (crop_x, crop_y) = format.crop_units();
    let cropped = |size: u32, before: u32, after: u32, unit: u32| {
        let crop = before.checked_add(after)?.checked_mul(unit)?;
        size.checked_sub(crop)
            .filter(|it| (1..=65_536).contains(it))
    };
    let width = width_macroblocks.checked_mul(16)?;
    let height = height_map_units.checked_mul(16 * fields)?;
    // A damaged or absent VUI does not invalidate the rest of the parameter set.
    let vui = match bits.bit() {
        Some(true) => Vui::read(&mut bits),
        _ => Vui::default(),
    };
    Some(Sps {
        profile,
        constraints,
        level,
        width: cropped(width, crop[0], crop[1], crop_x)?,
        height: cropped(height, crop[2], crop[3], crop_y * fields)?,
        chroma_format: format.chroma,
        bit_depth: format.bit_depth,
        interlaced: !frames_only,
        reference_frames,
        pixel_aspect: vui.signal.pixel_aspect,
        full_range: vui.signal.full_range,
        color: vui.signal.color,
        frame_rate: vui.frame_rate,
        fixed_frame_rate: vui.fixed_frame_rate,
        reorder_frames: vui.reorder_frames,
    })
}

struct Format {
    chroma: u8,
    separate_planes: bool,
    bit_depth: u8,
}

impl Format {
    fn read(bits: &mut BitReader<'_>, profile: u8) -> Option<Self> {
        if ![100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(&profile) {
            return Some(Self {
                chroma: 1,
                separate_planes: false,
                bit_depth: 8,
            });
        }
        let chroma = bits.ue().filter(|&it| it <= 3)? as u8;
        let separate_planes = chroma == 3 && bits.bit()?;
        let bit_depth = bits.ue().filter(|&it| it <= 6)? as u8 + 8;
        bits.ue()?; // bit_depth_chroma_minus8
        bits.bit()?; // qpprime_y_zero_transform_bypass_flag
        if bits.bit()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.bit()? {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Some(Self {
            chroma,
            separate_planes,
            bit_depth,
        })
    }

    fn crop_units(&self) -> (u32, u32) {
        match (self.chroma, self.separate_planes) {
            (1, _) => (2, 2),
            (2, _) => (2, 1),
            _ => (1, 1),
        }
    }
}

fn skip_scaling_list(bits: &mut BitReader<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = (last.wrapping_add(bits.se()?)).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

fn skip_order_count(bits: &mut BitReader<'_>) -> Option<()> {
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.bit()?;
            bits.se()?;
            bits.se()?;
            for _ in 0..bits.ue().filter(|&it| it <= 255)? {
                bits.se()?;
            }
        }
        _ => {}
    }
    Some(())
}

#[derive(Default)]
struct Vui {
    signal: VideoSignal,
    frame_rate: Option<(u32, u32)>,
    fixed_frame_rate: bool,
    reorder_frames: Option<u32>,
}

impl Vui {
    /// Reads as far as there are bits.
    fn read(bits: &mut BitReader<'_>) -> Self {
        let mut vui = Self::default();
        let _ = vui.fill(bits);
        vui
    }

    fn fill(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.signal.fill(bits)?;
        if bits.bit()? {
            let units = bits.bits(32)?;
            let scale = bits.bits(32)?;
            self.fixed_frame_rate = bits.bit()?;
            // A tick is a field.
            self.frame_rate = units
                .checked_mul(2)
                .filter(|&it| it > 0 && scale > 0)
                .map(|it| reduced(scale, it));
        }
        let nal_hrd = bits.bit()?;
        if nal_hrd {
            skip_hrd(bits)?;
        }
        let vcl_hrd = bits.bit()?;
        if vcl_hrd {
            skip_hrd(bits)?;
        }
        if nal_hrd || vcl_hrd {
            bits.bit()?; // low_delay_hrd_flag
        }
        bits.bit()?; // pic_struct_present_flag
        if bits.bit()? {
            bits.bit()?; // motion_vectors_over_pic_boundaries_flag
            for _ in 0..4 {
                bits.ue()?;
            }
            self.reorder_frames = Some(bits.ue()?);
        }
        Some(())
    }
}

fn skip_hrd(bits: &mut BitReader<'_>) -> Option<()> {
    let count = bits.ue().filter(|&it| it <= 31)?;
    bits.bits(8)?;
    for _ in 0..=count {
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
    }
    bits.bits(20).map(|_| ())
}

pub(crate) fn reduced(numerator: u32, denominator: u32) -> (u32, u32) {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (numerator / a, denominator / a)
}

/// The kind of frame at the start of a sample: what a decoder that starts there needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// An instantaneous decoding refresh: it needs nothing before it.
    Idr,
    /// Intra-coded; following frames may refer to earlier ones (an open GOP).
    Intra,
    /// Refers to other frames: as a keyframe, it starts a gradual refresh, and the output is
    /// correct only some frames later.
    Inter,
}

/// The kind of frame in a sample: NAL units after their lengths of `length_size` bytes (ISO/IEC
/// 14496-15).
///
/// `None`: the sample is truncated before any slice.
pub fn frame_kind(sample: &[u8], length_size: usize) -> Option<FrameKind> {
    let mut rest = sample;
    loop {
        let (length, unit) = rest.split_at_checked(length_size)?;
        let length = length
            .iter()
            .fold(0usize, |sum, it| sum << 8 | usize::from(*it));
        match unit.first()? & 0x1f {
            5 => return Some(FrameKind::Idr),
            1..=4 => {
                let mut bits = BitReader::new(unit.get(1..unit.len().min(17))?);
                bits.ue()?;
                // I and SI slices, or a frame that consists only of them (7.4.3).
                let intra = matches!(bits.ue()?, 2 | 4 | 7 | 9);
                return Some(if intra {
                    FrameKind::Intra
                } else {
                    FrameKind::Inter
                });
            }
            _ => rest = unit.get(length..)?,
        }
    }
}

/// The size of the length field of a NAL unit in bytes, from the payload of `avcC`.
pub fn length_size(avcc: &[u8]) -> Option<usize> {
    Some(usize::from(avcc.get(4)? & 3) + 1)
}

#[cfg(test)]
mod tests;
