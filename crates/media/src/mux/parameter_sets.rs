//! Parameter sets of H.264 and HEVC, and access units without them.

use crate::h264;
use crate::h265::{self, HdrMetadata};
use crate::mp4::SampleEntry;
use crate::nal::nal_units;
use crate::read::Reader;

/// A codec whose access units consist of NAL units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NalCodec {
    H264,
    Hevc,
}

/// The dependence of a frame on others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameClass {
    /// Decoding can start here, and everything that follows can be decoded.
    Sync,
    /// HEVC: a CRA frame. Decoding can start here, but not for its RASL frames, if it has some.
    OpenAccess,
    /// HEVC: a RASL frame, which refers to frames before its CRA frame.
    Skipped,
    /// Intra-coded; following frames may refer to earlier ones.
    Intra,
    /// Refers to other frames.
    Inter,
}

impl FrameClass {
    /// Whether a sample of this class is a sync sample.
    pub(crate) fn is_sync(self) -> bool {
        matches!(self, Self::Sync | Self::OpenAccess)
    }

    /// Whether the frame itself refers to no other one.
    pub(crate) fn is_intra(self) -> bool {
        matches!(self, Self::Sync | Self::OpenAccess | Self::Intra)
    }
}

/// The role of a NAL unit in a sample.
enum Role {
    Video,
    Sequence,
    Picture,
    Delimiter,
    Other,
}

impl NalCodec {
    fn role(self, nal: &[u8]) -> Option<Role> {
        let first = *nal.first()?;
        Some(match self {
            Self::H264 => match first & 0x1f {
                7 => Role::Sequence,
                8 => Role::Picture,
                9 => Role::Delimiter,
                _ => Role::Other,
            },
            Self::Hevc => match h265::nal_type(nal)? {
                32 => Role::Video,
                33 => Role::Sequence,
                34 => Role::Picture,
                35 => Role::Delimiter,
                _ => Role::Other,
            },
        })
    }

    /// The class of a sample: NAL units after their lengths of four bytes.
    pub(crate) fn class_of(self, sample: &[u8]) -> FrameClass {
        match self {
            Self::H264 => match h264::frame_kind(sample, 4) {
                Some(h264::FrameKind::Idr) => FrameClass::Sync,
                Some(h264::FrameKind::Intra) => FrameClass::Intra,
                Some(h264::FrameKind::Inter) | None => FrameClass::Inter,
            },
            Self::Hevc => {
                let kind =
                    sample_units(sample).find_map(|it| h265::frame_kind(h265::nal_type(it)?));
                match kind {
                    Some(h265::FrameKind::Closed) => FrameClass::Sync,
                    Some(h265::FrameKind::Open) => FrameClass::OpenAccess,
                    Some(h265::FrameKind::Skipped) => FrameClass::Skipped,
                    Some(h265::FrameKind::Intra) => FrameClass::Intra,
                    Some(h265::FrameKind::Other) | None => FrameClass::Inter,
                }
            }
        }
    }
}

/// The parameter sets of a stream, without start codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParameterSets {
    pub(crate) codec: NalCodec,
    /// Video parameter sets; only HEVC has them.
    pub(crate) vps: Vec<Vec<u8>>,
    pub(crate) sps: Vec<Vec<u8>>,
    pub(crate) pps: Vec<Vec<u8>>,
    /// HEVC: the metadata of HDR in the first frame, where it also stays.
    pub(crate) hdr: HdrMetadata,
}

impl ParameterSets {
    pub(crate) fn new(codec: NalCodec) -> Self {
        Self {
            codec,
            vps: vec![],
            sps: vec![],
            pps: vec![],
            hdr: HdrMetadata::default(),
        }
    }

    /// The parameter sets of a sample entry, if its samples have lengths of four bytes.
    pub(crate) fn from_entry(entry: &SampleEntry) -> Option<Self> {
        let config = entry.config.as_deref()?;
        match &entry.fourcc {
            b"avc1" => Self::from_avcc(config),
            b"hvc1" => Self::from_hvcc(config),
            _ => None,
        }
    }

    /// Parses the payload of `avcC` (ISO/IEC 14496-15, 5.3.3.1).
    fn from_avcc(avcc: &[u8]) -> Option<Self> {
        let mut sets = Self::new(NalCodec::H264);
        let mut reader = Reader::new(avcc);
        reader.skip(4)?;
        if reader.u8()? & 3 != 3 {
            return None;
        }
        let count = reader.u8()? & 0x1f;
        sets.sps = (0..count)
            .map(|_| set(&mut reader))
            .collect::<Option<_>>()?;
        let count = reader.u8()?;
        sets.pps = (0..count)
            .map(|_| set(&mut reader))
            .collect::<Option<_>>()?;
        Some(sets)
    }

    /// Parses the payload of `hvcC` (ISO/IEC 14496-15, 8.3.3.1).
    fn from_hvcc(hvcc: &[u8]) -> Option<Self> {
        let mut sets = Self::new(NalCodec::Hevc);
        for nal in h265::hvcc_units(hvcc)? {
            match NalCodec::Hevc.role(nal)? {
                Role::Video => sets.vps.push(nal.to_vec()),
                Role::Sequence => sets.sps.push(nal.to_vec()),
                Role::Picture => sets.pps.push(nal.to_vec()),
                Role::Delimiter | Role::Other => {}
            }
        }
        Some(sets)
    }

    /// Takes the metadata of HDR out of the first sample.
    pub(crate) fn note_hdr(&mut self, sample: &[u8]) {
        if self.codec == NalCodec::Hevc {
            sample_units(sample).for_each(|it| self.hdr.note(it));
        }
    }

    /// Whether a decoder can start with them.
    pub(crate) fn are_complete(&self) -> bool {
        let needs_vps = self.codec == NalCodec::Hevc;
        let has_vps = !needs_vps || !self.vps.is_empty();
        has_vps && !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// Appends an access unit of a byte stream to `sample`, with a length of four bytes in front of
    /// each NAL unit. The parameter sets of the first access unit are kept here, and equal ones are
    /// left out of all samples. Other ones stay in the sample; returns whether it has some.
    pub(crate) fn convert(&mut self, unit: &[u8], is_first: bool, sample: &mut Vec<u8>) -> bool {
        let mut changed = false;
        for nal in nal_units(unit) {
            let sets = match self.codec.role(nal) {
                // Access unit delimiters only belong into byte streams.
                None | Some(Role::Delimiter) => continue,
                Some(Role::Video) => Some(&mut self.vps),
                Some(Role::Sequence) => Some(&mut self.sps),
                Some(Role::Picture) => Some(&mut self.pps),
                Some(Role::Other) => None,
            };
            if let Some(sets) = sets {
                if sets.iter().any(|it| it == nal) {
                    continue;
                }
                if is_first {
                    sets.push(nal.to_vec());
                    continue;
                }
                changed = true;
            }
            sample.extend_from_slice(&(nal.len() as u32).to_be_bytes());
            sample.extend_from_slice(nal);
        }
        changed
    }
}

/// The NAL units of a sample, after their lengths of four bytes; ends at one that is truncated.
fn sample_units(sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(sample);
    std::iter::from_fn(move || {
        let length = reader.u32()?;
        reader.take(usize::try_from(length).ok()?)
    })
}

/// A parameter set after its length.
fn set(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let length = usize::from(reader.u16()?);
    Some(reader.take(length)?.to_vec())
}
