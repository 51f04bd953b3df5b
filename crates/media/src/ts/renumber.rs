//! Renumbers the packets of concatenated transport streams.

use std::collections::HashMap;

use super::packet::{PACKET_BYTES, SYNC_BYTE};

/// Renumbers the packets of every stream, so that concatenated pieces of several transport streams
/// are one stream without gaps (ISO/IEC 13818-1, 2.4.3.3). Bytes that are not packets stay
/// unchanged.
pub fn renumber(bytes: &mut [u8]) {
    Renumbering::default().apply(bytes);
}

/// As [`renumber`], piece by piece.
#[derive(Debug, Default)]
pub struct Renumbering {
    next: HashMap<u16, u8>,
}

impl Renumbering {
    /// Renumbers the next piece, which begins with a packet.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        for packet in bytes
            .chunks_exact_mut(PACKET_BYTES)
            .filter(|it| it[0] == SYNC_BYTE)
        {
            let pid = u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2]);
            let counter = self.next.entry(pid).or_default();
            let has_payload = packet[3] & 0x10 != 0;
            // A packet without payload repeats the number before it.
            let number = if has_payload {
                *counter
            } else {
                counter.wrapping_sub(1) & 0xf
            };
            packet[3] = packet[3] & 0xf0 | number;
            if has_payload {
                *counter = (*counter + 1) & 0xf;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pid: u8, control: u8) -> Vec<u8> {
        let mut bytes = vec![0; PACKET_BYTES];
        bytes[..4].copy_from_slice(&[SYNC_BYTE, 0, pid, control]);
        bytes
    }

    #[test]
    fn every_stream_counts_on() {
        let mut bytes = [
            packet(1, 0x17),
            packet(2, 0x10),
            packet(1, 0x23),
            packet(1, 0x3f),
            packet(2, 0x1f),
        ]
        .concat();
        renumber(&mut bytes);
        let controls: Vec<u8> = bytes.chunks(PACKET_BYTES).map(|it| it[3]).collect();
        assert_eq!(controls, [0x10, 0x10, 0x20, 0x31, 0x11]);
    }

    #[test]
    fn pieces_are_counted_as_the_whole() {
        let packets = [0x17, 0x23, 0x3f, 0x10].map(|control| packet(1, control));
        let mut whole = packets.concat();
        renumber(&mut whole);
        let mut renumbering = Renumbering::default();
        let pieces = packets.map(|mut it| {
            renumbering.apply(&mut it);
            it
        });
        assert_eq!(pieces.concat(), whole);
    }

    #[test]
    fn bytes_outside_packets_stay() {
        let mut bytes = vec![7; 400];
        renumber(&mut bytes);
        assert_eq!(bytes, vec![7; 400]);
    }
}
