//! AAC in transport streams: ADTS headers (ISO/IEC 13818-7, 6.2); its parameters in MP4 files.

mod config;

pub use config::AudioConfig;

/// Samples per channel in one AAC raw data block.
pub const SAMPLES_PER_BLOCK: u32 = 1024;

/// Length of an ADTS header without its optional checksum, bytes.
pub(crate) const HEADER_BYTES: usize = 7;

const SAMPLE_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// The contents of an ADTS header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdtsHeader {
    /// MPEG-4 audio object type: 2 is AAC-LC.
    pub object_type: u8,
    /// Sample rate, Hz. For implicitly signalled HE-AAC this is the rate of the core, half of the
    /// output rate.
    pub sample_rate: u32,
    /// Channels of the channel configuration; 0 means that the stream itself declares them.
    pub channels: u8,
    /// Length of the whole frame in bytes, header included.
    pub frame_bytes: u16,
    /// Raw data blocks in the frame, 1 to 4.
    pub blocks: u8,
}

impl AdtsHeader {
    /// Parses the header at the start of `bytes`; `None` if there is no valid one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        // Twelve bits of sync, any MPEG version, layer 0.
        if bytes[0] != 0xff || bytes[1] & 0xf6 != 0xf0 {
            return None;
        }
        let sample_rate = *SAMPLE_RATES.get(usize::from((bytes[2] >> 2) & 0xf))?;
        let frame_bytes =
            u16::from(bytes[3] & 3) << 11 | u16::from(bytes[4]) << 3 | u16::from(bytes[5]) >> 5;
        if usize::from(frame_bytes) < HEADER_BYTES {
            return None;
        }
        let configuration = (bytes[2] & 1) << 2 | bytes[3] >> 6;
        Some(Self {
            object_type: (bytes[2] >> 6) + 1,
            sample_rate,
            channels: if configuration == 7 { 8 } else { configuration },
            frame_bytes,
            blocks: (bytes[6] & 3) + 1,
        })
    }

    /// Samples per channel in this frame.
    pub fn samples(&self) -> u32 {
        u32::from(self.blocks) * SAMPLES_PER_BLOCK
    }

    /// The codec as RFC 6381 writes it, such as `mp4a.40.2`.
    pub fn codec_string(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 48 kHz stereo AAC-LC, 20 bytes in all.
    const FRAME: [u8; 20] = [
        0xff, 0xf1, 0x4c, 0x80, 0x02, 0x9f, 0xfc, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
    ];

    #[test]
    fn header_says_rate_channels_and_length() {
        let header = AdtsHeader::parse(&FRAME).unwrap();
        let expected = AdtsHeader {
            object_type: 2,
            sample_rate: 48_000,
            channels: 2,
            frame_bytes: 20,
            blocks: 1,
        };
        assert_eq!(header, expected);
        assert_eq!(header.codec_string(), "mp4a.40.2");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let _ = AdtsHeader::parse(&bytes);
        }
    }
}
