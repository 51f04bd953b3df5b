//! AC-3 and Enhanced AC-3: the headers of their frames (ETSI TS 102 366, 4.4.1, 4.4.2 and E.1.3.1),
//! and their parameters in MP4 files (annex F).

use crate::bits::BitReader;

/// Number of bytes that show all that [`Ac3Header`] has.
pub const HEADER_BYTES: usize = 7;

/// Samples per channel in an audio block.
const SAMPLES_PER_BLOCK: u32 = 256;

/// Bit rates of AC-3, kbit/s, by half of `frmsizecod` (table F.4.1).
const KBPS: [u32; 19] = [
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
];

/// Numbers of full-range channels by `acmod`.
const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];

const SAMPLE_RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// The header of a frame of AC-3 or Enhanced AC-3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ac3Header {
    /// Whether it is Enhanced AC-3.
    pub enhanced: bool,
    /// Sample rate, Hz.
    pub sample_rate: u32,
    /// Number of channels, with that of low-frequency effects.
    pub channels: u8,
    /// Length of the whole frame in bytes, header included.
    pub frame_bytes: u16,
    /// Audio blocks in the frame: 6 in AC-3; 0 if the frame only adds channels to another one.
    pub blocks: u8,
    /// `fscod`: number of the sample rate; 3: one of the halved rates.
    rate: u8,
    /// `bsid`: version of the bitstream.
    version: u8,
    /// `bsmod`: kind of the audio service; 0 (the main one) in Enhanced AC-3.
    service: u8,
    /// `acmod`: full-range channels.
    layout: u8,
    /// `lfeon`: whether there is a channel of low-frequency effects.
    effects: bool,
    /// Half of `frmsizecod`: number of the bit rate; 0 in Enhanced AC-3.
    rate_code: u8,
}

impl Ac3Header {
    /// Parses the header at the start of `bytes`; `None`: it is not valid.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        if bytes[..2] != [0x0b, 0x77] {
            return None;
        }
        // `bsid` has the same place in both.
        match bytes[5] >> 3 {
            version @ 0..=8 => Self::plain(bytes, version),
            version @ 11..=16 => Self::enhanced(bytes, version),
            _ => None,
        }
    }

    fn plain(bytes: &[u8; HEADER_BYTES], version: u8) -> Option<Self> {
        let mut bits = BitReader::new(&bytes[4..]);
        let rate = bits.bits(2)? as u8;
        let size = bits.bits(6)? as usize;
        let sample_rate = *SAMPLE_RATES.get(usize::from(rate))?;
        let kbps = *KBPS.get(size / 2)?;
        let _version = bits.bits(5)?;
        let service = bits.bits(3)? as u8;
        let layout = bits.bits(3)? as u8;
        let has_centre = layout & 1 == 1 && layout != 1;
        let skipped = [has_centre, layout & 4 != 0, layout == 2];
        for _ in skipped.into_iter().filter(|it| *it) {
            bits.bits(2)?;
        }
        let effects = bits.bit()?;
        // Words of 16 bits. At 44.1 kHz, frames of two lengths take turns.
        let words = kbps * 96_000 / sample_rate;
        let longer = u32::from(sample_rate == 44_100) * (size as u32 & 1);
        Some(Self {
            enhanced: false,
            sample_rate,
            channels: CHANNELS[usize::from(layout)] + u8::from(effects),
            frame_bytes: ((words + longer) * 2) as u16,
            blocks: 6,
            rate,
            version,
            service,
            layout,
            effects,
            rate_code: (size / 2) as u8,
        })
    }

    fn enhanced(bytes: &[u8; HEADER_BYTES], version: u8) -> Option<Self> {
        let mut bits = BitReader::new(&bytes[2..]);
        let kind = bits.bits(2)?;
        let substream = bits.bits(3)?;
        let frame_bytes = (bits.bits(11)? as u16 + 1) * 2;
        let rate = bits.bits(2)? as u8;
        let second = bits.bits(2)?;
        let (sample_rate, blocks) = match SAMPLE_RATES.get(usize::from(rate)) {
            Some(full) => (*full, [1, 2, 3, 6][second as usize]),
            None => (SAMPLE_RATES.get(second as usize)? / 2, 6),
        };
        let layout = bits.bits(3)? as u8;
        let effects = bits.bit()?;
        // Types 0 and 2 are independent, 1 depends on the frame before, 3 is reserved.
        let is_first = kind != 1 && substream == 0;
        if kind == 3 || usize::from(frame_bytes) < HEADER_BYTES {
            return None;
        }
        Some(Self {
            enhanced: true,
            sample_rate,
            channels: CHANNELS[usize::from(layout)] + u8::from(effects),
            frame_bytes,
            blocks: if is_first { blocks } else { 0 },
            rate,
            version,
            service: 0,
            layout,
            effects,
            rate_code: 0,
        })
    }

    /// Samples per channel in this frame.
    pub fn samples(&self) -> u32 {
        u32::from(self.blocks) * SAMPLES_PER_BLOCK
    }

    /// The codec as RFC 6381 writes it.
    pub fn codec_string(&self) -> String {
        if self.enhanced { "ec-3" } else { "ac-3" }.to_owned()
    }

    /// The payload of `dac3` (F.4) or `dec3` (F.6) for a stream of such frames.
    pub fn config(&self) -> Vec<u8> {
        let effects = u64::from(self.effects);
        let head = u64::from(self.rate) << 6 | u64::from(self.version) << 1;
        let channels = u64::from(self.layout) << 1 | effects;
        if !self.enhanced {
            // fscod 2, bsid 5, bsmod 3, acmod 3, lfeon 1, bit_rate_code 5, reserved 5.
            let head = u64::from(self.rate) << 5 | u64::from(self.version);
            let bits = head << 17 | u64::from(self.service) << 14 | channels << 10;
            return (bits | u64::from(self.rate_code) << 5).to_be_bytes()[5..].to_vec();
        }
        // data_rate 13, num_ind_sub 3; fscod 2, bsid 5, reserved 1, asvc 1, bsmod 3, acmod 3, lfeon 1,
        // reserved 3, num_dep_sub 4, reserved 1.
        // Rounded: at 44.1 kHz, the lengths of frames differ a little.
        let bits = u64::from(self.frame_bytes) * 8 * u64::from(self.sample_rate);
        let kilo = u64::from(self.samples().max(1)) * 1000;
        let kbps = (bits + kilo / 2) / kilo;
        let bits = kbps.min(0x1fff) << 27 | head << 16 | channels << 8;
        bits.to_be_bytes()[3..].to_vec()
    }
}

/// Number of channels in the payload of `dac3` or `dec3`; `None`: it is cut off.
pub fn channels_of(config: &[u8], enhanced: bool) -> Option<u8> {
    let mut bits = BitReader::new(config);
    // Up to `acmod`.
    bits.bits(if enhanced { 28 } else { 10 })?;
    let layout = bits.bits(3)?;
    let effects = bits.bit()?;
    Some(CHANNELS[layout as usize] + u8::from(effects))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 5.1 of 384 kbit/s at 48 kHz, as FFmpeg writes it.
    const PLAIN: [u8; 7] = [0x0b, 0x77, 0x0a, 0x6b, 0x1c, 0x40, 0xe1];
    const ENHANCED: [u8; 7] = [0x0b, 0x77, 0x02, 0xff, 0x3f, 0x86, 0x00];

    #[test]
    fn a_header_shows_rate_channels_and_length() {
        let header = Ac3Header::parse(&PLAIN).unwrap();
        let facts = |it: &Ac3Header| (it.sample_rate, it.channels, it.frame_bytes, it.samples());
        assert_eq!(facts(&header), (48_000, 6, 1536, 1536));
        assert_eq!(header.codec_string(), "ac-3");
        assert_eq!(header.config(), [0x10, 0x3d, 0xc0]);
        let header = Ac3Header::parse(&ENHANCED).unwrap();
        assert_eq!(facts(&header), (48_000, 6, 1536, 1536));
        assert_eq!(header.codec_string(), "ec-3");
        assert_eq!(header.config(), [0x0c, 0x00, 0x20, 0x0f, 0x00]);
    }

    #[test]
    fn lengths_follow_from_the_rates() {
        for (byte, expected) in [
            (0x1c, Some(1536)),
            // At 44.1 kHz, frames take turns; at 32 kHz, they are longer.
            (0x40, Some(138)),
            (0x41, Some(140)),
            (0x80, Some(192)),
            (0x64, Some(2786)),
            (0x65, Some(2788)),
            // A reserved sample rate, and a reserved bit rate.
            (0xc0, None),
            (0x26, None),
        ] {
            let mut bytes = PLAIN;
            bytes[4] = byte;
            let found = Ac3Header::parse(&bytes).map(|it| it.frame_bytes);
            assert_eq!(found, expected, "{byte:02x}");
        }
        let of = |place: usize, byte: u8| {
            let mut bytes = ENHANCED;
            bytes[place] = byte;
            Ac3Header::parse(&bytes).map(|it| (it.sample_rate, it.samples()))
        };
        assert_eq!(of(4, 0x0f), Some((48_000, 256)));
        assert_eq!(of(4, 0xdf), Some((22_050, 1536)));
        assert_eq!(of(4, 0xff), None, "a reserved rate");
        assert_eq!(
            of(2, 0x42),
            Some((48_000, 0)),
            "it depends on another frame"
        );
        assert_eq!(of(2, 0xc2), None, "a reserved type");
        assert_eq!(of(5, 0x4e), None, "an unknown version");
        assert_eq!(Ac3Header::parse(&PLAIN[..6]), None);
    }

    #[test]
    fn channels_are_read_from_the_configuration() {
        for bytes in [PLAIN, ENHANCED] {
            let header = Ac3Header::parse(&bytes).unwrap();
            assert_eq!(channels_of(&header.config(), header.enhanced), Some(6));
            assert_eq!(channels_of(&header.config()[..1], header.enhanced), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 2..12)) {
            bytes[..2].copy_from_slice(&[0x0b, 0x77]);
            if let Some(header) = Ac3Header::parse(&bytes) {
                prop_assert!(usize::from(header.frame_bytes) >= HEADER_BYTES);
                prop_assert_eq!(channels_of(&header.config(), header.enhanced), Some(header.channels));
            }
            let _ = channels_of(&bytes, true);
        }
    }
}
