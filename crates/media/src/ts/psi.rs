//! The tables that list the contents of a transport stream: PAT and PMT (ISO/IEC 13818-1, 2.4.4).

use crate::read::Reader;

use super::EsCodec;

/// Maximum size of a section: at most 1021 bytes after its length field.
const MAX_SECTION_BYTES: usize = 1024;

/// Assembles a section from the payloads of its packets.
#[derive(Debug, Clone, Default)]
pub(crate) struct SectionBuffer {
    bytes: Vec<u8>,
    expected: usize,
    completed: bool,
    faulty: bool,
    first_faulty: bool,
}

impl SectionBuffer {
    /// Adds a packet's payload; returns the section once it is complete.
    pub(crate) fn push(&mut self, payload: &[u8], unit_start: bool) -> Option<&[u8]> {
        let mut payload = payload;
        if unit_start {
            // The pointer field contains the number of bytes of an earlier section that come first.
            let pointer = usize::from(*payload.first()?);
            payload = payload.get(1 + pointer..)?;
            self.bytes.clear();
            // A section that was never completed had a wrong length.
            if self.expected > 0 {
                self.fault();
            }
            let length = usize::from(payload.get(1)? & 0x0f) << 8 | usize::from(*payload.get(2)?);
            self.expected = 3 + length;
            if self.expected > MAX_SECTION_BYTES {
                self.expected = 0;
                self.fault();
            }
        }
        if self.expected == 0 {
            return None;
        }
        let wanted = self.expected - self.bytes.len();
        self.bytes
            .extend_from_slice(&payload[..wanted.min(payload.len())]);
        if self.bytes.len() < self.expected {
            return None;
        }
        self.expected = 0;
        self.completed = true;
        Some(&self.bytes)
    }

    /// Whether a length was impossible since the last call. `at_end`: no more packets will come.
    pub(crate) fn take_fault(&mut self, at_end: bool) -> bool {
        if at_end && self.expected > 0 {
            self.fault();
        }
        std::mem::take(&mut self.faulty)
    }

    /// Whether the first section had an impossible length.
    pub(crate) fn is_first_faulty(&self) -> bool {
        self.first_faulty
    }

    fn fault(&mut self) {
        self.faulty = true;
        self.first_faulty |= !self.completed;
    }
}

/// A table is invalid: wrong checksum, or impossible lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadTable;

/// The PIDs of the program map tables in a PAT.
pub(crate) fn parse_pat(section: &[u8]) -> Result<Vec<u16>, BadTable> {
    let mut body = Reader::new(body_of(section, 0)?);
    let mut pids = Vec::new();
    while let (Some(program), Some(pid)) = (body.u16(), body.u16()) {
        // Program 0 is the network information table.
        if program != 0 {
            pids.push(pid & 0x1fff);
        }
    }
    Ok(pids)
}

/// One elementary stream of a PMT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PmtStream {
    pub(crate) pid: u16,
    pub(crate) stream_type: u8,
    pub(crate) codec: EsCodec,
}

/// The elementary streams in a PMT.
pub(crate) fn parse_pmt(section: &[u8]) -> Result<Vec<PmtStream>, BadTable> {
    let mut body = Reader::new(body_of(section, 2)?);
    read_pmt(&mut body).ok_or(BadTable)
}

fn read_pmt(body: &mut Reader<'_>) -> Option<Vec<PmtStream>> {
    body.u16()?; // PID of the clock reference
    let program_info = usize::from(body.u16()? & 0x0fff);
    body.skip(program_info)?;
    let mut streams = Vec::new();
    while body.len() > 0 {
        let stream_type = body.u8()?;
        let pid = body.u16()? & 0x1fff;
        let info = usize::from(body.u16()? & 0x0fff);
        let descriptors = body.take(info)?;
        streams.push(PmtStream {
            pid,
            stream_type,
            codec: codec_of(stream_type, descriptors),
        });
    }
    Some(streams)
}

/// The stream type of private data in PES packets.
pub(super) const PRIVATE_DATA: u8 = 0x06;

fn codec_of(stream_type: u8, descriptors: &[u8]) -> EsCodec {
    match stream_type {
        0x01 | 0x02 => EsCodec::Mpeg2Video,
        0x03 | 0x04 => EsCodec::MpegAudio,
        0x0f => EsCodec::AacAdts,
        0x11 => EsCodec::AacLatm,
        0x10 => EsCodec::Mpeg4Video,
        0x15 => EsCodec::TimedId3,
        0x1b => EsCodec::H264,
        0x24 => EsCodec::Hevc,
        0x81 => EsCodec::Ac3,
        0x87 => EsCodec::Eac3,
        // Apple's SAMPLE-AES stream types are the clear ones moved into the private range.
        0xdb | 0xcf | 0xc1 | 0xc2 => EsCodec::SampleAes,
        _ => match registration_of(descriptors) {
            Some(b"AC-3") => EsCodec::Ac3,
            Some(b"EAC3") => EsCodec::Eac3,
            Some(b"HEVC") => EsCodec::Hevc,
            Some(b"Opus") => EsCodec::Opus,
            _ => EsCodec::Other,
        },
    }
}

fn registration_of(descriptors: &[u8]) -> Option<&[u8; 4]> {
    let mut reader = Reader::new(descriptors);
    loop {
        let tag = reader.u8()?;
        let length = usize::from(reader.u8()?);
        let body = reader.take(length)?;
        if tag == 0x05 {
            return body.first_chunk();
        }
    }
}

/// The bytes between the fixed header of a section and its checksum.
fn body_of(section: &[u8], table_id: u8) -> Result<&[u8], BadTable> {
    if section.len() < 12 || section[0] != table_id || crc32(section) != 0 {
        return Err(BadTable);
    }
    Ok(&section[8..section.len() - 4])
}

/// CRC-32/MPEG-2; 0 over a section that ends with its own checksum.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte) << 24;
        for _ in 0..8 {
            crc = if crc & 0x8000_0000 != 0 {
                crc << 1 ^ 0x04c1_1db7
            } else {
                crc << 1
            };
        }
    }
    crc
}
