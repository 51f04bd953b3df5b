//! Frames of MPEG audio (ISO/IEC 11172-3 and 13818-3, and the unofficial MPEG 2.5): MP1, MP2, MP3.

/// Length of a frame header, bytes.
pub const HEADER_BYTES: usize = 4;

/// Bit rates of MPEG-1, kbit/s, by layer.
const RATES_1: [[u16; 15]; 3] = [
    [
        0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
    ],
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
];

/// Bit rates of MPEG-2 and 2.5, kbit/s: of layer I, and of the others.
const RATES_2: [[u16; 15]; 2] = [
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Sample rates of MPEG-1, Hz.
const SAMPLE_RATES: [u32; 3] = [44_100, 48_000, 32_000];

/// The length in bytes of the frame that begins with these bytes, header included; `None`: no frame of
/// a known length begins here.
pub fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    let [sync, kind, rates, _] = *bytes.first_chunk::<HEADER_BYTES>()?;
    if sync != 0xff || kind & 0xe0 != 0xe0 {
        return None;
    }
    // Version 1 and layer 0 are reserved; ADTS has layer 0.
    let (version, layer) = ((kind >> 3) & 3, 4 - usize::from((kind >> 1) & 3));
    if version == 1 || layer == 4 {
        return None;
    }
    let is_first = version == 3;
    let index = usize::from(rates >> 4);
    let table = match (is_first, layer) {
        (true, _) => &RATES_1[layer - 1],
        (false, 1) => &RATES_2[0],
        (false, _) => &RATES_2[1],
    };
    let bit_rate = u32::from(*table.get(index)?) * 1000;
    let sample_rate = SAMPLE_RATES.get(usize::from((rates >> 2) & 3))?;
    let sample_rate = match version {
        3 => *sample_rate,
        2 => sample_rate / 2,
        _ => sample_rate / 4,
    };
    if bit_rate == 0 {
        // Free format: only the next header shows the length.
        return None;
    }
    let padding = u32::from((rates >> 1) & 1);
    let bytes = match layer {
        1 => (12 * bit_rate / sample_rate + padding) * 4,
        3 if !is_first => 72 * bit_rate / sample_rate + padding,
        _ => 144 * bit_rate / sample_rate + padding,
    };
    usize::try_from(bytes).ok()
}

/// Whether a stream of frames begins here: another frame follows the first one, unless the bytes end
/// before it.
pub fn begins_stream(bytes: &[u8]) -> bool {
    let Some(first) = frame_bytes(bytes) else {
        return false;
    };
    match bytes.get(first..) {
        Some(rest) if rest.len() >= HEADER_BYTES => frame_bytes(rest).is_some(),
        Some(_) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_from_headers() {
        for (header, expected) in [
            // MP3, 128 kbit/s at 44.1 kHz, without and with padding.
            ([0xff, 0xfb, 0x90, 0x00], Some(417)),
            ([0xff, 0xfb, 0x92, 0x00], Some(418)),
            // MPEG-2, layer III, 64 kbit/s at 22.05 kHz; MPEG 2.5, 8 kbit/s at 8 kHz.
            ([0xff, 0xf3, 0x80, 0x00], Some(208)),
            ([0xff, 0xe3, 0x18, 0x00], Some(72)),
            // MP2, 192 kbit/s at 48 kHz; layer I, 384 kbit/s at 48 kHz.
            ([0xff, 0xfd, 0xa4, 0x00], Some(576)),
            ([0xff, 0xff, 0xc4, 0x00], Some(384)),
            // ADTS, a reserved version, the forbidden rates, free format.
            ([0xff, 0xf1, 0x50, 0x80], None),
            ([0xff, 0xeb, 0x90, 0x00], None),
            ([0xff, 0xfb, 0xf0, 0x00], None),
            ([0xff, 0xfb, 0x9c, 0x00], None),
            ([0xff, 0xfb, 0x00, 0x00], None),
            ([0xfe, 0xfb, 0x90, 0x00], None),
        ] {
            assert_eq!(frame_bytes(&header), expected, "{header:02x?}");
        }
        assert_eq!(frame_bytes(&[0xff, 0xfb, 0x90]), None);
    }

    #[test]
    fn one_header_is_not_enough_where_another_should_follow() {
        let mut two = vec![0; 900];
        two[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0]);
        assert!(begins_stream(&two[..300]), "nothing contradicts it");
        assert!(!begins_stream(&two));
        two[417..421].copy_from_slice(&[0xff, 0xfb, 0x92, 0]);
        assert!(begins_stream(&two));
    }
}
