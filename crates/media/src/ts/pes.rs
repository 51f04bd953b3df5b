//! The header of a packetised elementary stream packet (ISO/IEC 13818-1, 2.4.3.6), with its time
//! stamps.

/// The contents of a PES header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PesHeader {
    /// 33-bit presentation time, 90 kHz.
    pub(crate) pts: Option<u64>,
    /// 33-bit decode time, 90 kHz.
    pub(crate) dts: Option<u64>,
    /// Payload size in bytes; `None` for "until the next one", which is usual for video.
    pub(crate) payload_bytes: Option<usize>,
    /// Size of the header itself, bytes.
    pub(crate) header_bytes: usize,
}

/// The result of parsing a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    Header(PesHeader),
    /// The header continues in the next packet.
    Incomplete,
    /// These bytes do not start a PES packet.
    Invalid,
}

pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some(fixed) = bytes.first_chunk::<9>() else {
        return Parsed::Incomplete;
    };
    if fixed[..3] != [0, 0, 1] || fixed[6] & 0xc0 != 0x80 {
        return Parsed::Invalid;
    }
    let optional = usize::from(fixed[8]);
    let header_bytes = 9 + optional;
    let Some(fields) = bytes.get(9..header_bytes) else {
        return Parsed::Incomplete;
    };
    let length = usize::from(fixed[4]) << 8 | usize::from(fixed[5]);
    let has_pts = fixed[7] & 0x80 != 0;
    let has_dts = fixed[7] & 0xc0 == 0xc0;
    Parsed::Header(PesHeader {
        pts: has_pts.then(|| timestamp(fields.get(..5))).flatten(),
        dts: has_dts.then(|| timestamp(fields.get(5..10))).flatten(),
        payload_bytes: (length > 0).then(|| (length + 6).saturating_sub(header_bytes)),
        header_bytes,
    })
}

fn timestamp(field: Option<&[u8]>) -> Option<u64> {
    let [a, b, c, d, e] = *field?.first_chunk::<5>()?;
    // Three marker bits must be set: a cheap check against garbage.
    if a & 1 == 0 || c & 1 == 0 || e & 1 == 0 {
        return None;
    }
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}
