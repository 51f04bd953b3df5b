//! Parameter sets of H.264 and HEVC, sequence headers of AV1, and access units as samples.

use crate::av1;
use crate::h264;
use crate::h265::{self, HdrMetadata};
use crate::mp4::SampleEntry;
use crate::nal::nal_units;
use crate::read::Reader;

/// A codec of video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VideoCodec {
    H264,
    Hevc,
    /// Its access units are temporal units, which consist of OBUs instead of NAL units.
    Av1,
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

impl VideoCodec {
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
            Self::Av1 => Role::Other,
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
            Self::Av1 => match av1::obus(sample).find_map(|it| av1::frame_kind(&it)) {
                Some(av1::FrameKind::Key) => FrameClass::Sync,
                Some(av1::FrameKind::Intra) => FrameClass::Intra,
                Some(av1::FrameKind::Inter) | None => FrameClass::Inter,
            },
        }
    }
}

/// The parameter sets of a stream, without start codes.
#[derive(Debug, Clone)]
pub(crate) struct ParameterSets {
    pub(crate) codec: VideoCodec,
    /// Video parameter sets; only HEVC has them.
    pub(crate) vps: Vec<Vec<u8>>,
    /// Sequence parameter sets; AV1: the sequence header.
    pub(crate) sps: Vec<Vec<u8>>,
    pub(crate) pps: Vec<Vec<u8>>,
    /// HEVC and AV1: the metadata of HDR in the first frame, where it also stays.
    pub(crate) hdr: HdrMetadata,
}

impl ParameterSets {
    pub(crate) fn new(codec: VideoCodec) -> Self {
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
            b"av01" => Self::from_av1c(config),
            _ => None,
        }
    }

    /// Parses the payload of `avcC` (ISO/IEC 14496-15, 5.3.3.1).
    fn from_avcc(avcc: &[u8]) -> Option<Self> {
        let mut sets = Self::new(VideoCodec::H264);
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
        let mut sets = Self::new(VideoCodec::Hevc);
        for nal in h265::hvcc_units(hvcc)? {
            match VideoCodec::Hevc.role(nal)? {
                Role::Video => sets.vps.push(nal.to_vec()),
                Role::Sequence => sets.sps.push(nal.to_vec()),
                Role::Picture => sets.pps.push(nal.to_vec()),
                Role::Delimiter | Role::Other => {}
            }
        }
        Some(sets)
    }

    /// Parses the payload of `av1C` (AV1 binding, 2.3).
    fn from_av1c(av1c: &[u8]) -> Option<Self> {
        let mut sets = Self::new(VideoCodec::Av1);
        let headers = av1::obus(av1c.get(4..)?).filter(|it| it.kind == av1::SEQUENCE_HEADER);
        sets.sps = headers.map(|it| it.whole.to_vec()).collect();
        Some(sets)
    }

    /// Takes the metadata of HDR out of the first sample.
    pub(crate) fn note_hdr(&mut self, sample: &[u8]) {
        match self.codec {
            VideoCodec::H264 => {}
            VideoCodec::Hevc => sample_units(sample).for_each(|it| self.hdr.note(it)),
            VideoCodec::Av1 => {
                av1::obus(sample).for_each(|it| av1::note_metadata(&it, &mut self.hdr));
            }
        }
    }

    /// Whether both are equal, apart from metadata.
    pub(crate) fn equal(&self, other: &Self) -> bool {
        self.codec == other.codec
            && self.vps == other.vps
            && self.sps == other.sps
            && self.pps == other.pps
    }

    /// Whether a decoder can start with them.
    pub(crate) fn are_complete(&self) -> bool {
        match self.codec {
            VideoCodec::H264 => !self.sps.is_empty() && !self.pps.is_empty(),
            VideoCodec::Hevc => [&self.vps, &self.sps, &self.pps]
                .iter()
                .all(|it| !it.is_empty()),
            VideoCodec::Av1 => !self.sps.is_empty(),
        }
    }

    /// Appends an access unit of a byte stream to `sample`, with a length of four bytes in front of
    /// each NAL unit. The parameter sets of the first access unit are kept here, and equal ones are
    /// left out of all samples. Other ones stay in the sample; returns whether it has some.
    pub(crate) fn convert(&mut self, unit: &[u8], is_first: bool, sample: &mut Vec<u8>) -> bool {
        let mut changed = false;
        if self.codec == VideoCodec::Av1 {
            return self.convert_obus(unit, is_first, sample);
        }
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

    /// [`Self::convert`] for AV1. Sequence headers stay in the samples, too: a sync sample has one
    /// (AV1 binding, 2.4).
    fn convert_obus(&mut self, unit: &[u8], is_first: bool, sample: &mut Vec<u8>) -> bool {
        let mut changed = false;
        for obu in av1::obus(unit) {
            match obu.kind {
                av1::TEMPORAL_DELIMITER | av1::PADDING => continue,
                av1::SEQUENCE_HEADER if self.sps.iter().any(|it| it == obu.whole) => {}
                av1::SEQUENCE_HEADER if is_first => self.sps.push(obu.whole.to_vec()),
                av1::SEQUENCE_HEADER => changed = true,
                _ => {}
            }
            sample.extend_from_slice(obu.whole);
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
