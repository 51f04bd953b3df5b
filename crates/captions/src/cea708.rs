//! CEA-708 captions (ANSI/CTA-708-E, 47 CFR 79.102): the packets of digital television, each with
//! blocks of several services, become tracks of cues.
//!
//! Services draw windows of text. Their text, italics and underlines are kept, and whether all of
//! it is in the upper half of the picture; colours, fonts and effects are left out.

mod characters;
mod code;
mod service;
mod window;

use std::collections::BTreeMap;

use crate::Track;
use crate::limits::MAX_TIME_MS;

use service::Service;

/// Maximum number of services that are decoded: as many as a television must know (CTA-708-E, 9.2).
/// The first ones in the stream count.
const MOST_SERVICES: usize = 16;

/// Maximum size of a packet, bytes (CTA-708-E, 5).
const LARGEST_PACKET: usize = 128;

/// Decodes the captions of all services. Memory is bounded: each service keeps its first
/// [`MAX_CUES`](crate::MAX_CUES) cues, with at most [`MAX_BYTES`](crate::MAX_BYTES) of text.
#[derive(Debug, Default)]
pub struct Cea708 {
    services: BTreeMap<u8, Service>,
    /// The packet that is being collected, from its header on; empty: none.
    packet: Vec<u8>,
    now_ms: u64,
}

impl Cea708 {
    /// A decoder without any windows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Consumes two bytes of a packet, which arrive at `at_ms`, milliseconds from the start of the
    /// video. A time before that of the last bytes counts as that time. `begins`: the first byte is
    /// the header of a packet.
    ///
    /// Bytes that belong to no packet are ignored. Of a packet that is cut off by the next one, the
    /// blocks that arrived are used. The sequence numbers are not compared: some encoders send
    /// always the same one.
    pub fn push(&mut self, begins: bool, data: [u8; 2], at_ms: u64) {
        self.now_ms = at_ms.min(MAX_TIME_MS).max(self.now_ms);
        if begins {
            self.end_packet();
        } else if self.packet.is_empty() {
            return;
        }
        self.packet.extend(data);
        if self.packet.len() >= size(self.packet[0]) {
            self.end_packet();
        }
    }

    /// The services with captions: number (1 to 63) and cues, which do not overlap. Captions that
    /// are still shown end at `end_ms`.
    pub fn finish(mut self, end_ms: u64) -> Vec<(u8, Track)> {
        self.end_packet();
        let end_ms = end_ms.min(MAX_TIME_MS);
        let services = self.services.into_iter();
        let tracks = services.map(|(number, it)| (number, it.finish(end_ms)));
        tracks.filter(|it| !it.1.cues.is_empty()).collect()
    }

    /// Reads the blocks of the current packet (CTA-708-E, 6.2).
    fn end_packet(&mut self) {
        let packet = std::mem::take(&mut self.packet);
        let Some(mut rest) = packet.get(1..) else {
            return;
        };
        while let [header, after @ ..] = rest {
            let (mut number, size) = (header >> 5, usize::from(header & 0x1f));
            rest = after;
            // A null block: the rest is padding.
            if *header == 0 {
                return;
            }
            if number == 7
                && size > 0
                && let [extended, after @ ..] = rest
            {
                (number, rest) = (extended & 0x3f, after);
            }
            let (block, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            if number > 0 {
                self.block(number, block);
            }
            let is_cut_off = block.len() < size;
            if is_cut_off && let Some(service) = self.services.get_mut(&number) {
                service.forget_partial();
            }
        }
    }

    fn block(&mut self, number: u8, block: &[u8]) {
        if self.services.len() >= MOST_SERVICES && !self.services.contains_key(&number) {
            return;
        }
        let service = self.services.entry(number).or_default();
        service.push(block, self.now_ms);
    }
}

/// Size of a packet with this header, bytes.
fn size(header: u8) -> usize {
    match usize::from(header & 0x3f) {
        0 => LARGEST_PACKET,
        code => 2 * code,
    }
}

#[cfg(test)]
mod tests;
