//! The PES packets of one elementary stream: its access units with their times.

use super::EsCodec;
use super::clock::near;
use super::elementary::is_private;
use super::packet::{PACKET_BYTES, Packet};
use super::pes::{self, Parsed};
use super::psi::{SectionBuffer, parse_pat, parse_pmt};
use crate::av1;

/// A PES packet of video or audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PesUnit {
    /// Presentation time, 90 kHz.
    pub pts: i64,
    /// Decoding time, 90 kHz.
    pub dts: i64,
    /// The payload.
    pub data: Vec<u8>,
}

/// The stream could not be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The tables list no stream of this codec.
    #[error("the transport stream has no such elementary stream")]
    NoStream,
    /// A packet is damaged or missing, or has no time.
    #[error("the transport stream is damaged at byte {offset}")]
    Damaged {
        /// Offset of the damage, bytes.
        offset: usize,
    },
}

/// Splits the first stream of a codec into its PES packets. `after`: a time shortly before the
/// first one, which tells how often the 33-bit clock has wrapped.
///
/// # Errors
/// If any packet of the stream is damaged or missing: nothing is skipped.
pub fn pes_units(
    bytes: &[u8],
    codec: EsCodec,
    after: Option<i64>,
) -> Result<Vec<PesUnit>, SplitError> {
    let mut splitter = Splitter::new(codec, after);
    let mut chunks = bytes.chunks_exact(PACKET_BYTES);
    for (index, chunk) in chunks.by_ref().enumerate() {
        let offset = index * PACKET_BYTES;
        let packet = chunk.first_chunk::<PACKET_BYTES>().and_then(Packet::parse);
        packet
            .and_then(|it| splitter.push(&it))
            .ok_or(SplitError::Damaged { offset })?;
    }
    let damaged = SplitError::Damaged {
        offset: bytes.len() - chunks.remainder().len(),
    };
    if !chunks.remainder().is_empty() {
        return Err(damaged);
    }
    if splitter.pid.is_none() {
        return Err(SplitError::NoStream);
    }
    splitter.close().ok_or(damaged)?;
    // Only the contents of private data show its codec.
    let is_av1 = |it: &PesUnit| it.data.starts_with(&av1::START);
    if codec == EsCodec::Av1 && !splitter.units.first().is_some_and(is_av1) {
        return Err(SplitError::NoStream);
    }
    Ok(splitter.units)
}

struct Splitter {
    codec: EsCodec,
    pat: SectionBuffer,
    pmt: SectionBuffer,
    pmt_pid: Option<u16>,
    pid: Option<u16>,
    counter: Option<u8>,
    /// The current PES packet, with its header.
    open: Option<Vec<u8>>,
    last: Option<i64>,
    units: Vec<PesUnit>,
}

impl Splitter {
    fn new(codec: EsCodec, after: Option<i64>) -> Self {
        Self {
            codec,
            pat: SectionBuffer::default(),
            pmt: SectionBuffer::default(),
            pmt_pid: None,
            pid: None,
            counter: None,
            open: None,
            last: after,
            units: vec![],
        }
    }

    /// `None`: a PES packet is damaged, or a packet is missing.
    fn push(&mut self, packet: &Packet<'_>) -> Option<()> {
        if packet.pid == 0 {
            if let Some(section) = self.pat.push(packet.payload, packet.unit_start)
                && let Ok(pids) = parse_pat(section)
            {
                self.pmt_pid = pids.first().copied();
            }
        } else if Some(packet.pid) == self.pmt_pid {
            if let Some(section) = self.pmt.push(packet.payload, packet.unit_start)
                && let Ok(streams) = parse_pmt(section)
            {
                let wanted = |codec: EsCodec, stream_type: u8| match self.codec {
                    EsCodec::Av1 => is_private(stream_type, codec),
                    wanted => codec == wanted,
                };
                let found = streams.iter().find(|it| wanted(it.codec, it.stream_type));
                self.pid = found.map(|it| it.pid);
            }
        } else if Some(packet.pid) == self.pid && packet.has_payload {
            let previous = self.counter.replace(packet.counter);
            let follows = |it: u8| packet.counter == (it + 1) & 0xf || packet.discontinuity;
            if !previous.is_none_or(follows) {
                return None;
            }
            if packet.unit_start {
                self.close()?;
                self.open = Some(vec![]);
            }
            self.open.as_mut()?.extend_from_slice(packet.payload);
        }
        Some(())
    }

    /// Ends the current PES packet. `None`: it is damaged.
    fn close(&mut self) -> Option<()> {
        let Some(mut data) = self.open.take() else {
            return Some(());
        };
        let Parsed::Header(header) = pes::parse(&data) else {
            return None;
        };
        data.drain(..header.header_bytes);
        if let Some(bytes) = header.payload_bytes {
            if data.len() < bytes {
                return None;
            }
            data.truncate(bytes);
        }
        let raw = header.dts.or(header.pts)?;
        let dts = self.last.map_or(raw as i64, |last| near(last, raw));
        let pts = near(dts, header.pts?);
        self.last = Some(dts);
        self.units.push(PesUnit { pts, dts, data });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..1200), packets in any::<bool>()) {
            if packets {
                for at in (0..bytes.len()).step_by(PACKET_BYTES) {
                    bytes[at] = super::super::SYNC_BYTE;
                }
            }
            let _ = pes_units(&bytes, EsCodec::H264, None);
        }
    }
}
