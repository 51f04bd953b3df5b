//! Cuts an intra-only transport stream into one independent stream per frame, for I-frame playlists
//! (RFC 8216, 4.3.3.6): each entry must be decodable from its own bytes only.

use super::elementary::is_video;
use super::packet::{PACKET_BYTES, Packet};
use super::psi::{SectionBuffer, parse_pat, parse_pmt};
use super::scan;

/// One frame with the tables in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IFrameCut {
    /// Presentation time, 90 kHz, unwrapped against the other cuts of the same call.
    pub pts: i64,
    /// Whether it can be decoded independently: parameter sets and an IDR frame.
    pub starts_with_idr: bool,
    /// PAT, PMT and the packets of the frame: a complete transport stream.
    pub bytes: Vec<u8>,
}

/// The stream could not be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// There is no PAT and PMT before the first frame, or they list no video.
    #[error("the transport stream has no tables that name a video stream")]
    NoVideo,
    /// The length is not a multiple of a packet, or a packet does not begin where it should.
    #[error("the transport stream is damaged at byte {offset}")]
    Damaged {
        /// Offset of the damage, bytes.
        offset: usize,
    },
}

/// Splits `bytes` into its frames. Continuity counters continue from cut to cut, so that the
/// concatenated cuts form a valid stream as well.
///
/// Streams other than the first video stream are omitted.
pub fn cut_iframes(bytes: &[u8]) -> Result<Vec<IFrameCut>, CutError> {
    let mut cutter = Cutter::default();
    let mut chunks = bytes.chunks_exact(PACKET_BYTES);
    for (index, chunk) in chunks.by_ref().enumerate() {
        let offset = index * PACKET_BYTES;
        let chunk: &[u8; PACKET_BYTES] = chunk.first_chunk().ok_or(CutError::Damaged { offset })?;
        let packet = Packet::parse(chunk).ok_or(CutError::Damaged { offset })?;
        cutter.packet(chunk, &packet);
    }
    if !chunks.remainder().is_empty() {
        return Err(CutError::Damaged {
            offset: bytes.len() - chunks.remainder().len(),
        });
    }
    if cutter.video_pid.is_none() {
        return Err(CutError::NoVideo);
    }
    Ok(cutter.finish())
}

#[derive(Default)]
struct Cutter {
    pat: SectionBuffer,
    pmt: SectionBuffer,
    pat_packets: Vec<[u8; PACKET_BYTES]>,
    pmt_packets: Vec<[u8; PACKET_BYTES]>,
    pmt_pid: Option<u16>,
    video_pid: Option<u16>,
    pat_counter: u8,
    pmt_counter: u8,
    video_counter: u8,
    cuts: Vec<Vec<u8>>,
}

impl Cutter {
    fn packet(&mut self, bytes: &[u8; PACKET_BYTES], packet: &Packet<'_>) {
        if packet.pid == 0 {
            if packet.unit_start {
                self.pat_packets.clear();
            }
            self.pat_packets.push(*bytes);
            if let Some(section) = self.pat.push(packet.payload, packet.unit_start)
                && let Ok(pids) = parse_pat(section)
            {
                self.pmt_pid = pids.first().copied();
            }
        } else if Some(packet.pid) == self.pmt_pid {
            if packet.unit_start {
                self.pmt_packets.clear();
            }
            self.pmt_packets.push(*bytes);
            if let Some(section) = self.pmt.push(packet.payload, packet.unit_start)
                && let Ok(streams) = parse_pmt(section)
            {
                self.video_pid = streams.iter().find(|it| is_video(it)).map(|it| it.pid);
            }
        } else if Some(packet.pid) == self.video_pid && packet.has_payload {
            if packet.unit_start {
                self.begin_cut();
            }
            if let Some(cut) = self.cuts.last_mut() {
                append(cut, bytes, &mut self.video_counter);
            }
        }
    }

    fn begin_cut(&mut self) {
        let mut cut = Vec::new();
        for packet in &self.pat_packets {
            append(&mut cut, packet, &mut self.pat_counter);
        }
        for packet in &self.pmt_packets {
            append(&mut cut, packet, &mut self.pmt_counter);
        }
        self.cuts.push(cut);
    }

    fn finish(self) -> Vec<IFrameCut> {
        let mut clock = super::clock::Clock::default();
        let cuts = self.cuts.into_iter().filter_map(|bytes| {
            let report = scan(&bytes);
            let video = report.video()?;
            let pts = clock.advance(video.first_pts?.rem_euclid(1 << 33) as u64);
            Some(IFrameCut {
                pts,
                starts_with_idr: video.starts_with_idr,
                bytes,
            })
        });
        cuts.collect()
    }
}

fn append(cut: &mut Vec<u8>, packet: &[u8; PACKET_BYTES], counter: &mut u8) {
    let start = cut.len();
    cut.extend_from_slice(packet);
    cut[start + 3] = packet[3] & 0xf0 | *counter;
    *counter = (*counter + 1) & 0xf;
}
