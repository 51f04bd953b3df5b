//! The 188-byte packet (ISO/IEC 13818-1, 2.4.3): header, adaptation field, payload.

/// Bytes in a transport stream packet.
pub const PACKET_BYTES: usize = 188;

/// First byte of every packet.
pub const SYNC_BYTE: u8 = 0x47;

/// A null packet (ISO/IEC 13818-1, 2.4.3.3: PID 0x1fff).
pub const NULL_PACKET: [u8; PACKET_BYTES] = {
    let mut packet = [0xff; PACKET_BYTES];
    (packet[0], packet[1], packet[2], packet[3]) = (SYNC_BYTE, 0x1f, 0xff, 0x10);
    packet
};

/// One packet, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet<'a> {
    pub(crate) pid: u16,
    pub(crate) unit_start: bool,
    pub(crate) counter: u8,
    pub(crate) discontinuity: bool,
    pub(crate) has_payload: bool,
    pub(crate) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Parses a packet; `None` if the adaptation field is larger than the packet, or the packet is
    /// marked as damaged.
    #[inline]
    pub(crate) fn parse(bytes: &'a [u8; PACKET_BYTES]) -> Option<Self> {
        if bytes[0] != SYNC_BYTE || bytes[1] & 0x80 != 0 {
            return None;
        }
        let has_adaptation = bytes[3] & 0x20 != 0;
        let has_payload = bytes[3] & 0x10 != 0;
        let adaptation = usize::from(bytes[4]);
        let start = if has_adaptation { 5 + adaptation } else { 4 };
        if start > PACKET_BYTES {
            return None;
        }
        Some(Self {
            pid: u16::from(bytes[1] & 0x1f) << 8 | u16::from(bytes[2]),
            unit_start: bytes[1] & 0x40 != 0,
            counter: bytes[3] & 0xf,
            discontinuity: has_adaptation && adaptation > 0 && bytes[5] & 0x80 != 0,
            has_payload,
            payload: if has_payload { &bytes[start..] } else { &[] },
        })
    }
}
