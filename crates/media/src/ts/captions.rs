//! The caption data of the video in a transport stream, in the order in which it is presented.

use super::EsCodec;
use super::clock::{Clock, near};
use super::packet::{PACKET_BYTES, Packet, SYNC_BYTE};
use super::pes::{self, Parsed, PesHeader};
use super::psi::{SectionBuffer, parse_pat, parse_pmt};
use crate::a53::{CaptionFinder, Carrier, Triplet};

/// Maximum length of a PES header: nine fixed bytes and 255 optional ones.
const MAX_PES_HEADER_BYTES: usize = 264;

/// Maximum number of access units that wait for earlier ones. H.264 and HEVC reorder at most 16
/// frames.
const MOST_WAITING: usize = 64;

/// The caption data of one access unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionUnit {
    /// Presentation time, 90 kHz, unwrapped.
    pub pts: i64,
    /// The valid triplets, in the order of the stream; at least one.
    pub triplets: Vec<Triplet>,
}

/// Finds the caption data (ATSC A/53) in the first H.264, HEVC or MPEG-2 stream of a transport
/// stream that arrives in pieces. Access units are in decoding order; their caption data comes out
/// in the order of presentation. Damaged packets cost the messages in them, and nothing else.
/// Memory does not grow with the stream.
#[derive(Debug, Default)]
pub struct CaptionScanner {
    /// Bytes of a packet that continues in the next piece.
    carry: Vec<u8>,
    pat: SectionBuffer,
    pmt: SectionBuffer,
    pmt_pid: Option<u16>,
    video: Option<Video>,
    clock: Clock,
    waiting: Vec<CaptionUnit>,
    ready: Vec<CaptionUnit>,
    /// A reference picture without a time, which is presented before the next one.
    held: Option<Vec<Triplet>>,
    /// The latest presentation time so far.
    latest: i64,
    found: bool,
}

/// The state of the video stream.
#[derive(Debug)]
struct Video {
    pid: u16,
    counter: Option<u8>,
    finder: CaptionFinder,
    part: Part,
    /// Presentation time of the current access unit; `None`: it has none.
    pts: Option<i64>,
    triplets: Vec<Triplet>,
}

/// The part of the PES packet that comes next.
#[derive(Debug)]
enum Part {
    /// None: the start of the packet was lost, or is invalid.
    Nothing,
    /// The rest of a header that began with these bytes.
    Header(Vec<u8>),
    Payload,
}

impl CaptionScanner {
    /// A scanner at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Consumes the next bytes. Returns the access units with caption data that no later one
    /// precedes, in the order of presentation.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<CaptionUnit> {
        let mut carry = std::mem::take(&mut self.carry);
        carry.extend_from_slice(bytes);
        let mut rest = &carry[..];
        while let Some((packet, after)) = rest.split_first_chunk::<PACKET_BYTES>() {
            if packet[0] == SYNC_BYTE {
                self.packet(packet);
                rest = after;
            } else {
                let next = rest.iter().position(|it| *it == SYNC_BYTE);
                rest = &rest[next.unwrap_or(rest.len())..];
            }
        }
        let done = carry.len() - rest.len();
        carry.drain(..done);
        self.carry = carry;
        std::mem::take(&mut self.ready)
    }

    /// The remaining access units, after the end of the stream.
    pub fn finish(&mut self) -> Vec<CaptionUnit> {
        self.end_unit();
        if let Some(held) = self.held.take() {
            self.wait(self.latest + 1, held);
        }
        let mut rest = std::mem::take(&mut self.ready);
        rest.append(&mut self.waiting);
        rest
    }

    /// Whether a message with caption data was found, be it only padding.
    pub fn has_captions(&self) -> bool {
        self.found
    }

    fn packet(&mut self, bytes: &[u8; PACKET_BYTES]) {
        let Some(packet) = Packet::parse(bytes) else {
            return;
        };
        if packet.pid == 0 {
            if let Some(section) = self.pat.push(packet.payload, packet.unit_start)
                && let Ok(pids) = parse_pat(section)
            {
                self.pmt_pid = pids.first().copied();
            }
        } else if Some(packet.pid) == self.pmt_pid {
            if let Some(section) = self.pmt.push(packet.payload, packet.unit_start)
                && let Ok(streams) = parse_pmt(section)
                && self.video.is_none()
            {
                let carried = |it: EsCodec| carrier(it).map(CaptionFinder::new);
                let video = streams
                    .iter()
                    .find_map(|it| Some((it.pid, carried(it.codec)?)));
                self.video = video.map(|(pid, finder)| Video::new(pid, finder));
            }
        } else if self.video.as_ref().is_some_and(|it| it.pid == packet.pid) && packet.has_payload {
            self.video_packet(&packet);
        }
    }

    fn video_packet(&mut self, packet: &Packet<'_>) {
        if packet.unit_start {
            self.end_unit();
        }
        let Some(video) = &mut self.video else { return };
        let previous = video.counter.replace(packet.counter);
        if previous == Some(packet.counter) && !packet.unit_start && !packet.discontinuity {
            // A repetition (ISO/IEC 13818-1, 2.4.3.3).
            return;
        }
        let follows = |it: u8| packet.counter == (it + 1) & 0xf || packet.discontinuity;
        if packet.unit_start {
            video.part = Part::Header(vec![]);
        } else if !previous.is_none_or(follows) {
            video.finder.discard();
            if matches!(video.part, Part::Header(_)) {
                video.part = Part::Nothing;
            }
        }
        match &mut video.part {
            Part::Nothing => {}
            Part::Payload => self.found |= video.push(packet.payload),
            Part::Header(header) => {
                header.extend_from_slice(packet.payload);
                match pes::parse(header) {
                    Parsed::Header(parsed) => {
                        let header = std::mem::take(header);
                        self.begin_unit(parsed, &header[parsed.header_bytes..]);
                    }
                    Parsed::Incomplete if header.len() < MAX_PES_HEADER_BYTES => {}
                    Parsed::Incomplete | Parsed::Invalid => video.part = Part::Nothing,
                }
            }
        }
    }

    fn begin_unit(&mut self, header: PesHeader, payload: &[u8]) {
        let Some(video) = &mut self.video else { return };
        let dts = header.dts.or(header.pts).map(|it| self.clock.advance(it));
        video.pts = dts.zip(header.pts).map(|(dts, pts)| near(dts, pts));
        video.part = Part::Payload;
        self.found |= video.push(payload);
        // No later access unit is decoded, and so none is presented, before this one is decoded.
        if let Some(dts) = dts {
            let count = self.waiting.partition_point(|it| it.pts <= dts);
            self.ready.extend(self.waiting.drain(..count));
        }
    }

    /// Ends the current access unit. Programme streams do not have a time for each picture: FFmpeg
    /// computes those of B-pictures. A reference picture without one is presented after the
    /// B-pictures that follow it, so its time is known when the next reference picture comes.
    fn end_unit(&mut self) {
        let Some(video) = &mut self.video else { return };
        if !matches!(video.part, Part::Payload) {
            return;
        }
        video.part = Part::Nothing;
        self.found |= video.finder.end(&mut video.triplets);
        let triplets = std::mem::take(&mut video.triplets);
        let (pts, is_reference) = (video.pts.take(), video.finder.is_reference());
        if is_reference && let Some(held) = self.held.take() {
            self.wait(self.latest + 1, held);
        }
        match pts {
            Some(pts) => self.wait(pts, triplets),
            None if is_reference => self.held = Some(triplets),
            None => self.wait(self.latest, triplets),
        }
    }

    /// Adds an access unit to those that wait for earlier ones.
    fn wait(&mut self, pts: i64, triplets: Vec<Triplet>) {
        self.latest = self.latest.max(pts);
        if triplets.is_empty() {
            return;
        }
        let at = self.waiting.partition_point(|it| it.pts <= pts);
        self.waiting.insert(at, CaptionUnit { pts, triplets });
        if self.waiting.len() > MOST_WAITING {
            self.ready.push(self.waiting.remove(0));
        }
    }
}

impl Video {
    fn new(pid: u16, finder: CaptionFinder) -> Self {
        Self {
            pid,
            counter: None,
            finder,
            part: Part::Nothing,
            pts: None,
            triplets: vec![],
        }
    }

    fn push(&mut self, payload: &[u8]) -> bool {
        self.finder.push(payload, &mut self.triplets)
    }
}

fn carrier(codec: EsCodec) -> Option<Carrier> {
    match codec {
        EsCodec::H264 => Some(Carrier::H264),
        EsCodec::Hevc => Some(Carrier::Hevc),
        EsCodec::Mpeg2Video => Some(Carrier::Mpeg2),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
